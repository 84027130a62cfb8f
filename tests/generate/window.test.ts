import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openEngine } from "../../src/generate/engine.ts";
import type { Engine } from "../../src/generate/engine-types.ts";
import { generateIds } from "../../src/generate/generate.ts";
import { lookupDraft } from "../../src/generate/lookup-draft.ts";
import { appendWithin } from "../../src/generate/overflow.ts";
import { speculating } from "../../src/generate/speculate.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** Rows of the golden table of which every layer has a window, and what it is. */
const WINDOWED: Record<string, number> = {};
for (const name of GOLDEN_FAMILIES) {
  const { config } = goldenFamily(name);
  if (["mistral", "starcoder2"].includes(config.model_type as string) && typeof config.sliding_window === "number")
    WINDOWED[name] = config.sliding_window;
}

async function openFamily(name: string, capacity: number): Promise<Engine> {
  const { model } = goldenFamily(name);
  const weights = patternWeights(model);
  const place = (each: string) => ({ kind: "memory", data: Float32Array.from(weights.get(each)!.data) }) as const;
  return openEngine(runtime!, model, { place }, { capacity, session: { threads: 1 } });
}

const textOf = (length: number) => Array.from({ length }, (_, i) => (i * i + 3 * i + 1) % 17);

async function made(engine: Engine, prompt: readonly number[], maxNewTokens: number): Promise<number[]> {
  const ids: number[] = [];
  for await (const id of generateIds(engine, prompt, { maxNewTokens })) ids.push(id);
  return ids;
}

describe("a model whose layers all have windows", { skip: skipWithoutRuntime }, () => {
  test("is among the golden families", () => {
    assert.ok("mistral" in WINDOWED, JSON.stringify(WINDOWED));
  });

  for (const [name, window] of Object.entries(WINDOWED))
    test(`${name} (${window}) goes past its capacity with the logits of a cache that holds all`, async () => {
      const { model } = goldenFamily(name);
      const length = Math.min(model.maxPositions, 40);
      using whole = await openFamily(name, length);
      using small = await openFamily(name, Math.max(Math.ceil(1.25 * window), window + 2));
      assert.ok(small.slide, "slides");
      const ids = textOf(length).map((id) => id % model.vocabSize);
      const expected: number[][] = [];
      await whole.appendShowing(ids, (logits) => expected.push([...logits]));
      for (const [t, id] of ids.entries()) {
        const logits = await appendWithin(small, [id], undefined, undefined);
        for (const [v, x] of expected[t]!.entries())
          assert.ok(Math.abs(logits[v]! - x) < 1e-4, `token ${t}: got ${logits[v]}, expected ${x}`);
      }
      assert.ok(small.length <= small.capacity && small.ids[0] === -1);
      small.truncate(0);
      const logits = await appendWithin(small, ids, undefined, undefined);
      for (const [v, x] of expected.at(-1)!.entries())
        assert.ok(Math.abs(logits[v]! - x) < 1e-4, `at once: got ${logits[v]}, expected ${x}`);
      const prompt = ids.slice(0, 5);
      small.truncate(0);
      whole.truncate(0);
      const text = await made(whole, prompt, length - 5);
      assert.deepEqual(await made(small, prompt, length - 5), text);
      small.truncate(0);
      const policy = { sizeFor: (strength: number) => (strength > 0 ? 4 : 1), took() {}, learned() {} };
      const faster = speculating(small, { drafter: lookupDraft, nearTie: 1e-3, policy });
      assert.deepEqual(await made(faster, prompt, length - 5), text);
    });

  test("one with a layer that sees all does not slide", async () => {
    for (const name of ["llama", "gemma2"]) {
      using engine = await openFamily(name, 24);
      assert.equal(engine.slide, undefined);
    }
  });
});
