/** Whether a page's bytes hold as many values as it says, encoding by encoding. Knows no page headers. */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { fail } from "../base/errors.ts";
import type { Leaf } from "./parquet-footer.ts";
import { checkDeltas, readRuns } from "./parquet-runs.ts";
import type { Cursor } from "./parquet-thrift.ts";

/** Parquet's names of encodings by number. */
const ENCODINGS = [
  "PLAIN",
  "GROUP_VAR_INT",
  "PLAIN_DICTIONARY",
  "RLE",
  "BIT_PACKED",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  "DELTA_BYTE_ARRAY",
  "RLE_DICTIONARY",
  "BYTE_STREAM_SPLIT",
] as const;
const WIDTHS: Readonly<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };
/** A number of more bytes takes long to become one. */
const MAX_DECIMAL_BYTES = 64;
/** What texts that share their beginnings may become. */
const MAX_TEXT_BYTES = 2 ** 28;

/** Checks `count` values, one at least, of a page from its byte `offset`. `dictionary`: entries of the dictionary, if there is one. */
export function checkValues(leaf: Leaf, encoding: number, page: Cursor, count: number, dictionary?: number): void {
  const name = ENCODINGS[encoding];
  const { type } = leaf.element;
  const numbers = type === "INT32" || type === "INT64";
  const texts = type === "BYTE_ARRAY" || (type === "FIXED_LEN_BYTE_ARRAY" && name === "DELTA_BYTE_ARRAY");
  if (name === "PLAIN") checkPlain(leaf, page, count);
  else if (name === "PLAIN_DICTIONARY" || name === "RLE_DICTIONARY") checkIndices(leaf, page, count, dictionary);
  else if (name === "RLE" && type === "BOOLEAN") {
    need(page, 4);
    page.offset += 4;
    readRuns(page, 1, count);
  } else if (name === "BYTE_STREAM_SPLIT") need(page, count * widthOf(leaf));
  else if (name === "DELTA_BINARY_PACKED" && numbers) checkDeltas(page, count);
  else if (name === "DELTA_LENGTH_BYTE_ARRAY" && texts) checkBareTexts(leaf, page, readLengths(page, count));
  else if (name === "DELTA_BYTE_ARRAY" && texts) checkSharedTexts(leaf, page, count);
  else
    fail("UNSUPPORTED", `has ${type} values in the encoding ${name ?? encoding}. Try to write the file with another`);
}

/** Checks `count` values as they are. */
export function checkPlain(leaf: Leaf, page: Cursor, count: number): void {
  const { type } = leaf.element;
  if (type === "BOOLEAN") need(page, Math.ceil(count / 8));
  else if (type === "BYTE_ARRAY") checkTexts(leaf, page, count);
  else need(page, count * widthOf(leaf));
}

/** Texts behind their lengths. */
function checkTexts(leaf: Leaf, page: Cursor, count: number): void {
  const view = new DataView(page.bytes.buffer, page.bytes.byteOffset, page.bytes.byteLength);
  for (let i = 0; i < count; i++) {
    need(page, 4);
    const length = view.getUint32(page.offset, true);
    page.offset += 4;
    need(page, length);
    checkLength(leaf, length);
    page.offset += length;
  }
}

function checkIndices(leaf: Leaf, page: Cursor, count: number, dictionary: number | undefined): void {
  if (dictionary === undefined || leaf.element.type === "BOOLEAN") throw new Error("has indices without a dictionary");
  need(page, 1);
  const width = page.bytes[page.offset++]!;
  const indices = width === 0 ? new Int32Array(1) : readRuns(page, width, count);
  for (const index of indices)
    if (index >= dictionary) throw new Error(`has the index ${index} into a dictionary of ${dictionary}`);
}

function readLengths(page: Cursor, count: number): Int32Array {
  const start = page.offset;
  checkDeltas(page, count);
  const lengths = new Int32Array(count);
  const view = new DataView(page.bytes.buffer, page.bytes.byteOffset, page.bytes.byteLength);
  const reader = { view, offset: start };
  deltaBinaryUnpack(reader, count, lengths);
  page.offset = reader.offset;
  return lengths;
}

/** Texts of lengths that were told before. */
function checkBareTexts(leaf: Leaf, page: Cursor, lengths: Int32Array): void {
  for (const length of lengths) {
    if (length < 0) throw new Error(`has a text of ${length} bytes`);
    need(page, length);
    checkLength(leaf, length);
    page.offset += length;
  }
}

/** Texts as what they share with the one before and what is new. */
function checkSharedTexts(leaf: Leaf, page: Cursor, count: number): void {
  const shared = readLengths(page, count);
  const added = readLengths(page, count);
  let [before, total] = [0, 0];
  for (const [i, length] of shared.entries()) {
    if (!(length >= 0 && length <= before)) throw new Error(`has a text that shares ${length} bytes of ${before}`);
    before = length + added[i]!;
    total += before;
    checkLength(leaf, before);
  }
  if (total > MAX_TEXT_BYTES) fail("UNSUPPORTED", `has a page of ${total} bytes, expected at most ${MAX_TEXT_BYTES}`);
  checkBareTexts(leaf, page, added);
}

function checkLength({ element }: Leaf, length: number): void {
  if (element.converted_type === "DECIMAL" && length > MAX_DECIMAL_BYTES)
    throw new Error(`has a number of ${length} bytes`);
}

function widthOf(leaf: Leaf): number {
  const { type, type_length: length } = leaf.element;
  if (type === "FIXED_LEN_BYTE_ARRAY") checkLength(leaf, length!);
  const width = type === "FIXED_LEN_BYTE_ARRAY" ? length : WIDTHS[type!];
  return width ?? fail("UNSUPPORTED", `has ${type} values split into bytes`);
}

function need({ bytes, offset }: Cursor, count: number): void {
  if (count > bytes.length - offset) throw new Error(`has ${count} bytes of values behind its end`);
}
