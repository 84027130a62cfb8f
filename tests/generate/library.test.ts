import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { readBytesPerToken } from "../../src/generate/bench.ts";
import { resolveGeneration } from "../../src/generate/resolve.ts";
import * as ownlm from "../../src/index.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { modelFolder } from "./folders.ts";

const { AutoModelForCausalLM, AutoTokenizer } = ownlm;

describe("the library", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");

  test("continues ids as its first example shows", async () => {
    using model = await AutoModelForCausalLM.fromPretrained(folder);
    const tokenizer = await AutoTokenizer.fromPretrained(folder);
    const { ids, finishReason } = await model.generate(tokenizer.encode("the cat"), { maxNewTokens: 5 });
    assert.equal(ids.length, 5);
    assert.equal(finishReason, "length");
    assert.equal(typeof tokenizer.decode(ids), "string");
    assert.deepEqual((await model.generate(tokenizer.encode("the cat"), { maxNewTokens: 5 })).ids, ids, "greedy");
    assert.deepEqual(
      (await model.generate(Int32Array.from(tokenizer.encode("the cat")), { maxNewTokens: 5 })).ids,
      ids,
    );
  });

  test("streams, scores and shows what is next", async () => {
    using model = await AutoModelForCausalLM.fromPretrained(folder, { context: 32, threads: 1 });
    const ids: number[] = [];
    for await (const { id } of model.stream([1, 2, 3], { maxNewTokens: 4 })) if (id !== undefined) ids.push(id);
    assert.deepEqual((await model.generate([1, 2, 3], { maxNewTokens: 4 })).ids, ids);
    const next = await model.next([1, 2, 3], { top: 2 });
    assert.equal(next[0]!.id, ids[0]);
    const { logprobs } = await model.score([1, 2, 3, ids[0]!]);
    assert.ok(Math.abs(logprobs[3]! - next[0]!.logprob) < 1e-4);
  });

  test("lets texts be made while others are on the way", async () => {
    using model = await AutoModelForCausalLM.fromPretrained(folder, { threads: 1 });
    const alone = await model.generate([1, 2], { maxNewTokens: 6 });
    const ids: (number | undefined)[] = [];
    for await (const { id } of model.stream([1, 2], { maxNewTokens: 6 })) {
      ids.push(id);
      await model.next([9, 8, 7]);
    }
    assert.deepEqual(
      ids.filter((id) => id !== undefined),
      alone.ids,
    );
  });

  test("gives the verbs' results by the verbs' names, for a folder or an open model", async () => {
    using model = await AutoModelForCausalLM.fromPretrained(folder);
    for (const operand of [folder, model]) {
      const made = await ownlm.generate(operand, "the cat", { maxNewTokens: 3, seed: 5 });
      assert.deepEqual(Object.keys(made), ["text", "ids", "promptIds", "finishReason", "usage", "seed"]);
      assert.deepEqual(made.usage, { promptTokens: made.promptIds.length, completionTokens: made.ids.length });
      const { candidates } = await ownlm.next(operand, "the cat", { top: 3 });
      assert.equal(candidates.length, 3);
      assert.equal((await ownlm.score(operand, "the cat sat")).tokens[0]!.logprob, null);
    }
    const tokens = { ids: [259, 263], tokens: ["the", "Ġcat"] };
    assert.deepEqual(await ownlm.tokenize(folder, "the cat"), tokens);
    assert.deepEqual(await ownlm.tokenize(path.join(folder, "tokenizer.json"), "the cat"), tokens);
  });

  test("begins an empty prompt with the token that starts a text", async () => {
    const { promptIds } = await ownlm.generate(folder, "", { maxNewTokens: 1 });
    assert.deepEqual(promptIds, [(await AutoTokenizer.fromPretrained(folder)).bosId]);
  });

  test("refuses options that are none, by name", async () => {
    using model = await AutoModelForCausalLM.fromPretrained(folder);
    const wrong = (options: object) => model.generate([1], options);
    await assert.rejects(wrong({ temperature: -1 }), { code: "BAD_OPTION", message: /temperature/ });
    await assert.rejects(wrong({ maxTokens: 5 }), { code: "BAD_OPTION", message: /maxTokens/ });
    await assert.rejects(wrong({ seed: 0.5 }), { code: "BAD_OPTION", message: /seed/ });
    await assert.rejects(model.generate([]), { code: "BAD_TEXT" });
    await assert.rejects(model.generate([1e9]), { code: "BAD_TOKEN_ID" });
    await assert.rejects(ownlm.generate(model, "the", { context: 8 }), { code: "BAD_OPTION" });
    await assert.rejects(AutoModelForCausalLM.fromPretrained("no-such-folder"), { code: "NOT_FOUND" });
  });

  test("measures speed against the memory's, and says when a model is too short for it", async () => {
    const result = await ownlm.bench(folder, { repetitions: 2, newTokens: 8, threads: 1 });
    assert.equal(result.pp.tokens, 64);
    assert.equal(result.tg.tokens, 8);
    assert.equal(result.threads, 1);
    assert.match(result.note!, /64 positions/);
    for (const value of [result.pp.tokensPerSecond, result.tg.tokensPerSecond, result.readBandwidth])
      assert.ok(Number.isFinite(value) && value > 0);
    const expected = (result.weightBytes * result.tg.tokensPerSecond) / result.readBandwidth;
    assert.ok(Math.abs(result.readBandwidthFraction / expected - 1) < 1e-9);
  });

  test("counts the bytes that a token reads: a tied table whole, a table of positions not", async () => {
    using llama = await AutoModelForCausalLM.fromPretrained(folder);
    using gpt2 = await AutoModelForCausalLM.fromPretrained(modelFolder("gpt2"));
    const [width, vocab] = [32, 289];
    // Projections of 32 x 32 and 32 x 16, three of 32 x 128, two norms; the final norm and the tied table.
    const layer = 2 * width * width + 2 * width * 16 + 3 * width * 128 + 2 * width;
    assert.equal(readBytesPerToken(llama.model), 4 * (2 * layer + width + vocab * width));
    const block = 12 * width * width + 13 * width;
    assert.equal(readBytesPerToken(gpt2.model), 4 * (2 * block + 2 * width + vocab * width));
  });
});

describe("sampling options", () => {
  const filesOf = ({ doSample, ...options }: { doSample?: boolean }) => {
    return { eosTokenIds: [], ...(doSample !== undefined && { doSample }), options };
  };
  const resolve = (given: object, files: object, fallback: number) => {
    const { temperature, topK = 0 } = resolveGeneration(given, filesOf(files), fallback, 1);
    return [temperature, topK];
  };

  test("are the caller's, then the model's, then the default", () => {
    assert.deepEqual(resolve({}, {}, 0.8), [0.8, 0]);
    assert.deepEqual(resolve({}, {}, 0), [0, 0]);
    assert.deepEqual(resolve({}, { doSample: true }, 0), [1, 0]);
    assert.deepEqual(resolve({}, { doSample: true, temperature: 0.6, topK: 20 }, 0.8), [0.6, 20]);
    assert.deepEqual(resolve({ temperature: 0.3 }, { doSample: true, temperature: 0.6 }, 0.8), [0.3, 0]);
    assert.deepEqual(resolve({}, { doSample: false, temperature: 0.6 }, 0.8), [0, 0]);
    assert.deepEqual(resolve({}, { temperature: 0.6 }, 0.8), [0.6, 0]);
    assert.deepEqual(resolve({}, { temperature: 0.6 }, 0), [0, 0]);
    assert.deepEqual(resolve({ temperature: 0 }, { doSample: true }, 0.8), [0, 0]);
  });

  test("sample at 1 when only limits are asked for of a greedy model", () => {
    assert.deepEqual(resolve({ topK: 5 }, {}, 0), [1, 5]);
    assert.deepEqual(resolve({ topK: 5 }, { doSample: false }, 0.8), [1, 5]);
  });

  test("have a seed of their own each time unless one is given", () => {
    const seedOf = (given: object) => resolveGeneration(given, filesOf({}), 1, 1).seed;
    assert.equal(seedOf({ seed: 4 }), 4);
    assert.notEqual(seedOf({}), seedOf({}));
  });
});
