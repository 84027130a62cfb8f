import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createOwner } from "../../src/base/owner.ts";
import { openEngine } from "../../src/generate/engine.ts";
import { openGroupEngine } from "../../src/generate/group-engine.ts";
import type { Placement } from "../../src/graph/lower.ts";
import { GOLDEN_MODELS, goldenModel } from "../helpers/reference-models.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const PROMPT = [5, 6, 9, 12, 3, 1, 2];
const TEXTS = [
  [8, 20, 1],
  [21, 4, 4],
  [30, 31, 32],
];

describe("texts made together", { skip: skipWithoutRuntime }, () => {
  for (const name of GOLDEN_MODELS)
    for (const chunk of [4096, 6])
      test(`have the logits of texts made alone: ${name}, ${chunk} tokens of the prompt at once`, async () => {
        using owner = createOwner();
        const { model, weights } = goldenModel(name);
        const place = (parameter: string): Placement => ({
          kind: "memory",
          data: elements("float32", weights.get(parameter)!) as Float32Array<ArrayBuffer>,
        });
        const group = owner.own(await openGroupEngine(runtime!, model, { place }, { rows: 3, capacity: 12, chunk }));
        const alone = owner.own(await openEngine(runtime!, model, { place }, { capacity: 12 }));
        for (const prompt of [PROMPT, PROMPT.slice(2)]) {
          const first = (await group.begin(prompt)).slice();
          const steps = [];
          for (let i = 0; i < 3; i++) steps.push((await group.step(TEXTS.map((text) => text[i]!))).slice());
          for (const [row, text] of TEXTS.entries()) {
            alone.truncate(0);
            near(first, await alone.append(prompt));
            for (const [i, id] of text.entries())
              near(steps[i]!.subarray(row * model.vocabSize, (row + 1) * model.vocabSize), await alone.append([id]));
          }
        }
      });

  test("end at the capacity, by an error", async () => {
    using owner = createOwner();
    const { model, weights } = goldenModel("llama-tiny");
    const place = (parameter: string): Placement => ({
      kind: "memory",
      data: elements("float32", weights.get(parameter)!) as Float32Array<ArrayBuffer>,
    });
    const group = owner.own(await openGroupEngine(runtime!, model, { place }, { rows: 2, capacity: 3 }));
    await assert.rejects(group.begin([1, 2, 3, 4]), { code: "CONTEXT_OVERFLOW" });
    await group.begin([1, 2, 3]);
    await assert.rejects(group.step([1, 2]), { code: "CONTEXT_OVERFLOW", message: /got 4 tokens, expected at most 3/ });
  });
});

function near(got: Float32Array, expected: Float32Array): void {
  const off = got.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0);
  assert.ok(got.length === expected.length && off < 1e-5, `off by ${off}`);
}
