import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as ownlm from "../../src/index.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder } from "./folders.ts";

const { AutoModelForCausalLM } = ownlm;

describe("options of decoding", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama", { scale: 3 });
  const open = () => AutoModelForCausalLM.fromPretrained(folder, { threads: 1 });

  test("draw several continuations, equal for equal seeds, the first what one alone would be", async () => {
    using model = await open();
    const options = { maxNewTokens: 8, temperature: 1, seed: 11 };
    const one = await model.generate([1, 2, 3], options);
    const four = await model.generate([1, 2, 3], { ...options, numReturnSequences: 4 });
    assert.equal(four.sequences!.length, 4);
    assert.deepEqual([four.ids, four.text, four.seed], [one.ids, one.text, 11]);
    assert.equal(new Set(four.sequences!.map(({ ids }) => ids.join())).size, 4);
    assert.deepEqual(await model.generate([1, 2, 3], { ...options, numReturnSequences: 4 }), four);
    const pieces = [];
    for await (const { text } of model.stream([1, 2, 3], { ...options, numReturnSequences: 2 })) pieces.push(text);
    assert.equal(pieces.join(""), one.text);
  });

  test("give log probabilities of the model's own, of the prompt's tokens too", async () => {
    using model = await open();
    const prompt = [1, 2, 3, 4];
    const asked = { maxNewTokens: 5, temperature: 2, seed: 1, logprobs: 3, promptLogprobs: 1 };
    const made = await model.generate(prompt, asked);
    const { logprobs } = await model.score([...prompt, ...made.ids]);
    const all = [...made.promptLogprobs!, ...made.logprobs!];
    assert.deepEqual(
      all.map(({ id }) => id),
      [...prompt.slice(1), ...made.ids],
    );
    for (const [i, { logprob }] of all.entries()) assert.ok(Math.abs(logprob - logprobs[i + 1]!) < 1e-4);
    const next = await model.next(prompt, { top: 3 });
    assert.deepEqual(
      made.logprobs![0]!.top.map(({ id, text }) => [id, text]),
      next.map(({ id, text }) => [id, text]),
    );
    let seen = 0;
    for await (const { logprob, top, id } of model.stream(prompt, asked))
      if (id !== undefined) {
        assert.equal(logprob, made.logprobs![seen]!.logprob);
        assert.equal(top!.length, 3);
        seen++;
      }
    assert.equal(seen, 5);
  });

  test("make a text begin as it must, leave words out, and end it by rules and tokens", async () => {
    using model = await open();
    const { text } = await model.generate([1], { maxNewTokens: 8, prefix: "the cat" });
    assert.ok(text.startsWith("the cat"), text);
    const words = ["a", "e", "i", "o", "u"];
    const bare = await model.generate([1], { maxNewTokens: 12, temperature: 3, seed: 2, badWords: words });
    const tokens = bare.ids.map((id) => model.tokenizer!.decode([id]));
    for (const word of words) assert.ok(!tokens.includes(word) && !tokens.includes(` ${word}`));
    let calls = 0;
    const stopWhen = [(ids: readonly number[], promptTokens: number) => ++calls > 0 && ids.length - promptTokens === 3];
    const stopped = await model.generate([1], { maxNewTokens: 12, stopWhen });
    assert.deepEqual([stopped.ids.length, stopped.finishReason, calls], [3, "stop", 3]);
    const [first] = (await model.generate([1], { maxNewTokens: 1 })).ids;
    const ended = await model.generate([1], { maxNewTokens: 4, stopTokenIds: [first!] });
    assert.deepEqual([ended.ids, ended.finishReason], [[], "stop"]);
    const timed = await model.generate([1], { maxNewTokens: 40, maxTime: 0 });
    assert.deepEqual([timed.ids.length, timed.finishReason], [1, "length"]);
  });

  test("hold with speculation, which looks at the largest logit alone", async () => {
    using model = await open();
    const prompt = [5, 6, 7, 5, 6, 7, 5, 6];
    const banned = [(logits: Float32Array) => void logits.fill(Number.NEGATIVE_INFINITY, 0, 200)];
    for (const rules of [
      { repetitionPenalty: 1.4 },
      { noRepeatNgramSize: 2 },
      { logitBias: [[9, 3]] as const },
      { processors: banned },
      { minNewTokens: 20 },
    ]) {
      const options = { maxNewTokens: 24, temperature: 0, ...rules };
      const plain = await model.generate(prompt, { ...options, speculate: "off" });
      assert.deepEqual(await model.generate(prompt, options), plain);
      assert.deepEqual((await model.generate(prompt, { ...options, speculate: "on" })).ids, plain.ids);
    }
  });

  test("keep to a form of the text, whatever else they ask for", async () => {
    using model = await open();
    const asked = { choices: ["the cat", "the dog"], temperature: 1, seed: 3 };
    const { text } = await model.generate([1], { ...asked, repetitionPenalty: 1.5, presencePenalty: 2, topK: 3 });
    assert.ok(asked.choices.includes(text), text);
    await assert.rejects(model.generate([1], { ...asked, prefix: "no" }), { code: "BAD_OPTION" });
  });

  test("are refused where what is asked for cannot be", async () => {
    using model = await open();
    const refused = (options: object, message: RegExp) =>
      assert.rejects(model.generate([1], options), { code: "BAD_OPTION", message });
    await refused({ numReturnSequences: 2 }, /numReturnSequences: got 2/);
    await refused({ suppressTokens: [100_000] }, /suppressTokens: got the token id 100000/);
    await refused({ prefix: "a", prefixIds: [1] }, /prefix/);
    await refused({ logitBias: [[1, Number.NaN]] }, /logitBias/);
    await refused({ badWordsIds: [[]] }, /badWordsIds/);
    await refused({ exponentialDecayLengthPenalty: [1, 0] }, /exponentialDecayLengthPenalty/);
  });

  test("come from generation_config.json where the caller gives none", async () => {
    const generationConfig = { do_sample: true, suppress_tokens: [1, 2], num_return_sequences: 2, max_length: 7 };
    using model = await AutoModelForCausalLM.fromPretrained(modelFolder("llama", { scale: 3, generationConfig }));
    const made = await model.generate([1, 2, 3], { seed: 4 });
    assert.deepEqual([made.sequences!.length, made.ids.length], [2, 4]);
    assert.ok(!made.sequences!.some(({ ids }) => ids.includes(1) || ids.includes(2)));
    assert.equal((await model.generate([1, 2, 3], { temperature: 0, numReturnSequences: 1 })).seed, undefined);
  });
});
