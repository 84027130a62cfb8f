/** Qwen3 (Yang et al. 2025): Llama with each head of queries and keys normalised. */
import type { JsonObject } from "../base/json.ts";
import { rmsNormOf } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  gatedMlp,
  headNormed,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { readUpperWindows } from "./qwen2.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 32768, kvHeads: 32, headDim: 128, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const attend = selfAttention({
    sizes,
    project: headNormed(sizes, projections(sizes, bias), norm),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
    window: readUpperWindows(r, sizes.layers),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "qwen3", sizes, norm, block });
}

/** As transformers' Qwen3ForCausalLM. */
export const QWEN3: ModelFamily = { modelType: "qwen3", architecture: "Qwen3ForCausalLM", fromConfig };
