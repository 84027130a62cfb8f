/** What transformers' config classes take for keys that a config.json leaves out and a GGUF file has to state. */
import type { JsonObject } from "../base/json.ts";
import type { CausalLm } from "./types.ts";

const COMMON: JsonObject = {
  rms_norm_eps: 1e-6,
  layer_norm_eps: 1e-5,
  layer_norm_epsilon: 1e-5,
  norm_epsilon: 1e-5,
};

const BY_TYPE: Readonly<Record<string, JsonObject>> = {
  cohere: { logit_scale: 0.0625, rope_theta: 500000 },
  gemma2: { sliding_window: 4096, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
  gemma3_text: { sliding_window: 4096, rope_theta: 1e6 },
  gpt_oss: { rms_norm_eps: 1e-5, sliding_window: 128, num_local_experts: 128, num_experts_per_tok: 4 },
  granite: { attention_multiplier: 1, embedding_multiplier: 1, residual_multiplier: 1, logits_scaling: 1 },
  mistral: { sliding_window: 4096 },
  mixtral: { rms_norm_eps: 1e-5, num_local_experts: 8, num_experts_per_tok: 2, rope_theta: 1e6 },
  olmo2: { rms_norm_eps: 1e-5 },
  phi3: { rms_norm_eps: 1e-5, original_max_position_embeddings: 4096 },
  smollm3: { rope_theta: 2e6 },
  qwen3_moe: { num_experts: 128, num_experts_per_tok: 8, moe_intermediate_size: 768 },
};

/** The widths of Falcon and GPT-2 that follow from the model's. */
function inner(config: JsonObject): JsonObject {
  const width = Number(config.hidden_size ?? config.n_embd);
  return { ffn_hidden_size: 4 * width, n_inner: 4 * width };
}

/** A config with everything that a file states; what the config itself says counts, but for null where a number is needed. */
export function statedConfig(model: CausalLm, shapes: ReadonlyMap<string, readonly number[]>): JsonObject {
  const { config } = model;
  const heads = Number(config.num_attention_heads ?? config.n_head);
  const query = shapes.get("model.layers.0.self_attn.q_proj.weight");
  const given = Object.entries(config).filter(([key, value]) => value !== null || !(key in inner(config)));
  return {
    ...COMMON,
    ...inner(config),
    ...BY_TYPE[model.modelType],
    ...Object.fromEntries(given),
    // The model knows these best: their defaults and their names differ from family to family.
    num_key_value_heads: model.cache.kvHeads,
    max_position_embeddings: model.maxPositions,
    n_positions: model.maxPositions,
    ...(query && { head_dim: query[0]! / heads }),
  };
}
