/** The pages of a column, checked and written anew without compression, so that what decodes them can trust them. Knows no rows. */
import { fail } from "../base/errors.ts";
import { decompress } from "./parquet-codecs.ts";
import type { ColumnChunk, Leaf } from "./parquet-footer.ts";
import { whole } from "./parquet-footer.ts";
import { readRuns } from "./parquet-runs.ts";
import { type Cursor, readStruct, type ThriftStruct, type Written, writeStruct } from "./parquet-thrift.ts";
import { checkPlain, checkValues } from "./parquet-values.ts";

/** Encodings and kinds of pages by Parquet's numbers. */
const [PLAIN, RLE] = [0, 3];
const [DATA, INDEX, DICTIONARY, DATA_V2] = [0, 1, 2, 3];

/** A page of data as it is written anew, and the rows that begin in it. */
interface DataPage {
  readonly header: Written;
  readonly body: Uint8Array;
  readonly values: number;
  readonly rows: number;
}

/**
 * A column chunk's bytes as the same pages uncompressed. `rows`: those of its row group; `room`: bytes that it may take.
 * Throws UNSUPPORTED, and an Error where anything in the chunk contradicts itself.
 */
export async function checkedPages(
  bytes: Uint8Array,
  chunk: ColumnChunk,
  rows: number,
  room: number,
): Promise<Uint8Array> {
  const cursor: Cursor = { bytes, offset: 0 };
  const parts: Uint8Array[] = [];
  let dictionary: number | undefined;
  let [values, begun, taken] = [0, 0, 0];
  const add = (header: Written, body: Uint8Array) => {
    parts.push(Uint8Array.from(writeStruct(header)), body);
    taken += body.length;
    if (taken > room) fail("UNSUPPORTED", "has a row group of more than 2 GiB. Try to write it with smaller ones");
  };
  while (values < chunk.values) {
    const header = readStruct(cursor);
    const type = whole(header, 1, "type");
    const [unpacked, packed] = [whole(header, 2, "uncompressed_page_size"), whole(header, 3, "compressed_page_size")];
    const start = cursor.offset;
    if (packed > bytes.length - start) throw new Error(`has a page of ${packed} bytes behind its end`);
    cursor.offset += packed;
    const body = bytes.subarray(start, cursor.offset);
    if (type === INDEX) continue;
    if (type === DICTIONARY) {
      if (dictionary !== undefined || values > 0) throw new Error("has a dictionary behind its values");
      dictionary = whole(detail(header, 7), 1, "num_values");
      const page = await decompress(chunk.codec, body, unpacked);
      checkPlain(chunk.leaf, { bytes: page, offset: 0 }, dictionary);
      add(pageHeader(DICTIONARY, page.length, [7, [[1, dictionary], [2, PLAIN]]]), page); // biome-ignore format: one line
      continue;
    }
    const left = chunk.values - values;
    const page = await dataPage(chunk, header, type, body, unpacked, { left, dictionary });
    if (page.values > 0) add(page.header, page.body);
    if (begun === 0 && page.values > 0 && page.rows === 0) throw new Error("begins inside a row");
    values += page.values;
    begun += page.rows;
  }
  if (begun !== rows) throw new Error(`has ${begun} rows, its row group ${rows}`);
  return concat(parts);
}

async function dataPage(
  { leaf, codec }: ColumnChunk,
  header: ThriftStruct,
  type: number,
  body: Uint8Array,
  unpacked: number,
  { left, dictionary }: { left: number; dictionary: number | undefined },
): Promise<DataPage> {
  if (type !== DATA && type !== DATA_V2) fail("UNSUPPORTED", `has a page of the kind ${type}`);
  const fields = detail(header, type === DATA ? 5 : 8);
  const values = whole(fields, 1, "num_values");
  if (values > left) throw new Error(`has a page of ${values} values where ${left} are left`);
  const read =
    type === DATA
      ? await readV1(leaf, codec, fields, body, unpacked)
      : await readV2(leaf, codec, fields, body, unpacked);
  const { page, offset, levels, encoding } = read;
  const present = levels.definition ? countOf(levels.definition, leaf.maxDefinition) : values;
  const rows = levels.repetition ? countOf(levels.repetition, 0) : values;
  if (present > 0) checkValues(leaf, encoding, { bytes: page, offset }, present, dictionary);
  // Some encodings need bytes even for no values.
  const written = present > 0 ? encoding : PLAIN;
  if (type === DATA) {
    const details: Written = [[1, values], [2, written], [3, RLE], [4, RLE]]; // biome-ignore format: one line
    return { header: pageHeader(DATA, page.length, [5, details]), body: page, values, rows };
  }
  if (levels.repetition && levels.repetition[0] !== 0) throw new Error("has a page that begins inside a row");
  if (whole(fields, 2, "num_nulls") !== values - present || whole(fields, 3, "num_rows") !== rows)
    throw new Error("has a page whose header tells other rows or nulls than its levels");
  const details: Written = [[1, values], [2, values - present], [3, rows], [4, written],
    [5, whole(fields, 5, "definition_levels_byte_length")], [6, whole(fields, 6, "repetition_levels_byte_length")], [7, false]]; // biome-ignore format: a table
  return { header: pageHeader(DATA_V2, page.length, [8, details]), body: page, values, rows };
}

/** A page in which the values begin at `offset`, behind the levels. */
interface ReadPage {
  readonly page: Uint8Array;
  readonly offset: number;
  readonly encoding: number;
  readonly levels: { readonly repetition?: Int32Array; readonly definition?: Int32Array };
}

async function readV1(
  leaf: Leaf,
  codec: string,
  fields: ThriftStruct,
  body: Uint8Array,
  unpacked: number,
): Promise<ReadPage> {
  const page = await decompress(codec, body, unpacked);
  const values = whole(fields, 1, "num_values");
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let offset = 0;
  const read = (max: number, encoding: number) => {
    if (max === 0 || values === 0) return undefined;
    if (whole(fields, encoding, "the levels' encoding") !== RLE)
      fail("UNSUPPORTED", "has levels that are no run lengths. Try to write the file anew");
    if (offset + 4 > page.length) throw new Error("ends before its levels");
    const length = view.getUint32(offset, true);
    const levels = readLevels(page, offset + 4, length, max, values);
    offset += 4 + length;
    return levels;
  };
  const repetition = read(leaf.maxRepetition, 4);
  const definition = read(leaf.maxDefinition, 3);
  return { page, offset, encoding: whole(fields, 2, "encoding"), levels: levelsOf(repetition, definition) };
}

async function readV2(
  leaf: Leaf,
  codec: string,
  fields: ThriftStruct,
  body: Uint8Array,
  unpacked: number,
): Promise<ReadPage> {
  const values = whole(fields, 1, "num_values");
  const definitionBytes = whole(fields, 5, "definition_levels_byte_length");
  const repetitionBytes = whole(fields, 6, "repetition_levels_byte_length");
  const offset = definitionBytes + repetitionBytes;
  if (offset > body.length || offset > unpacked) throw new Error(`has levels of ${offset} bytes behind its end`);
  const packed = fields.get(7) !== false && unpacked > offset;
  const rest = await decompress(packed ? codec : "UNCOMPRESSED", body.subarray(offset), unpacked - offset);
  const page = concat([body.subarray(0, offset), rest]);
  const read = (max: number, at: number, length: number) =>
    max > 0 && values > 0 ? readLevels(page, at, length, max, values) : undefined;
  const repetition = read(leaf.maxRepetition, 0, repetitionBytes);
  const definition = read(leaf.maxDefinition, repetitionBytes, definitionBytes);
  return { page, offset, encoding: whole(fields, 4, "encoding"), levels: levelsOf(repetition, definition) };
}

function levelsOf(repetition: Int32Array | undefined, definition: Int32Array | undefined): ReadPage["levels"] {
  return { ...(repetition ? { repetition } : {}), ...(definition ? { definition } : {}) };
}

function readLevels(page: Uint8Array, offset: number, length: number, max: number, count: number): Int32Array {
  if (length > page.length - offset) throw new Error(`has levels of ${length} bytes behind its end`);
  const levels = readRuns({ bytes: page.subarray(0, offset + length), offset }, 32 - Math.clz32(max), count);
  for (const level of levels) if (level > max) throw new Error(`has the level ${level}, expected at most ${max}`);
  return levels;
}

function pageHeader(type: number, length: number, details: readonly [number, Written]): Written {
  return [[1, type], [2, length], [3, length], details]; // biome-ignore format: one line
}

function detail(header: ThriftStruct, id: number): ThriftStruct {
  const found = header.get(id);
  if (!(found instanceof Map)) throw new Error("has a page without a description");
  return found;
}

function countOf(levels: Int32Array, wanted: number): number {
  let count = 0;
  for (const level of levels) if (level === wanted) count++;
  return count;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
