/** The rotary positions of a GGUF file as config.json's rope_theta and rope_scaling, and back. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { ropeFrequencies } from "../nn/rope.ts";
import { type Facts, shortest } from "./gguf-facts.ts";

/** The tensor with Llama 3.1's divisors, and those of LongRoPE, of which each layer may have its own name. */
export const ROPE_FREQS = "rope_freqs.weight";
export const LONG_FACTORS = "rope_factors_long.weight";
export const SHORT_FACTORS = "rope_factors_short.weight";

/** `rope_theta` and, where positions are scaled, `rope_scaling` of a head's `rotaryDim` rotated elements. */
export function ropeConfig(f: Facts, rotaryDim: number): JsonObject {
  const theta = f.number("rope.freq_base", 10000);
  const scaling = scalingOf(f, theta, rotaryDim);
  return { rope_theta: theta, ...(scaling && { rope_scaling: scaling }) };
}

function scalingOf(f: Facts, theta: number, rotaryDim: number): JsonObject | undefined {
  if (f.shapeOf(ROPE_FREQS)) return llama3Of(f, theta, rotaryDim);
  const factor = f.number("rope.scaling.factor", f.number("rope.scale_linear", 1));
  const type = f.text("rope.scaling.type", f.shapeOf(LONG_FACTORS) ? "longrope" : factor === 1 ? "none" : "linear");
  const original = f.whole("rope.scaling.original_context_length", 0);
  switch (type) {
    case "none":
      return undefined;
    case "linear":
      return factor === 1 ? undefined : { rope_type: "linear", factor };
    case "yarn":
      return yarnOf(f, factor, original);
    case "longrope":
      return longRopeOf(f, original);
    default:
      return fail("UNSUPPORTED", `${f.where}: rope.scaling.type: got ${type}, expected none, linear, yarn or longrope`);
  }
}

/** llama.cpp multiplies the attention factor with YaRN's own, 1 + 0.1 ln(factor). */
function yarnOf(f: Facts, factor: number, original: number): JsonObject {
  const attention = f.number("rope.scaling.attn_factor", f.number("rope.scaling.yarn_attn_factor", 1));
  if (f.number("rope.scaling.yarn_ext_factor", 1) !== 1)
    fail("UNSUPPORTED", `${f.where}: rope.scaling.yarn_ext_factor: this version runs only 1`);
  return {
    rope_type: "yarn",
    factor,
    original_max_position_embeddings: original || Math.round(f.whole("context_length") / factor),
    ...(attention !== 1 && { attention_factor: attention * (1 + 0.1 * Math.log(factor)) }),
    beta_fast: f.number("rope.scaling.yarn_beta_fast", 32),
    beta_slow: f.number("rope.scaling.yarn_beta_slow", 1),
  };
}

function longRopeOf(f: Facts, original: number): JsonObject {
  const list = (name: string) => Array.from(f.valuesOf(name), shortest);
  if (original === 0) fail("BAD_WEIGHTS", `${f.where}: rope.scaling.original_context_length is missing`);
  return {
    rope_type: "longrope",
    long_factor: list(LONG_FACTORS),
    short_factor: list(SHORT_FACTORS),
    original_max_position_embeddings: original,
    ...(f.has("rope.scaling.attn_factor") && { attention_factor: f.number("rope.scaling.attn_factor") }),
  };
}

/** Original contexts that models with Llama 3.1's scaling were made with. */
const ORIGINALS = [8192, 4096, 2048, 16384, 32768];

/**
 * Llama 3.1's scaling from the divisor of each pair. The file does not say what they were computed from; the largest is
 * the factor, and for the rest the usual values are tried. Throws UNSUPPORTED when none gives these divisors.
 */
function llama3Of(f: Facts, theta: number, rotaryDim: number): JsonObject {
  const divisors = f.valuesOf(ROPE_FREQS);
  const stated = f.whole("rope.scaling.original_context_length", 0);
  const factor = Number(Math.max(...divisors).toPrecision(6));
  for (const original of stated > 0 ? [stated] : ORIGINALS) {
    const scaling = {
      rope_type: "llama3",
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    };
    const expected = llama3Divisors(theta, rotaryDim, scaling);
    if (expected.length === divisors.length && expected.every((x, i) => Math.abs(x - divisors[i]!) <= 1e-3 * x))
      return factor === 1 ? { rope_type: "default" } : scaling;
  }
  return fail(
    "UNSUPPORTED",
    `${f.where}: ${ROPE_FREQS}: got divisors that are not Llama 3.1's, and this version runs no others`,
  );
}

/** What each pair's frequency is divided by. */
export function llama3Divisors(theta: number, rotaryDim: number, scaling: JsonObject): Float32Array {
  const plain = ropeFrequencies(rotaryDim, { theta });
  const llama3 = {
    factor: Number(scaling.factor),
    lowFreqFactor: Number(scaling.low_freq_factor),
    highFreqFactor: Number(scaling.high_freq_factor),
    originalMaxPositionEmbeddings: Number(scaling.original_max_position_embeddings),
  };
  const scaled = ropeFrequencies(rotaryDim, { theta, scaling: { kind: "llama3", llama3 } });
  return plain.map((frequency, i) => frequency / scaled[i]!);
}
