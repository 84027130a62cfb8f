/** Weights whose bytes are in a file in any block format and order, and how they become what a model takes. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type BlockFormatName, blockBytes, blockFormat } from "./blocks.ts";

/**
 * A weight under its Hugging Face name and shape, and what to do with the bytes of `file` from `offset` to make it. The
 * source is first put into the order of `rows` or transposed, then one is taken away. Without any of the three the bytes
 * are the weight as it is: then plain floats can be pointed at in place.
 */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: BlockFormatName;
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  /** Row i of the weight is row `rows[i]` of the source, a permutation. A row is the last axis; of a vector, one element. */
  readonly rows?: Int32Array;
  /** The source is (columns, rows) of the weight's (rows, columns). */
  readonly transposed?: true;
  /** The source holds the weight plus one. */
  readonly minusOne?: true;
}

/** True when the source's bytes are the weight's own. */
export function isPlain({ rows, transposed, minusOne }: StoredTensor): boolean {
  return !rows && !transposed && !minusOne;
}

/** Elements of a row, the unit that `rows` moves. */
const rowElements = ({ shape }: StoredTensor): number => (shape.length > 1 ? shape.at(-1)! : 1);

/**
 * A weight's bytes in its own format and the order of its rows. Throws UNSUPPORTED for what has no bytes of its own:
 * transposed weights, and those that one is taken from.
 */
export function readStoredBytes(host: Host, tensor: StoredTensor): Uint8Array {
  const { file, name, offset, length, rows, format } = tensor;
  if (tensor.transposed || tensor.minusOne) fail("UNSUPPORTED", `${file}: ${name}: has no ${format} bytes of its own`);
  const source = host.readBytes(file, offset, length);
  return rows ? inOrder(source, rows, blockBytes(blockFormat(format), rowElements(tensor))) : source;
}

/** Rows of `bytes` each, put in an order. */
function inOrder(source: Uint8Array, rows: Int32Array, bytes: number): Uint8Array {
  const out = new Uint8Array(source.length);
  for (let i = 0; i < rows.length; i++) out.set(source.subarray(rows[i]! * bytes, (rows[i]! + 1) * bytes), i * bytes);
  return out;
}

/** A weight's elements as float32. Holds its bytes and its elements at once, and no more. */
export function readStored(host: Host, tensor: StoredTensor): Float32Array {
  const { shape, transposed, minusOne, ...rest } = tensor;
  const bytes = readStoredBytes(host, { shape, ...rest });
  const values = new Float32Array(shape.reduce((n, dim) => n * dim, 1));
  blockFormat(tensor.format).dequantise(bytes, values);
  const ordered = transposed ? transpose(values, shape[1]!, shape[0]!) : values;
  if (minusOne) for (let i = 0; i < ordered.length; i++) ordered[i]! -= 1;
  return ordered;
}

/** (rows, columns) to (columns, rows). */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return out;
}
