import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { feedbackOf, roundWithFeedback } from "../../src/weights/feedback.ts";
import { packRows, unpackRows } from "../../src/weights/pack.ts";

const FORMAT = { bits: 4, block: 16 } as const;

/** Inputs (count, width) of which neighbours resemble each other. */
function inputs(count: number, width: number): Float64Array[] {
  const random = rng(5, "feedback");
  return Array.from({ length: count }, () => {
    const row = new Float64Array(width);
    for (let i = 0; i < width; i++) row[i] = random.normal() + (i > 0 ? 0.9 * row[i - 1]! : 0);
    return row;
  });
}

/** X^T X of columns `from` to before `to`. */
function gram(x: readonly Float64Array[], from: number, to: number): Float32Array {
  const n = to - from;
  return Float32Array.from({ length: n * n }, (_, at) =>
    x.reduce((sum, row) => sum + row[from + Math.floor(at / n)]! * row[from + (at % n)]!, 0),
  );
}

function normals(count: number): Float32Array {
  const random = rng(6, "feedback");
  return Float32Array.from({ length: count }, () => random.normal());
}

/** Sum of the squared differences of products with the inputs. */
function outputError(x: readonly Float64Array[], rows: Float32Array, got: Float32Array, width: number): number {
  let sum = 0;
  for (let r = 0; r < rows.length; r += width)
    for (const row of x) sum += row.reduce((dot, value, i) => dot + value * (rows[r + i]! - got[r + i]!), 0) ** 2;
  return sum;
}

/** The definition (Frantar et al. 2022, section 3.3): the rest of H is inverted anew after each column. */
function shareByDefinition(h: number[][], column: number): number[] {
  const rest = h.slice(column).map((row) => row.slice(column));
  const first = inverse(rest)[0]!;
  return first.map((value) => value / first[0]!);
}

/** Gauss-Jordan. */
function inverse(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => Number(i === j))]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    rows[i] = rows[i]!.map((value) => value / pivot);
    for (let k = 0; k < n; k++)
      if (k !== i) {
        const factor = rows[k]![i]!;
        rows[k] = rows[k]!.map((value, j) => value - factor * rows[i]![j]!);
      }
  }
  return rows.map((row) => row.slice(n));
}

describe("rounding with feedback", () => {
  test("spreads errors as the definition does", () => {
    const n = 12;
    const g = gram(inputs(50, n), 0, n);
    const h = Array.from({ length: n }, (_, i) => [...g.subarray(i * n, (i + 1) * n)]);
    const damping = (0.05 * h.reduce((sum, row, i) => sum + row[i]!, 0)) / n;
    h.forEach((row, i) => {
      row[i]! += damping;
    });
    const [shares] = feedbackOf([g]).shares;
    for (let column = 0; column < n; column++)
      shareByDefinition(h, column).forEach((share, j) => {
        assert.ok(Math.abs(share - shares![(column + j) * n + column]!) < 1e-9);
      });
  });

  test("halves the error of products with inputs that resemble each other, in chunks too, and widths that are none", () => {
    for (const [width, chunk, most] of [
      [64, 64, 0.5],
      [64, 32, 0.55],
      [57, 32, 0.55],
    ] as const) {
      const x = inputs(400, width);
      const rows = normals(23 * width);
      const packed = packRows(rows, width, FORMAT);
      const before = outputError(x, rows, unpackRows(packed, width, FORMAT), width);
      const grams = Array.from({ length: Math.ceil(width / chunk) }, (_, c) =>
        gram(x, c * chunk, Math.min(width, (c + 1) * chunk)),
      );
      roundWithFeedback(rows.slice(), width, packed, FORMAT, feedbackOf(grams));
      const after = outputError(x, rows, unpackRows(packed, width, FORMAT), width);
      assert.ok(after < most * before, `${width} ${chunk}: ${after / before}`);
    }
  });

  test("changes nothing where inputs were never seen, or were no numbers", () => {
    const rows = normals(8 * 32);
    const expected = packRows(rows, 32, FORMAT);
    for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const packed = packRows(rows, 32, FORMAT);
      roundWithFeedback(rows.slice(), 32, packed, FORMAT, feedbackOf([new Float32Array(32 * 32).fill(value)]));
      assert.deepEqual(packed, expected);
    }
  });

  test("takes inputs that are all alike, and columns that are always zero", () => {
    const rows = normals(8 * 32);
    for (const of of [() => 1, (i: number) => Number(i % 32 > 3 && Math.floor(i / 32) > 3)]) {
      const packed = packRows(rows, 32, FORMAT);
      roundWithFeedback(
        rows.slice(),
        32,
        packed,
        FORMAT,
        feedbackOf([Float32Array.from({ length: 1024 }, (_, i) => of(i))]),
      );
      assert.ok(unpackRows(packed, 32, FORMAT).every(Number.isFinite));
    }
  });
});
