import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import { sharedData } from "../helpers/paths.ts";
import { anyText, wellFormed } from "./texts.ts";

describe("a vocabulary of characters", () => {
  const file = sharedData("text", "tinyshakespeare.txt");
  const skip = file === undefined && "the shared test data has no text/tinyshakespeare.txt";
  test("Shakespeare has 65 characters and comes back exactly", { skip }, () => {
    const text = readFileSync(file!, "utf8");
    const tokenizer = trainChar([text]);
    assert.equal(tokenizer.vocabSize, 65);
    assert.deepEqual(tokenizer.encode("First"), [18, 47, 56, 57, 58]);
    assert.ok(tokenizer.decode(tokenizer.encode(text)) === text);
  });

  test("ids follow the order of code points and special tokens come after them", () => {
    const tokenizer = trainChar(["b\n🙂", "a﷿"], { specialTokens: ["<|endoftext|>"] });
    const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.tokenOf(id));
    assert.deepEqual(tokens, ["\n", "a", "b", "﷿", "🙂", "<|endoftext|>"]);
    assert.equal(tokenizer.eosId, 5);
    assert.deepEqual(tokenizer.encode("a<|endoftext|>b".slice(0, 1)), [1]);
    assert.deepEqual(tokenizer.encode("a<|endoftext|>b", { allowSpecial: true }), [1, 5, 2]);
  });

  test("any text it was made of comes back, also through its JSON", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        fc.pre(text.length > 0);
        const tokenizer = trainChar([text]);
        const again = tokenizerFromJson(JSON.parse(JSON.stringify(tokenizer)), "again");
        const ids = tokenizer.encode(text);
        assert.equal(tokenizer.decode(ids), wellFormed(text));
        assert.equal(ids.length, [...text].length);
        assert.deepEqual(again.encode(text), ids);
      }),
    );
  });

  test("an unknown character is named with its code point and place", () => {
    const tokenizer = trainChar(["ab"]);
    assert.throws(() => tokenizer.encode("abé"), { code: "BAD_TEXT", message: /"é" \(U\+00E9\) at index 2/ });
    assert.throws(() => tokenizer.encode("🙂"), { code: "BAD_TEXT", message: /"🙂" \(U\+1F642\) at index 0/ });
    assert.throws(() => tokenizer.encode("\ud800"), { code: "BAD_TEXT", message: /lone surrogate \(U\+D800\)/ });
  });

  test("an unknown character becomes the unknown token where there is one", () => {
    const json = JSON.parse(JSON.stringify(trainChar(["ab"])));
    json.model.vocab["<unk>"] = 2;
    assert.deepEqual(tokenizerFromJson(json, "test").encode("aéb\ud800🙂"), [0, 2, 1, 2, 2]);
  });

  test("texts without a character and special tokens that are characters are refused", () => {
    assert.throws(() => trainChar([]), { code: "BAD_DATA" });
    assert.throws(() => trainChar([""]), { code: "BAD_DATA" });
    assert.throws(() => trainChar(["ab"], { specialTokens: ["a"] }), { code: "BAD_OPTION" });
  });
});
