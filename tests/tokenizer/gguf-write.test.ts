import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { tokenizerFromGguf } from "../../src/tokenizer/gguf.ts";
import { ggufTokenizer } from "../../src/tokenizer/gguf-write.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { scoredMerges } from "../../src/tokenizer/scored-merges.ts";

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const PIECES = ["▁", "a", "b", "c", "▁a", "ab", "bc", "abc", "▁ab", "aa", "aaa", "▁▁", "😀", "😀a", "é"];
const TOKENS = ["<unk>", "<s>", "</s>", ...BYTES, ...PIECES];
const added = (id: number, special: boolean) => ({ id, content: TOKENS[id] ?? "<tool>", special, normalized: false });

const SPACE = { type: "Replace", pattern: { String: " " }, content: "▁" };
const PREPEND = { type: "Prepend", prepend: "▁" };
const metaspace = (prepend_scheme: string) => ({ type: "Metaspace", replacement: "▁", prepend_scheme, split: false });

/** As published: Llama 2's and Mistral's, Gemma's, and the newer ones'. */
const FORMS: Readonly<Record<string, { normalizer: object | null; pre_tokenizer: object | null; prefix: boolean }>> = {
  "Llama 2": { normalizer: { type: "Sequence", normalizers: [PREPEND, SPACE] }, pre_tokenizer: null, prefix: true },
  Gemma: {
    normalizer: SPACE,
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    prefix: false,
  },
  Metaspace: { normalizer: null, pre_tokenizer: metaspace("first"), prefix: true },
  "Metaspace without a prefix": { normalizer: null, pre_tokenizer: metaspace("never"), prefix: false },
};

const MERGES = scoredMerges(
  TOKENS,
  Float32Array.from(TOKENS, (_, id) => -id),
  (id) => id >= 259,
);

function jsonOf(
  { normalizer, pre_tokenizer }: { normalizer: object | null; pre_tokenizer: object | null },
  change = {},
) {
  return {
    version: "1.0",
    added_tokens: [added(0, true), added(1, true), added(2, true), added(TOKENS.length, false)],
    normalizer,
    pre_tokenizer,
    post_processor: null,
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])),
      merges: MERGES,
      ...change,
    },
  };
}

const CONFIG = { bos_token: "<s>", eos_token: "</s>" };
const fieldsOf = (json: object) =>
  new Map(
    ggufTokenizer(tokenizerFromJson(json, "t", CONFIG), TOKENS.length + 3, "t").map(({ key, value }) => [key, value]),
  );

describe("a BPE of characters written into a GGUF file", () => {
  for (const [name, form] of Object.entries(FORMS))
    test(`${name}: is read back with the same ids for any text that begins with no space`, () => {
      const before = tokenizerFromJson(jsonOf(form), "t", CONFIG);
      const fields = fieldsOf(jsonOf(form));
      assert.equal(fields.get("tokenizer.ggml.model"), "llama");
      assert.equal(fields.get("tokenizer.ggml.add_space_prefix"), form.prefix);
      const after = tokenizerFromGguf(fields, "f")!;
      assert.deepEqual([after.bosId, after.eosId], [1, 2]);
      const text = fc
        .array(fc.constantFrom("a", "b", "c", " ", "😀", "é", "z", "漢", "\n"))
        .map((all) => `a${all.join("")}`);
      fc.assert(
        fc.property(text, (each) => {
          assert.deepEqual(
            after.encode(each, { addSpecialTokens: false }),
            before.encode(each, { addSpecialTokens: false }),
          );
        }),
        { numRuns: 300 },
      );
      // A Metaspace writes "▁" in front of the text alone, llama.cpp behind each token that is found whole, too.
      if (name === "Metaspace") return;
      assert.deepEqual(after.encode("a<tool>b").slice(-2), before.encode("a<tool>b").slice(-2));
    });

  test("has the kinds of tokens that llama.cpp tells apart", () => {
    const types = fieldsOf(jsonOf(FORMS["Llama 2"]!)).get("tokenizer.ggml.token_type") as Int32Array;
    const [UNKNOWN, CONTROL, USER, UNUSED, BYTE, NORMAL] = [2, 3, 4, 5, 6, 1];
    assert.deepEqual([...types.slice(0, 4)], [UNKNOWN, CONTROL, CONTROL, BYTE]);
    assert.deepEqual([types[259], types[TOKENS.length], types[TOKENS.length + 1]], [NORMAL, USER, UNUSED]);
  });

  const refused: readonly [what: string, message: RegExp, json: object][] = [
    [
      "a cut of a token that is no merge",
      /t: model\.merges: "ab" and "c" are no merge, and llama\.cpp would join them to "abc"/,
      jsonOf(FORMS.Gemma!, { merges: MERGES.filter((pair) => pair.join() !== "ab,c") }),
    ],
    [
      "merges of one token with others' between",
      /t: model\.merges: "abc" is made by merges of different ranks/,
      jsonOf(FORMS.Gemma!, {
        merges: [...MERGES.filter((pair) => pair.join() !== "ab,c"), ["ab", "c"]],
      }),
    ],
    [
      "a setting that scores cannot say",
      /t: model\.ignore_merges: got true/,
      jsonOf(FORMS.Gemma!, { ignore_merges: true }),
    ],
    [
      "spaces of another kind",
      /t: normalizer, pre_tokenizer: got what is not SentencePiece's/,
      jsonOf({ normalizer: { type: "Lowercase" }, pre_tokenizer: null }),
    ],
    [
      "words that are cut",
      /t: normalizer, pre_tokenizer/,
      jsonOf({ normalizer: null, pre_tokenizer: { ...metaspace("always"), split: true } }),
    ],
  ];
  for (const [what, message, json] of refused)
    test(`with ${what} is refused`, () => {
      assert.throws(() => fieldsOf(json), { code: "UNSUPPORTED", message });
    });

  test("with too few tokens of bytes is refused", () => {
    const json = jsonOf(FORMS.Gemma!);
    const vocab = Object.fromEntries(
      Object.entries(json.model.vocab).map(([token, id]) => [token === "<0xFF>" ? "<0xff!>" : token, id]),
    );
    assert.throws(() => fieldsOf(jsonOf(FORMS.Gemma!, { vocab })), {
      code: "UNSUPPORTED",
      message: /t: model\.vocab: got 255 tokens of bytes/,
    });
  });
});
