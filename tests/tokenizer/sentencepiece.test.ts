import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { settledText } from "./texts.ts";

interface Form {
  readonly name: string;
  readonly json: object;
  readonly ids: readonly number[][];
  readonly shuffled: readonly number[][];
  readonly decoded: readonly string[];
}

const SPELLINGS = ["<unk>", "<s>", "</s>", ..."▁theacdot"];

/** A small vocabulary of its own, in the form of Llama 2. */
function small(changes: object = {}): object {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const merges = ["t h", "th e", "▁ the", "c a", "ca t", "▁ cat"];
  const made = merges.map((merge) => merge.replace(" ", ""));
  const names = [...new Set([...SPELLINGS, ...bytes, ...made])];
  return {
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      byte_fallback: true,
      fuse_unk: true,
      unk_token: "<unk>",
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges,
    },
    ...changes,
  };
}

describe("a vocabulary of characters with bytes to fall back on", () => {
  const tokenizer = tokenizerFromJson(small(), "file");
  const spelled = (text: string) => tokenizer.encode(text).map((id) => tokenizer.tokenOf(id));

  test("merges words with the space before them, and spells other characters in bytes", () => {
    assert.deepEqual(spelled("the cat"), ["▁the", "▁cat"]);
    assert.deepEqual(spelled("é"), ["▁", "<0xC3>", "<0xA9>"]);
    assert.deepEqual(spelled(""), []);
  });

  test("gives texts back, a piece at a time too, and never a part of a character", () => {
    for (const text of ["the cat", "  the", "cat é漢🙂", "🙂", " "]) {
      const ids = tokenizer.encode(text);
      assert.equal(tokenizer.decode(ids), text);
      const stream = tokenizer.decodeStream();
      const parts = [...ids.map((id) => stream.push(id)), stream.end()];
      assert.ok(!parts.some((part) => part.includes("\ufffd")));
      assert.equal(parts.join(""), text);
    }
  });

  test("shows bytes that are no UTF-8 together as one U+FFFD each", () => {
    const byte = (name: string) => tokenizer.idOf(name)!;
    assert.equal(tokenizer.decode([byte("<0xC3>"), byte("<0xA9>"), byte("<0xFF>")]), "\ufffd\ufffd\ufffd");
  });

  test("takes a megabyte of one character", () => {
    for (const character of ["a", " ", "é", "t"]) {
      const ids = tokenizer.encode(character.repeat(1_000_000));
      assert.ok(ids.length >= 1_000_000);
    }
  });

  const broken: readonly (readonly [string, object, string, RegExp])[] = [
    ["a prefix that is a number", { normalizer: { type: "Prepend", prepend: 3 } }, "BAD_TOKENIZER", /prepend: got 3/],
    [
      "an expression to replace",
      { normalizer: { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" } },
      "UNSUPPORTED",
      /pattern/,
    ],
    [
      "an unknown scheme",
      { pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "last" } },
      "BAD_TOKENIZER",
      /prepend_scheme: got "last"/,
    ],
  ];
  for (const [name, changes, code, message] of broken)
    test(`is refused for ${name}`, () => {
      assert.throws(() => tokenizerFromJson(small(changes), "file"), { code, message });
    });
});

describe("forms of SentencePiece-like vocabularies", { skip: skipWithoutPython }, () => {
  const texts = ["", " ", "  ", "the cat", " the  cat ", "▁the", ...fc.sample(settledText, { numRuns: 600, seed: 11 })];
  let forms: readonly Form[] = [];
  before(() => {
    forms = runPython("../tokenizer/character_forms.py", [], JSON.stringify(texts)) as Form[];
  });

  test("give the ids and the texts of Python's tokenizers", () => {
    assert.equal(forms.length, 9);
    for (const { name, json, ids, shuffled, decoded } of forms) {
      const tokenizer = tokenizerFromJson(json, name);
      for (const [i, text] of texts.entries())
        assert.deepEqual(tokenizer.encode(text), ids[i], `${name}: ${JSON.stringify(text)}`);
      for (const [i, each] of [...ids, ...shuffled].entries())
        assert.equal(tokenizer.decode(each), decoded[i], `${name}: ${JSON.stringify(each)}`);
    }
  });
});
