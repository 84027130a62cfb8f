/** Records of data files, whatever their format: JSON lines, a JSON list, CSV, Parquet. Knows no shapes. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type ByteSource, type DataRecord, placeText } from "./record.ts";
import { csvRecords } from "./record-csv.ts";
import { lineRecords } from "./record-lines.ts";
import { listRecords } from "./record-list.ts";
import { parquetRecords } from "./record-parquet.ts";

/** What reading records needs of the platform. */
export type RecordHost = Pick<Host, "kindOf" | "listFolder" | "fileSize" | "readInto" | "join">;

/** How records are read. */
export interface RecordOptions {
  /** Fail at the first bad record instead of telling of it. */
  readonly strict?: boolean;
  /** Bytes read at once. Default 1 MiB. */
  readonly pieceBytes?: number;
  /** A longer record is bad. Default 32 MiB. */
  readonly maxRecordBytes?: number;
}

/** Formats by the ends of names. */
const FORMATS = {
  ".jsonl": "lines",
  ".ndjson": "lines",
  ".json": "json",
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
} as const;
const KNOWN = Object.keys(FORMATS).join(", ");
/** Of Hugging Face's data set folders: files that describe the data. */
const DESCRIPTIONS = ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"];
const MAX_DEPTH = 8;

/**
 * The data files that paths mean: files as they are, of folders all data files in them and below, by name. Where some of a
 * folder's files are named for training (`train-00000-of-00001.parquet`) it is those. Throws NOT_FOUND, BAD_DATA.
 */
export function dataFiles(host: RecordHost, paths: readonly string[]): string[] {
  if (paths.length === 0) fail("BAD_DATA", "data: got no path, expected a file or a folder of data");
  return paths.flatMap((path) => {
    const kind = host.kindOf(path);
    if (kind === undefined) fail("NOT_FOUND", `${path}: there is no such file or folder. Try another path`);
    if (kind === "other") fail("UNSUPPORTED", `${path}: is no regular file, expected a file or a folder of data`);
    if (kind === "file") return [path];
    const found = walk(host, path, 0);
    if (found.length === 0) fail("BAD_DATA", `${path}: no ${KNOWN} file. Try to name the files themselves`);
    const training = found.filter(({ name }) => /(^|[^a-z])train([^a-z]|$)/i.test(name));
    return (training.length > 0 ? training : found).map((file) => file.path);
  });
}

function walk(host: RecordHost, folder: string, depth: number): { path: string; name: string }[] {
  // A link to a folder above would give the same files again and again.
  if (depth > MAX_DEPTH) fail("BAD_DATA", `${folder}: more than ${MAX_DEPTH} folders deep. Is a link a circle?`);
  return host.listFolder(folder).flatMap((name) => {
    if (name.startsWith(".") || DESCRIPTIONS.includes(name)) return [];
    const path = host.join(folder, name);
    if (host.kindOf(path) === "folder") return walk(host, path, depth + 1);
    return formatOf(name) ? [{ path, name }] : [];
  });
}

function formatOf(path: string): (typeof FORMATS)[keyof typeof FORMATS] | undefined {
  const end = /\.[^./\\]*$/.exec(path)?.[0].toLowerCase() ?? "";
  return Object.hasOwn(FORMATS, end) ? FORMATS[end as keyof typeof FORMATS] : undefined;
}

/**
 * The records of a file in order. The format is that of its name; `.json` may also hold an object a line. Throws NOT_FOUND,
 * DISK, BAD_DATA for a file that is damaged as a whole or, with `strict`, for the first bad record, and UNSUPPORTED.
 */
export async function* readRecords(
  host: RecordHost,
  path: string,
  options: RecordOptions = {},
): AsyncGenerator<DataRecord> {
  const source: ByteSource = {
    path,
    bytes: host.fileSize(path),
    pieceBytes: options.pieceBytes ?? 2 ** 20,
    maxRecordBytes: options.maxRecordBytes ?? 2 ** 25,
    read: (offset, target) => host.readInto(path, offset, target),
  };
  for await (const record of recordsOf(source)) {
    if (options.strict && record.problem !== undefined) fail("BAD_DATA", `${placeText(record)}: ${record.problem}`);
    yield record;
  }
}

function recordsOf(source: ByteSource): Iterable<DataRecord> | AsyncIterable<DataRecord> {
  const format = formatOf(source.path);
  if (format === undefined) fail("BAD_DATA", `${source.path}: the name says no format, expected it to end in ${KNOWN}`);
  if (source.bytes === 0) fail("BAD_DATA", `${source.path}: is empty, expected records`);
  if (format === "parquet") return parquetRecords(source);
  const first = firstByte(source);
  if (format === "csv") return csvRecords(source, ",");
  if (format === "tsv") return csvRecords(source, "\t");
  return format === "lines" || first === 0x7b ? lineRecords(source) : listRecords(source);
}

/** Beginnings of files that are none of the formats whose names they have. */
const FOREIGN: readonly (readonly [bytes: readonly number[], name: string])[] = [
  [[0x1f, 0x8b], "compressed with gzip. Try gunzip first"],
  [[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd. Try unzstd first"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive. Try to unpack it first"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet table. Try to name it .parquet"],
  [[0xff, 0xfe], "UTF-16. Try iconv -f UTF-16 -t UTF-8"],
  [[0xfe, 0xff], "UTF-16. Try iconv -f UTF-16 -t UTF-8"],
];

/** The first byte that is neither a mark nor white space. Throws BAD_DATA where the file is no text. */
function firstByte({ path, bytes, read }: ByteSource): number | undefined {
  const head = new Uint8Array(Math.min(bytes, 4096));
  read(0, head);
  for (const [magic, name] of FOREIGN)
    if (magic.every((byte, i) => head[i] === byte)) fail("BAD_DATA", `${path}: is ${name}`);
  const nuls = head.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  if (nuls * 10 > head.length) fail("BAD_DATA", `${path}: has ${nuls} NUL bytes at its beginning, expected text`);
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  return head.subarray(start).find((byte) => byte > 0x20);
}
