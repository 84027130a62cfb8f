import assert from "node:assert/strict";
import { test } from "node:test";
import { modelFromConfig } from "../../src/models/registry.ts";
import { shapesOf } from "../helpers/reference-engine.ts";

/** What the configs of published models say of their sizes, and how many parameters their model cards count. */
const PUBLISHED: Readonly<Record<string, readonly [parameters: number, config: Record<string, unknown>]>> = {
  "Mixtral 8x7B": [
    46_702_792_704,
    {
      model_type: "mixtral",
      vocab_size: 32000,
      hidden_size: 4096,
      intermediate_size: 14336,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      num_local_experts: 8,
      num_experts_per_tok: 2,
      sliding_window: null,
      router_aux_loss_coef: 0.02,
      rope_theta: 1000000,
    },
  ],
  "Qwen3 30B-A3B": [
    30_532_122_624,
    {
      model_type: "qwen3_moe",
      vocab_size: 151936,
      hidden_size: 2048,
      head_dim: 128,
      intermediate_size: 6144,
      moe_intermediate_size: 768,
      num_hidden_layers: 48,
      num_attention_heads: 32,
      num_key_value_heads: 4,
      num_experts: 128,
      num_experts_per_tok: 8,
      mlp_only_layers: [],
      norm_topk_prob: true,
      rope_scaling: null,
      sliding_window: null,
      max_window_layers: 48,
      max_position_embeddings: 40960,
    },
  ],
  "gpt-oss 20B": [
    20_914_757_184,
    {
      model_type: "gpt_oss",
      vocab_size: 201088,
      hidden_size: 2880,
      intermediate_size: 2880,
      num_hidden_layers: 24,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      num_local_experts: 32,
      experts_per_token: 4,
      num_experts_per_tok: 4,
      initial_context_length: 4096,
      rope_scaling: {
        rope_type: "yarn",
        factor: 32,
        beta_fast: 32,
        beta_slow: 1,
        truncate: false,
        original_max_position_embeddings: 4096,
      },
      rope_theta: 150000,
      swiglu_limit: 7,
    },
  ],
  "Pythia 160M": [
    162_322_944,
    {
      model_type: "gpt_neox",
      vocab_size: 50304,
      hidden_size: 768,
      intermediate_size: 3072,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      rotary_pct: 0.25,
      rotary_emb_base: 10000,
      use_parallel_residual: true,
      tie_word_embeddings: false,
    },
  ],
  "Phi-2": [
    2_779_683_840,
    {
      model_type: "phi",
      vocab_size: 51200,
      hidden_size: 2560,
      intermediate_size: 10240,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      partial_rotary_factor: 0.4,
      qk_layernorm: false,
      rope_scaling: null,
    },
  ],
  "StableLM 2 1.6B": [
    1_644_515_328,
    {
      model_type: "stablelm",
      vocab_size: 100352,
      hidden_size: 2048,
      intermediate_size: 5632,
      num_hidden_layers: 24,
      num_attention_heads: 32,
      num_key_value_heads: 32,
      partial_rotary_factor: 0.25,
      use_qkv_bias: true,
    },
  ],
  "Falcon 7B": [
    6_921_720_704,
    {
      model_type: "falcon",
      vocab_size: 65024,
      hidden_size: 4544,
      num_hidden_layers: 32,
      num_attention_heads: 71,
      alibi: false,
      apply_residual_connection_post_layernorm: false,
      bias: false,
      multi_query: true,
      new_decoder_architecture: false,
      parallel_attn: true,
    },
  ],
  "Command R": [
    34_980_831_232,
    {
      model_type: "cohere",
      vocab_size: 256000,
      hidden_size: 8192,
      intermediate_size: 22528,
      num_hidden_layers: 40,
      num_attention_heads: 64,
      num_key_value_heads: 64,
      logit_scale: 0.0625,
      rope_theta: 8000000,
      max_position_embeddings: 8192,
      model_max_length: 131072,
    },
  ],
};

for (const [name, [parameters, config]] of Object.entries(PUBLISHED))
  test(`${name} has as many parameters as its publisher counts`, () => {
    const shapes = shapesOf(modelFromConfig(config, "config.json"));
    const total = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
    assert.equal(total, parameters);
  });
