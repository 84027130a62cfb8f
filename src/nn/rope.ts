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

/** What determines the angles. `linear` divides every frequency by its factor. */
export interface RopeOptions {
  readonly theta: number;
  readonly scaling?:
    | { readonly kind: "llama3"; readonly llama3: Llama3Scaling }
    | { readonly kind: "linear"; readonly factor: number };
}

/**
 * The D/2 angular frequencies theta^(-2i/D) (Su et al. 2021), scaled as the config says. Every step is rounded to
 * float32 as transformers' are: a last bit of a frequency is 5e-4 of an angle at position 8000.
 */
export function ropeFrequencies(headDim: number, { theta, scaling }: RopeOptions): Float32Array {
  const frequencies = Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / f32(theta ** f32((2 * i) / headDim)));
  if (!scaling) return frequencies;
  if (scaling.kind === "linear") return frequencies.map((f) => f / scaling.factor);
  return frequencies.map((f) => llama3Frequency(f, scaling.llama3));
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

/** Cosines and sines, each (positions, D/2), as constants of the graph. */
export function ropeTables(b: ModelBuilder, headDim: number, options: RopeOptions): { cos: Value; sin: Value } {
  const half = headDim / 2;
  const frequencies = ropeFrequencies(headDim, options);
  const table = (f: (angle: number) => number) =>
    Float32Array.from({ length: b.positions * half }, (_, i) => f(f32(Math.floor(i / half) * frequencies[i % half]!)));
  const shape = [b.positions, half];
  return {
    cos: constant(b.graph, "float32", shape, table(Math.cos), "rope.cos"),
    sin: constant(b.graph, "float32", shape, table(Math.sin), "rope.sin"),
  };
}
