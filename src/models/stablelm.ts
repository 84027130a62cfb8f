/** StableLM (Bellagamba et al. 2024): Llama's layers with layer norms and rotary positions in part of each head. */
import type { JsonObject } from "../base/json.ts";
import { parameter, scope } from "../graph/build.ts";
import { concat, reshape } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { gated, layerNorm, type Norm, normal, ONES } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import {
  decoder,
  named,
  oneRope,
  outputProjection,
  preNormBlock,
  projections,
  residualInit,
  type SelfAttentionOptions,
  selfAttention,
} from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { normEachHead, parallelBlock } from "./fused.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

/** A norm for each head, `NAME.norms.H.weight` (D), without biases. */
function headNorms(b: ModelBuilder, name: string, x: Value, heads: number, epsilon: number): Value {
  const headDim = (x.shape[1] as number) / heads;
  const weights = scope(b.graph, `${name}.norms`, () =>
    Array.from({ length: heads }, (_, h) => reshape(parameter(b.graph, `${h}.weight`, [headDim], ONES), [1, headDim])),
  );
  return normEachHead(x, weights.length > 1 ? concat(weights, 0) : weights[0]!, epsilon);
}

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 4096, kvHeads: 32, tied: false });
  const { heads, kvHeads, headDim, inner } = sizes;
  r.expect("head_dim", sizes.width / heads);
  const epsilon = r.positive("layer_norm_eps", 1e-5);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon);
  const plainly = projections(sizes, r.bool("use_qkv_bias", false));
  const normed: SelfAttentionOptions["project"] = (b, x) => {
    const [query, key, value] = plainly(b, x);
    return [
      headNorms(b, "q_layernorm", query, heads, epsilon),
      headNorms(b, "k_layernorm", key, kvHeads, epsilon),
      value,
    ];
  };
  const attend = selfAttention({
    sizes,
    project: r.bool("qk_layernorm", false) ? normed : plainly,
    output: outputProjection(sizes),
    rope: oneRope(readRope(r, { headDim, positions: sizes.positions, partial: 0.25 })),
  });
  const activation = readActivation(r, "hidden_act", "silu");
  const options = { activation, init: normal(sizes.std), downInit: residualInit(sizes) };
  const parts = [named("self_attn", attend), named("mlp", (b, x) => gated(b, x, inner, options))] as const;
  const block = r.bool("use_parallel_residual", false)
    ? parallelBlock(norm, ["input_layernorm", "input_layernorm"], ...parts)
    : preNormBlock(norm, ...parts);
  return decoder(config, { modelType: "stablelm", sizes, block, norm });
}

/** StableLM, as transformers' StableLmForCausalLM. */
export const STABLELM: ModelFamily = { modelType: "stablelm", architecture: "StableLmForCausalLM", fromConfig };
