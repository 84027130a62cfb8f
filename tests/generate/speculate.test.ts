import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { openEngine } from "../../src/generate/engine.ts";
import type { Engine } from "../../src/generate/engine-types.ts";
import { type GenerationSettings, generateIds } from "../../src/generate/generate.ts";
import { openModel } from "../../src/generate/load.ts";
import { lookupDraft } from "../../src/generate/lookup-draft.ts";
import { modelDraft } from "../../src/generate/model-draft.ts";
import { speculating } from "../../src/generate/speculate.ts";
import { createPolicy, type Policy } from "../../src/generate/speculate-policy.ts";
import type { Drafter } from "../../src/generate/speculate-types.ts";
import { host } from "../../src/host/node.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder } from "./folders.ts";

/** Steps of this size wherever there is a guess. */
const always = (size: number): Policy => ({
  sizeFor: (strength) => (strength > 0 ? size : 1),
  took() {},
  learned() {},
});

/** An engine whose logits depend on all tokens before, and that counts its steps. */
function hashingEngine(vocabSize: number, capacity = 500): Engine & { steps: number } {
  const ids: number[] = [];
  const logitsAt = (length: number) => {
    // A short memory makes texts that repeat themselves.
    const recent = ids.slice(Math.max(0, length - 2), length);
    const seed = recent.reduce((sum, id) => Math.imul(sum ^ id, 0x01000193), 0x811c9dc5);
    return Float32Array.from(
      { length: vocabSize },
      (_, v) => (Math.imul(seed ^ (v * 977), 0x9e3779b1) >>> 8) / 2 ** 24,
    );
  };
  return {
    steps: 0,
    model: { vocabSize, maxPositions: capacity } as Engine["model"],
    capacity,
    ids,
    cache: {} as Engine["cache"],
    get length() {
      return ids.length;
    },
    async append(more) {
      this.steps++;
      ids.push(...Array.from(more));
      assert.ok(ids.length <= capacity);
      return logitsAt(ids.length);
    },
    async appendShowing(more, show) {
      this.steps++;
      ids.push(...Array.from(more));
      assert.ok(ids.length <= capacity);
      for (let i = 0; i < more.length; i++) show(logitsAt(ids.length - more.length + i + 1), i);
    },
    adopt() {},
    truncate: (to) => {
      ids.length = to;
    },
    dispose() {},
    [Symbol.dispose]() {},
  };
}

async function madeBy(engine: Engine, prompt: readonly number[], settings: GenerationSettings): Promise<number[]> {
  const made: number[] = [];
  for await (const id of generateIds(engine, prompt, settings)) made.push(id);
  return made;
}

describe("guesses from the text itself", () => {
  test("follow the place that most of the last tokens agree with", () => {
    assert.deepEqual(lookupDraft([1, 2, 3, 9, 2, 3, 7, 1, 2, 3], 2), { ids: [9, 2], strength: 3 });
    assert.deepEqual(lookupDraft([5, 6, 1, 7, 1], 3), { ids: [7, 1], strength: 1 }, "no further than the text");
    assert.deepEqual(lookupDraft([4, 8, 4, 9, 4], 1), { ids: [9], strength: 1 }, "the latest of equals");
    assert.deepEqual(lookupDraft([1, 2, 3], 4), { ids: [], strength: 0 });
    assert.deepEqual(lookupDraft([1], 4), { ids: [], strength: 0 });
  });
});

describe("the policy of speculation", () => {
  test("takes large steps where they cost little and guesses are right, and none where either fails", () => {
    const free = createPolicy();
    for (const size of [1, 2, 4, 8, 16]) free.took(size, 10 + size / 10);
    for (let i = 0; i < 20; i++) free.learned(5, 3, false);
    assert.equal(free.sizeFor(5), 16);
    assert.equal(free.sizeFor(0), 1);
    for (let i = 0; i < 20; i++) free.learned(5, 0, true);
    assert.equal(free.sizeFor(5), 1);
    const dear = createPolicy();
    for (const size of [1, 2, 4, 8, 16]) dear.took(size, 10 * size);
    for (let i = 0; i < 20; i++) dear.learned(5, 3, false);
    assert.equal(dear.sizeFor(5), 1);
  });

  test("tries again now and then what did not pay", () => {
    const policy = createPolicy();
    for (const size of [1, 2, 4, 8, 16]) policy.took(size, 10 * size);
    const sizes = Array.from({ length: 100 }, () => policy.sizeFor(3));
    assert.deepEqual(sizes.filter((size) => size > 1).length, 2);
  });
});

describe("an engine that speculates", () => {
  test("gives the tokens of the one it wraps, whatever is guessed and however tokens are drawn", async () => {
    const guesses = fc.infiniteStream(fc.nat({ max: 11 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 11 }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(2, 4, 8),
        fc.constantFrom(0, 0.8),
        fc.constantFrom(0, 0.02, 10),
        fc.option(guesses, { nil: undefined }),
        async (prompt, size, temperature, nearTie, stream) => {
          const settings = { maxNewTokens: 60, temperature, seed: 3, repetitionPenalty: 1.1 };
          const drafter: Drafter = stream
            ? (_, count) => ({ ids: Array.from({ length: count }, () => stream.next().value as number), strength: 1 })
            : lookupDraft;
          const expected = await madeBy(hashingEngine(12), prompt, settings);
          const engine = speculating(hashingEngine(12), { drafter, nearTie, policy: always(size) });
          assert.deepEqual(await madeBy(engine, prompt, settings), expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("takes fewer steps where guesses are right, and fills a context to its end", async () => {
    const inner = hashingEngine(4, 64);
    const engine = speculating(inner, { drafter: lookupDraft, nearTie: 0, policy: always(8) });
    const made = await madeBy(engine, [0, 1, 2, 3], {});
    assert.equal(made.length, 60);
    assert.ok(inner.steps < 40, `took ${inner.steps} steps`);
    assert.equal(engine.counts.accepted + engine.counts.steps + 1, made.length);
  });

  test("can be cut back and go on", async () => {
    const [plain, wrapped] = [
      hashingEngine(6),
      speculating(hashingEngine(6), { drafter: lookupDraft, nearTie: 0, policy: always(4) }),
    ];
    for (const engine of [plain, wrapped]) {
      await madeBy(engine, [1, 2, 1, 2], { maxNewTokens: 20 });
      engine.truncate(10);
      assert.equal(engine.length, 10);
    }
    assert.deepEqual(await madeBy(wrapped, [3], { maxNewTokens: 20 }), await madeBy(plain, [3], { maxNewTokens: 20 }));
  });
});

describe("greedy text with speculation equals greedy text without", { skip: skipWithoutRuntime }, () => {
  for (const name of GOLDEN_FAMILIES)
    test(`${name}, guesses from the text and from the model itself`, async () => {
      const { model, golden } = goldenFamily(name);
      const weights = patternWeights(model);
      const place = (parameter: string) =>
        ({ kind: "memory", data: Float32Array.from(weights.get(parameter)!.data) }) as const;
      const open = () => openEngine(runtime!, model, { place }, { capacity: 24, session: { threads: 1 } });
      using engine = await open();
      using other = await open();
      const prompt = [...golden.get("input_ids")!.data].slice(0, 4).map(Number);
      const expected = await madeBy(engine, prompt, { maxNewTokens: 18 });
      for (const drafter of [lookupDraft, modelDraft(other, model.vocabSize, 0)]) {
        engine.truncate(0);
        const faster = speculating(engine, { drafter, nearTie: 1e-3, policy: always(4) });
        assert.deepEqual(await madeBy(faster, prompt, { maxNewTokens: 18 }), expected);
      }
    });

  test("refuses a draft model that numbers its tokens otherwise", async () => {
    using model = await openModel(host, runtime!, modelFolder("llama"), { threads: 1 });
    using draft = await openModel(host, runtime!, modelFolder("llama", { tokenizer: undefined, padding: 3 }), {
      threads: 1,
    });
    const { streamAfter } = await import("../../src/generate/text.ts");
    await assert.rejects(streamAfter(model, [1, 2], { draft }, 0).next(), { code: "BAD_OPTION" });
  });
});
