import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { createOwner, type Owner } from "../../src/base/owner.ts";
import type { LabelledTokens, PreferenceTokens, TokenExample } from "../../src/data/example-tokens.ts";
import { constant } from "../../src/graph/build.ts";
import { gather, mul } from "../../src/graph/functions.ts";
import type { CausalLm } from "../../src/models/types.ts";
import type { Tensor } from "../../src/runtime/types.ts";
import { createEvaluation } from "../../src/train/evaluator.ts";
import type { Objective } from "../../src/train/objective.ts";
import { createStepper, type Stepper } from "../../src/train/stepper.ts";
import { distillationTask } from "../../src/tune/objectives/distillation.ts";
import { ktoTask } from "../../src/tune/objectives/kto.ts";
import { dpoTask, orpoTask, simpoTask } from "../../src/tune/objectives/preference.ts";
import { rewardTask, SCORE_WEIGHT } from "../../src/tune/objectives/reward.ts";
import { sftTask } from "../../src/tune/objectives/sft.ts";
import type { TaskWorld, TuneTask } from "../../src/tune/task.ts";
import { golden } from "../helpers/paths.ts";
import { goldenModel } from "../helpers/reference-models.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

type Ids = readonly number[];

/** Ten steps by TRL's loss functions in float64; tests/golden/tune/steps.py made them. */
interface Run {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly score?: readonly number[];
}

interface Golden {
  readonly pairs: readonly { readonly prompt: Ids; readonly chosen: Ids; readonly rejected: Ids }[];
  readonly answers: readonly { readonly prompt: Ids; readonly completion: Ids; readonly label: boolean }[];
  readonly runs: Readonly<Record<string, Run>>;
}

const known = JSON.parse(readFileSync(golden("tune", "steps.json"), "utf8")) as Golden;
const { model, weights } = goldenModel("llama-tiny");
const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

const sequence = (prompt: Ids, answer: Ids): TokenExample => ({
  ids: Int32Array.from([...prompt, ...answer]),
  mask: Uint8Array.from([...prompt.map(() => 0), ...answer.map(() => 1)]),
  cut: 0,
});
const pairs = known.pairs.map(
  ({ prompt, chosen, rejected }): PreferenceTokens => ({
    chosen: sequence(prompt, chosen),
    rejected: sequence(prompt, rejected),
    promptLength: prompt.length,
  }),
);
const answers = known.answers.map(
  ({ prompt, completion, label }): LabelledTokens => ({
    ...sequence(prompt, completion),
    label,
    promptLength: prompt.length,
  }),
);

/** All data in one step, or in `accumulation` parts of it. */
const parts = <T>(train: readonly T[], accumulation: number, validation: readonly T[] = []) => ({
  model,
  adapted: (objective: Objective) => objective,
  train,
  validation,
  rowTokens: 12,
  batch: train.length / accumulation,
  valBatch: 3,
  seed: 3,
});

/** The model that the golden script has for a teacher: twice as sure, of the tokens in reverse. */
const teacher: CausalLm = {
  ...model,
  head(b, hidden) {
    const reversed = BigInt64Array.from({ length: model.vocabSize }, (_, i) => BigInt(model.vocabSize - 1 - i));
    return mul(gather(model.head(b, hidden), constant(b.graph, "int64", [model.vocabSize], reversed), 1), 2);
  },
};

/** Tensors with the golden model's weights. */
function weightTensors(own: Owner["own"]): ReadonlyMap<string, Tensor<"float32">> {
  return new Map(
    [...weights].map(([name, array]) => [
      name,
      own(runtime!.tensor("float32", array.shape as number[], elements("float32", array))),
    ]),
  );
}

const TASKS: Readonly<Record<string, (accumulation: number, own: Owner["own"]) => TuneTask>> = {
  // Packed, the answers fill three rows.
  sft: (n) =>
    sftTask({
      ...parts<TokenExample>(answers, n, answers),
      ...(n === 1 ? ({ packing: "packed", batch: 3 } as const) : ({ packing: "padded" } as const)),
    }),
  dpo: (n) => dpoTask(parts(pairs, n, pairs), { beta: 0.1, labelSmoothing: 0 }),
  orpo: (n) => orpoTask(parts(pairs, n, pairs), { beta: 0.1 }),
  simpo: (n) => simpoTask(parts(pairs, n, pairs), { beta: 2, gamma: 1 }),
  kto: (n) => ktoTask(parts(answers, n, answers), { beta: 0.1, desirableWeight: 1, undesirableWeight: 1 }),
  reward: (n) => rewardTask(parts(pairs, n, pairs), { centre: 0.01 }),
  distillation(n, own) {
    const kept = weightTensors(own);
    const open = async (objective: Objective) =>
      createEvaluation(runtime!, objective, { tensors: () => kept, frozen: undefined });
    const rows = n === 1 ? ({ packing: "packed", batch: 3 } as const) : ({ packing: "padded" } as const);
    const task = distillationTask(
      { ...parts<TokenExample>(answers, n, answers), ...rows, teacher: { model: teacher, open } },
      { alpha: 0.7, temperature: 2, topLogits: model.vocabSize },
    );
    return task;
  },
};

/** A stepper of the golden model, and what its task is made ready with. */
async function opened(name: string, accumulation: number, owner: Owner) {
  const { own } = owner;
  const task = TASKS[name]!(accumulation, own);
  const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false, accumulation, seed: 1, session: { threads: 2 } };
  const stepper = own(await createStepper(runtime!, task.objective, options));
  for (const [each, array] of weights)
    if (stepper.parameters.includes(each))
      stepper
        .tensors()
        .get(each)!
        .data.set(elements("float32", array) as Float32Array);
  const { score } = known.runs[name]!;
  if (score) stepper.tensors().get(SCORE_WEIGHT)!.data.set(score);
  await task.prepare?.(worldOf(stepper, owner));
  own({ [Symbol.dispose]: () => task.dispose?.() });
  return { task, stepper };
}

function worldOf(stepper: Stepper, { own }: Owner): TaskWorld {
  const kept = weightTensors(own);
  return {
    untouched: (objective) => createEvaluation(runtime!, objective, { tensors: () => kept, frozen: undefined }),
    live: async (objective) => own(await createEvaluation(runtime!, objective, stepper)),
    engine: async () => assert.fail("no objective here writes"),
    warn: (message) => assert.fail(message),
    turn: async () => {},
  };
}

async function trained(name: string, accumulation: number): Promise<Run> {
  using owner = createOwner();
  const { task, stepper } = await opened(name, accumulation, owner);
  const source = task.source(stepper.inputs, accumulation);
  const found: { losses: number[]; norms: number[]; metrics: Readonly<Record<string, number>>[] } = {
    losses: [],
    norms: [],
    metrics: [],
  };
  for (let step = 1; step <= 10; step++) {
    const fill = await source.draw();
    const { loss, gradNorm, metrics } = await stepper.step(step, 3e-3, fill);
    found.losses.push(loss);
    found.norms.push(gradNorm);
    found.metrics.push(metrics);
  }
  return found;
}

/** Metrics that are told: which of two equal rewards is the larger is not. */
function toldMetrics(expected: Readonly<Record<string, number>>): [string, number][] {
  const isEven = Math.abs(expected["rewards/margins"] ?? 1) < 1e-7;
  return Object.entries(expected).filter(([name]) => !(isEven && name === "rewards/accuracies"));
}

function assertNear(got: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(got - expected) <= tolerance, `${what}: got ${got}, expected ${expected}`);
}

describe("ten steps of AdamW equal TRL's loss functions under PyTorch", { skip: skipWithoutRuntime }, () => {
  for (const name of Object.keys(TASKS))
    test(name, async () => {
      const [found, expected] = [await trained(name, 1), known.runs[name]!];
      for (const [i, loss] of expected.losses.entries()) {
        assertNear(found.losses[i]!, loss, 1e-4, `loss of step ${i + 1}`);
        assertNear(found.norms[i]!, expected.norms[i]!, 1e-3 * expected.norms[i]! + 1e-5, `norm of step ${i + 1}`);
        for (const [metric, value] of toldMetrics(expected.metrics[i]!))
          assertNear(found.metrics[i]![metric]!, value, 1e-3, `${metric} of step ${i + 1}`);
      }
    });
});

describe("a step in two parts is the step in one", { skip: skipWithoutRuntime }, () => {
  // KTO's divergence is an estimate of each part: its steps are others.
  for (const name of Object.keys(TASKS).filter((each) => each !== "kto"))
    test(name, async () => {
      const found = await trained(name, 2);
      for (const [i, loss] of known.runs[name]!.losses.entries())
        assertNear(found.losses[i]!, loss, 1e-4, `loss of step ${i + 1}`);
    });
});

describe("validation", { skip: skipWithoutRuntime }, () => {
  for (const name of Object.keys(TASKS).filter((each) => each !== "kto"))
    test(`of the training data by ${name} gives the loss of the first step, in batches of three and one`, async () => {
      using owner = createOwner();
      const { task, stepper } = await opened(name, 1, owner);
      const { objective, batches, count, fill } = task.validation!;
      const evaluation = owner.own(await createEvaluation(runtime!, objective, stepper));
      const sums = new Map<string, number>();
      for (let batch = 0; batch < batches; batch++) {
        await fill(batch, evaluation.inputs);
        const { loss, metrics } = await evaluation.run(() => {});
        for (const [key, value] of Object.entries({ loss, ...metrics })) sums.set(key, (sums.get(key) ?? 0) + value);
      }
      const mean = (key: string) => sums.get(key)! / count(batches);
      const expected = known.runs[name]!;
      // The text's part of ORPO is a mean over the tokens of each batch.
      if (name !== "orpo") assertNear(mean("loss"), expected.losses[0]!, 1e-5, "loss");
      for (const [metric, value] of toldMetrics(expected.metrics[0]!)) assertNear(mean(metric), value, 1e-5, metric);
    });
});
