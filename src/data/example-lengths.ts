/** How long examples are: the middle, the long ones, the longest. Knows numbers only. */

/** Lengths of many. */
export interface LengthSummary {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly mean: number;
}

/** Percentiles by the nearest rank; all 0 for no lengths. */
export function lengthsOf(lengths: readonly number[]): LengthSummary {
  if (lengths.length === 0) return { p50: 0, p95: 0, max: 0, mean: 0 };
  const sorted = Float64Array.from(lengths).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  const sum = sorted.reduce((total, length) => total + length, 0);
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1)!, mean: sum / sorted.length };
}
