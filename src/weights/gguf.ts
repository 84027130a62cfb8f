/** GGUF files (versions 2 and 3, little-endian), read strictly: what they say of themselves and where each tensor is. Knows no model. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type BlockFormat, blockFormatOfId } from "./blocks.ts";
import { type Cursor, openCursor } from "./gguf-cursor.ts";
import { type GgufValue, readValue } from "./gguf-values.ts";
import { show } from "./header.ts";

/** Where a tensor is: `offset` and `length` in bytes from the start of `file`. */
export interface GgufTensor {
  readonly name: string;
  readonly type: BlockFormat;
  /** As in Hugging Face's layout: rows before columns, the axis of the blocks last. 1 to 4 axes. */
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A file's metadata and tensors by name, in the order of the file. */
export interface GgufFile {
  readonly file: string;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** "GGUF" as a little-endian number. */
const MAGIC = 0x46554747;

/** Far above any vocabulary's, so that a damaged length allocates nothing large. */
const MAX_HEADER_BYTES = 2 ** 28;

const DEFAULT_ALIGNMENT = 32;
const MIN_ALIGNMENT = 8;
const MAX_ALIGNMENT = 2 ** 20;

/** The least bytes that an entry of the header takes: its lengths and a number. */
const MIN_PAIR_BYTES = 8 + 4 + 1;
const MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

const MAX_AXES = 4;

/**
 * Reads a header and checks every claim of it: lengths against the bytes left before anything is allocated, keys and
 * names once each, known keys' types, known block formats, rows of whole blocks, tensors aligned, inside the file and
 * apart. Throws BAD_WEIGHTS or UNSUPPORTED naming file, key or tensor, and byte. Reads no tensor, and holds no more of
 * the file at once than a window.
 */
export function openGguf(host: Host, file: string): GgufFile {
  const size = host.fileSize(file);
  const c = openCursor(host, file, 0, Math.min(size, MAX_HEADER_BYTES));
  const version = readVersion(c, file);
  const tensorCount = readCount(c, "tensor count", MIN_TENSOR_BYTES);
  const pairCount = readCount(c, "metadata count", MIN_PAIR_BYTES);
  const metadata = readMetadata(c, pairCount);
  const alignment = readAlignment(file, metadata);
  const infos = readInfos(c, tensorCount);
  const start = Math.ceil(c.at / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const info of infos) tensors.set(info.name, placeTensor(file, info, start, size, alignment));
  checkApart(file, [...tensors.values()]);
  return { file, version, metadata, tensors };
}

function readVersion(c: Cursor, file: string): number {
  const magic = c.uint32("magic");
  if (magic !== MAGIC)
    fail("BAD_WEIGHTS", `${file}: magic: got ${hex(magic)}, expected "GGUF". The file is of another format.`);
  const version = c.uint32("version");
  if (version === 2 || version === 3) return version;
  if (version !== 0 && (version & 0xffff) === 0)
    fail("UNSUPPORTED", `${file}: version: got a big-endian file, and this version reads only little-endian ones`);
  return fail("UNSUPPORTED", `${file}: version: got ${version}, and this version reads only 2 and 3`);
}

const hex = (value: number) => `0x${value.toString(16).padStart(8, "0")}`;

function readCount(c: Cursor, what: string, least: number): number {
  const count = c.uint64(what);
  if (count * least > c.end - c.at)
    c.bad(what, `got ${count}, expected at most ${Math.floor((c.end - c.at) / least)} in the bytes left`);
  return count;
}

function readMetadata(c: Cursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = c.text(`metadata ${i}`);
    if (metadata.has(key)) c.bad(show(key), "the key is there twice");
    metadata.set(key, readValue(c, key));
  }
  return metadata;
}

function readAlignment(file: string, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = (metadata.get("general.alignment") as number | undefined) ?? DEFAULT_ALIGNMENT;
  if (alignment < MIN_ALIGNMENT || alignment > MAX_ALIGNMENT || !Number.isInteger(Math.log2(alignment)))
    fail(
      "BAD_WEIGHTS",
      `${file}: general.alignment: got ${alignment}, expected a power of two from ${MIN_ALIGNMENT} to ${MAX_ALIGNMENT}`,
    );
  return alignment;
}

/** A tensor as the header states it: its offset counts from the start of all tensors. */
type TensorInfo = Omit<GgufTensor, "file" | "length"> & { readonly at: number };

function readInfos(c: Cursor, count: number): TensorInfo[] {
  const names = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    const at = c.at;
    const name = c.text(`tensor ${i}`);
    const where = show(name);
    if (names.has(name)) c.bad(where, "the tensor is there twice");
    names.add(name);
    const shape = readShape(c, where);
    const id = c.uint32(`${where}: type`);
    const type = blockFormatOfId(id, (what) => fail("UNSUPPORTED", `${c.file}: ${where}: at byte ${at}: ${what}`));
    if (shape.at(-1)! % type.elements !== 0)
      c.bad(where, `got rows of ${shape.at(-1)} elements, expected a multiple of ${type.name}'s ${type.elements}`);
    return { name, shape, type, offset: c.uint64(`${where}: offset`), at };
  });
}

/** The file has the axis of the rows' elements first. */
function readShape(c: Cursor, where: string): number[] {
  const axes = c.uint32(`${where}: dimensions`);
  if (axes < 1 || axes > MAX_AXES) c.bad(where, `got ${axes} dimensions, expected 1 to ${MAX_AXES}`);
  const shape = Array.from({ length: axes }, () => c.uint64(`${where}: dimensions`)).reverse();
  const elements = shape.reduce((n, dim) => n * dim, 1);
  if (shape.includes(0) || !Number.isSafeInteger(elements))
    c.bad(where, `got dimensions [${shape}], expected 1 to 2^53 - 1 elements`);
  return shape;
}

function placeTensor(file: string, info: TensorInfo, start: number, size: number, alignment: number): GgufTensor {
  const { name, type, shape, at } = info;
  const bad = (what: string): never => fail("BAD_WEIGHTS", `${file}: ${show(name)}: at byte ${at}: ${what}`);
  const length = (shape.reduce((n, dim) => n * dim, 1) / type.elements) * type.bytes;
  if (info.offset % alignment !== 0) bad(`offset: got ${info.offset}, expected a multiple of ${alignment}`);
  const offset = start + info.offset;
  if (offset + length > size)
    bad(`got bytes ${offset} to ${offset + length}, expected an end by ${size}, where the file ends. It may be cut.`);
  return { name, type, shape, file, offset, length };
}

function checkApart(file: string, tensors: readonly GgufTensor[]): void {
  const ordered = tensors.toSorted((a, b) => a.offset - b.offset);
  for (let i = 1; i < ordered.length; i++) {
    const [before, after] = [ordered[i - 1]!, ordered[i]!];
    if (before.offset + before.length > after.offset)
      fail(
        "BAD_WEIGHTS",
        `${file}: ${show(after.name)}: starts at byte ${after.offset}, expected the end of ${show(before.name)} at ${before.offset + before.length} or later`,
      );
  }
}
