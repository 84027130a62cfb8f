/**
 * What benchmarks share: repeats and medians, and the machine's roof - its SGEMM peak and read bandwidth, each through the
 * runtime that the program itself uses.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { fail, messageOf } from "../src/base/errors.ts";
import { createOwner } from "../src/base/owner.ts";
import { createGraph, input, output } from "../src/graph/build.ts";
import { matMul, reduceSum } from "../src/graph/functions.ts";
import { lowerGraph } from "../src/graph/lower.ts";
import type { Value } from "../src/graph/types.ts";
import type { Runtime } from "../src/runtime/types.ts";

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The sample standard deviation; 0 for a single value. */
export function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
}

/** Seconds that each of `repeats` runs takes, after one that is not counted. */
export async function secondsOf(repeats: number, run: () => void | Promise<void>): Promise<number[]> {
  await run();
  const seconds = [];
  for (let i = 0; i < repeats; i++) {
    const start = performance.now();
    await run();
    seconds.push((performance.now() - start) / 1000);
  }
  return seconds;
}

/** Seconds of the fastest of `repeats` runs of a function of graph inputs of these shapes. */
async function fastest(
  runtime: Runtime,
  threads: number,
  repeats: number,
  shapes: readonly (readonly number[])[],
  compute: (inputs: Value[]) => Value,
): Promise<number> {
  using owner = createOwner();
  const graph = createGraph("roof");
  const inputs = shapes.map((shape, i) => input(graph, `x${i}`, "float32", shape));
  const result = compute(inputs);
  output(graph, "y", result);
  const session = owner.own(
    await runtime.session(
      lowerGraph(graph, () => ({ kind: "input" })),
      { threads },
    ),
  );
  const tensors = inputs.map(({ name, shape }) => {
    const tensor = owner.own(runtime.tensor("float32", shape as number[]));
    for (let i = 0; i < tensor.data.length; i++) tensor.data[i] = (i % 61) / 61 - 0.5;
    return [name, tensor] as const;
  });
  const y = owner.own(runtime.tensor("float32", result.shape as number[]));
  const binding = owner.own(session.bind(Object.fromEntries(tensors), { y }));
  return Math.min(...(await secondsOf(repeats, () => binding.run())));
}

/** Matrix products that the peak is sought among: squares, and those of the training benchmark's layers, (m, k, n). */
const PRODUCTS = [
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [4096, 384, 1024],
  [4096, 384, 4096],
] as const;

/** The best rate of float32 matrix products, in GFLOP/s. */
export async function sgemmPeak(runtime: Runtime, threads: number, repeats = 6): Promise<number> {
  const rates = [];
  for (const [m, k, n] of PRODUCTS) {
    const product = ([a, b]: Value[]) => matMul(a!, b!);
    const shapes = [
      [m, k],
      [k, n],
    ];
    rates.push((2 * m * k * n) / (await fastest(runtime, threads, repeats, shapes, product)) / 1e9);
  }
  return Math.max(...rates);
}

/** The best rate at which a large float32 tensor is read, in GB/s: by a sum of its rows, or a product with a vector. */
export async function readBandwidth(runtime: Runtime, threads: number, repeats = 6): Promise<number> {
  const [rows, columns] = [2048, 49152];
  const sums = await fastest(runtime, threads, repeats, [[rows, columns]], ([x]) => reduceSum(x!, [1]));
  const shapes = [
    [1, rows],
    [rows, columns],
  ];
  const product = await fastest(runtime, threads, repeats, shapes, ([x, w]) => matMul(x!, w!));
  return (4 * rows * columns) / Math.min(sums, product) / 1e9;
}

/** What a benchmark is asked for on its command line. */
export interface BenchArguments {
  readonly json: boolean;
  readonly numbers: Readonly<Record<string, number>>;
  readonly words: Readonly<Record<string, string>>;
}

type Defaults<T> = Readonly<Record<string, T>>;

/** Reads `--json`, whole numbers from 1 and words, by name (one letter: `-n 128`). Throws USAGE. */
export function benchArguments(numbers: Defaults<number>, words: Defaults<string> = {}): BenchArguments {
  const names = [...Object.keys(numbers), ...Object.keys(words)];
  const text = (name: string) => [name, { type: "string", ...(name.length === 1 ? { short: name } : {}) }] as const;
  try {
    const { values } = parseArgs({ options: { json: { type: "boolean" }, ...Object.fromEntries(names.map(text)) } });
    const given = values as Readonly<Record<string, string | boolean>>;
    const read = <T>(defaults: Defaults<T>, parse: (name: string, text: string) => T) =>
      Object.fromEntries(
        Object.entries(defaults).map(([name, value]) => [
          name,
          name in given ? parse(name, String(given[name])) : value,
        ]),
      );
    return { json: given.json === true, numbers: read(numbers, wholeNumber), words: read(words, (_, word) => word) };
  } catch (error) {
    return fail("USAGE", `${messageOf(error)}\nOptions: --json ${names.map((n) => `--${n}`).join(" ")}`);
  }
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  return fail("USAGE", `--${name}: got ${text}, expected a whole number from 1`);
}

/** Runs a benchmark; what is thrown is one message and exit status 1, or 2 for wrong usage. */
export async function main(benchmark: () => Promise<void>): Promise<void> {
  try {
    await benchmark();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = (error as { code?: string }).code === "USAGE" ? 2 : 1;
  }
}

/** Prints a result: one line of JSON, or a row for each figure. */
export function report(json: boolean, result: Readonly<Record<string, unknown>>): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [key, value] of rows(result, "")) process.stdout.write(`${key.padEnd(36)} ${value}\n`);
}

/** Figures with the names of the objects they are in before their own. */
function rows(result: object, prefix: string): [string, string][] {
  return Object.entries(result).flatMap(([key, value]): [string, string][] => {
    if (typeof value === "object" && value !== null) return rows(value, `${prefix}${key}.`);
    const isFraction = typeof value === "number" && !Number.isInteger(value);
    return [[prefix + key, isFraction ? Number(value.toPrecision(4)).toString() : String(value)]];
  });
}
