import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import * as ownlm from "../../src/index.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder } from "./folders.ts";

const { AutoModelForCausalLM } = ownlm;

describe("several continuations", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama", { scale: 3 });
  const open = () => AutoModelForCausalLM.fromPretrained(folder, { threads: 1 });
  const PROMPTS = [[1, 2, 3], [9], [4, 4, 5, 6, 7, 8], [1, 2, 9], [30, 31]];

  test("of several prompts are each what it is alone, greedy or drawn, whatever the batch", async () => {
    using model = await open();
    for (const options of [{ maxNewTokens: 7 }, { maxNewTokens: 9, temperature: 0.9, topP: 0.8, seed: 3 }]) {
      const alone = [];
      for (const prompt of PROMPTS) alone.push(await model.generate(prompt, options));
      for (const batch of [1, 2, 5]) assert.deepEqual(await model.generate(PROMPTS, { ...options, batch }), alone);
    }
    assert.deepEqual(await model.generate(PROMPTS.slice(0, 1), { maxNewTokens: 7 }), [
      await model.generate(PROMPTS[0]!, { maxNewTokens: 7 }),
    ]);
  });

  test("of one prompt are equal for equal seeds, the first what one alone would be", async () => {
    using model = await open();
    const options = { maxNewTokens: 8, temperature: 1, seed: 11 };
    const one = await model.generate([1, 2, 3], options);
    const four = await model.generate([1, 2, 3], { ...options, numReturnSequences: 4 });
    assert.equal(four.sequences!.length, 4);
    assert.deepEqual([four.ids, four.text], [one.ids, one.text]);
    assert.equal(new Set(four.sequences!.map(({ ids }) => ids.join())).size, 4);
    assert.deepEqual(await model.generate([1, 2, 3], { ...options, numReturnSequences: 4, batch: 3 }), four);
    const pieces = [];
    for await (const { text } of model.stream([1, 2, 3], { ...options, numReturnSequences: 2 })) pieces.push(text);
    assert.equal(pieces.join(""), one.text);
  });

  test("by beams are as probable as their scores say, and no worse than the greedy one", async () => {
    using model = await open();
    const prompt = [1, 2, 3];
    const options = { maxNewTokens: 6, minNewTokens: 6 };
    const beams = await model.generate(prompt, { ...options, numBeams: 4, numReturnSequences: 3 });
    assert.equal(beams.sequences!.length, 3);
    for (const { ids, score } of beams.sequences!) {
      const { logprobs } = await model.score([...prompt, ...ids]);
      const sum = logprobs.slice(prompt.length).reduce<number>((total, each) => total + each!, 0);
      assert.ok(Math.abs(sum / ids.length - score!) < 1e-4);
    }
    const greedy = await model.generate(prompt, options);
    const { logprobs } = await model.score([...prompt, ...greedy.ids]);
    const sum = logprobs.slice(prompt.length).reduce<number>((total, each) => total + each!, 0);
    assert.ok(beams.sequences![0]!.score! >= sum / greedy.ids.length - 1e-5);
    const drawn = { ...options, numBeams: 3, temperature: 1.5, seed: 4 };
    assert.deepEqual(await model.generate(prompt, drawn), await model.generate(prompt, drawn));
  });

  test("have log probabilities in batches as alone", async () => {
    using model = await open();
    const asked = { maxNewTokens: 5, temperature: 2, seed: 1, logprobs: 3, promptLogprobs: 1 };
    const batch = await model.generate(PROMPTS, asked);
    for (const [i, prompt] of PROMPTS.entries()) {
      const alone = await model.generate(prompt, asked);
      const [got, expected] = [batch[i]!, alone].map((made) => [...made.promptLogprobs!, ...made.logprobs!]);
      assert.deepEqual(
        got!.map(({ id, top }) => [id, top.length]),
        expected!.map(({ id, top }) => [id, top.length]),
      );
      for (const [at, { logprob }] of got!.entries()) assert.ok(Math.abs(logprob - expected![at]!.logprob) < 1e-4);
    }
  });

  test("never show a stop string, over the borders of tokens, alone, in batches and by beams", async () => {
    using model = await open();
    const prompts = PROMPTS.slice(0, 3);
    const plain = await model.generate(prompts, { maxNewTokens: 10 });
    const cuts = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 4 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(cuts, async ([start, length, beams]) => {
        const stop = plain[0]!.text.slice(start, start + length);
        if (stop === "") return;
        const options = { maxNewTokens: 10, stop: [stop], ...(beams && { numBeams: 2 }) };
        for (const { text } of await model.generate(prompts, options)) assert.ok(!text.includes(stop), text);
        if (!beams) assert.equal((await model.generate(prompts, options))[0]!.finishReason, "stop");
      }),
      { numRuns: 15 },
    );
  });

  test("keep to a form, beams and copies alike", async () => {
    using model = await open();
    const choices = ["the cat", "the dog", "the mat"];
    const beams = await model.generate([1, 2], { choices, numBeams: 3, numReturnSequences: 3, maxNewTokens: 20 });
    assert.equal(new Set(beams.sequences!.map(({ ids }) => ids.join())).size, 3);
    for (const { text } of beams.sequences!) assert.ok(choices.includes(text), text);
    const drawn = await model.generate([[1], [2]], { choices, temperature: 1, numReturnSequences: 3, seed: 5 });
    for (const { sequences } of drawn) for (const { text } of sequences!) assert.ok(choices.includes(text), text);
    await assert.rejects(model.generate([1, 2], { choices, numBeams: 3, maxNewTokens: 1 }), { code: "INCOMPLETE" });
  });

  test("are made one after the other where they cannot be side by side, and are the same", async () => {
    using plain = await open();
    using model = await AutoModelForCausalLM.fromPretrained(folder, { threads: 1, cacheType: "q8" });
    const options = { maxNewTokens: 6, temperature: 1, seed: 3, numReturnSequences: 2 };
    const made = await model.generate(PROMPTS, options);
    assert.deepEqual(
      made.map(({ sequences }) => sequences!.length),
      PROMPTS.map(() => 2),
    );
    await assert.rejects(model.generate([1], { numBeams: 2 }), { code: "UNSUPPORTED", message: /cache-type q8/ });
    const shifted = { maxNewTokens: 70, overflow: "shift", temperature: 0 } as const;
    const expected = [await plain.generate(PROMPTS[0]!, shifted), await plain.generate(PROMPTS[1]!, shifted)];
    assert.deepEqual(await plain.generate(PROMPTS.slice(0, 2), shifted), expected);
    assert.equal(expected[0]!.ids.length, 70);
  });

  test("give their slots back when nobody takes them any more", async () => {
    using model = await open();
    for await (const { id } of model.stream([1, 2, 3], { temperature: 1, numReturnSequences: 3, maxNewTokens: 30 })) {
      assert.ok(id !== undefined);
      break;
    }
    assert.equal((await model.generate(PROMPTS, { maxNewTokens: 3 })).length, PROMPTS.length);
    assert.deepEqual(await model.generate([] as number[][], {}).catch(({ code }) => code), "BAD_TEXT");
  });

  test("are refused where what is asked for cannot be", async () => {
    using model = await open();
    const refused = (options: object, code: string) => assert.rejects(model.generate([1], options), { code });
    await refused({ numReturnSequences: 2 }, "BAD_OPTION");
    await refused({ numBeams: 2, numReturnSequences: 3 }, "BAD_OPTION");
    await refused({ numBeams: 2, logprobs: 1 }, "BAD_OPTION");
    await refused({ earlyStopping: "always" }, "BAD_OPTION");
    await refused({ numBeams: 2, overflow: "shift" }, "BAD_OPTION");
    await refused({ numBeams: 2, speculate: "on" }, "BAD_OPTION");
    await refused({ numBeams: 2, draft: model }, "BAD_OPTION");
    await assert.rejects(model.generate([[1]], { batch: 0 }), { code: "BAD_OPTION" });
    const stopped = AbortSignal.abort();
    await assert.rejects(model.generate([[1], [2]], { signal: stopped }), { code: "ABORTED" });
    await assert.rejects(model.generate([1], { numBeams: 2, signal: stopped }), { code: "ABORTED" });
    await assert.rejects(model.generate([[1], new Array<number>(64).fill(1)]), { code: "CONTEXT_OVERFLOW" });
  });
});
