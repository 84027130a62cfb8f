/**
 * Training speed of a 13.8 million parameter Llama, as a share of the machine's SGEMM peak and beside PyTorch where it is
 * installed: `node dist/bench/train.js [--json] [--threads 2] [--steps 5] [--rounds 3]`. See docs/bench.md.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { rng } from "../src/base/rng.ts";
import { host } from "../src/host/node.ts";
import { modelFromConfig, newConfig } from "../src/models/registry.ts";
import { openRuntime } from "../src/runtime/open.ts";
import { type CausalLmBatch, causalLmBatch, causalLmObjective } from "../src/train/objective.ts";
import { affordsPattern, planTraining } from "../src/train/plan.ts";
import { createStepper, type Stepper } from "../src/train/stepper.ts";
import { benchArguments, main, median, report, secondsOf, sgemmPeak } from "./measure.ts";

const SIZES = { vocabSize: 4096, layers: 6, heads: 6, kvHeads: 6, dim: 384, feedForward: 1024, context: 256 };
const SHAPE = {
  batch: 16,
  context: SIZES.context,
  adamw: { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
  clipNorm: 1,
  checkpointing: false,
  accumulation: 1,
};
const PEERS = ["torch-eager", "torch-compile"] as const;

/** The model that all sides train. */
function benchModel() {
  return modelFromConfig(newConfig("llama", { ...SIZES, tied: false }), "bench");
}

/** Random tokens, each to be followed by the next. */
function fillBatch({ inputIds, targets, weights }: CausalLmBatch): void {
  const random = rng(1, "bench");
  for (let i = 0; i < inputIds.data.length; i++) inputIds.data[i] = BigInt(random.below(SIZES.vocabSize));
  targets.data.set(inputIds.data.subarray(1));
  targets.data[targets.data.length - 1] = inputIds.data[0]!;
  weights.data.fill(1 / weights.data.length);
}

/** Tokens per second: the median step of `steps`. */
async function ourSpeed(stepper: Stepper, steps: number, tokens: number): Promise<number> {
  let number = 0;
  const batch = causalLmBatch(stepper.inputs);
  const step = async () => void (await stepper.step(++number, 1e-3, () => fillBatch(batch)));
  return tokens / median(await secondsOf(steps, step));
}

/** A Python with PyTorch: the one named, or that of bench/peers/install.sh; undefined where there is none. */
function findPython(): string | undefined {
  const venv = process.env.OWNLM_VENV ?? path.join(os.homedir(), ".cache/ownlm/venv");
  const python = process.env.OWNLM_PYTHON ?? path.join(venv, "bin/python");
  if (!process.env.OWNLM_PYTHON && !existsSync(python)) return undefined;
  return spawnSync(python, ["-c", "import torch"]).status === 0 ? python : undefined;
}

interface PeerLine {
  readonly tokensPerSecond?: number;
  readonly version?: string;
  readonly skipped?: string;
}

/** What bench/peers/train_torch.py prints of one peer. */
function peerSpeed(python: string, peer: string, steps: number, threads: number): PeerLine {
  const script = fileURLToPath(new URL("../../bench/peers/train_torch.py", import.meta.url));
  const args = [script, "--peers", peer, "--threads", `${threads}`, "--steps", `${steps}`, "--warmup", "2"];
  const { stdout, stderr } = spawnSync(python, args, { encoding: "utf8", env: peerEnvironment() });
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => (line.startsWith("{") ? JSON.parse(line) : {}));
  const found = lines.find((line) => line.peer === peer);
  return found ?? { skipped: stderr.trim().split("\n").at(-1) || "it printed nothing" };
}

/** Settings for old builds of OpenBLAS slow PyTorch's down. */
function peerEnvironment(): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  return env;
}

function progress(round: number, who: string, tokensPerSecond: number | undefined): void {
  process.stderr.write(`round ${round + 1}: ${who} ${tokensPerSecond?.toFixed(0) ?? "-"} tokens/s\n`);
}

/** Both sides in turn, so that a change of the machine's speed meets both; ratios within each round. */
async function compare(run: () => Promise<number>, python: string | undefined, c: Readonly<Record<string, number>>) {
  const [ours, theirs] = [[] as number[], new Map<string, PeerLine[]>()];
  for (let round = 0; round < c.rounds!; round++) {
    ours.push(await run());
    progress(round, "ownlm", ours.at(-1)!);
    for (const peer of python ? PEERS : []) {
      const known = theirs.get(peer) ?? [];
      if (!known.some((line) => line.skipped)) known.push(peerSpeed(python!, peer, c.steps!, c.threads!));
      theirs.set(peer, known);
      progress(round, peer, known.at(-1)!.tokensPerSecond);
    }
  }
  const peers = [...theirs].map(([peer, lines]) => {
    const skipped = lines.find((line) => line.skipped)?.skipped;
    if (skipped) return [peer, { skipped }] as const;
    const speeds = lines.map((line) => line.tokensPerSecond!);
    const timesPeer = median(speeds.map((speed, i) => ours[i]! / speed));
    return [peer, { version: lines[0]!.version, tokensPerSecond: median(speeds), timesPeer }] as const;
  });
  return { tokensPerSecond: median(ours), peers: Object.fromEntries(peers) };
}

await main(async () => {
  const { json, numbers } = benchArguments({ threads: 2, steps: 5, rounds: 3 });
  const threads = numbers.threads!;
  const runtime = await openRuntime();
  const model = benchModel();
  const plan = planTraining(model, SHAPE);
  const memoryPattern = affordsPattern(plan, host.availableMemoryBytes());
  const peaks = [await sgemmPeak(runtime, threads)];
  const objective = causalLmObjective(model, SHAPE.batch, SHAPE.context);
  using stepper = await createStepper(runtime, objective, { ...SHAPE, seed: 1, session: { threads, memoryPattern } });
  const run = () => ourSpeed(stepper, numbers.steps!, plan.tokensPerStep);
  const { tokensPerSecond, peers } = await compare(run, findPython(), numbers);
  peaks.push(await sgemmPeak(runtime, threads));
  const gflops = ((tokensPerSecond / plan.tokensPerStep) * plan.flopsPerStep) / 1e9;
  const peak = Math.max(...peaks);
  report(json, {
    model: "llama 13.8M, 16 x 256 tokens a step, AdamW",
    parameters: plan.parameters,
    runtime: `${runtime.name} ${runtime.version}`,
    threads,
    tokensPerSecond,
    modelGflopPerSecond: gflops,
    sgemmPeakGflopPerSecond: peak,
    peakFraction: gflops / peak,
    peakResidentMegabytes: process.resourceUsage().maxRSS / 1000,
    ...peers,
  });
});
