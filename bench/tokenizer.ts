/**
 * Speed of encoding and decoding, in MB of UTF-8 a second of processor time, beside other tokenizers with the same vocabulary:
 * `node dist/bench/tokenizer.js [--json] [--repeats 5] [--vocab llama3] [--text docs] [--peers no]`. Rows whose ids differ are void.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { Tokenizer as JsTokenizer } from "@huggingface/tokenizers";
import { fail } from "../src/base/errors.ts";
import { tokenizerFromJson } from "../src/tokenizer/json.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { tokenizerJsonOfGguf } from "../tests/helpers/gguf-vocab.ts";
import { repoRoot, sharedData } from "../tests/helpers/paths.ts";
import { benchArguments, main, median } from "./measure.ts";
import { benchTexts, documentsOf, TEXTS } from "./tokenizer-texts.ts";

/** MB/s; "cold" is a new tokenizer's first pass, "docs" are documents of 4 kB one after the other. */
interface Rates {
  readonly whole: number;
  readonly wholeCold: number;
  readonly docs: number;
  readonly docsCold: number;
  readonly decode: number;
  readonly decodeDocs: number;
  /** Of the ids of the whole text. */
  readonly sha256: string;
}

/** What is measured: encode gives ids that decode takes. */
interface Side {
  encode(text: string): ArrayLike<number>;
  decode(ids: ArrayLike<number>): string;
}

const PUBLISHED: Readonly<Record<string, string>> = {
  gpt2: "ggml-vocab-gpt-2.gguf",
  llama3: "ggml-vocab-llama-bpe.gguf",
  qwen2: "ggml-vocab-qwen2.gguf",
};

/** The content of a vocabulary's tokenizer.json, or undefined where the shared data has it not. */
function vocabulary(name: string, docs: string): object | undefined {
  if (name === "own") return trainBpe([docs], { vocabSize: 16384, preTokenizer: "gpt2" }).toJSON();
  const file = sharedData("tokenizers", PUBLISHED[name] ?? fail("USAGE", `--vocab: got ${name}`));
  return file === undefined ? undefined : tokenizerJsonOfGguf(file);
}

function rates(make: () => Side, text: string, repeats: number): Rates {
  const documents = documentsOf(text);
  const bytes = Buffer.byteLength(text);
  const rate = (run: () => void) => {
    globalThis.gc?.();
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    return bytes / (user + system);
  };
  const times = (run: () => void) => median(Array.from({ length: repeats }, () => rate(run)));
  const cold = (run: (side: Side) => void) =>
    median(
      Array.from({ length: Math.min(3, repeats) }, () => {
        const side = make();
        side.encode("a");
        return rate(() => run(side));
      }),
    );
  const side = make();
  const whole = () => side.encode(text);
  const each = (one: Side) => documents.forEach((document) => void one.encode(document));
  const ids = whole();
  const idsOfEach = documents.map((document) => side.encode(document));
  each(side);
  return {
    whole: times(whole),
    docs: times(() => each(side)),
    decode: times(() => side.decode(ids)),
    decodeDocs: times(() => idsOfEach.forEach((some) => void side.decode(some))),
    wholeCold: cold((one) => one.encode(text)),
    docsCold: cold(each),
    sha256: createHash("sha256").update(Int32Array.from(ids)).digest("hex"),
  };
}

function ownSide(json: object): Side {
  const tokenizer = tokenizerFromJson(json, "bench");
  return {
    encode: (text) => tokenizer.encode(text, { addSpecialTokens: false }),
    decode: (ids) => tokenizer.decode(ids as number[]),
  };
}

function jsSide(json: object): Side {
  const tokenizer = new JsTokenizer(json, {});
  return {
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => tokenizer.decode(ids as number[]),
  };
}

/** Rates of Python's tokenizers and tiktoken by peer and text, from bench/peers/tokenizer.py. */
function pythonRates(
  json: object,
  texts: Record<string, string>,
  repeats: number,
): Record<string, Record<string, Rates>> {
  const python = process.env.OWNLM_PYTHON;
  if (!python) return {};
  const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-bench-"));
  try {
    writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify(json));
    const documents = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, documentsOf(text)]));
    const { stdout, stderr } = spawnSync(
      python,
      [path.join(repoRoot, "bench/peers/tokenizer.py"), path.join(folder, "tokenizer.json"), String(repeats)],
      {
        input: JSON.stringify(documents),
        encoding: "utf8",
        maxBuffer: 2 ** 28,
        env: { ...process.env, TOKENIZERS_PARALLELISM: "false" },
      },
    );
    if (stderr) process.stderr.write(stderr);
    return stdout ? JSON.parse(stdout) : {};
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const columns = ["whole", "wholeCold", "docs", "docsCold", "decode", "decodeDocs"] as const;

function row(cells: readonly (string | number)[]): string {
  const shown = cells.map((cell) => (typeof cell === "number" ? cell.toFixed(1) : cell));
  return shown.map((cell, i) => (i < 3 ? cell.padEnd(12) : cell.padStart(11))).join(" ");
}

interface Result extends Partial<Rates> {
  readonly vocabulary: string;
  readonly text: string;
  readonly program: string;
  /** Whether the ids are ownlm's. */
  readonly equal: boolean;
}

/** All programs on one text with one vocabulary. */
function measure(name: string, text: string, repeats: number, withPeers: boolean): Result[] {
  const texts = benchTexts();
  const content = vocabulary(name, texts.docs!);
  const value = texts[text];
  if (!content || value === undefined) {
    process.stderr.write(`skipped ${name} on ${text}: the shared test data lacks one of them\n`);
    return [];
  }
  const ours = rates(() => ownSide(content), value, repeats);
  const sides: [string, Rates][] = [["ownlm", ours]];
  if (withPeers) {
    const python = pythonRates(content, { [text]: value }, repeats);
    for (const [peer, byText] of Object.entries(python)) sides.push([peer, byText[text]!]);
    // The JavaScript library is slow: once over a part is enough.
    const part = value.slice(0, 1 << 16);
    const theirs = rates(() => jsSide(content), part, 1);
    const expected = rates(() => ownSide(content), part, 1).sha256;
    sides.push(["js-library", { ...theirs, sha256: theirs.sha256 === expected ? ours.sha256 : theirs.sha256 }]);
  }
  return sides.map(([program, { sha256, ...figures }]) => {
    const equal = sha256 === ours.sha256;
    return { vocabulary: name, text, program, equal, ...(equal ? figures : {}) };
  });
}

/** {@link measure} in a process of its own: what ran before changes how JavaScript is compiled. */
function measureApart(name: string, text: string, repeats: number, peers: string): Result[] {
  const options = ["--vocab", name, "--text", text, "--repeats", String(repeats), "--peers", peers, "--json"];
  const { stdout } = spawnSync(process.execPath, ["--expose-gc", process.argv[1]!, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return stdout ? (JSON.parse(stdout) as { results: Result[] }).results : [];
}

await main(async () => {
  const { json, numbers, words } = benchArguments({ repeats: 5 }, { vocab: "all", text: "all", peers: "yes" });
  const repeats = numbers.repeats!;
  const { vocab, text, peers } = words as { vocab: string; text: string; peers: string };
  const finish = (results: Result[]) =>
    process.stdout.write(`${JSON.stringify({ unit: "MB/s", node: process.version, results })}\n`);
  if (json && vocab !== "all" && text !== "all") {
    finish(measure(vocab, text, repeats, peers === "yes"));
    return;
  }
  const results: Result[] = [];
  if (!json) process.stdout.write(`${row(["vocabulary", "text", "program", ...columns])}\n`);
  for (const name of vocab === "all" ? [...Object.keys(PUBLISHED), "own"] : [vocab]) {
    for (const one of text === "all" ? TEXTS : [text]) {
      for (const result of measureApart(name, one, repeats, peers)) {
        results.push(result);
        const cells = result.equal ? columns.map((column) => result[column]!) : ["void: its ids differ"];
        if (!json) process.stdout.write(`${row([name, one, result.program, ...cells])}\n`);
      }
    }
  }
  if (json) finish(results);
});
