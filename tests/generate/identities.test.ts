import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rng } from "../../src/base/rng.ts";
import { argmax } from "../../src/generate/arithmetic.ts";
import type { Engine } from "../../src/generate/engine.ts";
import { finish, pretrained } from "../../src/generate/library.ts";
import { type OpenModel, openModel } from "../../src/generate/load.ts";
import { nextCandidates } from "../../src/generate/logprobs.ts";
import { scoreIds, scoreText } from "../../src/generate/score-text.ts";
import { nextAfter, streamAfter } from "../../src/generate/text.ts";
import { host } from "../../src/host/node.ts";
import { continuationOf, logitsOf, openFolder } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder } from "./folders.ts";

const TOLERANCE = 1e-4;
const CONTEXT = 48;

const openTest = (folder: string, context?: number) => openModel(host, runtime!, folder, { threads: 1, context });

function randomIds(count: number, vocabSize: number, seed = 1): number[] {
  const random = rng(seed, "test");
  return Array.from({ length: count }, () => random.below(vocabSize));
}

function assertClose(got: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(got.length, expected.length);
  for (let i = 0; i < got.length; i++)
    assert.ok(Math.abs(got[i]! - expected[i]!) < TOLERANCE, `${what}: ${i}: ${got[i]} and ${expected[i]}`);
}

for (const family of FAMILIES)
  describe(`${family} with random weights`, { skip: skipWithoutRuntime }, () => {
    const folder = modelFolder(family, { context: CONTEXT });
    const withEngine = async (use: (engine: Engine, opened: OpenModel) => Promise<void>) => {
      using opened = await openTest(folder);
      using loan = opened.borrow();
      await use(loan.engine, opened);
    };

    test("reads a prompt at once with the logits of reading it token by token", () =>
      withEngine(async (engine, { model }) => {
        const ids = randomIds(20, model.vocabSize);
        const whole = await logitsOf(engine, ids);
        engine.truncate(0);
        for (const [i, id] of ids.entries()) assertClose(await engine.append([id]), whole[i]!, `token ${i}`);
        engine.truncate(0);
        assertClose(await engine.append(ids), whole.at(-1)!, "the last at once");
      }));

    test("gives the same logits whatever the pieces a prompt is read in", async () => {
      const ids = randomIds(23, 289);
      using whole = await openFolder(folder);
      const expected = await logitsOf(whole, ids);
      for (const chunk of [1, 2, 5, 22, 23]) {
        using engine = await openFolder(folder, chunk);
        const logits = await logitsOf(engine, ids);
        for (const [i, row] of logits.entries()) assertClose(row, expected[i]!, `pieces of ${chunk}, token ${i}`);
      }
    });

    test("goes on from where it was cut as if it had begun there", () =>
      withEngine(async (engine, { model }) => {
        const [start, wrong, right] = [7, 9, 11].map((n, i) => randomIds(n, model.vocabSize, i));
        await engine.append([...start!, ...wrong!]);
        engine.truncate(start!.length);
        const continued = Float32Array.from(await engine.append(right!));
        engine.truncate(0);
        assertClose(continued, await engine.append([...start!, ...right!]), "after truncate");
      }));

    test("appends nothing when it is stopped, given a wrong id, or full", () =>
      withEngine(async (engine, { model }) => {
        await engine.append([1, 2, 3]);
        const stopped = AbortSignal.abort();
        await assert.rejects(engine.append([4], stopped), { code: "ABORTED" });
        await assert.rejects(engine.append([4, model.vocabSize]), { code: "BAD_TOKEN_ID" });
        await assert.rejects(engine.append([-1]), { code: "BAD_TOKEN_ID" });
        await assert.rejects(engine.append([0.5]), { code: "BAD_TOKEN_ID" });
        await assert.rejects(engine.append(randomIds(CONTEXT, 9)), { code: "CONTEXT_OVERFLOW" });
        await assert.rejects(engine.append([]), { code: "BAD_DATA" });
        assert.equal(engine.length, 3);
      }));

    test("scores a text by the chain rule over the next token's distribution", async () => {
      using opened = await openTest(folder);
      const ids = opened.tokenizer!.encode("the cat sat on the mat");
      const { logprobs, logprob } = await scoreIds(opened, ids);
      let sum = 0;
      for (let i = 1; i < ids.length; i++) {
        const candidates = await nextAfter(opened, ids.slice(0, i), opened.model.vocabSize);
        const total = candidates.reduce((all, { probability }) => all + probability, 0);
        assert.ok(Math.abs(total - 1) < 1e-9, `probabilities add up to ${total}`);
        const one = candidates.find(({ id }) => id === ids[i])!.logprob;
        assertClose([logprobs[i]!], [one], `token ${i}`);
        sum += one;
      }
      assertClose([logprob], [sum], "the sum");
      const score = await scoreText(opened, "the cat sat on the mat");
      assertClose([score.logprob], [sum], "the text's sum");
      assert.equal(score.tokens[0]!.logprob, null);
      const scored = score.tokens.length - 1;
      const bytes = "the cat sat on the mat".length - score.tokens[0]!.text.length;
      assertClose([score.perplexity / Math.exp(-sum / scored)], [1], "perplexity");
      assertClose([score.bitsPerByte], [-sum / Math.LN2 / bytes], "bits per byte");
    });

    test("scores the first token too after a start token", async () => {
      using opened = await openTest(folder);
      const bos = opened.tokenizer!.bosId!;
      const { tokens } = await scoreText(opened, "the", { bos: true });
      assert.equal(tokens.length, 1);
      const [first] = (await nextAfter(opened, [bos], 289)).filter(({ id }) => id === tokens[0]!.id);
      assertClose([tokens[0]!.logprob!], [first!.logprob], "the first token");
      await assert.rejects(scoreText(opened, "the"), { code: "BAD_TEXT" });
      await assert.rejects(scoreText(opened, "", { bos: true }), { code: "BAD_TEXT" });
    });

    test("scores a text longer than its context in windows", async () => {
      using small = await openTest(folder, 16);
      using large = await openTest(folder);
      const ids = randomIds(40, small.model.vocabSize);
      const [windows, whole] = [await scoreIds(small, ids), await scoreIds(large, ids)];
      assert.equal(windows.logprobs.length, 40);
      assert.ok(windows.logprobs.slice(1).every((logprob) => Number.isFinite(logprob)));
      assertClose(windows.logprobs.slice(1, 16) as number[], whole.logprobs.slice(1, 16) as number[], "first window");
    });

    test("takes the most probable token when it is greedy", () =>
      withEngine(async (engine) => {
        const prompt = randomIds(5, 289);
        const ids = await continuationOf(engine, prompt, 12);
        engine.truncate(0);
        let logits = await engine.append(prompt);
        for (const id of ids) {
          assert.equal(id, argmax(logits));
          assert.equal(nextCandidates(logits, 1)[0]!.id, id);
          logits = await engine.append([id]);
        }
      }));

    test("makes equal text of equal seeds, time after time, and other text of others", async () => {
      using opened = await openTest(folder);
      const model = pretrained(opened);
      const run = async (seed: number) =>
        (await model.generate([5, 6, 7], { temperature: 1, topK: 40, seed, maxNewTokens: 20 })).ids;
      const first = await run(11);
      assert.deepEqual(await run(11), first);
      assert.notDeepEqual(await run(12), first);
      using again = await openTest(folder);
      const { ids } = await pretrained(again).generate([5, 6, 7], {
        temperature: 1,
        topK: 40,
        seed: 11,
        maxNewTokens: 20,
      });
      assert.deepEqual(ids, first);
    });

    test("makes of several texts at once what it makes of each alone", async () => {
      using opened = await openTest(folder);
      const one = (seed: number) =>
        finish(streamAfter(opened, randomIds(4, 289, seed), { temperature: 1, seed, maxNewTokens: 15 }, 0));
      const alone = [await one(1), await one(2), await one(3)];
      assert.deepEqual(await Promise.all([one(1), one(2), one(3)]), alone);
    });

    test("stops between tokens when it is asked to", async () => {
      using opened = await openTest(folder);
      const controller = new AbortController();
      const stream = streamAfter(opened, [1], { signal: controller.signal, maxNewTokens: 40 }, 1);
      let count = 0;
      const all = async () => {
        for await (const _ of stream) if (++count === 3) controller.abort();
      };
      await assert.rejects(all(), { code: "ABORTED" });
      assert.equal(count, 3);
      assert.equal((await finish(streamAfter(opened, [1], { maxNewTokens: 4 }, 0))).ids.length, 4);
    });
  });

describe("a vocabulary padded beyond the tokenizer's", { skip: skipWithoutRuntime }, () => {
  test("never gives a token that has no text", async () => {
    using opened = await openTest(modelFolder("llama", { padding: 200, scale: 1 }));
    const { vocabSize } = opened.tokenizer!;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1000 }), async (seed) => {
        const { ids } = await finish(
          streamAfter(opened, [seed % vocabSize], { seed, temperature: 5, maxNewTokens: 10 }, 1),
        );
        assert.ok(ids.every((id) => id < vocabSize));
      }),
      { numRuns: 20 },
    );
    const candidates = await nextAfter(opened, [1], 10_000);
    assert.equal(candidates.length, vocabSize);
    const total = candidates.reduce((sum, { probability }) => sum + probability, 0);
    assert.ok(total < 0.99, `padding has its share of probability, and the rest has ${total}`);
  });
});
