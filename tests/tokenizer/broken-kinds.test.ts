import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OwnlmError } from "../../src/base/errors.ts";
import { rng } from "../../src/base/rng.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { goldenKinds } from "./kinds.ts";

type Json = ReturnType<typeof JSON.parse>;

const { texts, cases } = goldenKinds();
const shapes = new Map(cases.map(({ name, json }) => [name, JSON.stringify(json)]));

function changed(name: string, change: (json: Json) => unknown): Json {
  const json = JSON.parse(shapes.get(name)!);
  change(json);
  return json;
}

/** A character map of a trie's units and a text. */
function charsmap(units: readonly number[], text: string, size = units.length * 4): string {
  const bytes = Buffer.alloc(4 + units.length * 4);
  bytes.writeUInt32LE(size, 0);
  units.forEach((unit, i) => {
    bytes.writeUInt32LE(unit >>> 0, 4 + i * 4);
  });
  return Buffer.concat([bytes, Buffer.from(text, "latin1")]).toString("base64");
}

const precompiled = (map: unknown) => (j: Json) => {
  j.normalizer = { type: "Precompiled", precompiled_charsmap: map };
};
/** A root that leads to the unit of "a" at 0x60, which has a value at `leaf`. */
function oneKey(leaf: number): number[] {
  const units = new Array<number>(256).fill(0);
  units[0] = 1 << 10;
  units[0x60] = (((0x60 ^ 2) << 10) | (1 << 8) | 0x61) >>> 0;
  units[2] = (leaf | 0x80000000) >>> 0;
  return units;
}

/** A shape, what is done to it, the code of the error and a part of its message. */
const broken: readonly [shape: string, what: string, change: (json: Json) => unknown, code: string, message: RegExp][] =
  [
    ["t5", "scores by spelling", (j) => (j.model.vocab = { a: 0 }), "BAD_TOKENIZER", /model\.vocab: got an object/],
    ["t5", "a score that is text", (j) => (j.model.vocab[4][1] = "1"), "BAD_TOKENIZER", /vocab\[4\]: got "1"/],
    ["t5", "a score that is null", (j) => (j.model.vocab[4][1] = null), "BAD_TOKENIZER", /vocab\[4\]: got null/],
    ["t5", "an infinite score", (j) => (j.model.vocab[4][1] = -Infinity), "BAD_TOKENIZER", /vocab\[4\]/],
    ["t5", "a score that is NaN", (j) => (j.model.vocab[4][1] = Number.NaN), "BAD_TOKENIZER", /vocab\[4\]/],
    ["t5", "a token without a score", (j) => (j.model.vocab[4] = ["a"]), "BAD_TOKENIZER", /vocab\[4\]: got a list/],
    ["t5", "a token that is a number", (j) => (j.model.vocab[4][0] = 7), "BAD_TOKENIZER", /vocab\[4\]/],
    [
      "t5",
      "an unknown id out of range",
      (j) => (j.model.unk_id = 1e6),
      "BAD_TOKENIZER",
      /unk_id: got 1000000, expected an id below/,
    ],
    ["t5", "a negative unknown id", (j) => (j.model.unk_id = -1), "BAD_TOKENIZER", /unk_id: got -1/],
    ["t5", "an unknown id that is text", (j) => (j.model.unk_id = "2"), "BAD_TOKENIZER", /unk_id: got "2"/],
    [
      "t5",
      "no tokens",
      (j) =>
        Object.assign(j, { added_tokens: [], post_processor: null, model: { ...j.model, vocab: [], unk_id: null } }),
      "BAD_TOKENIZER",
      /no tokens/,
    ],
    ["bert", "tokens in a list", (j) => (j.model.vocab = [["a", 0]]), "BAD_TOKENIZER", /vocab: got a list/],
    [
      "bert",
      "a limit that is text",
      (j) => (j.model.max_input_chars_per_word = "9"),
      "BAD_TOKENIZER",
      /max_input_chars_per_word: got "9"/,
    ],
    [
      "bert",
      "a negative limit",
      (j) => (j.model.max_input_chars_per_word = -1),
      "BAD_TOKENIZER",
      /max_input_chars_per_word: got -1/,
    ],
    [
      "bert",
      "a prefix that is null",
      (j) => (j.model.continuing_subword_prefix = null),
      "BAD_TOKENIZER",
      /continuing_subword_prefix: got null/,
    ],
    [
      "bert",
      "a normalizer's flag",
      (j) => (j.normalizer.lowercase = "yes"),
      "BAD_TOKENIZER",
      /normalizer\.lowercase: got "yes"/,
    ],
    ["bert", "a decoder's flag", (j) => (j.decoder.cleanup = 1), "BAD_TOKENIZER", /decoder\.cleanup: got 1/],
    ["bert", "a text C", (j) => (j.post_processor.single[1].Sequence.id = "C"), "BAD_TOKENIZER", /expected "A" or "B"/],
    ["bert", "a pair of one text", (j) => j.post_processor.pair.splice(3), "UNSUPPORTED", /pair: got 1 texts/],
    [
      "bert",
      "a type that is negative",
      (j) => (j.post_processor.single[0].SpecialToken.type_id = -1),
      "BAD_TOKENIZER",
      /type_id: got -1/,
    ],
    [
      "bert cased",
      "a separator that is text",
      (j) => (j.post_processor.sep = "[SEP]"),
      "BAD_TOKENIZER",
      /sep: got "\[SEP\]"/,
    ],
    [
      "bert cased",
      "a separator out of range",
      (j) => (j.post_processor.sep[1] = 1e9),
      "BAD_TOKENIZER",
      /sep: got the id 1000000000/,
    ],
    [
      "roberta",
      "two that add tokens",
      (j) => (j.post_processor = { type: "Sequence", processors: [j.post_processor, j.post_processor] }),
      "UNSUPPORTED",
      /processors\[1\].*one of them/,
    ],
    ["llama 2", "dropout", (j) => (j.model.dropout = 0.5), "UNSUPPORTED", /dropout: got 0\.5/],
    [
      "llama 2",
      "a strip of two characters",
      (j) => (j.decoder.decoders[3].content = "ab"),
      "BAD_TOKENIZER",
      /content: got "ab", expected one character/,
    ],
    ["llama 2", "a strip of minus one", (j) => (j.decoder.decoders[3].start = -1), "BAD_TOKENIZER", /start: got -1/],
    [
      "llama 2",
      "an unknown step",
      (j) => (j.decoder.decoders[1].type = "Bytes"),
      "UNSUPPORTED",
      /decoders\[1\]\.type: got "Bytes"/,
    ],
    [
      "llama 2, metaspace",
      "an unknown scheme",
      (j) => (j.pre_tokenizer.prepend_scheme = "last"),
      "BAD_TOKENIZER",
      /prepend_scheme: got "last"/,
    ],
    [
      "llama 2, metaspace",
      "schemes that disagree",
      (j) => (j.pre_tokenizer.add_prefix_space = false),
      "BAD_TOKENIZER",
      /add_prefix_space: got false/,
    ],
    [
      "llama 2, metaspace",
      "a replacement of nothing",
      (j) => (j.pre_tokenizer.replacement = ""),
      "BAD_TOKENIZER",
      /replacement: got ""/,
    ],
    [
      "gemma",
      "a behaviour of no name",
      (j) => delete j.pre_tokenizer.behavior,
      "BAD_TOKENIZER",
      /behavior: got nothing/,
    ],
    ["ctc", "a delimiter of two", (j) => (j.pre_tokenizer.delimiter = "||"), "BAD_TOKENIZER", /delimiter: got "\|\|"/],
    ["cut: fixed", "a length of nothing", (j) => (j.pre_tokenizer.length = 0), "BAD_TOKENIZER", /length: got 0/],
    [
      "words",
      "a catastrophic replacement",
      (j) => (j.normalizer = { type: "Replace", pattern: { Regex: "(a+)+$" }, content: "" }),
      "UNSUPPORTED",
      /normalizer\.pattern\.Regex.*repetition inside/,
    ],
    [
      "words",
      "a catastrophic decoder",
      (j) => (j.decoder = { type: "Replace", pattern: { Regex: "(a|b*)*" }, content: "" }),
      "UNSUPPORTED",
      /decoder\.pattern\.Regex/,
    ],
    [
      "words",
      "a catastrophic split",
      (j) => (j.pre_tokenizer = { type: "Split", pattern: { Regex: "(?:a+)+" }, behavior: "MergedWithNext" }),
      "UNSUPPORTED",
      /repetition/,
    ],
    [
      "words",
      "a replacement that is a number",
      (j) => (j.normalizer = { type: "Replace", pattern: { String: "a" }, content: 3 }),
      "BAD_TOKENIZER",
      /content: got 3/,
    ],
    [
      "words",
      "deep sequences",
      (j) => {
        for (let i = 0; i < 10; i++) j.normalizer = { type: "Sequence", normalizers: [j.normalizer] };
      },
      "UNSUPPORTED",
      /nested deeper/,
    ],
    [
      "words",
      "deep decoders",
      (j) => {
        for (let i = 0; i < 10; i++) j.decoder = { type: "Sequence", decoders: [j.decoder ?? { type: "Fuse" }] };
      },
      "UNSUPPORTED",
      /nested deeper/,
    ],
    [
      "words",
      "a map that is no base64",
      precompiled("!!!!"),
      "BAD_TOKENIZER",
      /precompiled_charsmap: got text that is not base64/,
    ],
    ["words", "a map cut off inside base64", precompiled("AAAAA"), "BAD_TOKENIZER", /not base64/],
    ["words", "a map that is a number", precompiled(4), "BAD_TOKENIZER", /precompiled_charsmap: got 4/],
    ["words", "an empty map", precompiled(""), "BAD_TOKENIZER", /got 0 bytes/],
    [
      "words",
      "a map with a trie of no units",
      precompiled(charsmap([], "a\0")),
      "BAD_TOKENIZER",
      /expected a length, a trie/,
    ],
    [
      "words",
      "a map longer than itself",
      precompiled(charsmap([1], "", 1e9)),
      "BAD_TOKENIZER",
      /expected a length, a trie/,
    ],
    [
      "words",
      "padding of an unknown id",
      (j) => (j.padding = { strategy: "BatchLongest", pad_id: 1e6 }),
      "BAD_TOKENIZER",
      /padding\.pad_id: got 1000000/,
    ],
    [
      "words",
      "padding of an unknown strategy",
      (j) => (j.padding = { strategy: "All" }),
      "BAD_TOKENIZER",
      /padding\.strategy: got "All"/,
    ],
    [
      "words",
      "truncation without a length",
      (j) => (j.truncation = { direction: "Left" }),
      "BAD_TOKENIZER",
      /truncation\.max_length: got nothing/,
    ],
    [
      "words",
      "truncation of an unknown strategy",
      (j) => (j.truncation = { max_length: 3, strategy: "Some" }),
      "BAD_TOKENIZER",
      /truncation\.strategy: got "Some"/,
    ],
  ];

/** Maps that are found broken where a text leads into the damage. */
const brokenOnTheWay: readonly [what: string, map: string, message: RegExp][] = [
  ["a root that points nowhere", charsmap([0x3fffff << 10], "x\0"), /the trie points to unit \d+ of 1/],
  ["a value behind the text", charsmap(oneKey(99), "x\0"), /an entry at 99/],
  ["a value that is no UTF-8", charsmap(oneKey(0), "\xff\xfe\0"), /an entry at 0 is not UTF-8/],
];

describe("a broken file of any kind is refused with the key and its value", () => {
  for (const [shape, what, change, code, message] of broken)
    test(`${shape}: ${what}`, () => {
      assert.throws(() => tokenizerFromJson(changed(shape, change), "file"), { name: "OwnlmError", code, message });
    });
  for (const [what, map, message] of brokenOnTheWay)
    test(`a character map with ${what}`, () => {
      const tokenizer = tokenizerFromJson(changed("words", precompiled(map)), "file");
      assert.throws(() => tokenizer.encode("a"), { code: "BAD_TOKENIZER", message });
    });

  test("tokens named as properties of objects are tokens of every model", () => {
    for (const name of ["bert", "words", "llama 2"]) {
      const size = Object.keys(changed(name, () => {}).model.vocab).length;
      const text = shapes.get(name)!.replace('"vocab":{', `"vocab":{"__proto__":${size},"constructor":${size + 1},`);
      const tokenizer = tokenizerFromJson(JSON.parse(text), "file");
      assert.equal(tokenizer.idOf("__proto__"), size);
      assert.equal(tokenizer.idOf("toString"), undefined);
      assert.ok(!tokenizer.encode("toString valueOf").includes(Number.NaN));
    }
    const tokenizer = tokenizerFromJson(
      changed("t5", (j) => j.model.vocab.push(["__proto__", -1])),
      "file",
    );
    assert.ok(tokenizer.encode("a__proto__").includes(tokenizer.idOf("__proto__")!));
  });
});

const ODD: readonly unknown[] = [
  null,
  undefined,
  -1,
  0,
  1.5,
  2 ** 40,
  "",
  "a",
  "__proto__",
  "▁",
  [],
  {},
  [null],
  true,
  "(a+)+$",
  "x".repeat(5000),
];

/** Walks to a random place of a value and puts something odd there. */
function damage(json: Json, random: ReturnType<typeof rng>): void {
  let at = json;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys[random.below(keys.length)]!;
    const inner = at[key];
    if (typeof inner !== "object" || inner === null || Object.keys(inner).length === 0 || random.below(6) === 0) {
      if (random.below(4) === 0) delete at[key];
      else at[key] = ODD[random.below(ODD.length)];
      return;
    }
    at = inner;
  }
}

/** Another character at random places of a text. */
function damagedText(text: string, random: ReturnType<typeof rng>): string {
  const units = [...text];
  for (let i = 0; i <= random.below(3); i++) units[random.below(units.length)] = '",:{}[]01-eaé\\u'[random.below(15)]!;
  return units.join("");
}

describe("a damaged file of any kind", () => {
  const count = Number(process.env.OWNLM_FUZZ_CASES ?? 5000);
  test(`gives a tokenizer or a typed error, in bounded time (${count} cases)`, () => {
    const sources = [...shapes.values()].filter((text) => text.length < 30_000);
    let slowest = 0;
    for (let seed = 0; seed < count; seed++) {
      const random = rng(seed, "damage");
      const source = sources[random.below(sources.length)]!;
      let json: Json;
      try {
        json = JSON.parse(seed % 3 === 0 ? damagedText(source, random) : source);
      } catch {
        continue;
      }
      if (seed % 3 !== 0) {
        damage(json, random);
        // A list with holes is no JSON.
        json = JSON.parse(JSON.stringify(json));
      }
      const begun = performance.now();
      try {
        const tokenizer = tokenizerFromJson(json, "file");
        const text = texts[random.below(texts.length)]! + "a".repeat(200);
        const { ids } = tokenizer.encodeWithOffsets(text, { allowSpecial: true });
        assert.deepEqual(tokenizer.encode(text, { allowSpecial: true }), ids);
        tokenizer.decode(ids);
        tokenizer.encodeBatch([text, [text, "b"]], { padding: { padId: 0 }, truncation: { maxLength: 9 } });
      } catch (error) {
        assert.ok(error instanceof OwnlmError, `seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
      slowest = Math.max(slowest, performance.now() - begun);
    }
    assert.ok(slowest < 2000, `the slowest took ${slowest} ms`);
  });
});

describe("a megabyte of one character", () => {
  for (const [name, json] of shapes)
    test(`is encoded by every kind, and by its parts (${name})`, () => {
      const tokenizer = tokenizerFromJson(JSON.parse(json), name);
      for (const character of ["a", " ", "\u0301", "^", "🙂", "漢"]) {
        const text = character.repeat(1e6 / character.length);
        try {
          tokenizer.encode(text);
        } catch (error) {
          assert.equal((error as OwnlmError).code, "BAD_TEXT");
        }
      }
    });
});
