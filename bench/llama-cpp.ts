/**
 * Checks that llama.cpp takes the GGUF files ownlm writes: small random models of every family, or folders, are exported
 * and continued greedily by node-llama-cpp; ownlm reads the same file and says how much better its own choice was.
 * `npm install --prefix bench/llama-cpp --ignore-scripts`, then
 * `node dist/bench/llama-cpp.js [--json] [--type f32] [--model NAME | FOLDER...]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { exportGguf } from "../src/generate/export-gguf.ts";
import { openModel, openRuntimeFor, parameterShapes } from "../src/generate/load.ts";
import { host } from "../src/host/node.ts";
import { modelFromConfig } from "../src/models/registry.ts";
import type { Runtime } from "../src/runtime/types.ts";
import { trainBpe } from "../src/tokenizer/train-bpe.ts";
import { publishModel } from "../src/weights/folder.ts";
import { familyWeights, GGUF_FAMILIES } from "../tests/helpers/gguf-families.ts";
import { repoRoot } from "../tests/helpers/paths.ts";

const PROMPTS = ["The cat sat on the mat", "Once upon a time, 12 naïve dogs didn't  sit\n"];
const TOKENS = 24;

/** What is used of node-llama-cpp; it brings its own types, which are not installed with ownlm. */
interface LlamaCpp {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<LlamaModel>;
  }>;
}
interface LlamaModel {
  tokenize(text: string): number[];
  createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
  dispose(): Promise<void>;
}
interface Sequence {
  evaluate(tokens: number[], options: object): AsyncGenerator<number>;
}

async function llamaCpp(): Promise<LlamaCpp> {
  const from = createRequire(path.join(repoRoot, "bench/llama-cpp/package.json"));
  return (await import(pathToFileURL(from.resolve("node-llama-cpp")).href)) as LlamaCpp;
}

/** Tokens and greedy continuations by llama.cpp. */
async function byLlamaCpp(model: LlamaModel): Promise<number[][]> {
  const all: number[][] = [];
  // Its cache is float16 unless told otherwise, which turns near ties.
  const cache = { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" };
  for (const prompt of PROMPTS) {
    const context = await model.createContext({ contextSize: 128, threads: 2, ...cache });
    const ids = model.tokenize(prompt);
    const got = [...ids];
    for await (const id of context.getSequence().evaluate(ids, { temperature: 0, yieldEogToken: true })) {
      got.push(id);
      if (got.length === ids.length + TOKENS) break;
    }
    all.push(got);
    await context.dispose();
  }
  return all;
}

/** How far below the best of ownlm's logits those of the other's tokens are, at most; 0 where the texts are the same. */
async function gapOf(runtime: Runtime, file: string, theirs: readonly number[][]): Promise<number> {
  using opened = await openModel(host, runtime, file, { context: 128, threads: 2 });
  let gap = 0;
  for (const [turn, prompt] of PROMPTS.entries()) {
    using loan = opened.borrow();
    const ids = opened.tokenizer!.encode(prompt);
    const all = theirs[turn]!;
    if (ids.join() !== all.slice(0, ids.length).join())
      throw new Error(`${JSON.stringify(prompt)} is ${ids} and for llama.cpp ${all.slice(0, ids.length)}`);
    await loan.engine.appendShowing(all.slice(0, -1), (logits, i) => {
      if (i < ids.length - 1) return;
      gap = Math.max(gap, logits.reduce((most, x) => Math.max(most, x)) - logits[all[i + 1]!]!);
    });
  }
  return gap;
}

/** Random models have near ties, and llama.cpp rounds what it multiplies with: to float16, or to 8 bits with blocks of weights. */
const CLOSE: Readonly<Record<string, number>> = { f32: 0.01, f16: 0.01, bf16: 0.05, q8_0: 0.1, q4_0: 0.1 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    model: { type: "string" },
    type: { type: "string", default: "f32" },
    seed: { type: "string", default: "1" },
  },
});
const { getLlama } = await llamaCpp();
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
const runtime = await openRuntimeFor(host);
const temporary = mkdtempSync(path.join(os.tmpdir(), "ownlm-llama-cpp-"));

/** Random weights and a tokenizer of few merges, in a folder of their own. */
function randomFolder(name: string, config: Readonly<Record<string, unknown>>): string {
  const text = "the cat sat on the mat; the dog sat on the cat. Once upon a time there was a cat.";
  const folder = path.join(temporary, name);
  const files = { "config.json": config, "tokenizer.json": trainBpe([text], { vocabSize: 290 }).toJSON() };
  const shapes = parameterShapes(modelFromConfig(config, name));
  publishModel(host, folder, files, familyWeights(shapes, Number(values.seed)));
  return folder;
}

/** The gap of a folder's export. */
async function compare(folder: string): Promise<number> {
  const file = path.join(temporary, `${path.basename(folder)}.gguf`);
  exportGguf(host, folder, { gguf: file, type: values.type as "f32" });
  const loaded = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
  const theirs = await byLlamaCpp(loaded);
  await loaded.dispose();
  return gapOf(runtime, file, theirs);
}

const families = Object.entries(GGUF_FAMILIES).filter(([name]) => (values.model ?? name) === name);
const folders = positionals.length > 0 ? positionals : families.map(([name, config]) => randomFolder(name, config));
let failed = 0;
for (const folder of folders) {
  const name = path.basename(folder);
  try {
    const gap = await compare(folder);
    const close = gap <= CLOSE[values.type]!;
    if (!close) failed++;
    if (values.json) console.log(JSON.stringify({ name, type: values.type, gap }));
    else
      console.log(
        `${gap === 0 ? "same" : close ? "near tie" : "DIFFERS"}  ${name}${gap ? `: ${gap.toFixed(4)} below the best` : ""}`,
      );
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
rmSync(temporary, { recursive: true });
process.exit(failed ? 1 : 0);
