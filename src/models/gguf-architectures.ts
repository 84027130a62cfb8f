/** The architectures of GGUF files that are Llama's kin: keys and names beside Hugging Face's. Data, and what only a file tells. */
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { GgufField } from "../weights/gguf-write.ts";
import type { Facts } from "./gguf-facts.ts";
import { ropeConfig } from "./gguf-rope.ts";
import { type LayerPart, layerRules, moduleRules, type TensorRule } from "./gguf-rules.ts";

/** A key of the file (without the architecture) and config.json's for the same number; `?` may be missing in a file. */
export type KeyPair = readonly [gguf: string, hf: string, kind: "int" | "float" | "bool" | "int?" | "float?"];

/** How an architecture's files and Hugging Face's folders belong together. */
export interface GgufArchitecture {
  /** `general.architecture`. */
  readonly name: string;
  /** The `model_type`s that are written as it. */
  readonly modelTypes: readonly string[];
  readonly pairs: readonly KeyPair[];
  /** What config.json has besides the pairs: at least `model_type`. `width` is a head's elements. */
  config(f: Facts, width: number): JsonObject;
  /** How positions rotate where a config does not say; absent where they do not. */
  readonly rotary?: {
    /** The part of each head, where it may be less than one. */
    readonly partial?: number;
    readonly hasLong?: true;
    /** A pair states the original context already. */
    readonly statesOriginal?: true;
  };
  /** Keys besides the pairs and the rotation, for a file of this config: the inverse of `config`. */
  fields?(config: JsonObject): readonly GgufField[];
  /** The tensors there may be, for a model of this config. */
  rules(config: JsonObject): readonly TensorRule[];
}

export const SIZES: readonly KeyPair[] = [
  ["context_length", "max_position_embeddings", "int"],
  ["embedding_length", "hidden_size", "int"],
  ["block_count", "num_hidden_layers", "int"],
  ["feed_forward_length", "intermediate_size", "int"],
  ["attention.head_count", "num_attention_heads", "int"],
];
const KV_HEADS: KeyPair = ["attention.head_count_kv", "num_key_value_heads", "int?"];
const RMS: KeyPair = ["attention.layer_norm_rms_epsilon", "rms_norm_eps", "float"];
const KIN: readonly KeyPair[] = [...SIZES, KV_HEADS, RMS];

/** Embedding, last norm and head of most. */
export const ENDS: readonly TensorRule[] = [
  ...moduleRules("token_embd", "model.embed_tokens"),
  ...moduleRules("output_norm", "model.norm"),
  ...moduleRules("output", "lm_head"),
];

/** Queries, keys and values of their own, with or without a rotation order and biases. */
export function projections(parameters: "w" | "wb", rotated: boolean): LayerPart[] {
  return [
    ["attn_q", "self_attn.q_proj", parameters, rotated ? "ropeQuery" : undefined],
    ["attn_k", "self_attn.k_proj", parameters, rotated ? "ropeKey" : undefined],
    ["attn_v", "self_attn.v_proj", parameters],
  ];
}

const OUT: LayerPart = ["attn_output", "self_attn.o_proj"];
const NORMS: readonly LayerPart[] = [
  ["attn_norm", "input_layernorm"],
  ["ffn_norm", "post_attention_layernorm"],
];
export const SWIGLU: readonly LayerPart[] = [
  ["ffn_gate", "mlp.gate_proj"],
  ["ffn_up", "mlp.up_proj"],
  ["ffn_down", "mlp.down_proj"],
];
const withBias = (parts: readonly LayerPart[]): LayerPart[] => parts.map(([gguf, hf]) => [gguf, hf, "wb"]);
const QK_NORMS: readonly LayerPart[] = [
  ["attn_q_norm", "self_attn.q_norm"],
  ["attn_k_norm", "self_attn.k_norm"],
];

const LLAMA_RULES = [
  ...ENDS,
  ...layerRules("model.layers", [...projections("wb", true), ...withBias([OUT]), ...NORMS, ...withBias(SWIGLU)]),
];

const MIXTRAL_RULES = [
  ...ENDS,
  ...layerRules("model.layers", [
    ...projections("w", true),
    OUT,
    ...NORMS,
    ["ffn_gate_inp", "block_sparse_moe.gate"],
    ["ffn_gate_exps", "block_sparse_moe.experts.{e}.w1", "w", "stack"],
    ["ffn_down_exps", "block_sparse_moe.experts.{e}.w2", "w", "stack"],
    ["ffn_up_exps", "block_sparse_moe.experts.{e}.w3", "w", "stack"],
  ]),
];

const biased = (f: Facts, module: string): boolean => f.shapeOf(`blk.0.${module}.bias`) !== undefined;

function llamaConfig(f: Facts, width: number): JsonObject {
  const experts = f.whole("expert_count", 0);
  const used = f.whole("expert_used_count", 0);
  const common = { hidden_act: "silu", head_dim: width, ...ropeConfig(f, width) };
  const window = f.has("attention.sliding_window")
    ? { sliding_window: f.whole("attention.sliding_window") }
    : undefined;
  if (experts > 0)
    return {
      model_type: "mixtral",
      ...common,
      num_local_experts: experts,
      num_experts_per_tok: used,
      sliding_window: null,
      ...window,
    };
  if (window) return { model_type: "mistral", ...common, ...window };
  return { model_type: "llama", ...common, attention_bias: biased(f, "attn_q"), mlp_bias: biased(f, "ffn_gate") };
}

/** Gemma's norms multiply by 1 + w, and the file holds that sum. */
const onePlus = (parts: readonly LayerPart[]): LayerPart[] => parts.map(([gguf, hf]) => [gguf, hf, "w", "plusOne"]);

const gemmaRules = (norms: readonly LayerPart[]): TensorRule[] => [
  ...moduleRules("token_embd", "model.embed_tokens"),
  ...moduleRules("output_norm", "model.norm", "w", "plusOne"),
  ...moduleRules("output", "lm_head"),
  ...layerRules("model.layers", [...projections("w", false), OUT, ...SWIGLU, ...onePlus(norms)]),
];

/** Gemma 2 and 3 have a norm before and after each half of a layer. */
const FOUR_NORMS: readonly LayerPart[] = [
  ["attn_norm", "input_layernorm"],
  ["post_attention_norm", "post_attention_layernorm"],
  ["ffn_norm", "pre_feedforward_layernorm"],
  ["post_ffw_norm", "post_feedforward_layernorm"],
];

const GELU_TANH = { hidden_act: "gelu_pytorch_tanh", hidden_activation: "gelu_pytorch_tanh" };

/** Kinds of layers where each `every`-th sees everything. */
const alternating = (layers: number, every: number): string[] =>
  Array.from({ length: layers }, (_, i) => ((i + 1) % every === 0 ? "full_attention" : "sliding_attention"));

/** llama.cpp tells Gemma's 27B models, whose queries are scaled by the width over the heads, by their number of layers. */
function queryScalar(f: Facts, width: number, largest: number): number {
  return f.whole("block_count") === largest ? f.whole("embedding_length") / f.whole("attention.head_count") : width;
}

const GEMMA2_PAIRS: readonly KeyPair[] = [
  ...KIN,
  ["attn_logit_softcapping", "attn_logit_softcapping", "float?"],
  ["final_logit_softcapping", "final_logit_softcapping", "float?"],
  ["attention.sliding_window", "sliding_window", "int"],
];

/** The width of a head, where a config states it. */
function widthFields({ head_dim: width }: JsonObject): GgufField[] {
  if (typeof width !== "number") return [];
  return ["key", "value"].map((kind) => ({ key: `attention.${kind}_length`, type: "uint32", value: width }));
}

function llamaFields(config: JsonObject): GgufField[] {
  const whole = (key: string, value: unknown): GgufField[] =>
    typeof value === "number" ? [{ key, type: "uint32", value }] : [];
  return [
    ...widthFields(config),
    ...whole("expert_count", config.num_local_experts),
    ...whole("expert_used_count", config.num_experts_per_tok),
    ...whole("attention.sliding_window", config.sliding_window),
  ];
}

const plainConfig =
  (modelType: string, more: JsonObject = {}) =>
  (f: Facts, width: number) => ({
    model_type: modelType,
    hidden_act: "silu",
    head_dim: width,
    ...ropeConfig(f, width),
    ...more,
  });

/** Architectures whose layers are Llama's with little changed. */
export const LLAMA_KIN: readonly GgufArchitecture[] = [
  {
    name: "llama",
    modelTypes: ["llama", "mistral", "mixtral"],
    pairs: KIN,
    rotary: {},
    fields: llamaFields,
    config: llamaConfig,
    rules: (config) => (config.model_type === "mixtral" ? MIXTRAL_RULES : LLAMA_RULES),
  },
  {
    name: "qwen2",
    modelTypes: ["qwen2"],
    pairs: KIN,
    rotary: {},
    fields: widthFields,
    config: plainConfig("qwen2", { use_sliding_window: false }),
    rules: () => [...ENDS, ...layerRules("model.layers", [...projections("wb", false), OUT, ...NORMS, ...SWIGLU])],
  },
  {
    name: "qwen3",
    modelTypes: ["qwen3"],
    pairs: KIN,
    rotary: {},
    fields: widthFields,
    config: plainConfig("qwen3", { attention_bias: false, use_sliding_window: false }),
    rules: () => [
      ...ENDS,
      ...layerRules("model.layers", [...projections("w", false), OUT, ...QK_NORMS, ...NORMS, ...SWIGLU]),
    ],
  },
  {
    name: "qwen3moe",
    modelTypes: ["qwen3_moe"],
    pairs: [
      ...KIN.filter(([key]) => key !== "feed_forward_length"),
      ["feed_forward_length", "intermediate_size", "int?"],
      ["expert_count", "num_experts", "int"],
      ["expert_used_count", "num_experts_per_tok", "int"],
      ["expert_feed_forward_length", "moe_intermediate_size", "int"],
    ],
    rotary: {},
    fields: widthFields,
    config: plainConfig("qwen3_moe", {
      attention_bias: false,
      use_sliding_window: false,
      norm_topk_prob: true,
      decoder_sparse_step: 1,
      mlp_only_layers: [],
    }),
    rules: () => [
      ...ENDS,
      ...layerRules("model.layers", [
        ...projections("w", false),
        OUT,
        ...QK_NORMS,
        ...NORMS,
        ["ffn_gate_inp", "mlp.gate"],
        ["ffn_gate_exps", "mlp.experts.{e}.gate_proj", "w", "stack"],
        ["ffn_up_exps", "mlp.experts.{e}.up_proj", "w", "stack"],
        ["ffn_down_exps", "mlp.experts.{e}.down_proj", "w", "stack"],
      ]),
    ],
  },
  {
    name: "gemma",
    modelTypes: ["gemma"],
    pairs: KIN,
    rotary: {},
    fields: widthFields,
    config: plainConfig("gemma", { ...GELU_TANH, attention_bias: false }),
    rules: () => gemmaRules(NORMS),
  },
  {
    name: "gemma2",
    modelTypes: ["gemma2"],
    pairs: GEMMA2_PAIRS,
    rotary: {},
    fields: widthFields,
    config: (f, width) => ({
      ...plainConfig("gemma2", { ...GELU_TANH, attention_bias: false })(f, width),
      query_pre_attn_scalar: queryScalar(f, width, 46),
      layer_types: alternating(f.whole("block_count"), 2),
    }),
    rules: () => gemmaRules(FOUR_NORMS),
  },
  {
    name: "gemma3",
    modelTypes: ["gemma3_text"],
    pairs: GEMMA2_PAIRS,
    rotary: {},
    fields: gemma3Fields,
    config: (f, width) => ({
      ...plainConfig("gemma3_text", { ...GELU_TANH, attention_bias: false })(f, width),
      rope_local_base_freq: f.number("rope.freq_base_swa", 10000),
      query_pre_attn_scalar: queryScalar(f, width, 62),
      layer_types: gemma3Layers(f),
    }),
    rules: () => gemmaRules([...FOUR_NORMS, ...QK_NORMS]),
  },
  {
    name: "olmo2",
    modelTypes: ["olmo2"],
    pairs: KIN,
    rotary: {},
    fields: widthFields,
    config: (f, width) => ({
      model_type: "olmo2",
      head_dim: width,
      hidden_act: "silu",
      attention_bias: false,
      ...ropeConfig(f, width),
    }),
    rules: () => [
      ...ENDS,
      ...layerRules("model.layers", [
        ...projections("w", false),
        OUT,
        ...QK_NORMS,
        ["post_attention_norm", "post_attention_layernorm"],
        ["post_ffw_norm", "post_feedforward_layernorm"],
        ...SWIGLU,
      ]),
    ],
  },
  {
    name: "granite",
    modelTypes: ["granite"],
    pairs: [
      ...KIN,
      ["attention.scale", "attention_multiplier", "float"],
      ["embedding_scale", "embedding_multiplier", "float"],
      ["residual_scale", "residual_multiplier", "float"],
      ["logit_scale", "logits_scaling", "float"],
    ],
    rotary: {},
    fields: widthFields,
    config: (f, width) => ({
      model_type: "granite",
      head_dim: width,
      hidden_act: "silu",
      attention_bias: biased(f, "attn_q"),
      mlp_bias: biased(f, "ffn_gate"),
      ...ropeConfig(f, width),
    }),
    rules: () => LLAMA_RULES,
  },
  {
    name: "smollm3",
    modelTypes: ["smollm3"],
    pairs: KIN,
    rotary: {},
    fields: widthFields,
    config: (f, width) => ({
      model_type: "smollm3",
      head_dim: width,
      hidden_act: "silu",
      attention_bias: biased(f, "attn_q"),
      mlp_bias: biased(f, "ffn_gate"),
      // The file does not say which layers have no positions: llama.cpp takes each fourth.
      no_rope_layer_interval: 4,
      no_rope_layers: Array.from({ length: f.whole("block_count") }, (_, i) => ((i + 1) % 4 === 0 ? 0 : 1)),
      use_sliding_window: false,
      ...ropeConfig(f, width),
    }),
    rules: () => LLAMA_RULES,
  },
];

/** Every sixth layer sees everything, unless the file says which: a number, or true for each layer with a window. */
function gemma3Layers(f: Facts): string[] {
  const layers = f.whole("block_count");
  if (!f.has("attention.sliding_window_pattern")) return alternating(layers, 6);
  try {
    return alternating(layers, f.whole("attention.sliding_window_pattern"));
  } catch {
    return f
      .list("attention.sliding_window_pattern")
      .map((windowed) => (windowed ? "sliding_attention" : "full_attention"));
  }
}

/** Which layers have a window, where it is not five of six. */
function gemma3Fields(config: JsonObject): GgufField[] {
  const types = config.layer_types;
  const value = Array.isArray(types) ? types.map((type) => (type === "sliding_attention" ? 1 : 0)) : [];
  const key = "attention.sliding_window_pattern";
  const local = isJsonObject(config.rope_parameters) ? config.rope_parameters.sliding_attention : undefined;
  const base = isJsonObject(local) ? local.rope_theta : config.rope_local_base_freq;
  return [
    ...widthFields(config),
    ...(value.length > 0 ? [{ key, type: "bools", value } as const] : []),
    ...(typeof base === "number" ? [{ key: "rope.freq_base_swa", type: "float32", value: base } as const] : []),
  ];
}
