/** What a GGUF file says of a config's rotary positions. The inverse of gguf-rope.ts. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { GgufField } from "../weights/gguf-write.ts";
import { configReader } from "./config.ts";
import type { GgufArchitecture } from "./gguf-architectures.ts";
import { LONG_FACTORS, llama3Divisors, ROPE_FREQS, SHORT_FACTORS } from "./gguf-rope.ts";
import { type RopeSpec, ropeFrom, ropeObject } from "./rope.ts";

/** A float32 tensor that is no weight. */
export interface SmallTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Keys without the architecture's name, and tensors of divisors. None for a family without rotation. */
export function ropeFields(
  { rotary }: GgufArchitecture,
  config: JsonObject,
  where: string,
): { fields: GgufField[]; small: SmallTensor[] } {
  if (!rotary) return { fields: [], small: [] };
  const { rotaryDim, options } = ropeOf(rotary, config, where);
  const fields: GgufField[] = [
    { key: "rope.freq_base", type: "float32", value: options.theta },
    { key: "rope.dimension_count", type: "uint32", value: rotaryDim },
  ];
  const number = (key: string, value: number): GgufField => ({ key: `rope.scaling.${key}`, type: "float32", value });
  const original = (value: number): GgufField => ({
    key: "rope.scaling.original_context_length",
    type: "uint32",
    value,
  });
  const kind = (value: string): GgufField => ({ key: "rope.scaling.type", type: "string", value });
  const small = (name: string, values: Float32Array): SmallTensor => ({ name, shape: [values.length], values });
  switch (options.scaling?.kind) {
    case undefined:
      return { fields, small: [] };
    case "linear":
      return { fields: [...fields, kind("linear"), number("factor", options.scaling.factor)], small: [] };
    case "llama3": {
      const { llama3 } = options.scaling;
      const divisors = llama3Divisors(options.theta, rotaryDim, {
        factor: llama3.factor,
        low_freq_factor: llama3.lowFreqFactor,
        high_freq_factor: llama3.highFreqFactor,
        original_max_position_embeddings: llama3.originalMaxPositionEmbeddings,
      });
      return {
        fields: [...fields, original(llama3.originalMaxPositionEmbeddings)],
        small: [small(ROPE_FREQS, divisors)],
      };
    }
    case "yarn": {
      const { yarn } = options.scaling;
      const attention = yarn.attentionFactor / (1 + 0.1 * Math.log(yarn.factor));
      return {
        fields: [
          ...fields,
          kind("yarn"),
          number("factor", yarn.factor),
          original(yarn.originalMaxPositionEmbeddings),
          number("yarn_beta_fast", yarn.betaFast),
          number("yarn_beta_slow", yarn.betaSlow),
          ...(Math.abs(attention - 1) > 1e-6 ? [number("attn_factor", attention)] : []),
        ],
        small: [],
      };
    }
    case "longrope": {
      const { longrope } = options.scaling;
      return {
        fields: [
          ...fields,
          kind("longrope"),
          ...(rotary.statesOriginal ? [] : [original(longrope.originalMaxPositionEmbeddings)]),
          number("attn_factor", longrope.attentionFactor),
        ],
        small: [
          small(LONG_FACTORS, Float32Array.from(longrope.longFactor)),
          small(SHORT_FACTORS, Float32Array.from(longrope.shortFactor)),
        ],
      };
    }
  }
}

function ropeOf(rotary: NonNullable<GgufArchitecture["rotary"]>, config: JsonObject, where: string): RopeSpec {
  const { partial, hasLong } = rotary;
  // GPT-NeoX has names of its own for the part that is rotated and for the base.
  const renamed = {
    ...config,
    ...(config.rotary_pct !== undefined && { partial_rotary_factor: config.rotary_pct }),
    ...(config.rotary_emb_base !== undefined && { rope_theta: config.rotary_emb_base }),
  };
  const r = configReader(renamed, where);
  const heads = Number(config.num_attention_heads);
  const headDim = Number(config.head_dim ?? Math.trunc(Number(config.hidden_size) / heads));
  const positions = Number(config.max_position_embeddings ?? 2048);
  if (!(headDim > 0)) fail("BAD_CONFIG", `${where}: hidden_size, num_attention_heads: expected numbers`);
  const parameters = ropeObject(r);
  // Gemma 3 has a rotation for each kind of layer: the file states that of the layers that see everything.
  const inner = isJsonObject(config.rope_parameters)
    ? (parameters?.object("full_attention") ?? parameters)
    : parameters;
  const context = { headDim, positions, ...(partial && { partial }) };
  return ropeFrom(r, inner, hasLong ? { ...context, hasLong } : context);
}
