/** Rotary position tables. Knows angles, not attention. */
import { constant } from "../graph/build.ts";
import type { Value } from "../graph/types.ts";
import type { ModelBuilder } from "./builder.ts";

const f32 = Math.fround;

/** Llama 3.1's stretching of slow rotations over a longer context, as its config.json states it. */
export interface Llama3Scaling {
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositionEmbeddings: number;
}

/** YaRN (Peng et al. 2023): rotations that turn less than `betaSlow` times over the original context are slowed. */
export interface YarnScaling {
  readonly factor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly originalMaxPositionEmbeddings: number;
  /** Whether the range between the two rates is widened to whole pairs. */
  readonly truncate: boolean;
  /** Factor of the cosines and sines. */
  readonly attentionFactor: number;
}

/** LongRoPE (Ding et al. 2024): a divisor for each pair, of one set up to the original context and of another beyond. */
export interface LongRopeScaling {
  readonly shortFactor: readonly number[];
  readonly longFactor: readonly number[];
  readonly originalMaxPositionEmbeddings: number;
  /** Factor of the cosines and sines, in a short context too. */
  readonly attentionFactor: number;
}

/** What determines the angles. `linear` divides every frequency by its factor. */
export interface RopeOptions {
  readonly theta: number;
  readonly scaling?:
    | { readonly kind: "llama3"; readonly llama3: Llama3Scaling }
    | { readonly kind: "linear"; readonly factor: number }
    | { readonly kind: "yarn"; readonly yarn: YarnScaling }
    | { readonly kind: "longrope"; readonly longrope: LongRopeScaling };
}

/** Cosines and sines, each (positions, R/2), and how they are used. */
export interface Rope {
  readonly cos: Value;
  readonly sin: Value;
  /** The pairs they rotate are neighbours, not R/2 apart. */
  readonly interleaved?: boolean;
  /** There are two tables, one after the other, and the position ids say which: counting tokens is not enough. */
  readonly isTwofold?: boolean;
}

/** theta^(2i/R), the wavelength of pair i over 2 pi. */
const power = (theta: number, i: number, rotaryDim: number): number => f32(theta ** f32((2 * i) / rotaryDim));

/**
 * The R/2 angular frequencies theta^(-2i/R) (Su et al. 2021) of `rotaryDim` R, scaled as the config says for a text of
 * `length` tokens. Every step is rounded to float32 as transformers' are: a last bit of a
 * frequency is 5e-4 of an angle at position 8000.
 */
export function ropeFrequencies(
  rotaryDim: number,
  { theta, scaling }: RopeOptions,
  length = Number.POSITIVE_INFINITY,
): Float32Array {
  const frequencies = Float32Array.from({ length: rotaryDim / 2 }, (_, i) => 1 / power(theta, i, rotaryDim));
  switch (scaling?.kind) {
    case undefined:
      return frequencies;
    case "linear":
      return frequencies.map((f) => f / scaling.factor);
    case "llama3":
      return frequencies.map((f) => llama3Frequency(f, scaling.llama3));
    case "yarn":
      return yarnFrequencies(rotaryDim, theta, scaling.yarn);
    case "longrope": {
      const { shortFactor, longFactor, originalMaxPositionEmbeddings } = scaling.longrope;
      const divisors = length > originalMaxPositionEmbeddings ? longFactor : shortFactor;
      return frequencies.map((_, i) => 1 / f32(f32(divisors[i]!) * power(theta, i, rotaryDim)));
    }
  }
}

/** a / b as PyTorch divides a number by a tensor: through the reciprocal. */
const over = (a: number, b: number): number => f32(f32(1 / b) * f32(a));

/** Fast rotations stay, slow ones are divided by the factor, those between are blended. */
function llama3Frequency(f: number, s: Llama3Scaling): number {
  const wavelength = over(2 * Math.PI, f);
  if (wavelength < s.originalMaxPositionEmbeddings / s.highFreqFactor) return f;
  if (wavelength > s.originalMaxPositionEmbeddings / s.lowFreqFactor) return f / s.factor;
  const turns = over(s.originalMaxPositionEmbeddings, wavelength);
  const smooth = f32(f32(turns - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor));
  return f32(f32(f32(1 - smooth) * f) / s.factor) + f32(smooth * f);
}

/** As llama3's, with the blend linear in the number of the pair. */
function yarnFrequencies(rotaryDim: number, theta: number, s: YarnScaling): Float32Array {
  // The pair that turns `times` over the original context.
  const pairOf = (times: number) =>
    (rotaryDim * Math.log(s.originalMaxPositionEmbeddings / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(s.betaFast), pairOf(s.betaSlow)];
  const low = Math.max(0, s.truncate ? Math.floor(first) : first);
  const end = Math.min(rotaryDim - 1, s.truncate ? Math.ceil(last) : last);
  const high = low === end ? end + 0.001 : end;
  return Float32Array.from({ length: rotaryDim / 2 }, (_, i) => {
    const slowed = Math.min(1, Math.max(0, f32(f32(i - low) / f32(high - low))));
    const kept = f32(1 - slowed);
    const p = power(theta, i, rotaryDim);
    return f32(f32(1 / f32(s.factor * p)) * f32(1 - kept)) + f32(f32(1 / p) * kept);
  });
}

function amplitude({ scaling }: RopeOptions): number {
  if (scaling?.kind === "yarn") return scaling.yarn.attentionFactor;
  return scaling?.kind === "longrope" ? scaling.longrope.attentionFactor : 1;
}

/** The last position up to which LongRoPE's divisors are those of short texts; beyond any other table. */
export function lastShortPosition({ scaling }: RopeOptions): number {
  return scaling?.kind === "longrope" ? scaling.longrope.originalMaxPositionEmbeddings : Number.POSITIVE_INFINITY;
}

/**
 * The tables as constants of the graph, made once for each name. LongRoPE has two: a graph for training takes that of
 * its length; one over a cache with room for long texts holds both, P rows each, the short one first.
 */
export function ropeTables(b: ModelBuilder, rotaryDim: number, options: RopeOptions, name = "rope"): Rope {
  const isTwofold = b.mode === "infer" && b.positions > lastShortPosition(options);
  const known = (part: string) => b.graph.constants.find((c) => c.value.name === `${name}.${part}`)?.value;
  const [cos, sin] = [known("cos"), known("sin")];
  if (cos && sin) return { cos, sin, isTwofold };
  const [P, half] = [b.positions, rotaryDim / 2];
  const tables = (isTwofold ? [1, P] : [P]).map((length) => ropeFrequencies(rotaryDim, options, length));
  const factor = f32(amplitude(options));
  const shape = [tables.length * P, half];
  const table = (f: (angle: number) => number, part: string): Value => {
    const data = Float32Array.from({ length: tables.length * P * half }, (_, i) => {
      const row = Math.floor(i / half);
      const frequency = tables[Math.floor(row / P)]![i % half]!;
      return f32(f(f32((row % P) * frequency))) * factor;
    });
    return constant(b.graph, "float32", shape, data, `${name}.${part}`);
  };
  return { cos: table(Math.cos, "cos"), sin: table(Math.sin, "sin"), isTwofold };
}
