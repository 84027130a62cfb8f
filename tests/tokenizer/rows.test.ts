import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { goldenKinds } from "./kinds.ts";

type Json = ReturnType<typeof JSON.parse>;

const shapes = new Map(goldenKinds().cases.map(({ name, json }) => [name, JSON.stringify(json)]));

function made(name: string, change: (json: Json) => unknown = () => {}, config?: object) {
  const json = JSON.parse(shapes.get(name)!);
  change(json);
  return tokenizerFromJson(json, name, config);
}

describe("places of tokens", () => {
  test("are code units of the text that was given, through normalizers and bytes", () => {
    const text = "É 👍🏽 ﬁn";
    const { tokens, offsets } = made("llama 2").encodeWithOffsets(text, { addSpecialTokens: false });
    assert.deepEqual(offsets[0], [0, 1], "a prefix is of the character it is put before");
    const byte = tokens.indexOf("<0xF0>");
    assert.equal(text.slice(...offsets[byte]!), "🏽");
    assert.deepEqual(offsets[byte + 1], offsets[byte]);
    assert.deepEqual(made("change: NFKC").encodeWithOffsets("ﬁa").offsets, [
      [0, 1],
      [1, 2],
    ]);
  });

  test("of a trained vocabulary join to the whole text", () => {
    const text = "the cat sat, 漢字 🙂\n\n  ok";
    const { ids, offsets } = trainBpe([text], { vocabSize: 300 }).encodeWithOffsets(text);
    assert.equal(ids.length, offsets.length);
    assert.equal(
      offsets
        .map(([start, end]) => text.slice(start, end))
        .filter((part, i, all) => part !== all[i - 1])
        .join(""),
      text,
    );
  });
});

describe("rows of a batch", () => {
  const bert = made("bert");
  const pad = { padId: bert.idOf("[PAD]")! };

  test("are filled up to the longest, with a mask", () => {
    const { ids, attentionMask, typeIds } = bert.encodeBatch(["the cat", "a", ["the", "cat"]], { padding: pad });
    assert.deepEqual(
      ids.map((row) => row.length),
      [5, 5, 5],
    );
    assert.deepEqual(attentionMask, [
      [1, 1, 1, 1, 0],
      [1, 1, 1, 0, 0],
      [1, 1, 1, 1, 1],
    ]);
    assert.deepEqual(typeIds[2], [0, 0, 0, 1, 1]);
    assert.deepEqual(ids[1]!.slice(3), [pad.padId, pad.padId]);
    assert.deepEqual(bert.encodeBatch([], { padding: pad }), { ids: [], attentionMask: [], typeIds: [] });
  });

  test("are filled on the left, to a multiple, to a length", () => {
    const row = (padding: object) => bert.encodeBatch(["a"], { padding: { ...pad, ...padding } }).attentionMask[0];
    assert.deepEqual(row({ side: "left", multipleOf: 4 }), [0, 1, 1, 1]);
    assert.deepEqual(row({ length: 5 }), [1, 1, 1, 0, 0]);
    assert.deepEqual(row({ length: 2 }), [1, 1, 1], "nothing is cut off");
  });

  test("are cut down without losing what the post-processor adds", () => {
    const cut = (side: "left" | "right") =>
      bert.encodeWithOffsets("the cat and the dog", { truncation: { maxLength: 4, side } }).tokens;
    assert.deepEqual(cut("right"), ["[CLS]", "the", "cat", "[SEP]"]);
    assert.equal(cut("left").at(-1), "[SEP]");
    assert.equal(cut("left").length, 4);
  });

  test("take what tokenizer.json says only where it is asked for", () => {
    const limited = made("bert", (j) => {
      j.truncation = { max_length: 4, direction: "Left", strategy: "LongestFirst", stride: 0 };
      j.padding = { strategy: { Fixed: 6 }, direction: "Left", pad_id: 1, pad_type_id: 0, pad_token: "[PAD]" };
    });
    const text = "the cat and the dog";
    assert.ok(limited.encode(text).length > 6);
    assert.ok(limited.encodeBatch([text]).ids[0]!.length > 6);
    const row = limited.encodeBatch([text], { truncation: true, padding: true });
    assert.deepEqual(row.attentionMask[0], [0, 0, 1, 1, 1, 1]);
    assert.deepEqual(row.ids[0]!.slice(0, 2), [1, 1]);
    assert.deepEqual(limited.encodeBatch([text], { truncation: { maxLength: 5 } }).ids[0]!.length, 5);
  });

  test("take the padding token of tokenizer_config.json", () => {
    const configured = made("bert", undefined, { pad_token: "[PAD]" });
    assert.deepEqual(
      configured.encodeBatch(["a", "the cat"], { padding: true }).ids[0]!.at(-1),
      configured.idOf("[PAD]"),
    );
  });

  const refused: readonly [what: string, run: () => unknown, message: RegExp][] = [
    ["no padding token", () => bert.encodeBatch(["a"], { padding: true }), /padding\.padId: got nothing/],
    ["no length", () => bert.encodeBatch(["a"], { truncation: true }), /truncation: got true/],
    [
      "a length below what is added",
      () => bert.encodeBatch(["a"], { truncation: { maxLength: 1 } }),
      /maxLength: got 1, expected at least the 2/,
    ],
    [
      "a length that is no number",
      () => bert.encodeBatch(["a"], { truncation: { maxLength: Number.NaN } }),
      /maxLength: got null/,
    ],
    [
      "an unknown side",
      () => bert.encodeBatch(["a"], { padding: { ...pad, side: "top" as "left" } }),
      /padding\.side: got "top"/,
    ],
    [
      "a multiple of nothing",
      () => bert.encodeBatch(["a"], { padding: { ...pad, multipleOf: 0 } }),
      /multipleOf: got 0/,
    ],
    [
      "the second of one text",
      () => bert.encodeBatch(["a"], { truncation: { maxLength: 3, strategy: "only_second" } }),
      /only_second/,
    ],
    [
      "a pair without a form",
      () => made("bert", (j) => (j.post_processor.pair = [])).encodeBatch([["a", "b"]]),
      /no form for pairs/,
    ],
  ];
  for (const [what, run, message] of refused)
    test(`are refused for ${what}`, () => {
      assert.throws(run, { code: "BAD_OPTION", message });
    });
});
