/** The safetensors format, read strictly and written whole or not at all. Knows bytes and names, not models. */
import { bytesOf, type DType, type TensorData } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { FileWriter, Host } from "../host/types.ts";
import { parseHeader, show } from "./header.ts";

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

/** No tensor has more axes in any program that reads the format. */
const MAX_AXES = 64;

/**
 * Reads a header and checks every claim of it: names once each, known dtypes, sizes that match shapes, ranges that fill
 * the file without gap or overlap. Throws BAD_WEIGHTS naming file and tensor. Reads no tensor, and allocates no more
 * than a few times the header's bytes.
 */
export function readSafetensors(host: Host, file: string): SafetensorsFile {
  const size = host.fileSize(file);
  const bad = (what: string): never => fail("BAD_WEIGHTS", `${file}: ${what}`);
  if (size < 8) bad(`got ${size} bytes, expected a safetensors header`);
  const prefix = host.readBytes(file, 0, 8);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES || length > size - 8)
    bad(`header length: got ${length}, expected at most ${Math.min(MAX_HEADER_BYTES, size - 8)}. The file may be cut.`);
  const start = 8 + length;
  let metadata: ReadonlyMap<string, string> = new Map();
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of parseHeader(host.readBytes(file, 8, length), file))
    if (name === "__metadata__") metadata = checkedMetadata(file, value);
    else entries.push([name, checkedEntry(file, name, value, start, size)]);
  entries.sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = start;
  for (const [name, entry] of entries) {
    if (entry.offset !== end)
      bad(`${show(name)}: starts at byte ${entry.offset - start}, expected ${end - start}: no gap and no overlap`);
    end += entry.length;
  }
  if (end !== size) bad(`tensors end at byte ${end}, expected the file's end at ${size}`);
  return { metadata, tensors: new Map(entries) };
}

function checkedMetadata(file: string, value: unknown): ReadonlyMap<string, string> {
  const texts = isJsonObject(value) ? Object.entries(value) : undefined;
  if (!texts?.every(([, text]) => typeof text === "string"))
    return fail("BAD_WEIGHTS", `${file}: __metadata__: got ${show(value)}, expected an object of texts`);
  return new Map(texts as [string, string][]);
}

function checkedEntry(file: string, name: string, value: unknown, start: number, size: number): TensorEntry {
  const bad = (field: string, got: unknown, expected: string): never =>
    fail("BAD_WEIGHTS", `${file}: ${show(name)}: ${field}: got ${show(got)}, expected ${expected}`);
  if (typeof value !== "object" || value === null) return bad("entry", value, "an object");
  const { dtype: code, shape, data_offsets: offsets } = value as Record<string, unknown>;
  const dtype = DTYPES.get(code as string) ?? bad("dtype", code, [...DTYPES.keys()].join(", "));
  const whole = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(whole) || shape.length > MAX_AXES)
    return bad("shape", shape, `at most ${MAX_AXES} whole numbers`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole))
    return bad("data_offsets", offsets, "a first and a last byte");
  const [begin, end] = offsets as [number, number];
  if (begin > end || start + end > size) bad("data_offsets", offsets, `a range within ${size - start} bytes`);
  const expected = shape.reduce((n: number, dim: number) => n * dim, bytesOf(dtype));
  if (end - begin !== expected) bad("data_offsets", offsets, `${expected} bytes for ${dtype} ${show(shape)}`);
  return { file, dtype, shape, offset: start + begin, length: end - begin };
}

/** Fills `target` with a tensor's elements; BAD_SHAPE when it has not exactly the room. */
export function readTensorInto(host: Host, entry: TensorEntry, target: TensorData): void {
  if (target.byteLength !== entry.length)
    fail("BAD_SHAPE", `${entry.file}: got room for ${target.byteLength} bytes, expected ${entry.length}`);
  host.readInto(entry.file, entry.offset, new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
}

/** What a header says of a tensor. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A tensor to be written. */
export interface NamedTensor extends TensorSpec {
  readonly data: TensorData;
}

/** The first tensor starts at a multiple of this, and each at one of its element: a mapped file reads as numbers. */
const ALIGNMENT = 64;

/**
 * Writes a file through a temporary one beside it: a crash leaves the old file or the new one. Tensors of wide elements
 * come first. Returns the SHA-256 of what was written. Throws BAD_WEIGHTS, BAD_DTYPE or BAD_SHAPE naming the tensor,
 * before anything is written, for what no reader would take.
 */
export function writeSafetensors(
  host: Host,
  file: string,
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): { sha256: string; bytes: number } {
  checkSpecs(file, tensors);
  for (const { name, data, ...spec } of tensors) checkRoom(file, name, data, spec);
  const ordered = tensors.toSorted((a, b) => bytesOf(b.dtype) - bytesOf(a.dtype));
  const header = headerBytes(file, ordered, metadata);
  return writeWhole(host, file, function* () {
    yield header;
    for (const { data } of ordered) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
}

/** Refuses names and types that no reader would take. */
function checkSpecs(file: string, specs: readonly TensorSpec[]): void {
  const seen = new Set(["__metadata__"]);
  for (const { name, dtype, shape } of specs) {
    if (seen.has(name)) fail("BAD_WEIGHTS", `${file}: ${show(name)}: is there twice, or means something else`);
    if (/\0|\p{Surrogate}/u.test(name)) fail("BAD_WEIGHTS", `${file}: ${show(name)}: got a NUL or half a character`);
    if (!NAMES.has(dtype)) fail("BAD_DTYPE", `${file}: ${show(name)}: ${dtype} has no safetensors name`);
    if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0))
      fail("BAD_SHAPE", `${file}: ${show(name)}: got shape [${shape}], expected whole numbers`);
    seen.add(name);
  }
}

const sizeOf = ({ dtype, shape }: Omit<TensorSpec, "name">) => shape.reduce((n, dim) => n * dim, bytesOf(dtype));

function checkRoom(file: string, name: string, data: ArrayBufferView, spec: Omit<TensorSpec, "name">): void {
  if (data.byteLength !== sizeOf(spec))
    fail(
      "BAD_SHAPE",
      `${file}: ${show(name)}: got ${data.byteLength} bytes for ${spec.dtype} [${spec.shape}], expected ${sizeOf(spec)}`,
    );
}

/** A file whose tensors are written one after the other, in the order of their specs. */
export interface SafetensorsWriter {
  write(data: ArrayBufferView): void;
  /** The next part of a tensor that is written in parts. */
  writePart(data: ArrayBufferView): void;
  /** Makes the file durable and gives it its name; BAD_SHAPE when tensors are missing. Returns its size in bytes. */
  finish(): number;
  /** Removes what was written of an unfinished file, once or more often. */
  abandon(): void;
}

/** Begins a file of which no more than one tensor need be in memory. Throws as {@link writeSafetensors} does. */
export function openSafetensors(
  host: Host,
  file: string,
  specs: readonly TensorSpec[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): SafetensorsWriter {
  checkSpecs(file, specs);
  const header = headerBytes(file, specs, metadata);
  const temporary = `${file}.tmp`;
  const writer = host.createFile(temporary);
  let bytes = header.length;
  let next = 0;
  /** Bytes of the tensor that is being written. */
  let begun = 0;
  writer.write(header);
  const spec = () => specs[next] ?? fail("BAD_SHAPE", `${file}: got more than its ${specs.length} tensors`);
  const writePart = (data: ArrayBufferView) => {
    const { name, ...rest } = spec();
    const size = sizeOf(rest);
    begun += data.byteLength;
    if (begun > size) fail("BAD_SHAPE", `${file}: ${show(name)}: got more than its ${size} bytes`);
    writer.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    bytes += data.byteLength;
    if (begun < size) return;
    begun = 0;
    next++;
  };
  return {
    writePart,
    write(data) {
      const { name, ...rest } = spec();
      checkRoom(file, name, data, rest);
      writePart(data);
    },
    finish() {
      if (next !== specs.length) fail("BAD_SHAPE", `${file}: got ${next} tensors, expected ${specs.length}`);
      writer.finish();
      host.rename(temporary, file);
      return bytes;
    },
    abandon: () => abandon(writer),
  };
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
    abandon(writer);
    throw error;
  }
  return { sha256: hash.hex(), bytes };
}

/** Best effort: what went wrong first is what the user should hear of. */
function abandon(writer: FileWriter): void {
  try {
    writer.abandon();
  } catch {}
}

/** {@link writeWhole} for text. */
export function writeText(host: Host, file: string, text: string): { sha256: string; bytes: number } {
  return writeWhole(host, file, () => [new TextEncoder().encode(text)]);
}

function headerBytes(
  file: string,
  tensors: readonly TensorSpec[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let offset = 0;
  for (const { name, ...spec } of tensors) {
    const end = offset + sizeOf(spec);
    entries.push([name, { dtype: NAMES.get(spec.dtype), shape: spec.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT - 8;
  if (length > MAX_HEADER_BYTES) fail("BAD_WEIGHTS", `${file}: got a header of ${length} bytes: too many tensors`);
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
