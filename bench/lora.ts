/**
 * Speed of LoRA training of a Llama of 135M parameters at sequences of 512, beside PyTorch with peft where they are installed:
 * `node dist/bench/lora.js [--json] [--threads 2] [--steps 3] [--rounds 2] [--batch 2] [--prompt 0]
 * [--dropout 0]`. With `--prompt` so many tokens at the beginning of each row carry no loss; `--dropout` is in percent. See
 * docs/bench.md.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { rng } from "../src/base/rng.ts";
import type { Placement } from "../src/graph/lower.ts";
import { host } from "../src/host/node.ts";
import { adapterBase } from "../src/models/adapted.ts";
import { modelFromConfig, newConfig } from "../src/models/registry.ts";
import { addLora, type LoraOptions, trainedWith } from "../src/nn/lora.ts";
import { openRuntime } from "../src/runtime/open.ts";
import type { Runtime } from "../src/runtime/types.ts";
import { causalLmBatch, changedObjective, type Objective } from "../src/train/objective.ts";
import { createStepper, type Stepper } from "../src/train/stepper.ts";
import { sftObjective } from "../src/tune/objectives/sft.ts";
import { readSafetensors } from "../src/weights/safetensors.ts";
import { benchArguments, main, median, report, secondsOf } from "./measure.ts";
import { writeRandom } from "./random-weights.ts";

const SIZES = { vocabSize: 49152, layers: 30, heads: 9, kvHeads: 3, dim: 576, feedForward: 1536, context: 2048 };
const CONTEXT = 512;
const LORA: LoraOptions = { rank: 16, alpha: 32, targets: "all-linear" };
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

const model = modelFromConfig(newConfig("llama", { ...SIZES, tied: true }), "bench");

type Numbers = Readonly<Record<"threads" | "steps" | "rounds" | "batch" | "prompt" | "dropout", number>>;

/** The objective that `ownlm tune` has for such data. */
function objectiveOf({ batch, prompt, dropout }: Numbers): Objective {
  const { tied } = adapterBase(model);
  const lora = { ...LORA, dropout: dropout / 100 };
  const options = { model, rowTokens: CONTEXT, packing: "padded" } as const;
  return changedObjective(sftObjective(options, batch, batch * (CONTEXT - prompt)), trainedWith(lora, tied), (graph) =>
    addLora(graph, lora, model.vocabSize, tied),
  );
}

/** Random tokens, each to be followed by the next, with loss behind the prompt. */
function fillBatch(stepper: Stepper, prompt: number): void {
  const { inputIds, targets, weights } = causalLmBatch(stepper.inputs);
  const random = rng(1, "bench");
  const [rows] = inputIds.shape as [number];
  for (let i = 0; i < inputIds.data.length; i++) inputIds.data[i] = BigInt(random.below(SIZES.vocabSize));
  targets.data.set(inputIds.data.subarray(1));
  const scored = CONTEXT - prompt;
  for (let i = 0; i < weights.data.length; i++) weights.data[i] = i % CONTEXT < prompt ? 0 : 1 / (rows * scored);
}

async function open(runtime: Runtime, folder: string, numbers: Numbers): Promise<Stepper> {
  const file = path.join(folder, "weights.safetensors");
  const { tensors } = readSafetensors(host, file);
  const frozen = (name: string): Placement => {
    const { dtype, offset, length } = tensors.get(name)!;
    return { kind: "file", dtype, at: { file, offset, length } };
  };
  const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false, accumulation: 1, seed: 1, frozen };
  return createStepper(runtime, objectiveOf(numbers), {
    ...options,
    session: { threads: numbers.threads, memoryPattern: true },
  });
}

/** The median step, in tokens a second. Nothing of it is left when the peer has its turn: beside an open session it is slower. */
async function ourSpeed(runtime: Runtime, folder: string, numbers: Numbers) {
  const started = performance.now();
  using stepper = await open(runtime, folder, numbers);
  const openSeconds = (performance.now() - started) / 1000;
  let number = 0;
  const step = async () => void (await stepper.step(++number, 1e-4, () => fillBatch(stepper, numbers.prompt)));
  return { openSeconds, tokensPerSecond: (numbers.batch * CONTEXT) / median(await secondsOf(numbers.steps, step)) };
}

interface PeerLine {
  readonly tokensPerSecond?: number;
  readonly version?: string;
  readonly skipped?: string;
}

/** What bench/peers/lora_torch.py prints. */
function peerSpeed(numbers: Numbers): PeerLine {
  const venv = process.env.OWNLM_VENV ?? path.join(os.homedir(), ".cache/ownlm/venv");
  const python = process.env.OWNLM_PYTHON ?? path.join(venv, "bin/python");
  const script = fileURLToPath(new URL("../../bench/peers/lora_torch.py", import.meta.url));
  const given = (["threads", "steps", "batch", "prompt", "dropout"] as const).flatMap((name) => [
    `--${name}`,
    `${numbers[name]}`,
  ]);
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  const { stdout, stderr } = spawnSync(python, [script, ...given], { encoding: "utf8", env });
  const last = stdout?.trim().split("\n").at(-1) ?? "";
  return last.startsWith("{") ? JSON.parse(last) : { skipped: stderr?.trim().split("\n").at(-1) || "no such Python" };
}

await main(async () => {
  const defaults: Numbers = { threads: 2, steps: 3, rounds: 2, batch: 2, prompt: 0, dropout: 0 };
  const { json, numbers: given } = benchArguments({ ...defaults });
  const numbers = given as unknown as Numbers;
  const { threads, batch } = numbers;
  const folder = mkdtempSync(path.join(os.tmpdir(), "ownlm-lora-"));
  try {
    const runtime = await openRuntime();
    writeRandom(path.join(folder, "weights.safetensors"), model);
    const [ours, theirs, opening]: [number[], PeerLine[], number[]] = [[], [], []];
    for (let round = 0; round < numbers.rounds; round++) {
      const { openSeconds, tokensPerSecond } = await ourSpeed(runtime, folder, numbers);
      ours.push(tokensPerSecond);
      opening.push(openSeconds);
      if (!theirs.some((line) => line.skipped)) theirs.push(peerSpeed(numbers));
      process.stderr.write(
        `round ${round + 1}: ${tokensPerSecond.toFixed(1)} and ${theirs.at(-1)?.tokensPerSecond ?? "-"}\n`,
      );
    }
    const skipped = theirs.find((line) => line.skipped)?.skipped;
    const ratios = theirs.map(({ tokensPerSecond }, i) => ours[i]! / tokensPerSecond!);
    report(json, {
      model: `llama 135M, ${batch} x ${CONTEXT} tokens a step, rank ${LORA.rank} on every linear layer, AdamW`,
      runtime: `${runtime.name} ${runtime.version}`,
      threads,
      openSeconds: median(opening),
      tokensPerSecond: median(ours),
      peakResidentMegabytes: process.resourceUsage().maxRSS / 1000,
      peer: skipped ?? { ...theirs.at(-1), timesPeer: ratios.length ? median(ratios) : undefined },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
