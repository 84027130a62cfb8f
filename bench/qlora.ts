/**
 * Memory and speed of LoRA beside packed weights (QLoRA): `node dist/bench/qlora.js --model FOLDER [--quantize 4|8]
 * [--context 512] [--batch 1] [--rank 16] [--steps 3] [--threads 2] [--rounded yes] [--checkpointing no] [--json]`. Adapters of all
 * linear layers, AdamW, blocks computed again. Prints the process's largest resident memory after steps and after a validation
 * (Linux), what the plan said, and tokens a second.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { rng } from "../src/base/rng.ts";
import { host } from "../src/host/node.ts";
import { openRuntime } from "../src/runtime/open.ts";
import { createEvaluation } from "../src/train/evaluator.ts";
import { type CausalLmBatch, causalLmBatch, causalLmObjective } from "../src/train/objective.ts";
import { planSteps } from "../src/train/plan.ts";
import { createStepper } from "../src/train/stepper.ts";
import { adapted } from "../src/tune/adapters.ts";
import { openBase } from "../src/tune/base.ts";
import { benchArguments, main, median, report, secondsOf } from "./measure.ts";

/** Bytes of a line of Linux's account of this process; NaN elsewhere. */
function statusBytes(key: "VmHWM" | "VmRSS" | "RssAnon" | "RssFile"): number {
  try {
    return 1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  } catch {
    return Number.NaN;
  }
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);
const memory = () => ({
  peakMB: megabytes(statusBytes("VmHWM")),
  residentMB: megabytes(statusBytes("VmRSS")),
  privateMB: megabytes(statusBytes("RssAnon")),
  ofFilesMB: megabytes(statusBytes("RssFile")),
});

/** Random tokens, each to be followed by the next. */
function fillBatch({ inputIds, targets, weights }: CausalLmBatch, vocabSize: number): void {
  const random = rng(1, "bench");
  for (let i = 0; i < inputIds.data.length; i++) inputIds.data[i] = BigInt(random.below(vocabSize));
  targets.data.set(inputIds.data.subarray(1));
  targets.data[targets.data.length - 1] = inputIds.data[0]!;
  weights.data.fill(1 / weights.data.length);
}

await main(async () => {
  const { json, numbers, words } = benchArguments(
    { context: 512, batch: 1, rank: 16, steps: 3, threads: 2 },
    { model: "", quantize: "", rounded: "no", checkpointing: "yes" },
  );
  const { context, batch, rank, steps, threads } = numbers as Record<keyof typeof numbers, number>;
  const quantize = words.quantize === "4" ? 4 : words.quantize === "8" ? 8 : undefined;
  const warn = (message: string) => process.stderr.write(`${message}\n`);
  using base = await openBase(host, words.model!, words.model!, { quantize, rounded: words.rounded === "yes", warn });
  const lora = { rank: rank!, alpha: 2 * rank!, targets: "all-linear" } as const;
  const objective = adapted(base, lora)(causalLmObjective(base.model, batch!, context!));
  const shape = {
    accumulation: 1,
    adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
    clipNorm: 1,
    checkpointing: words.checkpointing === "yes",
  };
  const tokensPerStep = batch! * context!;
  const plan = planSteps(objective, shape, { tokensPerStep, evaluation: objective });
  const runtime = await openRuntime();
  const session = { threads: threads!, memoryPattern: false };
  const start = performance.now();
  using stepper = await createStepper(runtime, objective, { ...shape, seed: 1, session, frozen: base.place });
  const openSeconds = (performance.now() - start) / 1000;
  const opened = memory();
  const tokens = causalLmBatch(stepper.inputs);
  let number = 0;
  const before = process.cpuUsage();
  const seconds = await secondsOf(steps!, async () => {
    await stepper.step(++number, 1e-4, () => fillBatch(tokens, base.model.vocabSize));
  });
  const used = process.cpuUsage(before);
  const stepped = memory();
  using evaluation = await createEvaluation(runtime, objective, stepper, { threads: threads! });
  const evaluated = causalLmBatch(evaluation.inputs);
  const validation = await secondsOf(1, async () => {
    await evaluation.run(() => fillBatch(evaluated, base.model.vocabSize));
  });
  const validated = memory();
  report(json, {
    model: words.model,
    context,
    batch,
    rank,
    threads,
    trainedParameters: plan.parameters,
    openSeconds,
    tokensPerSecond: tokensPerStep / median(seconds),
    processorSecondsPerStep: (used.user + used.system) / 1e6 / (steps! + 1),
    validationTokensPerSecond: tokensPerStep / median(validation),
    plannedMB: megabytes(plan.totalBytes),
    opened,
    stepped,
    validated,
  });
});
