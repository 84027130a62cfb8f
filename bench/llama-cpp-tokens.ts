/**
 * Checks that llama.cpp tokenizes with the GGUF files ownlm writes as ownlm does: tokenizers (a tokenizer.json, a folder or
 * another GGUF file) are exported with a model of one small layer, and texts of all kinds encoded by both.
 * `npm install --prefix bench/llama-cpp --ignore-scripts`, then `node dist/bench/llama-cpp-tokens.js [--json] TOKENIZER...`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { rng } from "../src/base/rng.ts";
import { exportGguf } from "../src/generate/export-gguf.ts";
import { openTokenizer, parameterShapes } from "../src/generate/load.ts";
import { host } from "../src/host/node.ts";
import { modelFromConfig, newConfig } from "../src/models/registry.ts";
import { publishModel } from "../src/weights/folder.ts";
import { familyWeights } from "../tests/helpers/gguf-families.ts";
import { repoRoot } from "../tests/helpers/paths.ts";

const TEXTS = 400;
const FIXED = [
  "",
  " ",
  "  ",
  "\n",
  "Hello world",
  " Hello",
  "  two  spaces  ",
  "a\n\nb\tc",
  "naïve 🙂 漢字 кошка",
  "<s>",
  "1234567",
];
const WORDS = [
  "the",
  "cat",
  "don't",
  "Größe",
  "漢字",
  "🙂",
  "कखग",
  "x=1;",
  "https://a.b/c",
  "\u0301",
  "\n",
  "\t",
  "0x1F",
  "ﬁ",
  "КОТ",
  "\u200b",
];

interface LlamaCpp {
  getLlama(options: object): Promise<{ loadModel(options: object): Promise<LlamaModel> }>;
}
interface LlamaModel {
  tokenize(text: string): number[];
  dispose(): Promise<void>;
}

/** Words of many scripts with any spaces between, the same at each run. */
function texts(): string[] {
  const { below } = rng(1, "llama-cpp-tokens");
  const one = () =>
    Array.from({ length: 1 + below(12) }, () => WORDS[below(WORDS.length)]! + " ".repeat(below(4) && below(3))).join(
      "",
    );
  return [...FIXED, ...Array.from({ length: TEXTS }, one)];
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "boolean" } } });
const from = createRequire(path.join(repoRoot, "bench/llama-cpp/package.json"));
const { getLlama } = (await import(pathToFileURL(from.resolve("node-llama-cpp")).href)) as LlamaCpp;
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
const temporary = mkdtempSync(path.join(os.tmpdir(), "ownlm-llama-cpp-tokens-"));

/** A model of one layer with this tokenizer, as a GGUF file. */
function exported(file: string, name: string): string {
  const tokenizer = openTokenizer(host, file);
  const config = newConfig("llama", {
    vocabSize: tokenizer.vocabSize,
    layers: 1,
    heads: 2,
    kvHeads: 2,
    dim: 32,
    context: 64,
  });
  const shapes = parameterShapes(modelFromConfig(config, name));
  const folder = path.join(temporary, name);
  const spelled = (id: number | undefined) => (id === undefined ? null : tokenizer.tokenOf(id));
  const roles = { bos_token: spelled(tokenizer.bosId), eos_token: spelled(tokenizer.eosId) };
  const files = { "config.json": config, "tokenizer.json": tokenizer.toJSON(), "tokenizer_config.json": roles };
  publishModel(host, folder, files, familyWeights(shapes, 1));
  exportGguf(host, folder, { gguf: `${folder}.gguf`, type: "f16" });
  return `${folder}.gguf`;
}

let failed = 0;
for (const [i, file] of positionals.entries()) {
  const name = `${i}`;
  const gguf = exported(file, name);
  const [first, again] = [openTokenizer(host, file), openTokenizer(host, gguf)];
  const model = await llama.loadModel({ modelPath: gguf, gpuLayers: 0 });
  const differing = texts().filter((text) => {
    // Both without what goes around a text.
    const [ours, read, theirs] = [first, again]
      .map((t) => t.encode(text, { addSpecialTokens: false }).join())
      .concat(model.tokenize(text).join());
    return ours !== read || ours !== theirs;
  });
  await model.dispose();
  failed += differing.length;
  const row = { tokenizer: file, texts: texts().length, differing: differing.length, first: differing[0] };
  console.log(
    values.json
      ? JSON.stringify(row)
      : `${row.texts - row.differing} of ${row.texts} texts the same  ${file}${differing.length ? `: not ${JSON.stringify(row.first)}` : ""}`,
  );
}
rmSync(temporary, { recursive: true });
process.exit(failed ? 1 : 0);
