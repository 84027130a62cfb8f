/**
 * Rounding in which each weight makes up for the errors of those before it, as the inputs it meets ask for (GPTQ, Frantar
 * et al. 2022). Knows no model; columns are taken in chunks, between which nothing is made up for.
 */
import { fail } from "../base/errors.ts";
import { type Packed, type PackFormat, packedSizes, roundRow } from "./pack.ts";

/** How the error of a column is spread over those after it, a chunk of columns at a time. */
export interface Feedback {
  /** Columns of each chunk but the last. */
  readonly chunk: number;
  /** For each chunk of n columns (n, n): row j says how much of each earlier column's error column j takes off itself. */
  readonly shares: readonly Float64Array[];
}

/** Part of the mean diagonal that is added to each element of it: inputs are but a sample. */
const DAMPING = 0.05;

/**
 * The feedback of columns from X^T X of their inputs X, given for each chunk of n columns as (n, n). Cholesky from the
 * last column to the first, X^T X = R R^T with R upper, gives the shares as columns of R^-1, each row over its diagonal. A chunk
 * whose inputs were all zero, or not finite, has no feedback.
 */
export function feedbackOf(grams: readonly Float32Array[]): Feedback {
  const shares = grams.map((gram) => sharesOf(gram, Math.sqrt(gram.length)));
  return { chunk: Math.sqrt(grams[0]?.length ?? 0), shares };
}

function sharesOf(gram: Float32Array, n: number): Float64Array {
  if (!Number.isInteger(n)) fail("BAD_SHAPE", `feedback: got ${gram.length} elements, expected a square`);
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  const upper = Float64Array.from(gram);
  for (let i = 0; i < n; i++) upper[i * n + i]! += (DAMPING * trace) / n;
  if (!(trace > 0 && reverseCholesky(upper, n))) return new Float64Array(n * n);
  return overDiagonal(inverseUpper(upper, n), n);
}

/** In place: the upper R with R R^T = A. False where A is not positive definite. */
function reverseCholesky(a: Float64Array, n: number): boolean {
  for (let j = n - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = a[i * n + j]!;
      for (let k = j + 1; k < n; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i < j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 0 && sum < Number.POSITIVE_INFINITY) a[j * n + j] = Math.sqrt(sum);
      else return false;
    }
    for (let i = j + 1; i < n; i++) a[i * n + j] = 0;
  }
  return true;
}

/** R^-1 of an upper R, row by row from the last. */
function inverseUpper(r: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const over = 1 / r[i * n + i]!;
    inverse[i * n + i] = over;
    for (let k = i + 1; k < n; k++) {
      const factor = -over * r[i * n + k]!;
      for (let j = k; j < n; j++) inverse[i * n + j]! += factor * inverse[k * n + j]!;
    }
  }
  return inverse;
}

/** Each row over its diagonal, transposed. */
function overDiagonal(upper: Float64Array, n: number): Float64Array {
  const shares = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) shares[j * n + i] = upper[i * n + j]! / upper[i * n + i]!;
  return shares;
}

/** Rows rounded at a time: their sums do not wait for each other, and share what is read. */
const TILE = 4;

/** Rounds packed rows again, with the scales they have. `rows` is used up. */
export function roundWithFeedback(
  rows: Float32Array,
  width: number,
  { quants, scales }: Packed,
  format: PackFormat,
  { chunk, shares }: Feedback,
): void {
  const { blocks, blockBytes } = packedSizes(width, format);
  const count = rows.length / width;
  const errors = new Float64Array(TILE * chunk);
  for (let row = 0; row < count; row += TILE)
    for (const [c, share] of shares.entries()) roundChunk(rows, width, scales, format, row, c * chunk, share, errors);
  for (let row = 0; row < count; row++)
    roundRow(rows, row * width, width, format, scales, row * blocks, quants, row * blocks * blockBytes);
}

/** Puts the values that the integers stand for in place of a chunk of up to {@link TILE} rows, from column `first` on. */
function roundChunk(
  rows: Float32Array,
  width: number,
  scales: Float32Array,
  { bits, block }: PackFormat,
  row: number,
  first: number,
  share: Float64Array,
  errors: Float64Array,
): void {
  const half = 2 ** (bits - 1);
  const blocks = Math.ceil(width / block);
  const size = Math.sqrt(share.length);
  const tile = Math.min(TILE, rows.length / width - row);
  for (let j = 0; j < size; j++) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0, at = j * size, e = 0; i < j; i++, at++, e += TILE) {
      const part = share[at]!;
      a += part * errors[e]!;
      b += part * errors[e + 1]!;
      c += part * errors[e + 2]!;
      d += part * errors[e + 3]!;
    }
    const blockOf = Math.floor((first + j) / block);
    for (let r = 0; r < tile; r++) {
      const at = (row + r) * width + first + j;
      const scale = scales[(row + r) * blocks + blockOf]!;
      const value = rows[at]! - (r === 0 ? a : r === 1 ? b : r === 2 ? c : d);
      const rounded = scale * Math.max(-half, Math.min(half - 1, Math.floor(value / scale + 0.5)));
      errors[TILE * j + r] = value - rounded;
      rows[at] = rounded;
    }
  }
}
