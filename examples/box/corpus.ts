/**
 * Writes the training corpus of the model in the box: `node dist/examples/box/corpus.js OUT --documents 1000000 --seed 1`.
 * Texts in shards, chats, pairs, tests with their answers, and a report on variety. Equal arguments give equal files.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { fail, messageOf } from "../../src/base/errors.ts";
import { documents } from "./documents/document.ts";
import { chatRecords, clozeTests, factTests, pairRecords, storyTests, taskTests, testTexts } from "./records.ts";
import { type Variety, varietyOf } from "./variety.ts";

/** What is written. */
export interface CorpusOptions {
  readonly out: string;
  readonly documents: number;
  readonly seed: number;
  /** Chats to fine-tune on; a fifth of the documents where it is left out. */
  readonly chats?: number;
  /** Pairs of answers; a twentieth of the documents. */
  readonly pairs?: number;
  /** Items of each test file that is not every fact. */
  readonly tests?: number;
  /** One text a line of JSON (`ownlm train` ends each with the end token), or plain text with two empty lines between. */
  readonly format?: "jsonl" | "txt";
}

/** What was written. */
export interface CorpusReport {
  readonly seed: number;
  readonly files: Readonly<Record<string, { readonly records: number; readonly bytes: number }>>;
  /** Of the first documents, at most 20,000. */
  readonly variety: Variety;
  readonly kinds: Readonly<Record<string, number>>;
}

const SHARD_BYTES = 64 * 2 ** 20;
const SAMPLE = 20_000;

/** Writes everything into a folder that is empty or not there yet. Errors: EXISTS, BAD_OPTION. */
export function writeCorpus(options: CorpusOptions): CorpusReport {
  const { out, documents: count, seed, format = "jsonl", tests = 2000 } = options;
  const { chats = Math.ceil(count / 5), pairs = Math.ceil(count / 20) } = options;
  if (existsSync(out) && readdirSync(out).length > 0) fail("EXISTS", `${out}: is not empty. Try another folder`);
  for (const folder of ["pretrain", "tune", "test"]) mkdirSync(path.join(out, folder), { recursive: true });
  const files: Record<string, { records: number; bytes: number }> = {};
  const kinds: Record<string, number> = {};
  const sample: string[] = [];
  const texts = function* () {
    for (const { kind, text } of documents(seed, "train")) {
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      if (sample.length < SAMPLE) sample.push(text);
      yield format === "txt" ? `${text}\n\n\n` : line({ text });
    }
  };
  writeShards({ out, name: (i) => `pretrain/text-${String(i).padStart(4, "0")}.${format}`, files }, texts(), count);
  const single = (name: string, lines: Iterable<string>, limit = Infinity) =>
    writeShards({ out, name: () => name, files, whole: true }, lines, limit);
  single("tune/chats.jsonl", mapped(chatRecords(seed)), chats);
  single("tune/pairs.jsonl", mapped(pairRecords(seed)), pairs);
  single("test/text.jsonl", mapped(testTexts(seed, tests)));
  single("test/facts.jsonl", mapped(factTests(seed)));
  single("test/cloze.jsonl", mapped(clozeTests(seed)));
  single("test/tasks.jsonl", mapped(taskTests(seed, tests)));
  single("test/stories.jsonl", mapped(storyTests(seed, Math.ceil(tests / 5))));
  const report = { seed, files, variety: varietyOf(sample), kinds };
  writeFileSync(path.join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

function line(record: unknown): string {
  return `${JSON.stringify(record)}\n`;
}

function* mapped(records: Iterable<unknown>): Generator<string> {
  for (const record of records) yield line(record);
}

interface Shards {
  readonly out: string;
  readonly name: (shard: number) => string;
  readonly files: Record<string, { records: number; bytes: number }>;
  /** One file, whatever its size. */
  readonly whole?: boolean;
}

/** Writes up to `count` lines, in pieces of a megabyte. */
function writeShards({ out, name, files, whole }: Shards, lines: Iterable<string>, count: number): void {
  let [shard, piece] = [0, ""];
  let file = { name: name(0), handle: openSync(path.join(out, name(0)), "w"), records: 0, bytes: 0 };
  const flush = () => {
    file.bytes += writeAll(file.handle, Buffer.from(piece));
    piece = "";
  };
  const close = () => {
    flush();
    closeSync(file.handle);
    files[file.name] = { records: file.records, bytes: file.bytes };
  };
  let left = count;
  if (left > 0)
    for (const text of lines) {
      piece += text;
      file.records++;
      if (--left <= 0) break;
      if (piece.length < 2 ** 20) continue;
      flush();
      if (whole || file.bytes < SHARD_BYTES) continue;
      close();
      shard++;
      file = { name: name(shard), handle: openSync(path.join(out, name(shard)), "w"), records: 0, bytes: 0 };
    }
  close();
}

function writeAll(handle: number, bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at);
  return bytes.length;
}

/** A whole number of an option. */
function whole(name: string, given: string | undefined, otherwise: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isSafeInteger(value) || value < 0) fail("BAD_OPTION", `--${name}: got ${given}, expected a whole number`);
  return value;
}

function main(args: string[]): void {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: Object.fromEntries(["documents", "seed", "chats", "pairs", "tests", "format"].map((name) => [name, { type: "string" as const }])),
  }); // biome-ignore format: one line
  const given = values as Record<string, string | undefined>;
  const [out] = positionals;
  if (out === undefined || positionals.length > 1)
    fail("USAGE", "expected: node dist/examples/box/corpus.js OUT [--documents N] [--seed S] [--chats N] [--pairs N] [--tests N] [--format jsonl|txt]"); // biome-ignore format: one line
  const { format } = given;
  if (format !== undefined && format !== "jsonl" && format !== "txt") fail("BAD_OPTION", `--format: got ${format}, expected jsonl or txt`); // biome-ignore format: one line
  const count = whole("documents", given.documents, 100_000);
  const started = performance.now();
  const report = writeCorpus({
    out,
    documents: count,
    seed: whole("seed", given.seed, 0),
    chats: whole("chats", given.chats, Math.ceil(count / 5)),
    pairs: whole("pairs", given.pairs, Math.ceil(count / 20)),
    tests: whole("tests", given.tests, 2000),
    ...(format && { format }),
  });
  print(report, performance.now() - started);
}

function print({ files, variety }: CorpusReport, elapsedMs: number): void {
  const all = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = Object.entries(files).map(([name, { records, bytes }]) => `${name}: ${records} records, ${megabytes(bytes)}`);
  const { distinct, entropy, copies, newSentences } = variety;
  const shares = ([1, 2, 3, 4] as const).map((n) => `${n}: ${distinct[n].different} (${(distinct[n].share * 100).toFixed(1)} %)`);
  process.stdout.write(
    [
      ...rows,
      `${megabytes(all)} in ${(elapsedMs / 1000).toFixed(1)} s`,
      `of ${variety.texts} texts: different n-grams ${shares.join(", ")}; entropy ${entropy.word} bits a word, ${entropy.next} given the one before;`,
      `${copies.exact} copies, ${copies.alike} alike; ${(newSentences * 100).toFixed(1)} % of the sentences new`,
      "",
    ].join("\n"),
  );
} // biome-ignore format: one line

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`corpus: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
