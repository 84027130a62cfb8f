import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { createOwner } from "../../src/base/owner.ts";
import type { PreferenceTokens } from "../../src/data/example-tokens.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { createEvaluation } from "../../src/train/evaluator.ts";
import { adapted } from "../../src/tune/adapters.ts";
import { rewardTask } from "../../src/tune/objectives/reward.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import type { NdArray } from "../helpers/reference-array.ts";
import { readArrays } from "../helpers/reference-models.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { baseModel, file, lines, newOut, PAIRS, tuned } from "../tune/tuning.ts";

const pairs = file(
  "reward-pairs.jsonl",
  lines(PAIRS.map(({ prompt, completion }) => ({ prompt, chosen: completion, rejected: `${completion}9` }))),
);
const OPTIONS: TuneOptions = { objective: "reward", steps: 8, lr: 3e-3, samples: undefined, result: "last" };
const SEQUENCES = [
  [5, 9, 30],
  [12, 40, 41, 42, 7],
  [100, 3],
  [8, 9, 10, 11],
];
const LORA = { rank: 4, alpha: 8, targets: "all-linear" } as const;

/** The scores of the sequences by the tensors of a result, as training sees them. */
async function scoresOf(weights: ReadonlyMap<string, NdArray>, base: string, isAdapter: boolean): Promise<number[]> {
  using owner = createOwner();
  const { own } = owner;
  const model = modelFromConfig(JSON.parse(readFileSync(path.join(base, "config.json"), "utf8")), base);
  const all = SEQUENCES.map((ids) => ({
    ids: Int32Array.from(ids),
    mask: Uint8Array.from(ids, (_, i) => (i === 0 ? 0 : 1)),
    cut: 0,
  }));
  const train = [0, 1].map((i): PreferenceTokens => ({ chosen: all[i]!, rejected: all[i + 2]!, promptLength: 1 }));
  const task = rewardTask(
    {
      ...{ model, train, validation: train, rowTokens: 6, batch: 2, valBatch: 2, seed: 0 },
      adapted: adapted({ model, groups: [] }, isAdapter ? LORA : undefined),
    },
    { centre: 0 },
  );
  const tensors = new Map(
    [...weights].map(([name, array]) => [
      name,
      own(runtime!.tensor("float32", array.shape as number[], elements("float32", array))),
    ]),
  );
  const source = { tensors: () => tensors, frozen: undefined };
  const evaluation = own(await createEvaluation(runtime!, task.validation!.objective, source));
  await task.validation!.fill(0, evaluation.inputs);
  await evaluation.run(() => {});
  return [...(evaluation.results.scores!.data as Float32Array)];
}

const inGraph = ([name, array]: [string, NdArray]): [string, NdArray] => [name.replace("base_model.model.", ""), array];

describe("a reward model", { skip: skipWithoutPython || skipWithoutRuntime }, () => {
  for (const method of ["full", "lora"] as const)
    test(`has transformers' scores: ${method}`, async () => {
      const [out, base] = [newOut(), await baseModel()];
      const lora = method === "lora" ? { rank: LORA.rank, alpha: LORA.alpha } : {};
      await tuned(out, { ...OPTIONS, method, ...lora }, {}, [pairs]);
      const folders = method === "lora" ? [base, out] : [out];
      const found = runPython("rewards.py", folders, JSON.stringify({ sequences: SEQUENCES })) as {
        scores: number[];
        problems: string[];
      };
      const trained = readArrays(path.join(out, `${method === "lora" ? "adapter_" : ""}model.safetensors`));
      const weights = new Map([...readArrays(path.join(base, "model.safetensors")), ...[...trained].map(inGraph)]);
      const ours = await scoresOf(weights, base, method === "lora");
      assert.deepEqual(found.problems, []);
      for (const [i, score] of found.scores.entries())
        assert.ok(Math.abs(score - ours[i]!) < 1e-4, `sequence ${i}: transformers says ${score}, ours ${ours[i]}`);
      assert.ok(new Set(found.scores.map((score) => score.toFixed(4))).size > 1);
    });
});
