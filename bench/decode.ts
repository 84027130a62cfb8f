/**
 * Speed of reading and continuing a text with random float32 Llamas, as a share of the machine's read bandwidth, and what the
 * engine adds to bare runs: `node dist/bench/decode.js [--json] [--threads 2] [-p 512] [-n 128] [-r 5] [--model 135M]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fail } from "../src/base/errors.ts";
import { rng } from "../src/base/rng.ts";
import { type Engine, openEngine } from "../src/generate/engine.ts";
import { generateIds } from "../src/generate/generate.ts";
import { host } from "../src/host/node.ts";
import { modelFromConfig, newConfig } from "../src/models/registry.ts";
import type { ModelSizes } from "../src/models/types.ts";
import { openRuntime } from "../src/runtime/open.ts";
import type { Binding, Runtime } from "../src/runtime/types.ts";
import { readSafetensors } from "../src/weights/safetensors.ts";
import { benchArguments, deviation, main, median, readBandwidth, report, secondsOf } from "./measure.ts";
import { writeRandom } from "./random-weights.ts";

/** Tokens before the first one that is timed. */
const PROMPT = 16;

const MODELS: Readonly<Record<string, ModelSizes>> = {
  "135M": size({ layers: 30, heads: 9, kvHeads: 3, dim: 576, feedForward: 1536, vocabSize: 49152 }),
  "14M": size({ layers: 6, heads: 6, kvHeads: 6, dim: 384, feedForward: 1024, vocabSize: 4096 }),
};

function size(sizes: Omit<ModelSizes, "context">): ModelSizes {
  return { ...sizes, context: 2048, tied: true };
}

/** A runtime that adds up the time spent inside runs and remembers the binding that ran last. */
function watched(runtime: Runtime) {
  const seen = { seconds: 0, last: undefined as Binding | undefined };
  const watch = (binding: Binding): Binding => ({
    run() {
      const start = performance.now();
      const running = binding.run();
      seen.last = binding;
      const stop = () => {
        seen.seconds += (performance.now() - start) / 1000;
      };
      return running ? running.then(stop) : stop();
    },
    dispose: binding.dispose,
    [Symbol.dispose]: binding.dispose,
  });
  const session: Runtime["session"] = async (model, options) => {
    const inner = await runtime.session(model, options);
    return { ...inner, bind: (inputs, outputs) => watch(inner.bind(inputs, outputs)) };
  };
  return { runtime: { ...runtime, session } satisfies Runtime, seen };
}

interface Work {
  readonly engine: Engine;
  readonly seen: ReturnType<typeof watched>["seen"];
  readonly newTokens: number;
  readonly repetitions: number;
}

function randomIds(count: number, vocabSize: number): number[] {
  const random = rng(2, "ids");
  return Array.from({ length: count }, () => random.below(vocabSize));
}

/** Back to a cache of the prompt alone. */
async function restart({ engine }: Work): Promise<void> {
  engine.truncate(0);
  await engine.append(randomIds(PROMPT, engine.model.vocabSize));
}

/** Seconds of `newTokens` steps through the engine, random ids and no sampling, as llama-bench does, and those outside runs. */
async function engineSteps(work: Work): Promise<{ seconds: number; outside: number }> {
  await restart(work);
  const ids = randomIds(work.newTokens, work.engine.model.vocabSize);
  const before = work.seen.seconds;
  const start = performance.now();
  for (const id of ids) await work.engine.append([id]);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, outside: seconds - (work.seen.seconds - before) };
}

/** Seconds of the same number of greedy steps as a program takes them. */
async function greedySteps({ engine, newTokens }: Work): Promise<number> {
  engine.truncate(0);
  const prompt = randomIds(PROMPT, engine.model.vocabSize);
  let [start, count] = [0, 0];
  for await (const _ of generateIds(engine, prompt, { maxNewTokens: newTokens + 1 }))
    if (count++ === 0) start = performance.now();
  return (performance.now() - start) / 1000;
}

/** Seconds of as many runs of the engine's own binding, at the position in the middle of what the engine went through. */
async function bareSteps(work: Work): Promise<number> {
  await restart(work);
  for (const id of randomIds(work.newTokens >> 1, work.engine.model.vocabSize)) await work.engine.append([id]);
  const binding = work.seen.last!;
  const start = performance.now();
  for (let i = 0; i < work.newTokens; i++) {
    const running = binding.run();
    if (running) await running;
  }
  return (performance.now() - start) / 1000;
}

/** All three in turn; overheads are medians of what each round says. */
async function decode(work: Work) {
  const rounds = [];
  await engineSteps(work);
  for (let i = 0; i < work.repetitions; i++) {
    const [bare, engine, greedy] = [await bareSteps(work), await engineSteps(work), await greedySteps(work)];
    rounds.push({ bare, ...engine, greedy });
  }
  const speeds = rounds.map(({ seconds }) => work.newTokens / seconds);
  return {
    tokens: work.newTokens,
    tokensPerSecond: median(speeds),
    deviation: deviation(speeds),
    bareTokensPerSecond: median(rounds.map(({ bare }) => work.newTokens / bare)),
    greedyTokensPerSecond: median(rounds.map(({ greedy }) => work.newTokens / greedy)),
    engineOverhead: median(rounds.map(({ seconds, bare }) => seconds / bare - 1)),
    greedyOverhead: median(rounds.map(({ greedy, bare }) => greedy / bare - 1)),
    microsecondsOutsideRuns: median(rounds.map(({ outside }) => (outside / work.newTokens) * 1e6)),
  };
}

/** Reading a prompt in one piece. */
async function prefill(engine: Engine, tokens: number, repetitions: number) {
  const ids = randomIds(tokens, engine.model.vocabSize);
  const seconds = await secondsOf(repetitions, async () => {
    engine.truncate(0);
    await engine.append(ids);
  });
  const speeds = seconds.map((s) => tokens / s);
  return { tokens, tokensPerSecond: median(speeds), deviation: deviation(speeds) };
}

async function measureModel(plain: Runtime, name: string, numbers: Readonly<Record<string, number>>) {
  const [threads, promptTokens] = [numbers.threads!, numbers.p!];
  const sizes = MODELS[name] ?? fail("USAGE", `--model: got ${name}, expected ${Object.keys(MODELS).join(" or ")}`);
  const model = modelFromConfig(newConfig("llama", sizes), "bench");
  const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-bench-"));
  try {
    const file = path.join(folder, "model.safetensors");
    const bytesPerToken = writeRandom(file, model);
    const entries = readSafetensors(host, file).tensors;
    const { runtime, seen } = watched(plain);
    const place = (parameter: string) => {
      const { dtype, offset, length } = entries.get(parameter)!;
      return { kind: "file", dtype, at: { file: host.absolute(file), offset, length } } as const;
    };
    const capacity = Math.max(promptTokens, PROMPT + numbers.n! + 1);
    using engine = await openEngine(runtime, model, { place }, { capacity, chunk: promptTokens, session: { threads } });
    const bandwidth = [await readBandwidth(plain, threads)];
    const tg = await decode({ engine, seen, newTokens: numbers.n!, repetitions: numbers.r! });
    const pp = await prefill(engine, promptTokens, numbers.r!);
    bandwidth.push(await readBandwidth(plain, threads));
    const best = Math.max(...bandwidth);
    const readBandwidthFraction = (tg.tokensPerSecond * bytesPerToken) / 1e9 / best;
    return { model: `llama ${name}, float32`, threads, pp, tg, bytesPerToken, bandwidth: best, readBandwidthFraction };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main(async () => {
  const { json, numbers, words } = benchArguments({ threads: 2, p: 512, n: 128, r: 5 }, { model: "" });
  const runtime = await openRuntime();
  const names = words.model ? [words.model] : Object.keys(MODELS);
  for (const name of names) {
    report(json, await measureModel(runtime, name, numbers));
    if (!json && name !== names.at(-1)) process.stdout.write("\n");
  }
});
