/**
 * Rows of numbers as the 4 or 8 bit integers of ONNX Runtime's MatMulNBits, a scale a block. Knows no files and no
 * names; refuses NaN and infinity, which no scale can hold.
 */
import { fail } from "../base/errors.ts";

/** How numbers are packed. A value is (q - zero) * scale, where `zero` is 8 for 4 bits and 128 for 8. */
export interface PackFormat {
  readonly bits: 4 | 8;
  /** Values of a row that share a scale: a power of two from 16 to 256. */
  readonly block: number;
}

/** Packed rows: N rows of K values in `ceil(K / block)` blocks. */
export interface Packed {
  /** (N, blocks, block * bits / 8): at 4 bits two values a byte, the first in the low half. */
  readonly quants: Uint8Array;
  /** (N, blocks). Finite, never zero, negative where a block's heaviest value is positive. */
  readonly scales: Float32Array;
}

/** Sizes of packed rows. */
export interface PackedSizes {
  readonly blocks: number;
  /** Bytes of a block of `quants`. */
  readonly blockBytes: number;
}

/**
 * How a scale is found: `nearest` takes the heaviest value over -8 (or -128) and rounds; `search` tries scales around
 * it and keeps the one of least squared error.
 */
export type Rounding = "nearest" | "search";

/** Packs rows of one format, any number of times. */
export type PackRows = (rows: Float32Array, width: number, target: Packed, options?: PackOptions) => void;

/** What is packed, for messages. */
export interface PackOptions {
  readonly where?: string;
  /** The number of the first of the rows in their tensor. */
  readonly firstRow?: number;
}

/** Scales smaller than float32's normal numbers are flushed to zero by processors. */
const SMALLEST_SCALE = 2 ** -126;
const FLOAT32_MAX = 3.4028234663852886e38;

/** Steps from zero to the heaviest value, besides 8 (or 128) itself, that the search tries. */
const TRIED_BESIDE = [-1, -0.5, 0.5, 1];
/** Times that integers and their best scale may change each other. */
const REFINEMENTS = 2;

/** Throws BAD_OPTION for bits and blocks that the runtime has no kernel for. `where` begins the message. */
export function checkPackFormat({ bits, block }: { bits: number; block: number }, where = "quantise"): void {
  if (bits !== 4 && bits !== 8) fail("BAD_OPTION", `${where}: bits: got ${bits}, expected 4 or 8`);
  if (!(Number.isInteger(block) && block >= 16 && block <= 256 && Number.isInteger(Math.log2(block))))
    fail("BAD_OPTION", `${where}: block: got ${block}, expected 16, 32, 64, 128 or 256`);
}

/** Sizes of rows of `width` values. */
export function packedSizes(width: number, { bits, block }: PackFormat): PackedSizes {
  return { blocks: Math.ceil(width / block), blockBytes: (block * bits) / 8 };
}

/** Memory for packed rows. */
export function packedMemory(rows: number, width: number, format: PackFormat): Packed {
  const { blocks, blockBytes } = packedSizes(width, format);
  return { quants: new Uint8Array(rows * blocks * blockBytes), scales: new Float32Array(rows * blocks) };
}

/**
 * A packer of rows. It fills `target`, which must have exactly the room of the rows. A last block that is not full is
 * padded with zeros. Throws BAD_WEIGHTS naming row and column of a value that is not finite, BAD_SHAPE for sizes that
 * do not fit.
 */
export function createPacker(format: PackFormat, rounding: Rounding): PackRows {
  checkPackFormat(format);
  const { bits, block } = format;
  const values = new Float64Array(block);
  const fitted = new Float64Array(2);
  return (rows, width, { quants, scales }, { where = "rows", firstRow = 0 } = {}) => {
    const { blocks, blockBytes } = packedSizes(width, format);
    const count = rows.length / width;
    if (quants.length !== count * blocks * blockBytes || scales.length !== count * blocks)
      fail("BAD_SHAPE", `${where}: got room for ${scales.length} blocks, expected ${count * blocks}`);
    for (let row = 0, at = 0; row < count; row++) {
      for (let first = 0; first < width; first += block, at++) {
        const from = row * width + first;
        const size = Math.min(block, width - first);
        const heaviest = heaviestOf(rows, from, size);
        if (Number.isNaN(heaviest)) refuse(rows, from, size, where, firstRow + row, first);
        let scale = -heaviest / 2 ** (bits - 1);
        if (rounding === "search" && heaviest !== 0) {
          for (let i = 0; i < size; i++) values[i] = rows[from + i]!;
          scale = searchedScale(values, size, heaviest, bits, fitted) ?? scale;
        }
        scales[at] = boundedScale(scale, bits);
      }
      roundRow(rows, row * width, width, format, scales, at - blocks, quants, (at - blocks) * blockBytes);
    }
  };
}

/** Rounds one row, `rows[from..from + width)`, by the scales from `scaleAt` on into the blocks from `to` on. */
export function roundRow(
  rows: Float32Array,
  from: number,
  width: number,
  { bits, block }: PackFormat,
  scales: Float32Array,
  scaleAt: number,
  quants: Uint8Array,
  to: number,
): void {
  const round = bits === 4 ? round4 : round8;
  for (let first = 0, b = 0; first < width; first += block, b++) {
    const size = Math.min(block, width - first);
    round(rows, from + first, size, block, scales[scaleAt + b]!, quants, to + (b * block * bits) / 8);
  }
}

/** Rows packed into memory of their own. */
export function packRows(
  rows: Float32Array,
  width: number,
  format: PackFormat,
  options: PackOptions & { readonly rounding?: Rounding } = {},
): Packed {
  const target = packedMemory(rows.length / width, width, format);
  createPacker(format, options.rounding ?? "search")(rows, width, target, options);
  return target;
}

/** The values that packed rows stand for: (N, width). */
export function unpackRows({ quants, scales }: Packed, width: number, format: PackFormat): Float32Array {
  const { blocks, blockBytes } = packedSizes(width, format);
  const { bits, block } = format;
  const rows = new Float32Array((scales.length / blocks) * width);
  for (let at = 0, to = 0; at < scales.length; at++) {
    const size = Math.min(block, width - (at % blocks) * block);
    for (let i = 0; i < size; i++, to++) {
      const byte = quants[at * blockBytes + (bits === 4 ? i >> 1 : i)]!;
      const q = bits === 8 ? byte - 128 : ((byte >> (4 * (i & 1))) & 15) - 8;
      rows[to] = q * scales[at]!;
    }
  }
  return rows;
}

/** The value of largest magnitude, with its sign; NaN where one is not finite. */
function heaviestOf(rows: Float32Array, from: number, size: number): number {
  let heaviest = 0;
  let magnitude = 0;
  let poison = 0;
  for (let i = from; i < from + size; i++) {
    const value = rows[i]!;
    const size = Math.abs(value);
    poison += value - value;
    if (size > magnitude) {
      magnitude = size;
      heaviest = value;
    }
  }
  return heaviest + poison;
}

function refuse(rows: Float32Array, from: number, size: number, where: string, row: number, column: number): never {
  const i = rows.subarray(from, from + size).findIndex((value) => !Number.isFinite(value));
  return fail(
    "BAD_WEIGHTS",
    `${where}: row ${row}, column ${column + i}: got ${rows[from + i]}, expected a finite number. The model is broken: train it again with a lower learning rate, or get the file again.`,
  );
}

/** A scale as float32 holds it: never zero, and no value beyond what float32 holds. Zeros take a scale of one. */
function boundedScale(scale: number, bits: number): number {
  if (scale === 0) return 1;
  const magnitude = Math.min(Math.max(Math.abs(scale), SMALLEST_SCALE), FLOAT32_MAX / 2 ** (bits - 1));
  return Math.fround(Math.sign(scale) * magnitude);
}

/**
 * The scale of least squared error among those tried. For fixed integers q it is sum(w q) / sum(q q), and the error is
 * less than that of zeros by sum(w q)^2 / sum(q q). Undefined where squares leave the range of floats.
 */
function searchedScale(
  values: Float64Array,
  size: number,
  heaviest: number,
  bits: number,
  fitted: Float64Array,
): number | undefined {
  const half = 2 ** (bits - 1);
  let best: number | undefined;
  let most = 0;
  const tried = (inverse: number): boolean => {
    fit(values, size, inverse, half, fitted);
    const gain = (fitted[0]! * fitted[0]!) / fitted[1]!;
    // Rounding alone makes gains of equal integers differ.
    if (!(gain > most * (1 + 1e-12)) || gain === Number.POSITIVE_INFINITY) return false;
    most = gain;
    best = fitted[0]! / fitted[1]!;
    return true;
  };
  tried(-half / heaviest);
  for (const steps of TRIED_BESIDE) tried(-(half + steps) / heaviest);
  for (let i = 0; i < REFINEMENTS && best !== undefined; i++) if (!tried(1 / best)) break;
  return best;
}

/** Sums of w q and of q q over a block, where q are the integers that a scale of 1 / `inverse` gives. */
function fit(values: Float64Array, size: number, inverse: number, half: number, sums: Float64Array): void {
  const top = 2 * half - 1;
  let wq = 0;
  let qq = 0;
  for (let i = 0; i < size; i++) {
    const value = values[i]!;
    let q = (value * inverse + half + 0.5) | 0;
    q = Math.max(0, Math.min(top, q)) - half;
    wq += value * q;
    qq += q * q;
  }
  sums[0] = wq;
  sums[1] = qq;
}

function round4(
  rows: Float32Array,
  from: number,
  size: number,
  block: number,
  scale: number,
  quants: Uint8Array,
  to: number,
): void {
  const inverse = 1 / scale;
  const pairs = size >> 1;
  for (let i = 0; i < pairs; i++) {
    let low = (rows[from + 2 * i]! * inverse + 8.5) | 0;
    let high = (rows[from + 2 * i + 1]! * inverse + 8.5) | 0;
    low = Math.max(0, Math.min(15, low));
    high = Math.max(0, Math.min(15, high));
    quants[to + i] = low | (high << 4);
  }
  quants.fill(0x88, to + pairs, to + (block >> 1));
  if (size % 2 === 1) {
    const low = (rows[from + size - 1]! * inverse + 8.5) | 0;
    quants[to + pairs] = Math.min(15, Math.max(0, low)) | 0x80;
  }
}

function round8(
  rows: Float32Array,
  from: number,
  size: number,
  block: number,
  scale: number,
  quants: Uint8Array,
  to: number,
): void {
  const inverse = 1 / scale;
  for (let i = 0; i < size; i++) {
    const q = (rows[from + i]! * inverse + 128.5) | 0;
    quants[to + i] = Math.max(0, Math.min(255, q));
  }
  quants.fill(0x80, to + size, to + block);
}
