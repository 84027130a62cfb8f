import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import { anyText } from "./texts.ts";

const bytes = trainBpe(["<|a|>"], { vocabSize: 258, specialTokens: ["<|a|>", "<|é|>"] });
const special = 0;

function streamed(ids: readonly number[], skipSpecialTokens = false): string[] {
  const stream = bytes.decodeStream({ skipSpecialTokens });
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

describe("decoding a token at a time", () => {
  test("a character of four bytes appears whole with its last byte", () => {
    assert.deepEqual(streamed(bytes.encode("a🙂")), ["a", "", "", "", "🙂", ""]);
  });

  test("an unfinished character becomes U+FFFD only at the end", () => {
    assert.deepEqual(streamed(bytes.encode("é").slice(0, 1)), ["", "\ufffd"]);
  });

  test("a byte order mark is a character like any other", () => {
    assert.equal(streamed(bytes.encode("\ufeffa\ufeff")).join(""), "\ufeffa\ufeff");
    assert.equal(bytes.decode(bytes.encode("\ufeffa\ufeff")), "\ufeffa\ufeff");
  });

  test("a stream can be used again after its end", () => {
    const stream = bytes.decodeStream();
    stream.push(bytes.encode("é")[0]!);
    assert.equal(stream.end(), "\ufffd");
    assert.equal(stream.push(bytes.encode("b")[0]!) + stream.end(), "b");
  });

  test("the pieces of any ids joined are the decoded whole", () => {
    const ids = fc.array(fc.integer({ min: 0, max: bytes.vocabSize - 1 }), { maxLength: 60 });
    fc.assert(
      fc.property(ids, fc.boolean(), (some, skip) => {
        assert.equal(streamed(some, skip).join(""), bytes.decode(some, { skipSpecialTokens: skip }));
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => streamed(bytes.encode(text)).join("") === bytes.decode(bytes.encode(text))),
    );
  });

  test("special tokens are left out on request", () => {
    assert.equal(streamed([special, ...bytes.encode("b")], true).join(""), "b");
  });
});

describe("ids outside the vocabulary", () => {
  const char = trainChar(["ab"]);
  for (const id of [-1, 2, 0.5, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, "0" as unknown as number]) {
    test(`${id} is refused by name with the size`, () => {
      const error = { code: "BAD_TOKEN_ID", message: `token id: got ${id}, expected an integer from 0 to 1` };
      assert.throws(() => char.decode([0, id]), error);
      assert.throws(() => char.decodeStream().push(id), error);
      assert.throws(() => char.tokenBytes(id), error);
      assert.throws(() => char.tokenOf(id), error);
    });
  }
});
