import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { argmax } from "../../src/generate/arithmetic.ts";
import type { Engines } from "../../src/generate/engine.ts";
import { openFamily } from "../helpers/reference-decoding.ts";
import { GOLDEN_FAMILIES, goldenFamily } from "../helpers/reference-families.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const CAPACITY = 32;

const near = (a: Float32Array, b: Float32Array) => a.every((x, i) => Math.abs(x - b[i]!) < 2e-4);

/** The logits after ids, read into an engine of their own. */
async function fresh(engines: Engines, ids: readonly number[]): Promise<Float32Array> {
  using engine = engines.open();
  return Float32Array.from(await engine.append(ids));
}

for (const family of GOLDEN_FAMILIES)
  test(`${family}: slots of unequal lengths are what each is alone, in one step`, {
    skip: skipWithoutRuntime,
  }, async () => {
    using engines = await openFamily(family, 4);
    const { vocabSize } = goldenFamily(family).model;
    const random = rng(family.length, "prompts");
    const texts = [4, 1, 9, 6].map((length) => Array.from({ length }, () => random.below(vocabSize)));
    using engine = engines.openBatch!(4, CAPACITY);
    for (const [slot, ids] of texts.entries()) await engine.append(slot, ids);
    for (const slots of [[0, 1, 2, 3], [3, 1], [2], [1, 0, 2]]) {
      const ids = slots.map(() => random.below(vocabSize));
      const logits = await engine.step(slots, ids);
      for (const [i, slot] of slots.entries()) {
        texts[slot]!.push(ids[i]!);
        assert.ok(near(logits[i]!, await fresh(engines, texts[slot]!)), `slots ${slots}: slot ${slot}`);
      }
    }
  });

for (const family of ["llama", "mistral", "phi3-long", "gpt_oss"])
  describe(`slots of ${family}`, { skip: skipWithoutRuntime }, () => {
    test("go on as if they had begun there, however they are copied, cut, put in another order and grown", async () => {
      using engines = await openFamily(family, 5);
      const { vocabSize } = goldenFamily(family).model;
      const random = rng(3, family);
      using engine = engines.openBatch!(4, CAPACITY);
      const texts: number[][] = [[], [], [], []];
      const newIds = (count: number) => Array.from({ length: count }, () => random.below(vocabSize));
      for (let round = 0; round < 60; round++) {
        const slot = random.below(4);
        const text = texts[slot]!;
        switch (random.below(5)) {
          case 0: {
            const ids = newIds(1 + random.below(6));
            if (text.length + ids.length > CAPACITY) break;
            text.push(...ids);
            assert.ok(near(await engine.append(slot, ids), await fresh(engines, text)), `round ${round}: append`);
            break;
          }
          case 1: {
            const slots = [0, 1, 2, 3].filter((each) => texts[each]!.length < CAPACITY && random.below(2) > 0);
            if (slots.length === 0) break;
            const ids = newIds(slots.length);
            const logits = (await engine.step(slots, ids)).map((each) => each.slice());
            for (const [i, each] of slots.entries()) {
              texts[each]!.push(ids[i]!);
              assert.ok(near(logits[i]!, await fresh(engines, texts[each]!)), `round ${round}: step, slot ${each}`);
            }
            break;
          }
          case 2: {
            const length = random.below(text.length + 1);
            engine.truncate(slot, length);
            text.length = length;
            break;
          }
          case 3: {
            const to = random.below(4);
            const length = random.below(text.length + 1);
            engine.copy(slot, to, length);
            texts[to] = text.slice(0, length);
            break;
          }
          default: {
            const from = Array.from({ length: 1 + random.below(4) }, () => random.below(4));
            engine.reorder(from);
            const before = texts.map((each) => [...each]);
            for (const [i, source] of from.entries()) texts[i] = [...before[source]!];
          }
        }
        for (let i = 0; i < 4; i++) assert.deepEqual(engine.idsOf(i), texts[i], `round ${round}: slot ${i}`);
      }
    });

    test("append nothing when they are stopped, given a wrong id, or full", async () => {
      using engines = await openFamily(family);
      using engine = engines.openBatch!(2, 4);
      await engine.append(0, [1, 2, 3]);
      await engine.append(1, [1, 2, 3, 4]);
      const stopped = AbortSignal.abort();
      await assert.rejects(engine.append(0, [4], stopped), { code: "ABORTED" });
      await assert.rejects(engine.step([0], [4], stopped), { code: "ABORTED" });
      await assert.rejects(engine.append(0, [4, 99]), { code: "BAD_TOKEN_ID" });
      await assert.rejects(engine.append(0, [4, 5]), { code: "CONTEXT_OVERFLOW" });
      await assert.rejects(engine.step([0, 1], [1, 1]), { code: "CONTEXT_OVERFLOW" });
      await assert.rejects(engine.step([0, 1], [1]), { code: "BAD_DATA" });
      await assert.rejects(engine.step([0, 0], [1, 1]), { code: "BAD_DATA" });
      await assert.rejects(engine.step([2], [1]), { code: "BAD_OPTION" });
      await assert.rejects(engine.append(2, [1]), { code: "BAD_OPTION" });
      assert.throws(() => engine.copy(0, 1, 4), { code: "BAD_OPTION" });
      assert.throws(() => engine.reorder([0, 2]), { code: "BAD_OPTION" });
      assert.throws(() => engines.openBatch!(0, 4), { code: "BAD_OPTION" });
      assert.throws(() => engines.openBatch!(1, 100_000), { code: "BAD_OPTION" });
      assert.deepEqual(engine.idsOf(0), [1, 2, 3]);
      const logits = Float32Array.from(await engine.append(0, [4]));
      assert.ok(near(logits, await fresh(engines, [1, 2, 3, 4])));
      assert.ok(argmax(logits) >= 0);
    });
  });
