/** GPT-NeoX and Pythia (Black et al. 2022; Biderman et al. 2023): parallel blocks, one matrix for query, key and value, rotary positions in part of each head. */
import type { JsonObject } from "../base/json.ts";
import { layerNorm, type Norm, normal, plain } from "../nn/layers.ts";
import { configReader } from "./config.ts";
import { decoder, named, oneRope, outputProjection, preNormBlock, residualInit, selfAttention } from "./decoder.ts";
import { readActivation, readSizes } from "./decoder-config.ts";
import { fusedProjection, parallelBlock } from "./fused.ts";
import { readRope } from "./rope.ts";
import type { CausalLm, ModelFamily } from "./types.ts";

const NAMES = { root: "gpt_neox", embed: "embed_in", norm: "final_layer_norm", head: "embed_out" };

function fromConfig(config: JsonObject, where: string): CausalLm {
  const r = configReader(config, where);
  const sizes = readSizes(r, { positions: 2048, tied: false });
  const { heads, headDim, inner } = sizes;
  r.expect("num_key_value_heads", heads);
  r.expect("head_dim", sizes.width / heads);
  const epsilon = r.positive("layer_norm_eps", 1e-5);
  const bias = r.bool("attention_bias", true);
  const norm: Norm = (b, name, x) => layerNorm(b, name, x, epsilon);
  const theta = r.positive("rotary_emb_base", 10000);
  // transformers looks at the names of before alone.
  const { rope_theta: _theta, partial_rotary_factor: _part, ...rest } = config;
  const rope = readRope(configReader(rest, where), {
    headDim,
    positions: sizes.positions,
    theta,
    partial: r.positive("rotary_pct", 0.25),
  });
  const attend = selfAttention({
    sizes,
    project: fusedProjection(sizes, "query_key_value", bias),
    output: outputProjection(sizes, "dense", bias),
    rope: oneRope(rope),
  });
  const activation = readActivation(r, "hidden_act", "gelu");
  const dense = { activation, bias: true, init: normal(sizes.std), downInit: residualInit(sizes) };
  const parts = [
    named("attention", attend),
    named("mlp", (b, x) => plain(b, x, inner, ["dense_h_to_4h", "dense_4h_to_h"], dense)),
  ] as const;
  const block = r.bool("use_parallel_residual", true)
    ? parallelBlock(norm, ["input_layernorm", "post_attention_layernorm"], ...parts)
    : preNormBlock(norm, ...parts);
  return decoder(config, { modelType: "gpt_neox", sizes, names: NAMES, block, norm });
}

/** GPT-NeoX, as transformers' GPTNeoXForCausalLM. */
export const GPT_NEOX: ModelFamily = { modelType: "gpt_neox", architecture: "GPTNeoXForCausalLM", fromConfig };
