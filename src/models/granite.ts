/** Granite 3 (IBM 2024): Llama with a factor of the embeddings, of the scores, of what each part adds, and of the logits. */
import type { JsonObject } from "../base/json.ts";
import { div, mul } from "../graph/functions.ts";
import { rmsNormOf } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  gatedMlp,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  r.expect("sliding_window");
  const sizes = readSizes(r, { positions: 2048, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
    scale: r.positive("attention_multiplier", 1),
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"), r.bool("mlp_bias", false));
  const added = r.positive("residual_multiplier", 1);
  const [embedding, divisor] = [r.positive("embedding_multiplier", 1), r.positive("logits_scaling", 1)];
  return decoder(config, {
    modelType: "granite",
    sizes,
    norm,
    block: preNormBlock(norm, named("self_attn", attend), mlp, added),
    embedded: (x) => mul(x, embedding),
    logits: (x) => div(x, divisor),
  });
}

/** As transformers' GraniteForCausalLM. */
export const GRANITE: ModelFamily = { modelType: "granite", architecture: "GraniteForCausalLM", fromConfig };
