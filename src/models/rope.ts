/** Reads what a config says of rotary positions, in the layouts of transformers 5 and of those before. */
import { fail } from "../base/errors.ts";
import type { RopeOptions } from "../nn/rope.ts";
import type { ConfigReader } from "./config.ts";

/** What the angles depend on beside the keys of the rotation itself. */
export interface RopeContext {
  readonly headDim: number;
  /** `max_position_embeddings`. */
  readonly positions: number;
  /** The base where no `rope_theta` stands; default 10,000. */
  readonly theta?: number;
  /** The part of each head that is rotated where no `partial_rotary_factor` stands; without it only 1 is taken. */
  readonly partial?: number;
  /** Whether the family hands on `longAfter`, and so may have LongRoPE. */
  readonly hasLong?: boolean;
}

/** The elements of each head that are rotated, and by which angles. */
export interface RopeSpec {
  readonly rotaryDim: number;
  /** Pairs are neighbours: ownlm's own key `rope_interleaved`, for queries and keys whose rows are as GGUF files have them. */
  readonly interleaved?: boolean;
  readonly options: RopeOptions;
  /** The longest text for which LongRoPE's short divisors hold. */
  readonly longAfter?: number;
}

/** Names of LongRoPE in Phi-3's configs of different ages. */
const LONGROPE = ["longrope", "su"];
const KINDS = ["default", "linear", "dynamic", "llama3", "yarn"];

/**
 * Reads `rope_parameters` (transformers 5), or `rope_scaling` beside `rope_theta` (before), which counts where both are.
 * Unknown kinds of scaling are UNSUPPORTED, naming the key.
 */
export function readRope(r: ConfigReader, context: RopeContext): RopeSpec {
  const spec = ropeFrom(r, ropeObject(r), context);
  return r.bool("rope_interleaved", false) ? { ...spec, interleaved: true } : spec;
}

/** The object that says how positions are turned; an empty one says nothing. */
export function ropeObject(r: ConfigReader): ConfigReader | undefined {
  const scaling = r.object("rope_scaling");
  return scaling && Object.keys(scaling.content).length > 0 ? scaling : r.object("rope_parameters");
}

/** {@link readRope} of the parameters given: some families have several of them. */
export function ropeFrom(r: ConfigReader, inner: ConfigReader | undefined, context: RopeContext): RopeSpec {
  const { headDim, theta: base = 10000 } = context;
  const theta = inner?.has("rope_theta") ? inner.positive("rope_theta") : r.positive("rope_theta", base);
  const rotaryDim = readRotaryDim(inner?.has("partial_rotary_factor") ? inner : r, headDim, context.partial);
  if (!inner) return { rotaryDim, options: { theta } };
  const key = inner.has("rope_type") ? "rope_type" : "type";
  inner.expect(key, ...KINDS, ...(context.hasLong ? LONGROPE : []));
  const kind = inner.text(key, "default");
  const scaling = readScaling(kind, r, inner, context.positions, rotaryDim);
  if (scaling?.kind === "yarn" && theta <= 1) inner.bad("rope_theta", "a number above 1");
  if (!scaling) return { rotaryDim, options: { theta } };
  const options = { theta, scaling };
  return scaling.kind === "longrope"
    ? { rotaryDim, options, longAfter: scaling.longrope.originalMaxPositionEmbeddings }
    : { rotaryDim, options };
}

function readRotaryDim(r: ConfigReader, headDim: number, partial: number | undefined): number {
  if (partial === undefined) r.expect("partial_rotary_factor", 1);
  const part = partial === undefined ? 1 : r.positive("partial_rotary_factor", partial);
  const rotaryDim = Math.trunc(headDim * part);
  if (part > 1 || rotaryDim < 2 || rotaryDim % 2 !== 0)
    fail(
      "BAD_CONFIG",
      `${r.where}: head_dim: got ${headDim}, of which ${rotaryDim} are rotated, expected an even number of each head`,
    );
  return rotaryDim;
}

function readScaling(
  kind: string,
  r: ConfigReader,
  inner: ConfigReader,
  positions: number,
  rotaryDim: number,
): RopeOptions["scaling"] {
  // transformers prefers the key outside, where Phi-3 has it.
  const outer = r.has("original_max_position_embeddings") ? r : inner;
  const originalMaxPositionEmbeddings = outer.int("original_max_position_embeddings", positions);
  if (kind === "linear") return { kind, factor: inner.positive("factor") };
  if (kind === "llama3") {
    const llama3 = {
      factor: inner.positive("factor"),
      lowFreqFactor: inner.positive("low_freq_factor"),
      highFreqFactor: inner.positive("high_freq_factor"),
      originalMaxPositionEmbeddings,
    };
    return { kind, llama3 };
  }
  const factor = inner.positive("factor", positions / originalMaxPositionEmbeddings);
  if (kind === "yarn") {
    const yarn = {
      factor,
      betaFast: inner.positive("beta_fast", 32),
      betaSlow: inner.positive("beta_slow", 1),
      originalMaxPositionEmbeddings,
      truncate: inner.bool("truncate", true),
      attentionFactor: inner.positive("attention_factor", yarnAmplitude(inner, factor)),
    };
    return { kind, yarn };
  }
  if (LONGROPE.includes(kind)) {
    const original = outer.int("original_max_position_embeddings", positions, { min: 2 });
    const amplitude = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    const longrope = {
      shortFactor: readFactors(inner, "short_factor", rotaryDim / 2),
      longFactor: readFactors(inner, "long_factor", rotaryDim / 2),
      originalMaxPositionEmbeddings,
      attentionFactor: inner.positive("attention_factor", amplitude),
    };
    return { kind: "longrope", longrope };
  }
  // "dynamic" leaves all as it is up to `max_position_embeddings`, and no context here is longer.
  return undefined;
}

/** 0.1 m ln(factor) + 1, the ratio of two of them where the config states two (Peng et al. 2023; DeepSeek-V2). */
function yarnAmplitude(inner: ConfigReader, factor: number): number {
  const of = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  if (!(inner.has("mscale") && inner.has("mscale_all_dim"))) return of(1);
  return of(inner.positive("mscale")) / of(inner.positive("mscale_all_dim"));
}

function readFactors(inner: ConfigReader, key: string, count: number): readonly number[] {
  const expected = `a list of ${count} numbers above 0`;
  const isFactor = (x: unknown): x is number => Number.isFinite(x) && (x as number) > 0;
  const factors = inner.list(key, expected, isFactor) ?? inner.bad(key, expected);
  return factors.length === count ? factors : inner.bad(key, expected);
}
