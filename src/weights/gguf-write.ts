/** Writes GGUF files (version 3, little-endian), a piece of a tensor at a time. Knows no model. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type BlockFormatName, blockBytes, blockFormat } from "./blocks.ts";
import { show } from "./header.ts";
import { writeWhole } from "./safetensors.ts";

/** A typed value of the metadata. */
export type GgufField =
  | { readonly key: string; readonly type: "uint32" | "int32" | "float32"; readonly value: number }
  | { readonly key: string; readonly type: "bool"; readonly value: boolean }
  | { readonly key: string; readonly type: "string"; readonly value: string }
  | { readonly key: string; readonly type: "strings"; readonly value: readonly string[] }
  | { readonly key: string; readonly type: "int32s" | "float32s" | "bools"; readonly value: ArrayLike<number> };

/** A tensor to be written: `pieces` gives its bytes in order, exactly as many as its shape and format take. */
export interface GgufTensorSource {
  readonly name: string;
  /** Rows before columns, as in Hugging Face's layout. */
  readonly shape: readonly number[];
  readonly format: BlockFormatName;
  pieces(): Iterable<Uint8Array>;
}

const ALIGNMENT = 32;
const VERSION = 3;

/** ggml keeps names in 64 bytes with a zero at the end, and llama.cpp refuses longer ones. */
const MAX_NAME_BYTES = 63;
const MAX_AXES = 4;

/**
 * Writes a file through a temporary one beside it: a crash leaves the old file or the new one. Holds the metadata and one
 * piece in memory. Throws BAD_WEIGHTS naming the key or tensor for what no reader would take, before anything is written.
 */
export function writeGguf(
  host: Host,
  file: string,
  fields: readonly GgufField[],
  tensors: readonly GgufTensorSource[],
): { sha256: string; bytes: number } {
  checkOnce(
    file,
    fields.map(({ key }) => key),
  );
  checkOnce(
    file,
    tensors.map(({ name }) => name),
  );
  const places: { tensor: GgufTensorSource; offset: number; length: number }[] = [];
  let end = 0;
  for (const tensor of tensors) {
    const length = checkedLength(file, tensor);
    places.push({ tensor, offset: end, length });
    end = padded(end + length);
  }
  const header = headerBytes(fields, places);
  return writeWhole(host, file, function* () {
    yield header;
    for (const { tensor, length } of places) {
      yield* exactly(file, tensor, length);
      yield new Uint8Array(padded(length) - length);
    }
  });
}

const padded = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function checkOnce(file: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) fail("BAD_WEIGHTS", `${file}: ${show(name)}: is there twice`);
    seen.add(name);
  }
}

/** Bytes of a tensor that readers take. */
function checkedLength(file: string, { name, shape, format }: GgufTensorSource): number {
  const bad = (what: string): never => fail("BAD_WEIGHTS", `${file}: ${show(name)}: ${what}`);
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) bad(`expected a name of at most ${MAX_NAME_BYTES} bytes`);
  if (shape.length < 1 || shape.length > MAX_AXES || shape.some((dim) => !Number.isSafeInteger(dim) || dim < 1))
    bad(`got shape [${shape}], expected 1 to ${MAX_AXES} axes of at least 1`);
  const { elements } = blockFormat(format);
  if (shape.at(-1)! % elements !== 0) bad(`got rows of ${shape.at(-1)} elements, expected a multiple of ${elements}`);
  return blockBytes(
    blockFormat(format),
    shape.reduce((n, dim) => n * dim, 1),
  );
}

function* exactly(file: string, tensor: GgufTensorSource, length: number): Generator<Uint8Array> {
  let given = 0;
  for (const piece of tensor.pieces()) {
    given += piece.length;
    yield piece;
  }
  if (given !== length) fail("BUG", `${file}: ${tensor.name}: got ${given} bytes, expected ${length}`);
}

/** Numbers of the types in a file. */
const TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8 } as const;
const LIST = 9;

function headerBytes(
  fields: readonly GgufField[],
  places: readonly { tensor: GgufTensorSource; offset: number }[],
): Uint8Array {
  const w = byteWriter();
  w.bytes(new TextEncoder().encode("GGUF"));
  w.uint32(VERSION);
  w.uint64(places.length);
  w.uint64(fields.length);
  for (const field of fields) writeField(w, field);
  for (const { tensor, offset } of places) {
    w.text(tensor.name);
    w.uint32(tensor.shape.length);
    for (const dim of tensor.shape.toReversed()) w.uint64(dim);
    w.uint32(blockFormat(tensor.format).id);
    w.uint64(offset);
  }
  w.bytes(new Uint8Array(padded(w.length()) - w.length()));
  return w.done();
}

function writeField(w: ByteWriter, field: GgufField): void {
  w.text(field.key);
  switch (field.type) {
    case "strings":
      w.list(TYPES.string, field.value.length);
      for (const text of field.value) w.text(text);
      break;
    case "int32s":
      w.list(TYPES.int32, field.value.length);
      w.bytes(new Uint8Array(Int32Array.from(field.value).buffer));
      break;
    case "float32s":
      w.list(TYPES.float32, field.value.length);
      w.bytes(new Uint8Array(Float32Array.from(field.value).buffer));
      break;
    case "bools":
      w.list(TYPES.bool, field.value.length);
      w.bytes(Uint8Array.from(field.value, (value) => (value ? 1 : 0)));
      break;
    case "string":
      w.uint32(TYPES.string);
      w.text(field.value);
      break;
    case "bool":
      w.uint32(TYPES.bool);
      w.bytes(Uint8Array.of(field.value ? 1 : 0));
      break;
    case "float32":
      w.uint32(TYPES.float32);
      w.bytes(new Uint8Array(Float32Array.of(field.value).buffer));
      break;
    default:
      w.uint32(TYPES[field.type]);
      w.uint32(field.value);
  }
}

interface ByteWriter {
  bytes(bytes: Uint8Array): void;
  uint32(value: number): void;
  uint64(value: number): void;
  text(text: string): void;
  list(type: number, count: number): void;
  length(): number;
  done(): Uint8Array;
}

/** Little-endian values in a buffer that doubles. */
function byteWriter(): ByteWriter {
  let buffer = new Uint8Array(2 ** 16);
  let view = new DataView(buffer.buffer);
  let length = 0;
  const encoder = new TextEncoder();
  /** The place of so many new bytes. */
  const grow = (bytes: number): number => {
    if (length + bytes > buffer.length) {
      const larger = new Uint8Array(2 * (length + bytes));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
      view = new DataView(buffer.buffer);
    }
    length += bytes;
    return length - bytes;
  };
  const bytes = (given: Uint8Array) => {
    const at = grow(given.length);
    buffer.set(given, at);
  };
  const uint32 = (value: number) => {
    const at = grow(4);
    view.setUint32(at, value, true);
  };
  const uint64 = (value: number) => {
    const at = grow(8);
    view.setBigUint64(at, BigInt(value), true);
  };
  return {
    bytes,
    uint32,
    uint64,
    text(text) {
      const encoded = encoder.encode(text);
      uint64(encoded.length);
      bytes(encoded);
    },
    list(type, count) {
      uint32(LIST);
      uint32(type);
      uint64(count);
    },
    length: () => length,
    done: () => buffer.slice(0, length),
  };
}
