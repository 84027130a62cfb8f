/** A small config of each family as llama.cpp knows it, and weights for it: for what turns models into GGUF files and back. */
import { rng } from "../../src/base/rng.ts";
import type { NamedTensor } from "../../src/weights/safetensors.ts";

const sizes = {
  vocab_size: 300,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
};
const rms = { ...sizes, rms_norm_eps: 1e-5, hidden_act: "silu" };
const layerNorm = { ...sizes, layer_norm_eps: 1e-5 };
const gelu = { hidden_activation: "gelu_pytorch_tanh", hidden_act: "gelu_pytorch_tanh" };
const alternating = ["sliding_attention", "full_attention", "sliding_attention"];
const factors = (from: number, step: number) => Array.from({ length: 8 }, (_, i) => from + step * i);

/** Configs by a name that begins with their `model_type`. */
export const GGUF_FAMILIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  llama: { ...rms, model_type: "llama", rope_theta: 10000, tie_word_embeddings: false },
  "llama-3.1": {
    ...rms,
    model_type: "llama",
    head_dim: 32,
    max_position_embeddings: 16384,
    rope_theta: 500000,
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    },
    tie_word_embeddings: true,
  },
  "llama-linear": {
    ...rms,
    model_type: "llama",
    rope_parameters: { rope_type: "linear", factor: 4, rope_theta: 20000 },
    tie_word_embeddings: true,
  },
  "llama-yarn": {
    ...rms,
    model_type: "llama",
    rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 64 },
    tie_word_embeddings: true,
  },
  mistral: { ...rms, model_type: "mistral", sliding_window: null, tie_word_embeddings: false },
  mixtral: {
    ...rms,
    model_type: "mixtral",
    num_local_experts: 4,
    num_experts_per_tok: 2,
    sliding_window: null,
    tie_word_embeddings: false,
  },
  qwen2: { ...rms, model_type: "qwen2", rope_theta: 1e6, tie_word_embeddings: true },
  qwen3: { ...rms, model_type: "qwen3", head_dim: 32, rope_theta: 1e6, tie_word_embeddings: true },
  qwen3_moe: {
    ...rms,
    model_type: "qwen3_moe",
    head_dim: 32,
    num_experts: 4,
    num_experts_per_tok: 2,
    moe_intermediate_size: 32,
    norm_topk_prob: true,
    tie_word_embeddings: false,
  },
  gemma: { ...rms, ...gelu, model_type: "gemma", head_dim: 32, tie_word_embeddings: true },
  gemma2: {
    ...rms,
    ...gelu,
    model_type: "gemma2",
    head_dim: 32,
    query_pre_attn_scalar: 32,
    sliding_window: 16,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    layer_types: alternating,
    tie_word_embeddings: true,
  },
  gemma3_text: {
    ...rms,
    ...gelu,
    model_type: "gemma3_text",
    head_dim: 32,
    num_hidden_layers: 7,
    query_pre_attn_scalar: 32,
    sliding_window: 16,
    rope_theta: 1e6,
    rope_local_base_freq: 10000,
    tie_word_embeddings: true,
  },
  olmo2: { ...rms, model_type: "olmo2", tie_word_embeddings: false },
  granite: {
    ...rms,
    model_type: "granite",
    attention_multiplier: 0.125,
    embedding_multiplier: 2,
    residual_multiplier: 0.5,
    logits_scaling: 4,
    tie_word_embeddings: true,
  },
  smollm3: { ...rms, model_type: "smollm3", num_hidden_layers: 5, rope_theta: 2e6, tie_word_embeddings: true },
  gpt2: {
    model_type: "gpt2",
    vocab_size: 300,
    n_positions: 256,
    n_embd: 64,
    n_layer: 3,
    n_head: 4,
    activation_function: "gelu_new",
    layer_norm_epsilon: 1e-5,
  },
  gpt_neox: {
    ...layerNorm,
    num_key_value_heads: null,
    model_type: "gpt_neox",
    hidden_act: "gelu",
    rotary_pct: 0.25,
    rotary_emb_base: 10000,
    use_parallel_residual: true,
    tie_word_embeddings: false,
  },
  falcon: {
    ...sizes,
    model_type: "falcon",
    num_kv_heads: 4,
    multi_query: true,
    bias: false,
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: false,
  },
  "falcon-40b": {
    ...sizes,
    model_type: "falcon",
    num_kv_heads: 2,
    new_decoder_architecture: true,
    bias: false,
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: true,
  },
  phi: {
    ...layerNorm,
    num_key_value_heads: 4,
    model_type: "phi",
    hidden_act: "gelu_new",
    partial_rotary_factor: 0.5,
    tie_word_embeddings: false,
  },
  phi3: { ...rms, model_type: "phi3", tie_word_embeddings: false },
  "phi3-long": {
    ...rms,
    model_type: "phi3",
    max_position_embeddings: 2048,
    // llama.cpp chooses the divisors by its context and not by the text, and rounds that up.
    original_max_position_embeddings: 1024,
    rope_scaling: { type: "longrope", short_factor: factors(1, 0.1), long_factor: factors(1, 1) },
    tie_word_embeddings: false,
  },
  starcoder2: {
    ...sizes,
    model_type: "starcoder2",
    norm_epsilon: 1e-5,
    hidden_act: "gelu_pytorch_tanh",
    use_bias: true,
    rope_theta: 100000,
    tie_word_embeddings: true,
  },
  stablelm: {
    ...layerNorm,
    model_type: "stablelm",
    hidden_act: "silu",
    use_qkv_bias: true,
    partial_rotary_factor: 0.25,
    tie_word_embeddings: false,
  },
  "stablelm-12b": {
    ...layerNorm,
    model_type: "stablelm",
    hidden_act: "silu",
    qk_layernorm: true,
    use_parallel_residual: true,
    partial_rotary_factor: 0.25,
    tie_word_embeddings: false,
  },
  cohere: { ...layerNorm, model_type: "cohere", hidden_act: "silu", logit_scale: 0.5, tie_word_embeddings: true },
};

/** Random weights whose logits are far from each other. */
export function familyWeights(shapes: ReadonlyMap<string, readonly number[]>, seed = 1): NamedTensor[] {
  return [...shapes].map(([name, shape]) => {
    const { normal } = rng(seed, name);
    const scale = shape.length < 2 ? 0.2 : /embed|wte|wpe/.test(name) ? 1 : 1 / Math.sqrt(shape.at(-1)!);
    const centre = shape.length < 2 && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, () => centre + scale * normal());
    return { name, dtype: "float32", shape, data };
  });
}
