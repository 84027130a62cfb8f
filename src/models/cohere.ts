/** Command R (Cohere 2024): one norm before attention and feed-forward side by side, neighbours rotated, scaled logits. */
import type { JsonObject } from "../base/json.ts";
import { parameter } from "../graph/build.ts";
import { mul } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { gated, layerNorm, type Norm, normal, ONES } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  named,
  oneRope,
  outputProjection,
  projections,
  residualInit,
  type SelfAttentionOptions,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { normEachHead, parallelBlock } from "./fused.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 8192, tied: true });
  const { heads, kvHeads, headDim, inner } = sizes;
  const epsilon = r.positive("layer_norm_eps", 1e-5);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon, false);
  const bias = r.bool("attention_bias", false);
  const plainly = projections(sizes, bias);
  const headNorm = (b: ModelBuilder, name: string, x: Value, count: number) =>
    normEachHead(x, parameter(b.graph, `${name}.weight`, [count, headDim], ONES), epsilon);
  const normed: SelfAttentionOptions["project"] = (b, x) => {
    const [query, key, value] = plainly(b, x);
    return [headNorm(b, "q_norm", query, heads), headNorm(b, "k_norm", key, kvHeads), value];
  };
  const rope = oneRope(readRope(r, { headDim, positions: sizes.positions, theta: 500000 }));
  const attend = selfAttention({
    sizes,
    project: r.bool("use_qk_norm", false) ? normed : plainly,
    output: outputProjection(sizes, "o_proj", bias),
    rope: (b) => ({ ...rope(b), interleaved: true }),
  });
  const activation = readActivation(r, "hidden_act", "silu");
  const options = { activation, init: normal(sizes.std), downInit: residualInit(sizes) };
  const block = parallelBlock(
    norm,
    ["input_layernorm", "input_layernorm"],
    named("self_attn", attend),
    named("mlp", (b, x) => gated(b, x, inner, options)),
  );
  const scale = r.positive("logit_scale", 0.0625);
  return decoder(config, { modelType: "cohere", sizes, block, norm, logits: (x) => mul(x, scale) });
}

/** Command R, as transformers' CohereForCausalLM. */
export const COHERE: ModelFamily = { modelType: "cohere", architecture: "CohereForCausalLM", fromConfig };
