/** Llama 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024): RMSNorm, rotary positions, grouped queries, SwiGLU. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { rmsNormOf } from "../nn/layers.ts";
import { configReader, needDivides } from "./config.ts";
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
import type { CausalLm, ModelFamily, ModelSizes } from "./types.ts";

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
  });
  const mlp = gatedMlp(sizes, readActivation(r, "hidden_act", "silu"), r.bool("mlp_bias", false));
  const block = preNormBlock(norm, named("self_attn", attend), mlp);
  return decoder(config, { modelType: "llama", sizes, norm, block });
}

/** 8/3 of the width, so that three matrices cost what two of 4x would (Shazeer 2020), rounded up to a multiple of 64. */
const defaultInner = (dim: number) => Math.ceil((8 * dim) / 3 / 64) * 64;

function newConfig(sizes: ModelSizes): JsonObject {
  needDivides(sizes.heads, sizes.dim, "--heads", "--dim");
  needDivides(sizes.kvHeads, sizes.heads, "--kv-heads", "--heads");
  const headDim = sizes.dim / sizes.heads;
  if (headDim % 2 !== 0)
    fail(
      "BAD_OPTION",
      `--dim over --heads: got ${headDim}, expected an even width of each head. Try --dim ${sizes.dim + sizes.heads}.`,
    );
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: sizes.vocabSize,
    max_position_embeddings: sizes.context,
    hidden_size: sizes.dim,
    intermediate_size: sizes.feedForward ?? defaultInner(sizes.dim),
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    head_dim: headDim,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    attention_bias: false,
    mlp_bias: false,
    initializer_range: 0.02,
    tie_word_embeddings: sizes.tied ?? true,
    bos_token_id: sizes.bosTokenId ?? null,
    eos_token_id: sizes.eosTokenId ?? null,
    dtype: "float32",
  };
}

/** Llama, as transformers' LlamaForCausalLM. */
export const LLAMA: ModelFamily = { modelType: "llama", architecture: "LlamaForCausalLM", fromConfig, newConfig };
