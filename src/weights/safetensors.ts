/** The safetensors format, read strictly and written whole or not at all. Knows bytes and names, not models. */
import { bytesOf, type DType, type TensorData } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ["F64", "float64"],
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I16", "int16"],
  ["I8", "int8"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);
const NAMES: ReadonlyMap<DType, string> = new Map([...DTYPES].map(([name, dtype]) => [dtype, name]));

/** Where a tensor is: `offset` and `length` in bytes from the start of `file`. */
export interface TensorEntry {
  readonly file: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

/** A file's tensors by name, in the order of their bytes. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** The format's own limit, so that a damaged length allocates nothing large. */
const MAX_HEADER_BYTES = 100e6;

/**
 * Reads a header and checks every claim of it: known dtypes, sizes that match shapes, ranges that fill the file without
 * gap or overlap. Throws BAD_WEIGHTS naming file and tensor.
 */
export function readSafetensors(host: Host, file: string): SafetensorsFile {
  const size = host.fileSize(file);
  const bad = (what: string): never => fail("BAD_WEIGHTS", `${file}: ${what}`);
  if (size < 8) bad(`got ${size} bytes, expected a safetensors header`);
  const length = Number(new DataView(host.readBytes(file, 0, 8).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > size - 8)
    bad(`header length: got ${length}, expected at most ${Math.min(MAX_HEADER_BYTES, size - 8)}. The file may be cut.`);
  const header = parseHeader(host.readBytes(file, 8, length), bad);
  const metadata = new Map<string, string>();
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of header) {
    if (name === "__metadata__") for (const [k, v] of Object.entries(value ?? {})) metadata.set(k, String(v));
    else entries.push([name, checkedEntry(file, name, value, 8 + length, size)]);
  }
  entries.sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = 8 + length;
  for (const [name, entry] of entries) {
    if (entry.offset !== end) bad(`${name}: starts at byte ${entry.offset}, expected ${end}: no gap and no overlap`);
    end += entry.length;
  }
  if (end !== size) bad(`tensors end at byte ${end}, expected the file's end at ${size}`);
  return { metadata, tensors: new Map(entries) };
}

function parseHeader(bytes: Uint8Array, bad: (what: string) => never): [string, unknown][] {
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return Object.entries(json);
  } catch {}
  return bad("the header is no JSON object");
}

function checkedEntry(file: string, name: string, value: unknown, start: number, size: number): TensorEntry {
  const bad = (field: string, got: unknown, expected: string): never =>
    fail("BAD_WEIGHTS", `${file}: ${name}: ${field}: got ${JSON.stringify(got)}, expected ${expected}`);
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = DTYPES.get(code as string) ?? bad("dtype", code, [...DTYPES.keys()].join(", "));
  const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(whole)) return bad("shape", shape, "whole numbers");
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole))
    return bad("data_offsets", offsets, "a first and a last byte");
  const [begin, end] = offsets as [number, number];
  if (begin > end || start + end > size) bad("data_offsets", offsets, `a range within ${size - start} bytes`);
  const expected = shape.reduce((n: number, dim: number) => n * dim, bytesOf(dtype));
  if (end - begin !== expected) bad("data_offsets", offsets, `${expected} bytes for ${code} [${shape}]`);
  return { file, dtype, shape, offset: start + begin, length: end - begin };
}

/** Fills `target` with a tensor's elements. */
export function readTensorInto(host: Host, entry: TensorEntry, target: TensorData): void {
  host.readInto(entry.file, entry.offset, new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
}

/** A tensor to be written. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Tensor bytes start at a multiple of this, so that a mapped file can be read as numbers. */
const ALIGNMENT = 64;

/**
 * Writes a file through a temporary one beside it: a crash leaves the old file or the new one. Returns the SHA-256 of
 * what was written.
 */
export function writeSafetensors(
  host: Host,
  file: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): { sha256: string; bytes: number } {
  const header = headerBytes(tensors, metadata);
  return writeWhole(host, file, function* () {
    yield header;
    for (const { data } of tensors) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
}

/** Writes pieces to a temporary file, makes them durable and renames it into place. */
export function writeWhole(
  host: Host,
  file: string,
  pieces: () => Iterable<Uint8Array>,
): { sha256: string; bytes: number } {
  const temporary = `${file}.tmp`;
  const writer = host.createFile(temporary);
  const hash = host.sha256();
  let bytes = 0;
  try {
    for (const piece of pieces()) {
      writer.write(piece);
      hash.update(piece);
      bytes += piece.length;
    }
    writer.finish();
    host.rename(temporary, file);
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return { sha256: hash.hex(), bytes };
}

/** {@link writeWhole} for text. */
export function writeText(host: Host, file: string, text: string): { sha256: string; bytes: number } {
  return writeWhole(host, file, () => [new TextEncoder().encode(text)]);
}

function headerBytes(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const code = NAMES.get(dtype) ?? fail("BAD_DTYPE", `${name}: ${dtype} has no safetensors name`);
    entries.push([name, { dtype: code, shape, data_offsets: [offset, offset + data.byteLength] }]);
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT - 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
