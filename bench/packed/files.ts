/** The models and programs that are measured, made once in a cache folder: what is there already is taken as it is. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { exportGguf } from "../../src/generate/export-gguf.ts";
import { host } from "../../src/host/node.ts";
import { createQuantize } from "../../src/quantize/library.ts";
import { repoRoot } from "../../tests/helpers/paths.ts";
import { type Shape, writeRandomFolder } from "./shapes.ts";

/** A missing part, in words that say what to do. */
export class Missing extends Error {}

/** Runs `make` where `file` is not there yet, and says so. */
async function once(file: string, make: () => unknown): Promise<string> {
  if (!existsSync(file)) {
    const start = performance.now();
    process.stderr.write(`making ${file}\n`);
    await make();
    process.stderr.write(`made in ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  }
  return file;
}

/** The model as float weights, in Hugging Face's layout. */
export async function randomFolder(cache: string, name: string, shape: Shape): Promise<string> {
  const folder = path.join(cache, name);
  await once(path.join(folder, "model.safetensors"), () => writeRandomFolder(folder, shape));
  return folder;
}

/** The folder that `ownlm quantize` makes of it. */
export function quantizedFolder(folder: string, bits: 4 | 8): Promise<string> {
  const out = `${folder}-${bits}bit`;
  return once(out, () => createQuantize(host)(folder, { out, bits, rounding: "nearest", noMeasure: true }));
}

/** The file that `ownlm export` makes of it. */
export function ggufFile(folder: string, type: "q4_0" | "q8_0"): Promise<string> {
  const gguf = `${folder}-${type}.gguf`;
  return once(gguf, () => exportGguf(host, folder, { gguf, type }));
}

/** llama.cpp's libraries, and speed.cpp built against them. */
export async function llamaCppProgram(
  cache: string,
  installed: string,
): Promise<{ program: string; libraries: string }> {
  const modules = path.join(installed, "node_modules");
  const libraries = path.join(modules, `@node-llama-cpp/${process.platform}-${process.arch}`, "bins");
  const bundle = path.join(modules, "node-llama-cpp/llama/gitRelease.bundle");
  for (const file of [libraries, bundle])
    if (!existsSync(file))
      throw new Missing(`${file} is missing: npm install --prefix bench/llama-cpp --ignore-scripts`);
  const bins = path.join(libraries, `${process.platform}-${process.arch}`);
  const release = JSON.parse(readFileSync(path.join(path.dirname(bundle), "llama.cpp.info.json"), "utf8")) as {
    tag: string;
  };
  const headers = path.join(cache, `llama.cpp-${release.tag}`);
  await once(headers, () => run("git", ["clone", "--quiet", "--depth", "1", bundle, `${headers}.tmp`], headers));
  const library = (name: string) => {
    const found = readdirSync(bins).find((file) => file.startsWith(`lib${name}.`));
    return path.join(bins, found ?? `lib${name}.so`);
  };
  const includes = ["include", "ggml/include"].flatMap((folder) => ["-I", path.join(headers, folder)]);
  const source = path.join(repoRoot, "bench/llama-cpp/speed.cpp");
  const program = path.join(cache, `speed-${release.tag}`);
  const links = ["llama", "ggml", "ggml-base"].map(library);
  // Built each time: it takes seconds, and the source may have changed.
  run("g++", ["-O2", "-std=c++17", ...includes, source, "-o", `${program}.tmp`, ...links], program);
  return { program, libraries: bins };
}

/** A folder in transformers.js's layout. Python's packages that make it are put into the cache. */
export async function onnxFolder(cache: string, folder: string, python: string): Promise<string> {
  const from = path.join(repoRoot, "bench/transformers-js");
  if (!existsSync(path.join(from, "node_modules/@huggingface/transformers")))
    throw new Missing(`${from}/node_modules is missing: npm install --prefix bench/transformers-js --ignore-scripts`);
  const out = `${folder}-onnx`;
  await once(path.join(out, "onnx/model_q4.onnx"), async () => {
    if (!python)
      throw new Missing("no Python to export the model with: OWNLM_PYTHON=$(bash bench/peers/install.sh), or --python");
    const packages = path.join(cache, "python");
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", `${packages}.tmp`];
    await once(packages, () => run(python, [...pip, "-r", path.join(from, "requirements.txt")], packages));
    run(python, [path.join(from, "export.py"), folder, out], undefined, { PYTHONPATH: packages });
  });
  return out;
}

/** Runs a program to its end; what it made as `made`.tmp gets its name then. */
function run(file: string, args: readonly string[], made?: string, environment: Record<string, string> = {}): void {
  const { status, error, stderr } = spawnSync(file, args, {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
    maxBuffer: 2 ** 26,
  });
  if (error) throw new Missing(`${file} does not run: ${error.message}`);
  if (status !== 0) throw new Missing(`${file} ${args.join(" ")} failed: ${stderr.trim().slice(-1000)}`);
  if (made !== undefined) renameSync(`${made}.tmp`, made);
}

/** Makes the cache folder. */
export function makeCache(cache: string): void {
  mkdirSync(cache, { recursive: true });
}
