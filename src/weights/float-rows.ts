/** Matrices of any float format read a few rows at a time, as float32. Knows where they are, not what they are for. */
import { bytesOf, toFloat32, viewAs } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { blockFormat } from "./blocks.ts";
import { readTensorInto, type TensorEntry } from "./safetensors.ts";
import { readStored, type StoredTensor } from "./stored.ts";

/** A matrix in a file. */
export interface FloatRows {
  /** The file, and the name in it, for messages. */
  readonly where: string;
  readonly rows: number;
  readonly width: number;
  /** Bytes of a row in the file. */
  readonly rowBytes: number;
  /** Rows `first` to before `first + count`, in memory of their own. */
  read(first: number, count: number): Float32Array;
}

/** A matrix of a safetensors file. Throws BAD_SHAPE for what has not two axes. */
export function tensorRows(host: Host, name: string, entry: TensorEntry): FloatRows {
  const where = `${entry.file}: ${name}`;
  const [rows, width] = matrixShape(entry.shape, where);
  const rowBytes = width * bytesOf(entry.dtype);
  const read = (first: number, count: number) => {
    const part = { ...entry, offset: entry.offset + first * rowBytes, length: count * rowBytes };
    const data = viewAs(entry.dtype, new ArrayBuffer(part.length));
    readTensorInto(host, part, data);
    return entry.dtype === "float32" ? (data as Float32Array) : toFloat32(entry.dtype, data);
  };
  return { where, rows, width, rowBytes, read };
}

/** The part `index` along the first axis of a tensor. */
export function partEntry(entry: TensorEntry, index: number): TensorEntry {
  const [count = 1, ...shape] = entry.shape;
  const length = entry.length / count;
  return { ...entry, shape, offset: entry.offset + index * length, length };
}

/** A matrix of a GGUF file; one whose rows are in another order there is read once, as a whole. */
export function storedRows(host: Host, tensor: StoredTensor): FloatRows {
  const where = `${tensor.file}: ${tensor.name}`;
  const [rows, width] = matrixShape(tensor.shape, where);
  const rowBytes = tensor.length / rows;
  const { dequantise } = blockFormat(tensor.format);
  let whole: Float32Array | undefined;
  const read = (first: number, count: number) => {
    if (tensor.rows || tensor.transposed || tensor.minusOne) {
      whole ??= readStored(host, tensor);
      return whole.slice(first * width, (first + count) * width);
    }
    const values = new Float32Array(count * width);
    dequantise(host.readBytes(tensor.file, tensor.offset + first * rowBytes, count * rowBytes), values);
    return values;
  };
  return { where, rows, width, rowBytes, read };
}

/** The transposed matrix: read once, as a whole. */
export function transposedRows(source: FloatRows): FloatRows {
  const { where, rows: width, width: rows } = source;
  let whole: Float32Array | undefined;
  const read = (first: number, count: number) => {
    whole ??= source.read(0, source.rows);
    const out = new Float32Array(count * width);
    for (let k = 0; k < width; k++) for (let n = 0; n < count; n++) out[n * width + k] = whole[k * rows + first + n]!;
    return out;
  };
  return { where, rows, width, rowBytes: (source.rowBytes / rows) * width, read };
}

function matrixShape(shape: readonly number[], where: string): [rows: number, width: number] {
  if (shape.length !== 2) fail("BAD_SHAPE", `${where}: got shape [${shape}], expected a matrix`);
  return shape as [number, number];
}
