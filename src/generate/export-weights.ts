/** A folder's weights as the bytes of a GGUF file's tensors, a piece at a time: plain floats, and rows that are packed. Writes nothing. */
import { bytesOf } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import type { PlannedTensor } from "../models/gguf-export.ts";
import { type PlannedWeight, packPlan } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { type BlockFormat, type BlockFormatName, blockBytes, blockFormat } from "../weights/blocks.ts";
import { findWeight, openWeights, readFloat32 } from "../weights/folder.ts";
import type { GgufTensorSource } from "../weights/gguf-write.ts";
import { packedSizes, unpackRows } from "../weights/pack.ts";
import { holdsPacked, packedToBlocks } from "../weights/packed-blocks.ts";
import { findPacked, type PackedEntries, readQuantization } from "../weights/quantization.ts";
import type { TensorEntry } from "../weights/safetensors.ts";
import { transpose } from "../weights/stored.ts";

/** A weight in a folder, read some rows at a time. A row is what its last axis holds. */
export interface ExportWeight {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  /** The rows are those of the transposed weight. */
  readonly turned: boolean;
  read(first: number, count: number): Float32Array;
  /** The rows as blocks that hold the same integers; undefined where the format cannot. */
  blocks(format: BlockFormatName, first: number, count: number): Uint8Array | undefined;
}

/**
 * The weights of a folder, by Hugging Face's names; of one that `quantization_config` says is packed, most are.
 * `shapes` are of the model's parameters. Throws BAD_WEIGHTS naming what is missing or of another shape.
 */
export function exportWeights(
  host: Host,
  folder: string,
  model: CausalLm,
  shapes: ReadonlyMap<string, readonly number[]>,
  configFile: string,
): ReadonlyMap<string, ExportWeight> {
  const weightOf = folderWeights(host, folder, model, configFile);
  return new Map([...shapes].map(([name, shape]) => [name, weightOf(name, shape)]));
}

/** {@link exportWeights} one at a time, by name and shape. */
export function folderWeights(
  host: Host,
  folder: string,
  model: CausalLm,
  configFile: string,
): (name: string, shape: readonly number[]) => ExportWeight {
  const tensors = openWeights(host, folder);
  const held = readQuantization(model.config, configFile);
  const planned = new Map((held ? packPlan(model, held).flat() : []).map((weight) => [weight.name, weight]));
  return (name, shape) => {
    const weight = planned.get(name);
    const packed = weight && findPacked(tensors, weight, folder);
    return packed
      ? packedWeight(host, weight, packed)
      : floatWeight(host, name, findWeight(tensors, name, shape, folder));
  };
}

function floatWeight(host: Host, name: string, entry: TensorEntry): ExportWeight {
  const { file, dtype, shape, offset } = entry;
  const width = shape.at(-1) ?? 1;
  const rowBytes = width * bytesOf(dtype);
  return {
    name,
    rows: entry.length / rowBytes,
    width,
    turned: false,
    read(first, count) {
      const part = { file, dtype, shape: [count, width], offset: offset + first * rowBytes, length: count * rowBytes };
      return readFloat32(host, part);
    },
    blocks: () => undefined,
  };
}

function packedWeight(host: Host, weight: PlannedWeight, { quants, scales }: PackedEntries): ExportWeight {
  const { name, rows, width, format, layout } = weight;
  const { blocks, blockBytes } = packedSizes(width, format);
  const read = (first: number, count: number) => ({
    quants: host.readBytes(quants.file, quants.offset + first * blocks * blockBytes, count * blocks * blockBytes),
    scales: readFloat32(host, {
      ...scales,
      offset: scales.offset + 4 * first * blocks,
      length: 4 * count * blocks,
    }),
  });
  return {
    name,
    rows,
    width,
    turned: layout === "in-out",
    read: (first, count) => unpackRows(read(first, count), width, format),
    blocks(to, first, count) {
      if (!holdsPacked(to, width, format)) return undefined;
      return packedToBlocks(read(first, count), width, format, to, `${quants.file}: ${name}`);
    },
  };
}

/** A tensor of the file, in a format, from the weights that make it. Holds one piece of one weight, or one where its rows move. */
export function tensorSource(
  planned: PlannedTensor,
  format: BlockFormatName,
  weights: ReadonlyMap<string, ExportWeight>,
): GgufTensorSource {
  const { name, shape, rows } = planned;
  return {
    name,
    shape,
    format,
    *pieces() {
      for (const weight of planned.weights) {
        const pieces = piecesOf(weights.get(weight)!, planned, format);
        if (rows) yield inOrder(joined([...pieces]), rows);
        else yield* pieces;
      }
    },
  };
}

/** Elements that are read, changed and written at a time. */
const PIECE_ELEMENTS = 2 ** 20;

function* piecesOf(
  weight: ExportWeight,
  { plusOne, transposed, shape }: PlannedTensor,
  format: BlockFormatName,
): Generator<Uint8Array> {
  const { name, rows, width } = weight;
  const turn = shape.length === 2 && (transposed === true) !== weight.turned;
  if (turn) return yield encoded(transpose(weight.read(0, rows), rows, width), name, format);
  const most = Math.max(1, Math.floor(PIECE_ELEMENTS / width));
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const held = plusOne ? undefined : weight.blocks(format, first, count);
    if (held) {
      yield held;
      continue;
    }
    const values = weight.read(first, count);
    if (plusOne) for (let i = 0; i < values.length; i++) values[i]! += 1;
    yield encoded(values, name, format);
  }
}

/** The largest number of each format; a block's scale is a float16. */
const MOST: Partial<Record<BlockFormatName, number>> = { F16: 65504, Q8_0: 65504 * 127, Q4_0: 65504 * 8 };

function encoded(values: Float32Array, weight: string, name: BlockFormatName): Uint8Array {
  const format: BlockFormat = blockFormat(name);
  const most = MOST[name] ?? Number.MAX_VALUE;
  for (let i = 0; i < values.length; i++)
    if (!(Math.abs(values[i]!) <= most))
      fail("BAD_WEIGHTS", `${weight}: got an element of ${values[i]}, expected at most ${most} for ${name}`);
  if (!format.quantise) return fail("BUG", `${name} is not written`);
  const out = new Uint8Array(blockBytes(format, values.length));
  format.quantise(values, out);
  return out;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** Row i of the result is row `rows[i]` of what is given. */
function inOrder(bytes: Uint8Array, rows: Int32Array): Uint8Array {
  const width = bytes.length / rows.length;
  const out = new Uint8Array(bytes.length);
  for (let to = 0; to < rows.length; to++) {
    const from = rows[to]! * width;
    out.set(bytes.subarray(from, from + width), to * width);
  }
  return out;
}
