/** A weight and what adapters make of it, as rows of float32, a few at a time. Knows no model and writes nothing. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import type { AdapterModule } from "./adapter.ts";
import type { FloatRows } from "./float-rows.ts";
import { readFloat32 } from "./folder.ts";
import { transpose } from "./stored.ts";

/** A low-rank change of a matrix of rows: scale L R, with L (rows, r) and R (r, width). */
export interface LowRank {
  readonly rank: number;
  readonly scale: number;
  readonly left: Float32Array;
  readonly right: Float32Array;
  /** DoRA (Liu et al. 2024): what the length of each output's weights becomes; an output is a row or a column here. */
  readonly magnitude?: { readonly values: Float32Array; readonly of: "rows" | "columns" } | undefined;
}

/** What one adapter does to a weight, and its share in the sum of all. */
export interface WeightUpdate {
  readonly share: number;
  readonly low?: LowRank | undefined;
  /** Takes the weight's place. */
  readonly replaced?: FloatRows | undefined;
}

/** The update of a weight that lies (out, in), or (in, out) as GPT-2's matrices and all embeddings do. */
export function lowRankOf(host: Host, { a, b, rank, scale, magnitude }: AdapterModule, outFirst: boolean): LowRank {
  const [aData, bData] = [readFloat32(host, a), readFloat32(host, b)]; // (r, in), (out, r)
  const [inner, outer] = [a.shape[1]!, b.shape[0]!];
  return {
    rank,
    scale,
    left: outFirst ? bData : transpose(aData, rank, inner),
    right: outFirst ? aData : transpose(bData, outer, rank),
    magnitude: magnitude && { values: readFloat32(host, magnitude), of: outFirst ? "rows" : "columns" },
  };
}

/**
 * W + sum of share (W_k - W), where W_k is the weight with adapter k alone: the exact sum of changes for LoRA, whatever
 * the shares. Sums are of 64 bits. What is read is BAD_WEIGHTS where it is not finite.
 */
export function mergedRows(base: FloatRows, updates: readonly WeightUpdate[]): FloatRows {
  const { rows, width } = base;
  const terms = updates.map((update) => termOf(base, update));
  const kept = 1 - terms.reduce((sum, { takes }) => sum + takes, 0);
  const row = new Float64Array(width);
  const read = (first: number, count: number): Float32Array => {
    const from = base.read(first, count);
    const sources = terms.map(({ open }) => open(first, count, from));
    const out = new Float32Array(count * width);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < width; j++) row[j] = kept === 0 ? 0 : kept * from[i * width + j]!;
      for (const add of sources) add(i, row);
      out.set(row, i * width);
    }
    checkFinite(out, base.where);
    return out;
  };
  return { where: base.where, rows, width, rowBytes: 4 * width, read };
}

/** Adds one adapter's part of row `i` of those that were opened. */
type AddRow = (i: number, row: Float64Array) => void;

interface Term {
  /** Its share of the base's own weight, where it brings one of its own. */
  readonly takes: number;
  open(first: number, count: number, from: Float32Array): AddRow;
}

function termOf(base: FloatRows, { share, low, replaced }: WeightUpdate): Term {
  const { width } = base;
  if (replaced) {
    const open = (first: number, count: number): AddRow => {
      const values = replaced.read(first, count);
      return (i, row) => {
        for (let j = 0; j < width; j++) row[j]! += share * values[i * width + j]!;
      };
    };
    return { takes: share, open };
  }
  if (!low) return { takes: 0, open: () => () => {} };
  if (!low.magnitude)
    return { takes: 0, open: (first) => (i, row) => addProduct(row, low, first + i, share * low.scale) };
  return doraTerm(base, share, low, low.magnitude);
}

/** share m / ||W + D|| (W + D), the length taken over the inputs of each output. */
function doraTerm(
  base: FloatRows,
  share: number,
  low: LowRank,
  { values, of }: NonNullable<LowRank["magnitude"]>,
): Term {
  const { width } = base;
  const changed = new Float64Array(width);
  const change = changer(width, low, changed);
  let factors: Float64Array | undefined;
  const open = (first: number, _count: number, from: Float32Array): AddRow => {
    if (of === "columns") factors ??= columnFactors(base, change, changed, values);
    return (i, row) => {
      change(from, i, first + i);
      const whole = factors ? 0 : values[first + i]! / lengthOf(changed);
      for (let j = 0; j < width; j++) row[j]! += share * (factors ? factors[j]! : whole) * changed[j]!;
    };
  };
  return { takes: share, open };
}

/** The factor of each output's weights by DoRA, m / ||W + D||: (out). Reads all rows, a few at a time. */
export function outputFactors(base: FloatRows, low: LowRank): Float64Array {
  const { values, of } = low.magnitude ?? fail("BUG", `${base.where}: has no magnitudes`);
  const changed = new Float64Array(base.width);
  const change = changer(base.width, low, changed);
  if (of === "columns") return columnFactors(base, change, changed, values);
  const factors = new Float64Array(base.rows);
  for (let first = 0; first < base.rows; first += PASS_ROWS) {
    const count = Math.min(PASS_ROWS, base.rows - first);
    const from = base.read(first, count);
    for (let i = 0; i < count; i++) {
      change(from, i, first + i);
      factors[first + i] = values[first + i]! / lengthOf(changed);
    }
  }
  return factors;
}

/** Makes `changed` row `i` of those given, which is row `number` of all, and its change. */
function changer(width: number, low: LowRank, changed: Float64Array) {
  return (from: Float32Array, i: number, number: number): void => {
    for (let j = 0; j < width; j++) changed[j] = from[i * width + j]!;
    addProduct(changed, low, number, low.scale);
  };
}

function lengthOf(vector: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < vector.length; j++) sum += vector[j]! * vector[j]!;
  return Math.sqrt(sum);
}

/** Rows that are read at a time where all are read for their columns' lengths. */
const PASS_ROWS = 64;

function columnFactors(
  base: FloatRows,
  change: (from: Float32Array, i: number, number: number) => void,
  changed: Float64Array,
  magnitudes: Float32Array,
): Float64Array {
  const squares = new Float64Array(base.width);
  for (let first = 0; first < base.rows; first += PASS_ROWS) {
    const count = Math.min(PASS_ROWS, base.rows - first);
    const from = base.read(first, count);
    for (let i = 0; i < count; i++) {
      change(from, i, first + i);
      for (let j = 0; j < squares.length; j++) squares[j]! += changed[j]! * changed[j]!;
    }
  }
  return squares.map((square, j) => magnitudes[j]! / Math.sqrt(square));
}

/** row += factor L[number] R. */
function addProduct(row: Float64Array, { rank, left, right }: LowRank, number: number, factor: number): void {
  const width = row.length;
  for (let r = 0; r < rank; r++) {
    const coefficient = factor * left[number * rank + r]!;
    if (coefficient === 0) continue;
    const start = r * width;
    for (let j = 0; j < width; j++) row[j]! += coefficient * right[start + j]!;
  }
}

function checkFinite(values: Float32Array, where: string): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]!))
      fail("BAD_WEIGHTS", `${where}: got ${values[i]} with the adapter, expected finite numbers`);
}
