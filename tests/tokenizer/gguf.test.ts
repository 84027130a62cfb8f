import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OwnlmError } from "../../src/base/errors.ts";
import { tokenizerFromGguf as fromGguf, tokenizerFilesOfGguf } from "../../src/tokenizer/gguf.ts";
import { scoredMerges } from "../../src/tokenizer/scored-merges.ts";

type Entries = Record<string, unknown>;

const bpe: Entries = {
  model: "gpt2",
  pre: "gpt-2",
  tokens: ["a", "b", "ab", "<|end|>", "<tool>"],
  token_type: Int32Array.of(1, 1, 1, 3, 4),
  merges: ["a b"],
  eos_token_id: 3,
};
const spm: Entries = {
  model: "llama",
  tokens: ["<unk>", "<s>", "▁", "a", "▁a", "<0x0A>"],
  token_type: [2, 3, 1, 1, 1, 6],
  scores: Float32Array.of(0, 0, -3, -2, -1, 0),
  bos_token_id: 1,
  unknown_token_id: 0,
};
const t5: Entries = {
  model: "t5",
  tokens: ["<pad>", "</s>", "<unk>", "▁", "▁a", "a", "b", "ab", "<x>"],
  token_type: [3, 3, 2, 1, 1, 1, 1, 1, 4],
  scores: Float32Array.of(0, 0, 0, -2, -3, -4, -4, -5, 0),
  add_space_prefix: true,
  remove_extra_whitespaces: true,
  eos_token_id: 1,
  unknown_token_id: 2,
  padding_token_id: 0,
};
const wpm: Entries = {
  model: "bert",
  tokens: ["▁a", "a", "▁b", "[UNK]", "[CLS]", "[SEP]", "▁,"],
  token_type: [1, 1, 1, 3, 3, 3, 1],
  bos_token_id: 4,
  seperator_token_id: 5,
  unknown_token_id: 3,
};
const tokenizerFromGguf = (entries: ReadonlyMap<string, unknown>, where: string) => fromGguf(entries, where)!;
const metadata = (entries: Entries, change: Entries = {}) =>
  new Map(
    Object.entries({ ...entries, ...change })
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [`tokenizer.${key === "chat_template" ? "" : "ggml."}${key}`, value]),
  );

describe("GGUF vocabularies", () => {
  test("a byte-level vocabulary is the tokenizer that its tokenizer.json is", () => {
    const tokenizer = tokenizerFromGguf(metadata(bpe), "m.gguf");
    assert.deepEqual(tokenizer.encode("abab"), [2, 2]);
    assert.equal(tokenizer.eosId, 3);
    assert.equal(tokenizer.bosId, undefined);
    assert.deepEqual([...tokenizer.specialTokens.keys()], ["<|end|>"]);
    assert.deepEqual(tokenizer.encode("a<tool>b<|end|>", { allowSpecial: true }), [0, 4, 1, 3]);
  });

  test("BOS and EOS go around a text where the file says so", () => {
    const files = tokenizerFromGguf(
      metadata(bpe, { bos_token_id: 3, add_bos_token: true, add_eos_token: true }),
      "m.gguf",
    );
    assert.deepEqual(files.encode("a"), [3, 0, 3]);
    const bare = tokenizerFromGguf(metadata(bpe, { bos_token_id: 3 }), "m.gguf");
    assert.deepEqual(bare.encode("a"), [0]);
  });

  test("a SentencePiece vocabulary becomes merges by score, with its prefix and bytes", () => {
    const { json, config } = tokenizerFilesOfGguf(metadata(spm, { chat_template: "{{ 1 }}" }), "m.gguf");
    const { model, normalizer, post_processor } = json as Record<string, Record<string, unknown>>;
    assert.deepEqual(model!.merges, [["▁", "a"]]);
    assert.equal(model!.byte_fallback, true);
    assert.equal(model!.unk_token, "<unk>");
    assert.equal((normalizer!.normalizers as unknown[]).length, 2);
    assert.equal(post_processor!.type, "TemplateProcessing");
    assert.equal(config.bos_token, "<s>");
    assert.equal(config.eos_token, null);
    assert.equal(config.chat_template, "{{ 1 }}");
    const plain = tokenizerFilesOfGguf(metadata(spm, { add_space_prefix: false }), "m.gguf").json as typeof json & {
      normalizer: { normalizers: unknown[] };
    };
    assert.equal(plain.normalizer.normalizers.length, 1);
  });

  test("a Unigram vocabulary takes the most probable cut, one space for several, and EOS behind", () => {
    const tokenizer = tokenizerFromGguf(metadata(t5), "m.gguf");
    assert.equal(tokenizer.kind, "unigram");
    assert.deepEqual(tokenizer.encode("ab"), [3, 7, 1]);
    assert.deepEqual(tokenizer.encode("  a   b  "), [4, 3, 6, 1]);
    assert.deepEqual(tokenizer.encode("azzb", { addSpecialTokens: false }), [4, 2, 6]);
    assert.deepEqual(tokenizer.encode("b<x>", { addSpecialTokens: false }), [3, 6, 8]);
    assert.equal(tokenizer.decode([3, 7, 3, 6]), "ab b");
    assert.deepEqual(tokenizer.encode("a \t ", { addSpecialTokens: false }), [4, 3, 2]);
    const asIs = tokenizerFromGguf(metadata(t5, { remove_extra_whitespaces: false }), "m.gguf");
    assert.deepEqual(asIs.encode(" b ", { addSpecialTokens: false }), [3, 3, 6, 3]);
  });

  test("a special token spelled in a text stays text for a Unigram too", () => {
    const tokenizer = tokenizerFromGguf(metadata(t5), "m.gguf");
    assert.deepEqual(tokenizer.encode("a</s>b", { addSpecialTokens: false }), [4, 2, 6]);
    assert.deepEqual(tokenizer.encode("a</s>", { addSpecialTokens: false, allowSpecial: true }), [4, 1]);
  });

  test("a WordPiece vocabulary is spelled as tokenizer.json spells it, and stands between CLS and SEP", () => {
    const tokenizer = tokenizerFromGguf(metadata(wpm), "m.gguf");
    assert.equal(tokenizer.kind, "wordpiece");
    assert.equal(tokenizer.tokenOf(1), "##a");
    assert.deepEqual(tokenizer.encode("Aa, b"), [4, 0, 1, 6, 2, 5]);
    assert.deepEqual(tokenizer.encode("bz", { addSpecialTokens: false }), [3]);
    assert.equal(tokenizer.decode([0, 1, 6, 2]), "aa, b");
    const cased = tokenizerFromGguf(metadata(wpm, { "normalizer.lowercase": false }), "m.gguf");
    assert.deepEqual(cased.encode("A", { addSpecialTokens: false }), [3]);
  });

  test("merges come best first, and every cut of a token is one", () => {
    const tokens = ["a", "b", "ab", "bb", "abb", "😀", "😀a"];
    const merges = scoredMerges(tokens, [0, 0, -2, -1, -3, 0, -4], () => true);
    assert.deepEqual(merges.map(String), ["b,b", "a,b", "a,bb", "ab,b", "😀,a"]);
  });

  test("what is wrong in a file is refused by its key", () => {
    const bad: [Entries, Entries, RegExp, string?][] = [
      [bpe, { model: "rwkv" }, /tokenizer\.ggml\.model: got "rwkv", expected one of "gpt2", "llama"/, "UNSUPPORTED"],
      [t5, { scores: undefined }, /tokenizer\.ggml\.scores: got nothing/],
      [t5, { precompiled_charsmap: Int32Array.of(1, 999) }, /precompiled_charsmap: got numbers that are no bytes/],
      [t5, { precompiled_charsmap: "map" }, /precompiled_charsmap: got "map"/],
      [t5, { unknown_token_id: 99 }, /unknown_token_id: got 99/],
      [t5, { remove_extra_whitespaces: 1 }, /remove_extra_whitespaces: got 1/],
      [wpm, { "normalizer.lowercase": 1 }, /normalizer\.lowercase: got 1/],
      [wpm, { seperator_token_id: 99 }, /seperator_token_id: got 99/],
      [wpm, { tokens: ["▁a", "a", "▁##a", "[UNK]", "[CLS]", "[SEP]", "▁b"] }, /./],
      [bpe, { model: 5 }, /tokenizer\.ggml\.model: got 5/],
      [bpe, { pre: "new-thing" }, /tokenizer\.ggml\.pre: got "new-thing"/, "UNSUPPORTED"],
      [bpe, { pre: ["gpt-2"] }, /tokenizer\.ggml\.pre: got a list/],
      [bpe, { tokens: undefined }, /tokenizer\.ggml\.tokens: got nothing/],
      [bpe, { tokens: [] }, /tokenizer\.ggml\.tokens: got 0 tokens/],
      [bpe, { tokens: ["a", 5] }, /tokenizer\.ggml\.tokens: got a list/],
      [bpe, { tokens: ["a", "b", "ab", "a", "c"] }, /tokens\[3\]: got "a", which is the token 0 too/],
      [bpe, { tokens: ["a", "b", "", "c", "d"] }, /tokens\[2\]: got 0 characters/],
      [bpe, { tokens: ["a", "b", "x".repeat(5000), "c", "d"] }, /tokens\[2\]: got 5000 characters/],
      [bpe, { token_type: Int32Array.of(1, 1) }, /token_type: got 2 entries, expected 5/],
      [bpe, { token_type: Int32Array.of(1, 1, 9, 1, 1) }, /token_type\[2\]: got 9/],
      [bpe, { token_type: Float32Array.of(1, 1, 1.5, 1, 1) }, /token_type\[2\]: got 1\.5/],
      [bpe, { token_type: "normal" }, /token_type: got "normal"/],
      [bpe, { token_type: BigInt64Array.of(1n, 1n, 1n, 1n, 1n) }, /token_type: got a list of numbers/],
      [bpe, { merges: undefined }, /tokenizer\.ggml\.merges: got nothing/],
      [bpe, { merges: ["a c"] }, /merges\[0\]: got "c"/],
      [bpe, { merges: ["a"] }, /merges\[0\]/],
      [bpe, { merges: [3] }, /merges: got a list/],
      [bpe, { eos_token_id: 5 }, /eos_token_id: got 5, expected an id below 5/],
      [bpe, { bos_token_id: 1.5 }, /bos_token_id: got 1\.5/],
      [bpe, { bos_token_id: "3" }, /bos_token_id: got "3"/],
      [bpe, { bos_token_id: 2n ** 60n }, /bos_token_id: got 1152921504606846976/],
      [bpe, { add_bos_token: true }, /bos_token_id: got nothing/],
      [bpe, { add_bos_token: 1, bos_token_id: 3 }, /add_bos_token: got 1/],
      [bpe, { chat_template: 7 }, /tokenizer\.chat_template: got 7/],
      [spm, { scores: undefined }, /tokenizer\.ggml\.scores: got nothing/],
      [spm, { scores: Float32Array.of(1) }, /scores: got 1 entries, expected 6/],
      [spm, { scores: "high" }, /scores: got "high"/],
      [spm, { unknown_token_id: 99 }, /unknown_token_id: got 99/],
      [spm, { add_space_prefix: "yes" }, /add_space_prefix: got "yes"/],
    ];
    for (const [entries, change, message, code = "BAD_TOKENIZER"] of bad)
      assert.throws(
        () => tokenizerFromGguf(metadata(entries, change), "m.gguf"),
        (error) => {
          assert.ok(error instanceof OwnlmError, String(error));
          assert.equal(error.code, code, error.message);
          assert.match(error.message, message);
          assert.match(error.message, /^m\.gguf: /);
          return true;
        },
      );
  });

  test("a file without a vocabulary has no tokenizer", () => {
    assert.equal(fromGguf(new Map(), "m.gguf"), undefined);
  });

  test("tokens may be spelled like JavaScript's own names", () => {
    const tokens = ["__proto__", "constructor", "a", "toString"];
    const tokenizer = tokenizerFromGguf(
      metadata(bpe, { tokens, token_type: [4, 4, 1, 4], merges: [], eos_token_id: 2 }),
      "m.gguf",
    );
    assert.deepEqual(tokenizer.encode("a__proto__constructortoString"), [2, 0, 1, 3]);
  });
});
