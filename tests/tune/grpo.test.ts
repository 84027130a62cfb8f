import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createOwner } from "../../src/base/owner.ts";
import { openEngines } from "../../src/generate/engine.ts";
import { createEvaluation } from "../../src/train/evaluator.ts";
import { createStepper, type Stepper } from "../../src/train/stepper.ts";
import { groupAdvantages, tokenWeights } from "../../src/tune/objectives/advantages.ts";
import { type GrpoOptions, type GrpoParts, grpoTask } from "../../src/tune/objectives/grpo.ts";
import { type Rewards, rewardsOf } from "../../src/tune/objectives/rewards.ts";
import type { TaskWorld } from "../../src/tune/task.ts";
import { goldenModel } from "../helpers/reference-models.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const near = (got: readonly number[], expected: readonly number[], tolerance: number) =>
  assert.ok(
    got.length === expected.length && got.every((x, i) => Math.abs(x - expected[i]!) <= tolerance),
    `got ${got}, expected ${expected}`,
  );

describe("advantages", () => {
  test("are rewards less their mean, over the deviation of a sample", () => {
    // torch.tensor([1, 2, 6]).std() is 2.6457513.
    near(
      groupAdvantages([1, 2, 6], "group"),
      [-2, -1, 3].map((x) => x / (2.6457513 + 1e-4)),
      1e-7,
    );
    near(groupAdvantages([1, 2, 6], "none"), [-2, -1, 3], 0);
  });

  test("are zero where all answers are as good", () => {
    near(groupAdvantages([3, 3, 3], "group"), [0, 0, 0], 0);
  });
});

describe("weights of tokens", () => {
  test("add up to 1 over a step by answers and by tokens, to less by the longest length", () => {
    const lengths = [1, 3, 4];
    const total = (loss: "grpo" | "dapo" | "dr_grpo") =>
      tokenWeights(lengths, loss, 4).reduce((sum, weight, i) => sum + weight * lengths[i]!, 0);
    near([total("grpo"), total("dapo"), total("dr_grpo")], [1, 1, 8 / 12], 1e-12);
  });
});

describe("rewards", () => {
  const scoring = { prompt: "1 + 1", record: { answer: "2" }, at: "sums.jsonl: line 3" };
  const given = (value: unknown): Rewards => ({ exact: () => value as number[] });

  test("are told of the prompt, the answers and the record", async () => {
    const exact: Rewards[string] = (prompt, answers, record) =>
      answers.map((answer) => (prompt === "1 + 1" && answer === record.answer ? 1 : 0));
    assert.deepEqual(await rewardsOf({ exact }, scoring, ["2", "3"]), { exact: [1, 0] });
  });

  for (const [value, message] of [
    [[1], /^sums\.jsonl: line 3: reward exact: got 1 values, expected 2 numbers/],
    [undefined, /reward exact: got undefined, expected 2 numbers/],
    [[1, Number.NaN], /got NaN for answer 2, expected a finite number/],
    [["1", "2"], /got 1 for answer 1, expected a finite number/],
  ] as const)
    test(`of another form are refused: ${JSON.stringify(value)}`, async () => {
      await assert.rejects(rewardsOf(given(value), scoring, ["2", "3"]), { code: "BAD_DATA", message });
    });
});

const { model, weights } = goldenModel("llama-tiny");
const WANTED = 7;
const [LONGEST, ANSWER] = [6, 6];

const OPTIONS: GrpoOptions = {
  ...{ group: 8, maxNewTokens: ANSWER, temperature: 1, topP: 1, endIds: [3], vocabSize: model.vocabSize },
  ...{ clipLow: 0.2, clipHigh: 0.2, beta: 0, loss: "dapo", scale: "group" },
};

/** Prompts of different lengths; an answer is as good as the share of its tokens that are the wanted one. */
function partsOf(rewards?: Rewards): GrpoParts {
  const share = (answer: string) => {
    const ids = answer.split(" ");
    return ids.filter((id) => id === `${WANTED}`).length / ids.length;
  };
  return {
    model,
    adapted: (objective) => objective,
    train: [[5, 6, 9, 12], [8], [20, 21], [30, 31, 32, 33, 34, 35]].map((ids, i) => ({
      ids: Int32Array.from(ids),
      prompt: ids.join(" "),
      record: { number: i },
      at: `line ${i + 1}`,
    })),
    rowTokens: LONGEST + ANSWER,
    batch: 2,
    seed: 4,
    rewards: rewards ?? { share: (_, answers) => answers.map(share) },
    decode: (ids) => ids.join(" "),
  };
}

async function learn(steps: number, options: GrpoOptions, accumulation: number, rewards?: Rewards) {
  using owner = createOwner();
  const { own } = owner;
  const task = grpoTask(partsOf(rewards), options);
  const adamw = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 };
  const settings = { adamw, clipNorm: 1, checkpointing: false, accumulation, seed: 1, session: { threads: 2 } };
  const stepper = own(await createStepper(runtime!, task.objective, settings));
  for (const name of stepper.parameters)
    stepper
      .tensors()
      .get(name)!
      .data.set(elements("float32", weights.get(name)!) as Float32Array);
  await task.prepare!(worldOf(stepper, own));
  own({ [Symbol.dispose]: () => task.dispose?.() });
  const source = task.source(stepper.inputs, accumulation);
  const told: Readonly<Record<string, number>>[] = [];
  for (let step = 1; step <= steps; step++) {
    const { metrics, loss } = await stepper.step(step, 5e-3, await source.draw());
    told.push({ loss, ...metrics, ...source.told!() });
  }
  return told;
}

const warned: string[] = [];

function worldOf(stepper: Stepper, own: ReturnType<typeof createOwner>["own"]): TaskWorld {
  const kept = new Map(
    [...weights].map(([name, array]) => [
      name,
      own(runtime!.tensor("float32", array.shape as number[], elements("float32", array))),
    ]),
  );
  return {
    untouched: (objective) => createEvaluation(runtime!, objective, { tensors: () => kept, frozen: undefined }),
    live: async (objective) => own(await createEvaluation(runtime!, objective, stepper)),
    async engine(slots, capacity) {
      const from = { place: () => ({ kind: "input" }) as const, tensors: parametersOf(stepper) };
      const engines = await openEngines(runtime!, model, from, { capacity, session: { threads: 2 } });
      return { ...engines.openBatch!(slots), [Symbol.dispose]: engines.dispose };
    },
    warn: (message) => void warned.push(message),
    turn: async () => {},
  };
}

const parametersOf = (stepper: Stepper) =>
  Object.fromEntries(stepper.parameters.map((name) => [name, stepper.tensors().get(name)!]));

describe("a model that writes, is scored and learns", { skip: skipWithoutRuntime }, () => {
  test("writes the rewarded token most of the time after 40 steps", async () => {
    const told = await learn(40, OPTIONS, 1);
    const mean = (of: typeof told) => of.reduce((sum, { reward }) => sum + reward!, 0) / of.length;
    const [before, after] = [mean(told.slice(0, 3)), mean(told.slice(-3))];
    assert.ok(before < 0.15 && after > 0.6, `rewards: ${before} before, ${after} after`);
  });

  test("is on its own policy at each step: nothing is clipped, and the loss is minus the mean advantage, 0", async () => {
    for (const { loss, clip_ratio } of await learn(2, { ...OPTIONS, loss: "grpo" }, 2)) {
      assert.ok(Math.abs(loss!) < 1e-5, `loss: got ${loss}`);
      assert.equal(clip_ratio, 0);
    }
  });

  test("is held near the model that it was by beta", async () => {
    const [free, held] = [await learn(15, { ...OPTIONS, beta: 1e-6 }, 1), await learn(15, { ...OPTIONS, beta: 1 }, 1)];
    assert.ok(Math.abs(free[0]!.kl!) < 1e-5 && Math.abs(held[0]!.kl!) < 1e-5);
    assert.ok(held.at(-1)!.kl! < free.at(-1)!.kl! / 2, `kl: ${held.at(-1)!.kl} and ${free.at(-1)!.kl}`);
  });

  test("says so, once, where nothing tells its answers apart", async () => {
    warned.length = 0;
    await learn(7, OPTIONS, 1, { same: (_, answers) => answers.map(() => 1) });
    assert.deepEqual(warned, []);
    await learn(18, OPTIONS, 1, { same: (_, answers) => answers.map(() => 1) });
    assert.equal(warned.length, 1);
    assert.match(warned[0]!, /scored alike for 8 steps/);
  });

  test("draws the same answers of the same seed", async () => {
    assert.deepEqual(await learn(3, OPTIONS, 2), await learn(3, OPTIONS, 2));
  });
});

describe("a GRPO task", () => {
  test("refuses a prompt that leaves no room for an answer, by its place", () => {
    assert.throws(() => grpoTask(partsOf(), { ...OPTIONS, maxNewTokens: ANSWER + 2 }), {
      code: "BAD_DATA",
      message: /^line 4: got a prompt of 6 tokens, expected at most 5/,
    });
  });

  test("refuses groups of one and a run without rewards", () => {
    assert.throws(() => grpoTask(partsOf(), { ...OPTIONS, group: 1 }), { code: "BAD_OPTION", message: /^group/ });
    assert.throws(() => grpoTask(partsOf({}), OPTIONS), { code: "BAD_OPTION", message: /^reward/ });
  });
});
