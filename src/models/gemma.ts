/** Gemma (Gemma Team 2024): scaled embeddings, norms by 1 + weight, GeGLU, heads wider than the model divides into. */
import type { JsonObject } from "../base/json.ts";
import { mul } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { tanhGelu } from "../nn/activations.ts";
import { offsetRmsNormOf } from "../nn/layers.ts";
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
  r.expect("use_bidirectional_attention", false);
  const sizes = readSizes(r, { positions: 8192, kvHeads: 16, headDim: 256, tied: true });
  const norm = offsetRmsNormOf(r.positive("rms_norm_eps", 1e-6));
  const bias = r.bool("attention_bias", false);
  const attend = selfAttention({
    sizes,
    project: projections(sizes, bias),
    output: outputProjection(sizes, "o_proj", bias),
    rope: oneRope(readRope(r, sizes)),
  });
  // The first configs said "gelu" and meant the approximation, which transformers takes it for.
  const name = r.text("hidden_act", "gelu_pytorch_tanh");
  const activation = name === "gelu" ? tanhGelu : readActivation(r, "hidden_act", "gelu_pytorch_tanh");
  const block = preNormBlock(norm, named("self_attn", attend), gatedMlp(sizes, activation));
  return decoder(config, { modelType: "gemma", sizes, norm, block, embedded: timesRoot(sizes.width) });
}

/** Embeddings times the root of their width. */
export const timesRoot =
  (width: number) =>
  (x: Value): Value =>
    mul(x, Math.sqrt(width));

/** As transformers' GemmaForCausalLM. */
export const GEMMA: ModelFamily = { modelType: "gemma", architecture: "GemmaForCausalLM", fromConfig };
