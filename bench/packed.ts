/**
 * ownlm beside llama.cpp and transformers.js on Llamas of random packed weights: speed, start, memory. Makes the files it
 * needs, then lets the programs take turns, each in a process of its own, and prints a Markdown table:
 * `node dist/bench/packed.js [--json] [--shapes 135m,1.24b] [--rounds 3] [--depths 32,1024] [--threads 2] [-p 512]
 * [--cache FOLDER] [--python PYTHON] [--llama-cpp bench/llama-cpp]`. docs/bench.md says what to install before.
 */
import { readdirSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fail } from "../src/base/errors.ts";
import { host } from "../src/host/node.ts";
import { repoRoot } from "../tests/helpers/paths.ts";
import { benchArguments, main } from "./measure.ts";
import * as files from "./packed/files.ts";
import { type Contender, measure, type Program, type Work } from "./packed/measure.ts";
import { SHAPES, type Shape } from "./packed/shapes.ts";
import { WARM_STEPS } from "./packed/side.ts";
import { tableHead, tableRows } from "./packed/table.ts";

interface Settings {
  readonly cache: string;
  readonly threads: number;
  readonly python: string;
  readonly llamaCpp: string;
  /** Says why a row is left out. */
  readonly say: (line: string) => void;
}

const script = (name: string) => fileURLToPath(new URL(`./packed/${name}-side.js`, import.meta.url));

/** Bytes of a file, or of the weights in a folder. */
function weightBytes(file: string): number {
  if (statSync(file).isFile()) return statSync(file).size;
  const weights = readdirSync(file, { recursive: true, encoding: "utf8" }).filter((f) =>
    /\.(safetensors|onnx)$/.test(f),
  );
  return weights.reduce((sum, name) => sum + statSync(path.join(file, name)).size, 0);
}

/** Who takes part with a shape. */
async function contenders(name: string, shape: Shape, context: number, settings: Settings): Promise<Contender[]> {
  const { cache, threads, python, say } = settings;
  const folder = await files.randomFolder(cache, name, shape);
  const parameters = statSync(path.join(folder, "model.safetensors")).size / 2;
  const contender = (program: Program, bits: 4 | 8, file: string, command: Contender["command"]): Contender => {
    const bytes = weightBytes(file);
    // llama.cpp keeps keys and values as float16 unless told otherwise.
    const cacheBytes = 2 * shape.layers * shape.keyWidth * context * (program === "llama.cpp" ? 2 : 4);
    return { program, bits, command, weightBytes: bytes, cacheBytes, bitsPerWeight: (8 * bytes) / parameters };
  };
  const optional = async (program: Program, make: () => Promise<Contender[]>) => {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof files.Missing)) throw error;
      say(`${program} is left out of ${name}: ${error.message}`);
      return [];
    }
  };
  const own: Contender[] = [];
  for (const bits of [4, 8] as const) {
    const file = await files.quantizedFolder(folder, bits);
    const args = [script("ownlm"), file, String(threads), String(context)];
    own.push(contender("ownlm", bits, file, { file: process.execPath, arguments: args }));
  }
  const llamaCpp = await optional("llama.cpp", async () => {
    const { program, libraries } = await files.llamaCppProgram(cache, settings.llamaCpp);
    const environment = { LD_LIBRARY_PATH: libraries };
    const list: Contender[] = [];
    for (const bits of [4, 8] as const) {
      const file = await files.ggufFile(folder, `q${bits}_0`);
      const args = [file, String(threads), String(context), libraries];
      list.push(contender("llama.cpp", bits, file, { file: program, arguments: args, environment }));
    }
    return list;
  });
  if (!shape.transformersJs) return [...own, ...llamaCpp];
  const transformersJs = await optional("transformers.js", async () => {
    const file = await files.onnxFolder(cache, folder, python);
    const args = [script("transformers-js"), file, String(threads)];
    return [contender("transformers.js", 4, file, { file: process.execPath, arguments: args })];
  });
  return [...own, ...llamaCpp, ...transformersJs];
}

/** Whole numbers from 1, with commas between them. */
function depthsOf(text: string): number[] {
  const depths = text.split(",").map(Number);
  return depths.every((depth) => Number.isInteger(depth) && depth >= 1)
    ? depths
    : fail("USAGE", `--depths: got ${text}, expected whole numbers from 1, as 32,1024`);
}

await main(async () => {
  const { json, numbers, words } = benchArguments(
    { threads: 2, rounds: 3, p: 512 },
    {
      shapes: Object.keys(SHAPES).join(","),
      depths: "32,1024",
      cache: path.join(os.tmpdir(), "ownlm-bench-packed"),
      python: process.env.OWNLM_PYTHON ?? "",
      "llama-cpp": path.join(repoRoot, "bench/llama-cpp"),
    },
  );
  const [rounds, promptTokens, threads] = [numbers.rounds!, numbers.p!, numbers.threads!];
  const depths = depthsOf(words.depths!);
  const names = words.shapes!.split(",");
  for (const name of names)
    if (!SHAPES[name]) fail("USAGE", `--shapes: got ${name}, expected ${Object.keys(SHAPES).join(" or ")}`);
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const cache = host.absolute(words.cache!);
  // Two threads on two cores wait for each other, so that other work costs more than its share.
  const load = os.loadavg()[0]!;
  const settings = { cache, threads, python: words.python!, llamaCpp: host.absolute(words["llama-cpp"]!), say };
  files.makeCache(cache);
  const all = [];
  for (const name of names) {
    const shape = SHAPES[name]!;
    const decode = depths.map((depth, i) => [depth, shape.newTokens[Math.min(i, 1)]!] as const);
    const work: Work = { decode, promptTokens, rounds };
    const most = Math.max(promptTokens, ...decode.map(([depth, tokens]) => depth + Math.max(tokens, WARM_STEPS) + 1));
    all.push({ name, work, list: await contenders(name, shape, most, settings) });
  }
  if (!json) console.log(tableHead().join("\n"));
  const bandwidths = [];
  for (const { name, work, list } of all) {
    say(`${name}: ${list.length} programs and models, ${rounds} rounds`);
    const result = await measure(list, work, threads);
    for (const failure of result.failures) say(`left out: ${failure}`);
    if (json) console.log(JSON.stringify({ shape: name, threads, load, ...work, ...result }));
    else console.log(tableRows(name, result, work).join("\n"));
    bandwidths.push(`${name} ${result.bandwidth.toFixed(1)}`);
  }
  const machine = `${os.cpus()[0]?.model.trim()}, ${os.cpus().length} CPUs, load before ${load.toFixed(1)}, Node ${process.version}`;
  if (!json)
    console.log(
      `\n${threads} threads, ${rounds} rounds, median (range); ${machine}. GB/s read: ${bandwidths.join(", ")}.`,
    );
});
