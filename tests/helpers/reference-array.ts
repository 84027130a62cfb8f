/** Arrays of float64 with plain loops over their indices: what the reference evaluator computes with. Slow on purpose. */
import type { Shape } from "../../src/base/shapes.ts";
import { evaluateDim } from "../../src/base/shapes.ts";

/** Elements row-major, in float64 whatever the graph's dtype; integers are exact to 2^53. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** The product of axis lengths. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, dim) => n * dim, 1);

/** An array over any list of numbers. */
export function ndArray(shape: readonly number[], data: ArrayLike<number | bigint>): NdArray {
  if (data.length !== sizeOf(shape)) throw new Error(`ndArray: got ${data.length} elements for [${shape}]`);
  return { shape, data: Float64Array.from(data as ArrayLike<number>, Number) };
}

/** Where the element at `index` is; a shorter shape is aligned at the right and axes of length 1 are repeated. */
export function offsetOf(shape: readonly number[], index: readonly number[]): number {
  let offset = 0;
  for (const [i, dim] of shape.entries())
    offset = offset * dim + (dim === 1 ? 0 : index[index.length - shape.length + i]!);
  return offset;
}

/** The element at `index`, broadcast as in {@link offsetOf}. */
export const at = (x: NdArray, index: readonly number[]): number => x.data[offsetOf(x.shape, index)]!;

/** Every index of a shape, in row-major order. The same array is yielded each time. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  const index = shape.map(() => 0);
  for (let left = sizeOf(shape); left > 0; left--) {
    yield index;
    for (let i = shape.length - 1; i >= 0; i--) {
      index[i] = index[i]! + 1;
      if (index[i]! < shape[i]!) break;
      index[i] = 0;
    }
  }
}

/** The array whose element at each index is `f(index)`. */
export function fill(shape: readonly number[], f: (index: readonly number[]) => number): NdArray {
  const data = new Float64Array(sizeOf(shape));
  let i = 0;
  for (const index of indices(shape)) data[i++] = f(index);
  return { shape, data };
}

/** The shape two shapes broadcast to. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i, rank = Math.max(a.length, b.length)) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new Error(`broadcast: [${a}] and [${b}]`);
    return x === 1 ? y : x;
  });
}

/** f of each pair of elements, broadcast. */
export const zip = (a: NdArray, b: NdArray, f: (x: number, y: number) => number): NdArray =>
  fill(broadcast(a.shape, b.shape), (index) => f(at(a, index), at(b, index)));

/** f of each element. */
export const map = (x: NdArray, f: (x: number) => number): NdArray => ({ shape: x.shape, data: x.data.map(f) });

/** x with its axes in the order of `perm`. */
export const permute = (x: NdArray, perm: readonly number[]): NdArray =>
  fill(
    perm.map((axis) => x.shape[axis]!),
    (index) =>
      at(
        x,
        perm.map((_, axis) => index[perm.indexOf(axis)]!),
      ),
  );

/** x with its last two axes swapped when `swap`. */
export function swapLast(x: NdArray, swap: boolean): NdArray {
  const axes = [...x.shape.keys()];
  return swap ? permute(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]) : x;
}

/** A B over the last two axes; the others broadcast. */
export function product(a: NdArray, b: NdArray, alpha = 1): NdArray {
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const out = new Float64Array(sizeOf(batch) * m * n);
  let start = 0;
  for (const index of indices(batch)) {
    const fromA = offsetOf(a.shape, [...index, 0, 0]);
    const fromB = offsetOf(b.shape, [...index, 0, 0]);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let c = 0; c < k; c++) sum += a.data[fromA + i * k + c]! * b.data[fromB + c * n + j]!;
        out[start + i * n + j] = alpha * sum;
      }
    start += m * n;
  }
  return { shape: [...batch, m, n], data: out };
}

/** Folds the given axes, which stay with length 1, from 0 up. */
export function fold(x: NdArray, axes: readonly number[], f: (sum: number, x: number) => number): NdArray {
  const shape = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const out = new Float64Array(sizeOf(shape));
  for (const index of indices(x.shape)) {
    const offset = offsetOf(shape, index);
    out[offset] = f(out[offset]!, at(x, index));
  }
  return { shape, data: out };
}

/** The largest along each of the axes, which stay with length 1. */
export function largest(x: NdArray, axes: readonly number[]): NdArray {
  const shape = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const out = new Float64Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY);
  for (const index of indices(x.shape)) {
    const offset = offsetOf(shape, index);
    out[offset] = Math.max(out[offset]!, at(x, index));
  }
  return { shape, data: out };
}

/** A shape with its named axes filled in. */
export function resolveShape(shape: Shape, axes: ReadonlyMap<string, number>): number[] {
  return shape.map((dim) => {
    const known = evaluateDim(dim, axes);
    if (known === undefined) throw new Error(`resolveShape: the axis ${dim} of [${shape}] has no length`);
    return known;
  });
}
