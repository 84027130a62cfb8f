/** Mistral (Jiang et al. 2023): Llama with a window that every layer slides over the text. */
import type { JsonObject } from "../base/json.ts";
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
import { readActivation, readSizes, readWindow } from "./decoder-config.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  // transformers does not read it here, and would slide every layer alike.
  r.expect("layer_types");
  const sizes = readSizes(r, { positions: 131072, kvHeads: 8, tied: false });
  const norm = rmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const window = readWindow(r, 4096);
  const attend = selfAttention({
    sizes,
    project: projections(sizes),
    output: outputProjection(sizes),
    rope: oneRope(readRope(r, sizes)),
    window: () => window,
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "mistral", sizes, norm, block });
}

/** As transformers' MistralForCausalLM. */
export const MISTRAL: ModelFamily = { modelType: "mistral", architecture: "MistralForCausalLM", fromConfig };
