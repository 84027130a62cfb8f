/**
 * Checks that llama.cpp takes the GGUF files ownlm writes: small random models of every family are exported, read by
 * node-llama-cpp, and both continue the same prompts greedily. `npm install --prefix bench/llama-cpp --ignore-scripts`, then
 * `node dist/bench/llama-cpp.js [--json] [--model NAME] [--type f32]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { exportGguf } from "../src/generate/export-gguf.ts";
import { generateIds } from "../src/generate/generate.ts";
import { openModel, openRuntimeFor, parameterShapes } from "../src/generate/load.ts";
import { GREEDY } from "../src/generate/sampler.ts";
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

async function byOwnlm(runtime: Runtime, folder: string): Promise<number[][]> {
  using opened = await openModel(host, runtime, folder, { context: 128, threads: 2 });
  const all: number[][] = [];
  for (const prompt of PROMPTS) {
    using loan = opened.borrow();
    const ids = opened.tokenizer!.encode(prompt);
    const got = [...ids];
    for await (const id of generateIds(loan.engine, ids, { ...GREEDY, maxNewTokens: TOKENS })) got.push(id);
    all.push(got);
  }
  return all;
}

const { values } = parseArgs({
  options: { json: { type: "boolean" }, model: { type: "string" }, type: { type: "string", default: "f32" }, seed: { type: "string", default: "1" } },
});
const { getLlama } = await llamaCpp();
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: "error" });
const runtime = await openRuntimeFor(host);
const text = "the cat sat on the mat; the dog sat on the cat. Once upon a time there was a cat.";
const tokenizer = trainBpe([text], { vocabSize: 290 });
let failed = 0;
for (const [name, config] of Object.entries(GGUF_FAMILIES)) {
  if (values.model !== undefined && values.model !== name) continue;
  const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-llama-cpp-"));
  try {
    const model = modelFromConfig(config, name);
    publishModel(
      host,
      folder,
      { "config.json": config, "tokenizer.json": tokenizer.toJSON() },
      familyWeights(parameterShapes(model), Number(values.seed)),
    );
    const file = path.join(folder, "model.gguf");
    exportGguf(host, folder, { gguf: file, type: values.type as "f32" });
    const own = await byOwnlm(runtime, folder);
    const loaded = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
    const theirs = await byLlamaCpp(loaded);
    await loaded.dispose();
    const same = own.map((ids, i) => ids.findIndex((id, j) => id !== theirs[i]![j]));
    const equal = same.every((at) => at < 0);
    if (!equal) failed++;
    if (values.json) console.log(JSON.stringify({ name, equal, firstDifferent: same }));
    else
      console.log(
        `${equal ? "same" : "DIFFERS"}  ${name}${equal ? "" : `: from token ${same.join(", ")}\n  ${own.join("\n  ")}\n  ${theirs.join("\n  ")}`}`,
      );
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
process.exit(failed ? 1 : 0);
