import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type GenerationSettings, generateStream, generateText } from "../../src/generate/generate.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { goldenKinds } from "../tokenizer/kinds.ts";
import { smallTokenizer } from "./folders.ts";
import { scriptedEngine } from "./scripted.ts";

const tokenizer = smallTokenizer();
const EOS = tokenizer.eosId!;

async function streamed(ids: readonly number[], settings: GenerationSettings = {}) {
  const pieces: string[] = [];
  const seen: number[] = [];
  const engine = scriptedEngine(ids, tokenizer.vocabSize);
  const stream = generateStream(engine, tokenizer, [1], { maxNewTokens: ids.length, ...settings });
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return { pieces, seen, result: value };
    pieces.push(value.text);
    if (value.id !== undefined) seen.push(value.id);
  }
}

describe("a stream of text", () => {
  test("joins to what decoding gives, whatever the characters, and no piece splits one", async () => {
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, async (whole) => {
        const ids = tokenizer.encode(whole);
        const { pieces, seen, result } = await streamed(ids);
        assert.equal(pieces.join(""), tokenizer.decode(ids));
        assert.equal(result.text, pieces.join(""));
        assert.deepEqual(seen, ids);
        if (!whole.includes("\uFFFD")) for (const piece of pieces) assert.ok(!piece.includes("\uFFFD"), piece);
      }),
    );
  });

  test("shows an emoji of four tokens at once, with its last", async () => {
    const ids = tokenizer.encode("\u{1F600}");
    assert.equal(ids.length, 4);
    assert.deepEqual((await streamed(ids)).pieces, ["", "", "", "\u{1F600}"]);
  });

  test("closes a character that was cut by the number of tokens with U+FFFD, as decoding does", async () => {
    const ids = tokenizer.encode("a\u{1F600}").slice(0, 3);
    const { pieces, result } = await streamed(ids);
    assert.deepEqual(pieces, ["a", "", "", "\uFFFD"]);
    assert.equal(result.text, tokenizer.decode(ids));
    assert.equal(result.finishReason, "length");
  });

  test("ends before a stop string that begins in one token and ends in another", async () => {
    const ids = tokenizer.encode("the cat sat on the mat");
    const { pieces, result } = await streamed(ids, { stop: ["t on t"] });
    assert.equal(pieces.join(""), "the cat sa");
    assert.equal(result.text, "the cat sa");
    assert.equal(result.finishReason, "stop");
    assert.ok(result.ids.length < ids.length);
  });

  test("shows what only began like a stop string", async () => {
    const { pieces } = await streamed(tokenizer.encode("the cat"), { stop: ["cats", "t!"] });
    assert.equal(pieces.join(""), "the cat");
  });

  test("finds a stop string that ends with the last token allowed", async () => {
    const ids = tokenizer.encode("the cat");
    const { result } = await streamed(ids, { stop: ["cat"], maxNewTokens: ids.length });
    assert.deepEqual([result.text, result.finishReason], ["the ", "stop"]);
  });

  test("ends at an end token, which is not among the ids", async () => {
    const ids = tokenizer.encode("the");
    const { result } = await streamed([...ids, EOS, 5, 6], { eosTokenIds: [EOS] });
    assert.deepEqual(result, { ids, text: "the", finishReason: "stop", endId: EOS });
  });

  test("leaves special tokens that end nothing out of the text", async () => {
    const the = tokenizer.encode("the");
    const { result } = await streamed([...the, EOS, ...the]);
    assert.equal(result.text, "thethe");
    assert.equal(result.ids.length, 3);
  });

  test("can be left in the middle", async () => {
    const engine = scriptedEngine(tokenizer.encode("the cat sat"), tokenizer.vocabSize);
    for await (const { text } of generateStream(engine, tokenizer, [1], {})) {
      assert.equal(text, "the");
      break;
    }
    assert.equal(engine.length, 1);
  });
});

describe("the length of a continuation", () => {
  const many = Array.from({ length: 50 }, () => tokenizer.encode("the")[0]!);
  const generate = (capacity: number, promptTokens: number, settings: GenerationSettings = {}) => {
    const engine = scriptedEngine(many, tokenizer.vocabSize, promptTokens, capacity);
    const prompt = Array.from({ length: promptTokens }, () => 1);
    return generateText(engine, tokenizer, prompt, settings);
  };

  test("is what the context leaves, and at most what was asked for", async () => {
    assert.equal((await generate(10, 4)).ids.length, 6);
    assert.equal((await generate(10, 4, { maxNewTokens: 100 })).ids.length, 6);
    assert.equal((await generate(10, 4, { maxNewTokens: 2 })).ids.length, 2);
    assert.equal((await generate(10, 9)).ids.length, 1);
  });

  test("is an error that names both numbers when the prompt leaves none", async () => {
    await assert.rejects(generate(10, 10), { code: "CONTEXT_OVERFLOW", message: /got 10 tokens.*context of 10/ });
    await assert.rejects(generate(10, 70), { code: "CONTEXT_OVERFLOW", message: /got 70 tokens.*context of 10/ });
  });

  test("is an error for an empty prompt", async () => {
    await assert.rejects(generate(10, 0), { code: "BAD_TEXT" });
  });
});

describe("logits that are no numbers", () => {
  for (const [name, bad] of [
    ["NaN", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
  ] as const)
    for (const temperature of [0, 1])
      test(`${name} at temperature ${temperature} is an error, not a token`, async () => {
        const engine = scriptedEngine([3], tokenizer.vocabSize);
        const broken = {
          ...engine,
          length: 0,
          append: async () => new Float32Array(tokenizer.vocabSize).fill(bad, 7, 8),
        };
        await assert.rejects(generateText(broken, tokenizer, [1], { temperature }), { code: "BAD_WEIGHTS" });
      });

  for (const name of ["llama 2", "gemma", "bert", "llama 3", "words"])
    test(`goes on where the prompt's text ends: ${name}`, async () => {
      const { json } = goldenKinds().cases.find((each) => each.name === name)!;
      const kind = tokenizerFromJson(json, name);
      const ids = kind.encode("the cat sat on the mat", { addSpecialTokens: false });
      for (let cut = 1; cut < ids.length; cut++) {
        const [prompt, rest] = [ids.slice(0, cut), ids.slice(cut)];
        const engine = scriptedEngine(rest, kind.vocabSize, cut);
        const { text } = await generateText(engine, kind, prompt, { maxNewTokens: rest.length });
        const decode = (some: readonly number[]) => kind.decode(some, { skipSpecialTokens: true });
        assert.equal(decode(prompt) + text, decode(ids), `cut at ${cut}`);
      }
    });
});
