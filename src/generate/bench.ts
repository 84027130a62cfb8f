/** Measures a model by llama-bench's conventions, and the memory's read bandwidth beside it. Knows no text. */
import { bytesOf } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import { rng } from "../base/rng.ts";
import { type PackedGroup, packGraph } from "../graph/pack.ts";
import type { OpName } from "../graph/types.ts";
import type { Host } from "../host/types.ts";
import { cachedGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime } from "../runtime/types.ts";
import { type BandwidthMeter, bandwidthMeter } from "./bandwidth.ts";
import { readConfig } from "./config.ts";
import type { Engine } from "./engine.ts";
import { openModel } from "./load.ts";
import { BENCH_OPTIONS } from "./options.ts";

/** A speed: mean and standard deviation over the repetitions. */
export interface Speed {
  /** Tokens of one repetition. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly deviation: number;
}

/** What was measured, as `bench --json` prints it. */
export interface BenchResult {
  readonly model: string;
  readonly threads: number;
  /** Prompt processing: random tokens in an empty cache, all at once. */
  readonly pp: Speed;
  /** Text generation: random tokens one by one, from an empty cache on. */
  readonly tg: Speed;
  /** Bytes of weights that a new token takes, times tokens a second, over {@link BenchResult.readBandwidth}. */
  readonly readBandwidthFraction: number;
  /** Bytes a second that the same threads read of a large array, the best of several times. */
  readonly readBandwidth: number;
  /** Bytes of weights, as computed with, that every new token reads. */
  readonly weightBytes: number;
  /** Where less was measured than asked for. */
  readonly note?: string;
  /** Tokens in the cache before each repetition. */
  readonly depth: number;
}

/** How a measurement is watched and stopped. */
export interface BenchHooks {
  readonly signal?: AbortSignal | undefined;
  /** Called before each repetition. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Measures the model of a folder. Prompts and texts longer than its positions are cut to them, which `note` says.
 * Throws what opening a model does, and ABORTED.
 */
export async function benchModel(
  host: Host,
  runtime: Runtime,
  folder: string,
  options: GivenOptions<typeof BENCH_OPTIONS>,
  hooks: BenchHooks = {},
): Promise<BenchResult> {
  const { promptTokens, newTokens, repetitions, depth, ...rest } = readOptions(BENCH_OPTIONS, options);
  const { maxPositions } = readConfig(host, folder).model;
  const before = Math.min(depth, maxPositions - 1);
  const [prompt, made] = [promptTokens, newTokens].map((tokens) => Math.min(tokens, maxPositions - before)) as [
    number,
    number,
  ];
  using opened = await openModel(host, runtime, folder, { context: before + Math.max(prompt, made), ...rest });
  using roof = await bandwidthMeter(host, runtime, opened.threads);
  using loan = opened.borrow();
  const { pp, tg } = await measureBoth(host, loan.engine, roof, [prompt, made, repetitions, before], hooks);
  const weightBytes = readBytesPerToken(opened.model, opened.packed);
  const readBandwidth = roof.best();
  return {
    model: folder,
    threads: opened.threads,
    pp,
    tg,
    depth: before,
    readBandwidthFraction: (weightBytes * tg.tokensPerSecond) / readBandwidth,
    readBandwidth,
    weightBytes,
    ...(depth + Math.max(promptTokens, newTokens) > maxPositions && {
      note: `the model has ${maxPositions} positions only`,
    }),
  };
}

/** Both speeds after a warm-up, with a look at the roof before every repetition and after the last. */
async function measureBoth(
  host: Host,
  engine: Engine,
  roof: BandwidthMeter,
  [prompt, made, repetitions, depth]: readonly [number, number, number, number],
  { signal, onProgress }: BenchHooks,
): Promise<{ pp: Speed; tg: Speed }> {
  const ids = randomIds(engine.model, Math.max(prompt, made));
  let done = 0;
  const measure = async (tokens: number, run: () => Promise<void>): Promise<Speed> => {
    const speeds: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      if (signal?.aborted) fail("ABORTED", "stopped on request");
      onProgress?.(done++, 2 * repetitions);
      await roof.measure();
      const start = host.nowMs();
      await run();
      speeds.push((1000 * tokens) / (host.nowMs() - start));
    }
    return { tokens, ...meanOf(speeds) };
  };
  engine.truncate(0);
  if (depth > 0) await engine.append(randomIds(engine.model, depth), signal);
  await readAtOnce(engine, ids.slice(0, prompt), depth, signal);
  await makeSingly(engine, ids.slice(0, Math.min(made, 4)), depth, signal);
  const pp = await measure(prompt, () => readAtOnce(engine, ids.slice(0, prompt), depth, signal));
  const tg = await measure(made, () => makeSingly(engine, ids.slice(0, made), depth, signal));
  await roof.measure();
  return { pp, tg };
}

async function readAtOnce(
  engine: Engine,
  ids: readonly number[],
  depth: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  engine.truncate(depth);
  await engine.append(ids, signal);
}

async function makeSingly(
  engine: Engine,
  ids: readonly number[],
  depth: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  engine.truncate(depth);
  for (const id of ids) await engine.append([id], signal);
}

function randomIds({ vocabSize }: CausalLm, count: number): number[] {
  const random = rng(0, "bench");
  return Array.from({ length: count }, () => random.below(vocabSize));
}

function meanOf(values: readonly number[]): { tokensPerSecond: number; deviation: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { tokensPerSecond: mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/** Bytes of the parameters that one token reads whole: all but tables of which it takes a row. */
export function readBytesPerToken(model: CausalLm, packed: readonly PackedGroup[] = []): number {
  const graph = packGraph(cachedGraph(model, 1, 1), packed);
  const tables: readonly OpName[] = ["Gather", "GatherBlockQuantized"];
  const whole = new Set<string>();
  for (const { op, inputs } of graph.nodes)
    if (!tables.includes(op)) for (const value of inputs) if (value) whole.add(value.name);
  const read = graph.parameters.filter(({ value }) => whole.has(value.name));
  return read.reduce(
    (sum, { value }) => sum + bytesOf(value.dtype) * (value.shape as number[]).reduce((n, dim) => n * dim, 1),
    0,
  );
}
