/**
 * Experts of Hugging Face's checkpoints in MXFP4 (OCP Microscaling): for a weight NAME, (E, in, out), the tensors
 * NAME_blocks, uint8 (E, out, in / 32, 16), and NAME_scales, uint8 (E, out, in / 32). Knows no models.
 */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { E2M1 } from "./blocks-of-32.ts";
import type { FloatRows } from "./float-rows.ts";
import { type Packed, type PackFormat, packedMemory } from "./pack.ts";
import { QUANTIZATION } from "./quantization.ts";
import type { TensorEntry } from "./safetensors.ts";

/** Where such a weight is. */
export interface Mxfp4Entry {
  readonly name: string;
  readonly experts: number;
  /** Rows of outputs, and elements of a row. */
  readonly rows: number;
  readonly width: number;
  readonly blocks: TensorEntry;
  readonly scales: TensorEntry;
}

/** {@link E2M1} with the zero below zero, which transformers keeps. */
const LEVELS = Float64Array.from(E2M1, (level, code) => (code === 8 ? -0 : level));

/** Elements that share a scale, in half as many bytes. */
const BLOCK = 32;
const BLOCK_BYTES = BLOCK / 2;

/** The exponent of no number. */
const NAN_SCALE = 255;

/** The packed form that holds MXFP4's very numbers: its levels, doubled, are whole numbers up to 12. */
export const MXFP4_FORMAT: PackFormat = { bits: 8, block: BLOCK };

/** Whether config.json says that experts are in MXFP4. */
export function saysMxfp4(config: JsonObject): boolean {
  const json = config[QUANTIZATION];
  return isJsonObject(json) && json.quant_method === "mxfp4";
}

/**
 * The weights of these names and shapes, (E, in, out), that are stored in MXFP4; those of which there is neither tensor
 * are weights as any others. Throws BAD_WEIGHTS naming `where` and the tensor that is missing or not as it must be.
 */
export function findMxfp4(
  weights: ReadonlyMap<string, TensorEntry>,
  shapes: ReadonlyMap<string, readonly number[]>,
  where: string,
): Map<string, Mxfp4Entry> {
  const found = new Map<string, Mxfp4Entry>();
  for (const [name, shape] of shapes) {
    const [blocks, scales] = [weights.get(`${name}_blocks`), weights.get(`${name}_scales`)];
    if (!blocks && !scales) continue;
    const [experts, width, rows] = shape as [number, number, number];
    if (shape.length !== 3 || width % BLOCK !== 0)
      fail(
        "BAD_WEIGHTS",
        `${where}: ${name}: got MXFP4 for shape [${shape}], expected experts of rows of whole blocks`,
      );
    const expected = [experts, rows, width / BLOCK];
    found.set(name, {
      name,
      experts,
      rows,
      width,
      blocks: checked(blocks, `${name}_blocks`, [...expected, BLOCK_BYTES], where),
      scales: checked(scales, `${name}_scales`, expected, where),
    });
  }
  return found;
}

function checked(entry: TensorEntry | undefined, name: string, shape: readonly number[], where: string): TensorEntry {
  if (!entry) return fail("BAD_WEIGHTS", `${where}: the tensor ${name} is missing, and its other half is there`);
  if (entry.dtype !== "uint8" || entry.shape.join() !== shape.join())
    fail("BAD_WEIGHTS", `${entry.file}: ${name}: got ${entry.dtype} [${entry.shape}], expected uint8 [${shape}]`);
  return entry;
}

/** Rows of outputs of one expert. */
export function mxfp4Rows(host: Host, entry: Mxfp4Entry, expert: number): FloatRows {
  const { name, rows, width } = entry;
  return {
    where: `${entry.blocks.file}: ${name}[${expert}]`,
    rows,
    width,
    rowBytes: (width / BLOCK) * (BLOCK_BYTES + 1),
    read(first, count) {
      const values = new Float32Array(count * width);
      eachBlock(host, entry, expert * rows + first, count, (block, scale, bytes, at) => {
        const to = block * BLOCK;
        for (let i = 0; i < BLOCK_BYTES; i++) {
          const pair = bytes[at + i]!;
          values[to + 2 * i] = scale * LEVELS[pair & 15]!;
          values[to + 2 * i + 1] = scale * LEVELS[pair >> 4]!;
        }
      });
      return values;
    },
  };
}

/** One expert's rows in {@link MXFP4_FORMAT}: the very numbers. */
export function packMxfp4(host: Host, entry: Mxfp4Entry, expert: number): Packed {
  const { rows, width } = entry;
  const { quants, scales } = packedMemory(rows, width, MXFP4_FORMAT);
  eachBlock(host, entry, expert * rows, rows, (block, scale, bytes, at) => {
    scales[block] = scale;
    const to = block * BLOCK;
    for (let i = 0; i < BLOCK_BYTES; i++) {
      const pair = bytes[at + i]!;
      quants[to + 2 * i] = 128 + E2M1[pair & 15]!;
      quants[to + 2 * i + 1] = 128 + E2M1[pair >> 4]!;
    }
  });
  return { quants, scales };
}

/** The whole weight, (E, in, out). */
export function readMxfp4(host: Host, entry: Mxfp4Entry): Float32Array {
  const { experts, rows, width } = entry;
  const out = new Float32Array(experts * rows * width);
  for (let expert = 0; expert < experts; expert++) {
    const values = mxfp4Rows(host, entry, expert).read(0, rows);
    const base = expert * rows * width;
    for (let n = 0; n < rows; n++) for (let k = 0; k < width; k++) out[base + k * rows + n] = values[n * width + k]!;
  }
  return out;
}

/** Shows every block of rows `first` to `first + count` of all experts: its number from the first, half its scale, and its bytes. */
function eachBlock(
  host: Host,
  { name, width, blocks, scales }: Mxfp4Entry,
  first: number,
  count: number,
  show: (block: number, scale: number, bytes: Uint8Array, at: number) => void,
): void {
  const perRow = width / BLOCK;
  const bytes = host.readBytes(blocks.file, blocks.offset + first * perRow * BLOCK_BYTES, count * perRow * BLOCK_BYTES);
  const exponents = host.readBytes(scales.file, scales.offset + first * perRow, count * perRow);
  for (let block = 0; block < exponents.length; block++) {
    const exponent = exponents[block]!;
    if (exponent === NAN_SCALE)
      fail(
        "BAD_WEIGHTS",
        `${scales.file}: ${name}_scales: row ${first + Math.floor(block / perRow)}: got a scale of 255, which is no number`,
      );
    // The levels are doubled, so the scale is half of 2^(exponent - 127).
    show(block, 2 ** (exponent - 128), bytes, block * BLOCK_BYTES);
  }
}
