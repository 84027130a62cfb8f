/** Records from a Parquet table, one row group at a time. Knows no shapes; hyparquet decodes pages that were checked before. */
import { type AsyncBuffer, type FileMetaData, parquetReadObjects } from "hyparquet";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { type Footer, type RowGroup, readFooter } from "./parquet-footer.ts";
import { checkedPages } from "./parquet-pages.ts";
import type { ByteSource, DataRecord } from "./record.ts";

/** Rows that are held as objects at once, or this share of a row group where that is more: each time its pages are decoded anew. */
const ROWS_AT_ONCE = 4096;
const PARTS = 8;
/** Larger row groups are refused before memory is taken for them. */
const MAX_GROUP_BYTES = 2 ** 31;
const MAX_FOOTER_BYTES = 2 ** 25;

/** The object of every row. Throws BAD_DATA for a file that is no Parquet table, or a damaged one, and UNSUPPORTED. */
export async function* parquetRecords(source: ByteSource): AsyncGenerator<DataRecord> {
  const { path } = source;
  const { footer, start } = await guarded(path, async () => footerOf(source));
  let first = 0;
  for (const [i, group] of footer.groups.entries()) {
    const where = `${path}: row group ${i + 1}`;
    const table = await guarded(where, () => loadGroup(source, group, footer, start));
    const step = Math.max(ROWS_AT_ONCE, Math.ceil(group.rows / PARTS));
    for (let rowStart = 0; rowStart < group.rows; rowStart += step) {
      const rowEnd = Math.min(group.rows, rowStart + step);
      const objects = await guarded(where, () => parquetReadObjects({ ...table, rowStart, rowEnd, geoparquet: false }));
      if (objects.length !== rowEnd - rowStart)
        fail("BAD_DATA", `${where}: got ${objects.length} rows, expected ${rowEnd - rowStart}. Is the file damaged?`);
      for (const [j, row] of objects.entries()) {
        const place = { file: path, number: first + rowStart + j + 1, unit: "row" } as const;
        yield { ...place, value: plain(row) as JsonObject };
      }
    }
    first += group.rows;
  }
}

/** The description and the byte where it starts. */
function footerOf(source: ByteSource): { footer: Footer; start: number } {
  const { path, bytes } = source;
  const ends = bytes >= 12 ? [read(source, 0, 4), read(source, bytes - 8, 8)] : [];
  const [first, last] = [ends[0], ends[1]?.subarray(4)].map((magic) => String.fromCharCode(...(magic ?? [])));
  if (first === "PARE") fail("UNSUPPORTED", `${path}: is encrypted, expected a plain Parquet table`);
  if (first !== "PAR1") fail("BAD_DATA", `${path}: is no Parquet table, expected it to begin with PAR1`);
  if (last !== "PAR1") fail("BAD_DATA", `${path}: does not end with PAR1. Is the file cut off?`);
  const length = new DataView(ends[1]!.buffer).getUint32(0, true);
  const start = bytes - 8 - length;
  if (start < 4) throw new Error(`has a description of ${length} bytes in ${bytes}`);
  if (length > MAX_FOOTER_BYTES)
    fail("UNSUPPORTED", `has a description of ${length} bytes, expected at most ${MAX_FOOTER_BYTES}`);
  return { footer: readFooter(read(source, start, length), start), start };
}

function read(source: ByteSource, start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  source.read(start, bytes);
  return bytes;
}

/** A row group as a table of its own whose pages are checked and not compressed. */
async function loadGroup(
  source: ByteSource,
  { rows, columns }: RowGroup,
  { schema }: Footer,
  end: number,
): Promise<{ file: AsyncBuffer; metadata: FileMetaData }> {
  if (columns.reduce((sum, { bytes }) => sum + bytes, 0) > Math.min(end, MAX_GROUP_BYTES))
    fail("UNSUPPORTED", "has more bytes than the file or than 2 GiB. Try to write it with smaller row groups");
  const chunks: { start: number; bytes: Uint8Array }[] = [];
  const described = [];
  let at = 4;
  for (const chunk of columns) {
    const bytes = await guardedColumn(chunk.leaf.path, () =>
      checkedPages(read(source, chunk.start, chunk.bytes), chunk, rows, MAX_GROUP_BYTES - at),
    );
    chunks.push({ start: at, bytes });
    described.push({
      file_offset: 0n,
      meta_data: {
        type: chunk.leaf.element.type!,
        encodings: [],
        path_in_schema: [...chunk.leaf.path],
        codec: "UNCOMPRESSED" as const,
        num_values: BigInt(chunk.values),
        total_uncompressed_size: BigInt(bytes.length),
        total_compressed_size: BigInt(bytes.length),
        data_page_offset: BigInt(at),
      },
    });
    at += bytes.length;
  }
  const group = { columns: described, total_byte_size: BigInt(at), num_rows: BigInt(rows) };
  const metadata = { version: 2, schema, num_rows: BigInt(rows), row_groups: [group], metadata_length: 0 };
  return { file: joined(chunks, at), metadata };
}

/** A file made of chunks that follow each other. */
function joined(chunks: readonly { start: number; bytes: Uint8Array }[], byteLength: number): AsyncBuffer {
  const slice = (from: number, to = byteLength) => {
    const target = new Uint8Array(to - from);
    for (const { start, bytes } of chunks) {
      const [first, last] = [Math.max(from, start), Math.min(to, start + bytes.length)];
      if (first < last) target.set(bytes.subarray(first - start, last - start), first - from);
    }
    return target.buffer;
  };
  return { byteLength, slice };
}

async function guardedColumn<R>(path: readonly string[], action: () => Promise<R>): Promise<R> {
  const where = `column ${path.join(".")}`;
  try {
    return await action();
  } catch (error) {
    if (error instanceof OwnlmError) fail(error.code, `${where}: ${error.message}`, error);
    throw new Error(`${where}: ${messageOf(error)}`, { cause: error });
  }
}

async function guarded<R>(where: string, action: () => Promise<R>): Promise<R> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof OwnlmError) return fail(error.code, prefixed(where, error.message), error);
    return fail("BAD_DATA", `${where}: cannot be read as Parquet: ${messageOf(error)}. Is the file damaged?`, error);
  }
}

function prefixed(where: string, message: string): string {
  return message.startsWith(where) ? message : `${where}: ${message}`;
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
