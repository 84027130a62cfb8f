import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";

type Json = ReturnType<typeof JSON.parse>;

const bpe = JSON.stringify(trainBpe(["the cat the cat"], { vocabSize: 262, preTokenizer: "qwen2" }));
const char = JSON.stringify(trainChar(["abc"], { specialTokens: ["<s>"] }));
const template = (single: unknown, specials: unknown) => ({
  type: "TemplateProcessing",
  single,
  special_tokens: specials,
});

/** What is done to a good file, the code of the error and a part of its message. */
const broken: readonly [what: string, change: (json: Json) => unknown, code: string, message: RegExp][] = [
  ["no model", (j) => delete j.model, "BAD_TOKENIZER", /file: model: got nothing/],
  ["a model of another type", (j) => (j.model.type = "Bigram"), "UNSUPPORTED", /model\.type: got "Bigram"/],
  ["a model that needs scores", (j) => (j.model.type = "Unigram"), "BAD_TOKENIZER", /model\.vocab: got an object/],
  ["a model named __proto__", (j) => (j.model.type = "__proto__"), "UNSUPPORTED", /model\.type/],
  ["no vocabulary", (j) => delete j.model.vocab, "BAD_TOKENIZER", /model\.vocab: got nothing/],
  [
    "an empty vocabulary",
    (j) => Object.assign(j, { model: { ...j.model, vocab: {} }, added_tokens: [] }),
    "BAD_TOKENIZER",
    /no tokens/,
  ],
  ["a vocabulary of pairs", (j) => (j.model.vocab = [["a", 0]]), "BAD_TOKENIZER", /model\.vocab: got a list/],
  ["an id that is text", (j) => (j.model.vocab.a = "1"), "BAD_TOKENIZER", /model\.vocab\.a: got "1"/],
  ["a negative id", (j) => (j.model.vocab.a = -1), "BAD_TOKENIZER", /got -1, expected an integer/],
  ["a broken id", (j) => (j.model.vocab.a = 1.5), "BAD_TOKENIZER", /got 1\.5/],
  ["a huge id", (j) => (j.model.vocab.a = 2 ** 40), "BAD_TOKENIZER", /without holes/],
  ["an id given twice", (j) => (j.model.vocab.a = j.model.vocab.b), "BAD_TOKENIZER", /given twice/],
  ["a hole in the ids", (j) => (j.model.vocab.zzz = 300), "BAD_TOKENIZER", /without holes/],
  ["merges that are no list", (j) => (j.model.merges = {}), "BAD_TOKENIZER", /merges: got an object/],
  ["no merges", (j) => delete j.model.merges, "BAD_TOKENIZER", /merges: got nothing/],
  ["a merge of one token", (j) => (j.model.merges[0] = "a"), "BAD_TOKENIZER", /merges\[0\]: got "a"/],
  ["a merge of three tokens", (j) => (j.model.merges[0] = ["a", "b", "c"]), "BAD_TOKENIZER", /merges\[0\]/],
  ["a merge with an empty side", (j) => (j.model.merges[0] = " a"), "BAD_TOKENIZER", /merges\[0\]/],
  ["a merge of numbers", (j) => (j.model.merges[0] = [1, 2]), "BAD_TOKENIZER", /merges\[0\]/],
  ["a merge that is null", (j) => (j.model.merges[0] = null), "BAD_TOKENIZER", /merges\[0\]: got null/],
  ["a merge of an unknown token", (j) => (j.model.merges[0] = "a 漢"), "BAD_TOKENIZER", /got "漢", expected a token/],
  ["a merge into no token", (j) => (j.model.merges[0] = "z z"), "BAD_TOKENIZER", /got "zz", expected a token/],
  ["a merge of __proto__", (j) => (j.model.merges[0] = "__proto__ constructor"), "BAD_TOKENIZER", /got "__proto__"/],
  ["dropout", (j) => (j.model.dropout = 0.1), "UNSUPPORTED", /model\.dropout: got 0\.1/],
  ["a suffix that is a number", (j) => (j.model.end_of_word_suffix = 1), "BAD_TOKENIZER", /end_of_word_suffix: got 1/],
  [
    "a prefix that no merge has",
    (j) => (j.model.continuing_subword_prefix = "##"),
    "BAD_TOKENIZER",
    /merges\[\d+\]: got/,
  ],
  ["byte fallback that is text", (j) => (j.model.byte_fallback = "no"), "BAD_TOKENIZER", /byte_fallback: got "no"/],
  ["an unknown token that is a number", (j) => (j.model.unk_token = 3), "BAD_TOKENIZER", /unk_token: got 3/],
  ["a flag that is a number", (j) => (j.model.ignore_merges = 1), "BAD_TOKENIZER", /ignore_merges: got 1/],
  ["added tokens that are no list", (j) => (j.added_tokens = {}), "BAD_TOKENIZER", /added_tokens: got an object/],
  ["an added token that is text", (j) => (j.added_tokens[0] = "<s>"), "BAD_TOKENIZER", /added_tokens\[0\]: got "<s>"/],
  ["an added token without an id", (j) => delete j.added_tokens[0].id, "BAD_TOKENIZER", /added_tokens\[0\]\.id/],
  ["an added token that is empty", (j) => (j.added_tokens[0].content = ""), "BAD_TOKENIZER", /content: got an empty/],
  ["an added token at another id", (j) => (j.added_tokens[0].id = 5), "BAD_TOKENIZER", /has the id 5, but 0/],
  ["a flag of an added token", (j) => (j.added_tokens[0].single_word = 1), "BAD_TOKENIZER", /single_word: got 1/],
  [
    "two added tokens with one id",
    (j) => j.added_tokens.push({ id: 0, content: "x" }),
    "BAD_TOKENIZER",
    /given twice|has the id/,
  ],
  ["an unknown normalizer", (j) => (j.normalizer = { type: "Upper" }), "UNSUPPORTED", /normalizer\.type: got "Upper"/],
  ["a normalizer that is text", (j) => (j.normalizer = "NFC"), "BAD_TOKENIZER", /normalizer: got "NFC"/],
  ["another pre-tokenizer", (j) => (j.pre_tokenizer = { type: "UnicodeScripts" }), "UNSUPPORTED", /"UnicodeScripts"/],
  ["a pre-tokenizer without a type", (j) => (j.pre_tokenizer = {}), "UNSUPPORTED", /got nothing/],
  ["a sequence of nothing", (j) => delete j.pre_tokenizer.pretokenizers, "BAD_TOKENIZER", /pretokenizers: got nothing/],
  ["another behaviour", (j) => (j.pre_tokenizer.pretokenizers[0].behavior = "Some"), "BAD_TOKENIZER", /got "Some"/],
  ["no pattern", (j) => delete j.pre_tokenizer.pretokenizers[0].pattern, "BAD_TOKENIZER", /pattern: got nothing/],
  [
    "a pattern that is a number",
    (j) => (j.pre_tokenizer.pretokenizers[0].pattern = { Regex: 1 }),
    "BAD_TOKENIZER",
    /Regex: got 1/,
  ],
  ["another decoder", (j) => (j.decoder.type = "Cyrillic"), "UNSUPPORTED", /decoder\.type: got "Cyrillic"/],
  ["a decoder without its field", (j) => (j.decoder.type = "Metaspace"), "BAD_TOKENIZER", /replacement: got nothing/],
  ["another post-processor", (j) => (j.post_processor = { type: "Other" }), "UNSUPPORTED", /got "Other"/],
  ["a template without a text", (j) => (j.post_processor = template([], {})), "UNSUPPORTED", /got 0 texts/],
  [
    "a template of an unknown token",
    (j) => (j.post_processor = template([{ SpecialToken: { id: "<s>" } }], {})),
    "BAD_TOKENIZER",
    /"<s>": got nothing/,
  ],
  [
    "a template of __proto__",
    (j) => (j.post_processor = template([{ SpecialToken: { id: "__proto__" } }], {})),
    "BAD_TOKENIZER",
    /"__proto__"/,
  ],
  [
    "a template id out of range",
    (j) => (j.post_processor = template([{ SpecialToken: { id: "s" } }], { s: { ids: [262] } })),
    "BAD_TOKENIZER",
    /got the id 262/,
  ],
];

const brokenChar: typeof broken = [
  [
    "another pattern",
    (j) => (j.pre_tokenizer.pattern.Regex = "\\w+"),
    "UNSUPPORTED",
    /pre_tokenizer\.pattern\.Regex.*escape/,
  ],
];

const patterns: readonly [pattern: string, code: string, message: RegExp][] = [
  ["(a+)+$", "UNSUPPORTED", /a repetition inside a repetition/],
  ["(?:a*b*)*", "UNSUPPORTED", /a repetition inside a repetition/],
  ["(?:(?:a+)?){2,}", "UNSUPPORTED", /a repetition inside a repetition/],
  ["a".repeat(5000), "UNSUPPORTED", /5000 characters/],
  ["(".repeat(100), "UNSUPPORTED", /nested deeper/],
  ["(?>a)", "UNSUPPORTED", /unknown kind of group/],
  ["(?<x>a)", "UNSUPPORTED", /unknown kind of group/],
  ["a++", "UNSUPPORTED", /repeated quantifier/],
  ["*a", "UNSUPPORTED", /nothing before it/],
  ["(a", "UNSUPPORTED", /does not end/],
  ["a)", "UNSUPPORTED", /unmatched \)/],
  ["[a", "UNSUPPORTED", /does not end/],
  ["[a[b]]", "UNSUPPORTED", /nested class/],
  ["[a&&b]", "UNSUPPORTED", /nested class/],
  ["[z-a]", "BAD_TOKENIZER", /not a regular expression/],
  ["a{3,1}", "BAD_TOKENIZER", /not a regular expression/],
  ["\\p{Nothing}", "UNSUPPORTED", /unknown property/],
  ["\\1", "UNSUPPORTED", /the escape \\1/],
  ["\\bword", "UNSUPPORTED", /the escape \\b/],
  ["\\", "UNSUPPORTED", /backslash at the end/],
  ["\\x{110000}", "UNSUPPORTED", /out of range/],
];

function load(text: string, change: (json: Json) => unknown): unknown {
  const json = JSON.parse(text);
  change(json);
  return tokenizerFromJson(json, "file");
}

describe("a broken tokenizer.json is refused with the key and its value", () => {
  for (const value of [null, undefined, 1, "text", []]) {
    test(`no object but ${JSON.stringify(value)}`, () => {
      assert.throws(() => tokenizerFromJson(value, "file"), {
        code: "BAD_TOKENIZER",
        message: /^file: got .*expected an object/,
      });
    });
  }
  for (const [what, change, code, message] of broken) {
    test(what, () => assert.throws(() => load(bpe, change), { name: "OwnlmError", code, message }));
  }
  for (const [what, change, code, message] of brokenChar) {
    test(what, () => assert.throws(() => load(char, change), { name: "OwnlmError", code, message }));
  }
  for (const [pattern, code, message] of patterns) {
    test(`the pattern ${JSON.stringify(pattern.slice(0, 20))}`, () => {
      const change = (j: Json) => {
        j.pre_tokenizer.pretokenizers[0].pattern = { Regex: pattern };
      };
      assert.throws(() => load(bpe, change), { name: "OwnlmError", code, message });
    });
  }

  test("any one value replaced gives a tokenizer or a typed error", () => {
    const odd = fc.constantFrom<unknown>(null, undefined, -1, 1.5, 2 ** 53, "", "a", "__proto__", [], {}, [null], true);
    for (const text of [bpe, char]) {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** 30 }), odd, (seed, value) => {
          const json = JSON.parse(text);
          replaceOne(json, seed, value);
          try {
            tokenizerFromJson(json, "file").encode("the cat abc", { allowSpecial: true });
          } catch (error) {
            assert.ok(error instanceof OwnlmError, String(error));
          }
        }),
        { numRuns: 1000 },
      );
    }
  });

  /** Walks down by the digits of `seed` and puts `value` where the walk ends. */
  function replaceOne(json: Json, seed: number, value: unknown): void {
    let at = json;
    for (let left = seed; ; left = Math.floor(left / 12)) {
      const keys = Object.keys(at);
      const key = keys[left % keys.length]!;
      const inner = at[key];
      if (typeof inner !== "object" || inner === null || Object.keys(inner).length === 0 || left % 5 === 4) {
        at[key] = value;
        return;
      }
      at = inner;
    }
  }
});

describe("odd but good files", () => {
  test("a run of ten million characters is cut by any pattern or gives a typed error", () => {
    const split = (pattern: object) => ({ type: "Split", pattern, behavior: "Isolated" });
    const json = JSON.parse(bpe);
    for (const pattern of [{ Regex: "(?:[a-z]|\\p{Lo})+" }, { Regex: "\\p{L}+|\\s+" }, { String: "" }]) {
      json.pre_tokenizer.pretokenizers[0] = split(pattern);
      try {
        tokenizerFromJson(json, "file").encode("漢".repeat(1e7));
      } catch (error) {
        assert.equal((error as OwnlmError).code, "BAD_TEXT");
      }
    }
  });

  test("tokens named as properties of objects are tokens", () => {
    const json = JSON.parse(bpe.replace('"vocab":{', '"vocab":{"__proto__":262,"constructor":263,'));
    const tokenizer = tokenizerFromJson(json, "file");
    assert.equal(tokenizer.idOf("__proto__"), 262);
    assert.equal(tokenizer.idOf("constructor"), 263);
    assert.equal(tokenizer.idOf("toString"), undefined);
    assert.equal(tokenizer.vocabSize, 264);
    assert.ok(JSON.stringify(tokenizer).includes('"__proto__":262'));
  });

  test("merges as pairs and as text are the same", () => {
    const json = JSON.parse(bpe);
    json.model.merges = json.model.merges.map((merge: string) => merge.split(" "));
    delete json.model.type;
    assert.deepEqual(
      tokenizerFromJson(json, "file").encode("the cat"),
      tokenizerFromJson(JSON.parse(bpe), "file").encode("the cat"),
    );
  });

  test("a byte without a token is an error, or the unknown token", () => {
    const json = {
      added_tokens: [{ id: 0, content: "<unk>", special: true }],
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", vocab: { "<unk>": 0, a: 1 }, merges: [] as string[] },
    };
    assert.throws(() => tokenizerFromJson(json, "file").encode("ab"), { code: "BAD_TEXT", message: /byte 0x62/ });
    const unknown = { ...json, model: { ...json.model, unk_token: "<unk>" } };
    assert.deepEqual(tokenizerFromJson(unknown, "file").encode("abba"), [1, 0, 0, 1]);
    const fused = { ...json, model: { ...unknown.model, fuse_unk: true } };
    assert.deepEqual(tokenizerFromJson(fused, "file").encode("abba"), [1, 0, 1]);
  });

  test("a token that is a whole pre-token wins where merges are to be ignored", () => {
    const json = JSON.parse(bpe);
    json.model.vocab.zq = 262;
    assert.equal(tokenizerFromJson(json, "file").encode("zq").length, 2);
    json.model.ignore_merges = true;
    assert.deepEqual(tokenizerFromJson(json, "file").encode("zq"), [262]);
  });

  test("BOS and EOS come from tokenizer_config.json, the template or common names", () => {
    const json = JSON.parse(bpe);
    const roles = (config?: unknown) => {
      const { bosId, eosId } = tokenizerFromJson(json, "file", config);
      return [bosId, eosId];
    };
    assert.deepEqual(roles(), [0, 0]);
    assert.deepEqual(roles({ bos_token: null, eos_token: { content: "a" } }), [undefined, json.model.vocab.a]);
    assert.throws(() => roles({ eos_token: "<nothing>" }), {
      code: "BAD_TOKENIZER",
      message: /eos_token: got "<nothing>"/,
    });
    assert.throws(() => roles({ eos_token: 3 }), { code: "BAD_TOKENIZER" });
    json.post_processor = template([{ SpecialToken: { id: "b" } }, { Sequence: { id: "A" } }], { b: { ids: [7] } });
    assert.deepEqual(roles(), [7, 0]);
    assert.equal(tokenizerFromJson(json, "file").encode("a")[0], 7);
    assert.notEqual(tokenizerFromJson(json, "file").encode("a", { addSpecialTokens: false })[0], 7);
  });
});
