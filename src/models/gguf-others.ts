/** The architectures of GGUF files that are no kin of Llama's: GPT-2, GPT-NeoX, Falcon, Phi, StarCoder 2, StableLM, Command R, gpt-oss. */
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { ENDS, type GgufArchitecture, type KeyPair, projections, SIZES, SWIGLU } from "./gguf-architectures.ts";
import type { Facts } from "./gguf-facts.ts";
import { ropeConfig } from "./gguf-rope.ts";
import { type LayerPart, layerRules, moduleRules } from "./gguf-rules.ts";

const KV_HEADS: KeyPair = ["attention.head_count_kv", "num_key_value_heads", "int?"];
const epsilon = (hf: string): KeyPair => ["attention.layer_norm_epsilon", hf, "float"];

/** Positions where only the first part of a head is rotated: `key` is that part, from 0 to 1. */
function partialRope(f: Facts, width: number, key: string): JsonObject {
  const rotated = f.whole("rope.dimension_count", width);
  let part = rotated / width;
  // A product that falls short of the whole number by a last bit would be cut.
  while (Math.trunc(part * width) < rotated) part += Number.EPSILON;
  return { [key]: part, ...ropeConfig(f, rotated) };
}

/** An embedding, layers under "h" and a norm, as GPT-2 and Falcon name them. */
const ends = (embedding: string, norm: string, head: string) => [
  ...moduleRules("token_embd", embedding),
  ...moduleRules("output_norm", norm, "wb"),
  ...moduleRules("output", head, "wb"),
];

const NEOX_MLP: readonly LayerPart[] = [
  ["ffn_up", "mlp.dense_h_to_4h", "wb"],
  ["ffn_down", "mlp.dense_4h_to_h", "wb"],
];

/** Falcon's newer models have two norms in a layer, and then the first of the older ones' has another name. */
function falconNorms(config: JsonObject): LayerPart[] {
  const norms = config.num_ln_in_parallel_attn ?? (config.new_decoder_architecture === true ? 2 : 1);
  if (norms !== 2) return [["attn_norm", "input_layernorm", "wb"]];
  return [
    ["attn_norm", "ln_mlp", "wb"],
    ["attn_norm_2", "ln_attn", "wb"],
  ];
}

/** Architectures with a shape of their own. */
export const OTHERS: readonly GgufArchitecture[] = [
  {
    name: "gpt2",
    modelTypes: ["gpt2"],
    pairs: [
      ["context_length", "n_positions", "int"],
      ["embedding_length", "n_embd", "int"],
      ["block_count", "n_layer", "int"],
      ["attention.head_count", "n_head", "int"],
      ["feed_forward_length", "n_inner", "int?"],
      epsilon("layer_norm_epsilon"),
    ],
    config: (f) => {
      f.whole("attention.head_count_kv", 0);
      return { model_type: "gpt2", activation_function: "gelu_new" };
    },
    rules: () => [
      ...ends("transformer.wte", "transformer.ln_f", "lm_head"),
      ...moduleRules("position_embd", "transformer.wpe"),
      ...layerRules("transformer.h", [
        ["attn_norm", "ln_1", "wb"],
        ["attn_qkv", "attn.c_attn", "wb", "transposed"],
        ["attn_output", "attn.c_proj", "wb", "transposed"],
        ["ffn_norm", "ln_2", "wb"],
        ["ffn_up", "mlp.c_fc", "wb", "transposed"],
        ["ffn_down", "mlp.c_proj", "wb", "transposed"],
      ]),
    ],
  },
  {
    name: "gptneox",
    modelTypes: ["gpt_neox"],
    pairs: [...SIZES, epsilon("layer_norm_eps")],
    rotary: { partial: 0.25 },
    fields: ({ use_parallel_residual: value }) => [
      { key: "use_parallel_residual", type: "bool", value: value !== false },
    ],
    config: (f, width) => {
      f.whole("attention.head_count_kv", 0);
      const { rope_theta, ...rope } = partialRope(f, width, "rotary_pct");
      return {
        model_type: "gpt_neox",
        hidden_act: "gelu",
        attention_bias: true,
        use_parallel_residual: f.flag("use_parallel_residual", true),
        rotary_emb_base: rope_theta,
        ...rope,
      };
    },
    rules: () => [
      ...ends("gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out"),
      ...layerRules("gpt_neox.layers", [
        ["attn_norm", "input_layernorm", "wb"],
        ["attn_qkv", "attention.query_key_value", "wb", "headQkv"],
        ["attn_output", "attention.dense", "wb"],
        ["ffn_norm", "post_attention_layernorm", "wb"],
        ...NEOX_MLP,
      ]),
    ],
  },
  {
    name: "falcon",
    modelTypes: ["falcon"],
    pairs: [
      ["context_length", "max_position_embeddings", "int"],
      ["embedding_length", "hidden_size", "int"],
      ["block_count", "num_hidden_layers", "int"],
      ["attention.head_count", "num_attention_heads", "int"],
      ["feed_forward_length", "ffn_hidden_size", "int?"],
      epsilon("layer_norm_epsilon"),
    ],
    rotary: {},
    fields: ({ num_key_value_heads: value }) => [
      { key: "attention.head_count_kv", type: "uint32", value: Number(value) },
      { key: "tensor_data_layout", type: "string", value: "jploski" },
    ],
    config: (f, width) => {
      const one = f.whole("attention.head_count_kv", f.whole("attention.head_count")) === 1;
      return {
        model_type: "falcon",
        activation: "gelu",
        alibi: false,
        bias: false,
        parallel_attn: true,
        multi_query: one,
        new_decoder_architecture: !one,
        num_kv_heads: f.whole("attention.head_count_kv", f.whole("attention.head_count")),
        num_ln_in_parallel_attn: f.shapeOf("blk.0.attn_norm_2.weight") ? 2 : 1,
        ...ropeConfig(f, width),
      };
    },
    rules: (config) => [
      ...ends("transformer.word_embeddings", "transformer.ln_f", "lm_head"),
      ...layerRules("transformer.h", [
        ...falconNorms(config),
        ["attn_qkv", "self_attention.query_key_value", "w", "groupQkv"],
        ["attn_output", "self_attention.dense"],
        ["ffn_up", "mlp.dense_h_to_4h"],
        ["ffn_down", "mlp.dense_4h_to_h"],
      ]),
    ],
  },
  {
    name: "phi2",
    modelTypes: ["phi"],
    pairs: [...SIZES, KV_HEADS, epsilon("layer_norm_eps")],
    rotary: { partial: 0.5 },
    config: (f, width) => ({
      model_type: "phi",
      hidden_act: "gelu_new",
      qk_layernorm: false,
      ...partialRope(f, width, "partial_rotary_factor"),
    }),
    rules: () => [
      ...ends("model.embed_tokens", "model.final_layernorm", "lm_head"),
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm", "wb"],
        ...projections("wb", false),
        ["attn_output", "self_attn.dense", "wb"],
        ["ffn_up", "mlp.fc1", "wb"],
        ["ffn_down", "mlp.fc2", "wb"],
      ]),
    ],
  },
  {
    name: "phi3",
    modelTypes: ["phi3"],
    pairs: [
      ...SIZES,
      KV_HEADS,
      ["attention.layer_norm_rms_epsilon", "rms_norm_eps", "float"],
      ["rope.scaling.original_context_length", "original_max_position_embeddings", "int?"],
      ["attention.sliding_window", "sliding_window", "int?"],
    ],
    rotary: { partial: 1, hasLong: true, statesOriginal: true },
    config: (f, width) => ({
      model_type: "phi3",
      hidden_act: "silu",
      attention_bias: false,
      ...partialRope(f, width, "partial_rotary_factor"),
    }),
    rules: () => [
      ...ENDS,
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm"],
        ["attn_qkv", "self_attn.qkv_proj"],
        ["attn_output", "self_attn.o_proj"],
        ["ffn_norm", "post_attention_layernorm"],
        ["ffn_up", "mlp.gate_up_proj"],
        ["ffn_down", "mlp.down_proj"],
      ]),
    ],
  },
  {
    name: "starcoder2",
    modelTypes: ["starcoder2"],
    pairs: [...SIZES, KV_HEADS, epsilon("norm_epsilon"), ["attention.sliding_window", "sliding_window", "int?"]],
    rotary: {},
    config: (f, width) => ({
      model_type: "starcoder2",
      hidden_act: "gelu_pytorch_tanh",
      use_bias: true,
      ...ropeConfig(f, width),
    }),
    rules: () => [
      ...ends("model.embed_tokens", "model.norm", "lm_head"),
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm", "wb"],
        ...projections("wb", false),
        ["attn_output", "self_attn.o_proj", "wb"],
        ["ffn_norm", "post_attention_layernorm", "wb"],
        ["ffn_up", "mlp.c_fc", "wb"],
        ["ffn_down", "mlp.c_proj", "wb"],
      ]),
    ],
  },
  {
    name: "stablelm",
    modelTypes: ["stablelm"],
    pairs: [...SIZES, KV_HEADS, epsilon("layer_norm_eps")],
    rotary: { partial: 0.25 },
    fields: ({ use_parallel_residual: value }) => [
      { key: "use_parallel_residual", type: "bool", value: value === true },
    ],
    config: (f, width) => ({
      model_type: "stablelm",
      hidden_act: "silu",
      use_qkv_bias: f.shapeOf("blk.0.attn_q.bias") !== undefined,
      qk_layernorm: f.shapeOf("blk.0.attn_q_norm.weight") !== undefined,
      use_parallel_residual: f.flag("use_parallel_residual", false),
      ...partialRope(f, width, "partial_rotary_factor"),
    }),
    rules: () => [
      ...ends("model.embed_tokens", "model.norm", "lm_head"),
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm", "wb"],
        ...projections("wb", false),
        ["attn_output", "self_attn.o_proj"],
        ["attn_q_norm", "self_attn.q_layernorm.norms.{e}", "w", "stack"],
        ["attn_k_norm", "self_attn.k_layernorm.norms.{e}", "w", "stack"],
        ["ffn_norm", "post_attention_layernorm", "wb"],
        ...SWIGLU,
      ]),
    ],
  },
  {
    name: "command-r",
    modelTypes: ["cohere"],
    pairs: [...SIZES, KV_HEADS, epsilon("layer_norm_eps"), ["logit_scale", "logit_scale", "float"]],
    rotary: {},
    config: (f, width) => ({
      model_type: "cohere",
      hidden_act: "silu",
      attention_bias: false,
      use_qk_norm: f.shapeOf("blk.0.attn_q_norm.weight") !== undefined,
      ...ropeConfig(f, width),
    }),
    rules: () => [
      ...ENDS,
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm"],
        ...projections("w", false),
        ["attn_output", "self_attn.o_proj"],
        ["attn_q_norm", "self_attn.q_norm"],
        ["attn_k_norm", "self_attn.k_norm"],
        ...SWIGLU,
      ]),
    ],
  },
  {
    name: "gpt-oss",
    modelTypes: ["gpt_oss"],
    pairs: [
      ...SIZES.filter(([key]) => key !== "feed_forward_length"),
      KV_HEADS,
      ["attention.layer_norm_rms_epsilon", "rms_norm_eps", "float"],
      ["expert_feed_forward_length", "intermediate_size", "int"],
      ["expert_count", "num_local_experts", "int"],
      ["expert_used_count", "num_experts_per_tok", "int"],
      ["attention.sliding_window", "sliding_window", "int"],
    ],
    rotary: {},
    config: (f, width) => {
      f.whole("feed_forward_length", 0);
      const { rope_scaling: scaling, ...rope } = ropeConfig(f, width);
      return {
        model_type: "gpt_oss",
        hidden_act: "silu",
        head_dim: width,
        attention_bias: true,
        // Gate and up are tensors of their own in a file, and alternate in Hugging Face's.
        experts_apart: true,
        ...rope,
        rope_scaling: isJsonObject(scaling) ? { ...scaling, truncate: false } : { rope_type: "default" },
      };
    },
    rules: () => [
      ...ENDS,
      { gguf: "blk.{l}.attn_sinks.weight", hf: "model.layers.{l}.self_attn.sinks" },
      ...layerRules("model.layers", [
        ["attn_norm", "input_layernorm"],
        ...projections("wb", false),
        ["attn_output", "self_attn.o_proj", "wb"],
        ["post_attention_norm", "post_attention_layernorm"],
        ["ffn_gate_inp", "mlp.router", "wb"],
        ["ffn_gate_exps", "mlp.experts.{e}.gate_proj", "wb", "stack"],
        ["ffn_up_exps", "mlp.experts.{e}.up_proj", "wb", "stack"],
        ["ffn_down_exps", "mlp.experts.{e}.down_proj", "wb", "stack"],
      ]),
    ],
  },
];
