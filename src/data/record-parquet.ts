/** Records from a Parquet table, one row group at a time. Knows no shapes; hyparquet knows the format. */
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { ByteSource, DataRecord } from "./record.ts";

/** Rows that are held as objects at once. */
const ROWS_AT_ONCE = 4096;
/** Larger pages and row groups are refused before memory is taken for them. */
const MAX_GROUP_BYTES = 2 ** 31;

/** The object of every row. Throws BAD_DATA for a file that is no Parquet table, or a damaged one, and UNSUPPORTED. */
export async function* parquetRecords(source: ByteSource): AsyncGenerator<DataRecord> {
  const { path, bytes } = source;
  checkMagic(source);
  const file: AsyncBuffer = {
    byteLength: bytes,
    slice: (start, end = bytes) => {
      const slice = Promise.resolve().then(() => sliceOf(source, start, end));
      // A slice that is fetched ahead and never waited for must not end the process.
      slice.catch(() => undefined);
      return slice;
    },
  };
  const metadata = await guarded(path, () => parquetMetadataAsync(file, { geoparquet: false }));
  const rows = await guarded(path, async () => checkedRows(metadata, source));
  for (let rowStart = 0; rowStart < rows; rowStart += ROWS_AT_ONCE) {
    const rowEnd = Math.min(rows, rowStart + ROWS_AT_ONCE);
    const objects = await guarded(`${path}: rows ${rowStart + 1} to ${rowEnd}`, () =>
      parquetReadObjects({ file, metadata, compressors: limited(), rowStart, rowEnd, geoparquet: false }),
    );
    if (objects.length !== rowEnd - rowStart)
      fail("BAD_DATA", `${path}: got ${objects.length} rows, expected ${rowEnd - rowStart}. Is the file damaged?`);
    for (const [i, row] of objects.entries()) {
      const place = { file: path, number: rowStart + i + 1, unit: "row" } as const;
      yield { ...place, value: plain(row) as JsonObject };
    }
  }
}

function checkMagic({ path, bytes, read }: ByteSource): void {
  const [head, tail] = [new Uint8Array(4), new Uint8Array(4)];
  if (bytes >= 12) {
    read(0, head);
    read(bytes - 4, tail);
  }
  const [first, last] = [head, tail].map((magic) => String.fromCharCode(...magic));
  if (first === "PARE") fail("UNSUPPORTED", `${path}: is encrypted, expected a plain Parquet table`);
  if (first !== "PAR1") fail("BAD_DATA", `${path}: is no Parquet table, expected it to begin with PAR1`);
  if (last !== "PAR1") fail("BAD_DATA", `${path}: does not end with PAR1. Is the file cut off?`);
}

function sliceOf({ path, bytes, read }: ByteSource, start: number, end: number): ArrayBuffer {
  if (!(start >= 0 && start <= end && end <= bytes))
    fail("BAD_DATA", `${path}: points at bytes ${start} to ${end} of ${bytes}. Is the file damaged?`);
  const buffer = new ArrayBuffer(end - start);
  read(start, new Uint8Array(buffer));
  return buffer;
}

/** The number of rows, which those of the row groups have to give. */
function checkedRows(metadata: FileMetaData, { path }: ByteSource): number {
  const { num_rows, row_groups } = metadata;
  const rows = Number(num_rows);
  const together = row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (!Number.isSafeInteger(rows) || rows < 0 || rows !== together)
    fail("BAD_DATA", `${path}: says ${rows} rows, its row groups ${together}. Is the file damaged?`);
  checkColumns(metadata, path);
  for (const [i, { total_byte_size }] of row_groups.entries())
    if (!(Number(total_byte_size) <= MAX_GROUP_BYTES))
      fail("UNSUPPORTED", `${path}: row group ${i}: got ${total_byte_size} bytes, expected at most 2 GiB`);
  return rows;
}

/** Every row group has the columns of the schema: hyparquet would leave others behind, and what goes wrong in them unhandled. */
function checkColumns(metadata: FileMetaData, path: string): void {
  const leaves = leafPaths(parquetSchema(metadata));
  const names = new Set(leaves);
  for (const [i, { columns }] of metadata.row_groups.entries()) {
    const found = columns.map(({ meta_data }) => JSON.stringify(meta_data?.path_in_schema));
    if (names.size !== leaves.length || found.length !== leaves.length || found.some((name, c) => name !== leaves[c]))
      fail("BAD_DATA", `${path}: row group ${i}: has other columns than the schema. Is the file damaged?`);
  }
}

function leafPaths({ children, path }: SchemaTree): string[] {
  return children.length === 0 ? [JSON.stringify(path)] : children.flatMap(leafPaths);
}

/** Decompressors that refuse lengths which no page has. */
function limited(): typeof compressors {
  const entries = Object.entries(compressors).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number) => {
      if (!(length >= 0 && length <= MAX_GROUP_BYTES / 4)) throw new RangeError(`a page of ${length} bytes`);
      return decompress(input, length);
    },
  ]);
  return Object.fromEntries(entries);
}

async function guarded<R>(where: string, action: () => Promise<R>): Promise<R> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof OwnlmError) throw error;
    return fail("BAD_DATA", `${where}: cannot be read as Parquet: ${messageOf(error)}`, error);
  }
}

/** A value as JSON would hold it: whole numbers of 64 bits as numbers where they are exact, dates as texts. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value === undefined) return null;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
