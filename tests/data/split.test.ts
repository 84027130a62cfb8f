import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { readTexts } from "../../src/data/read.ts";
import { type SplitText, splitDocuments } from "../../src/data/split.ts";
import { textOf } from "../../src/data/types.ts";
import { host } from "../../src/host/node.ts";
import { sharedData } from "../helpers/paths.ts";

function document(text: string, chunkLength = 1000, path = "t"): SplitText {
  const letters = [...text];
  const chunks: string[] = [];
  for (let i = 0; i < letters.length; i += chunkLength) chunks.push(letters.slice(i, i + chunkLength).join(""));
  return { path, chunks, characters: letters.length, sha256: createHash("sha256").update(text).digest("hex") };
}

const texts = (side: readonly SplitText[]) => side.map(textOf);

describe("splitting", () => {
  const shakespeare = sharedData("text/tinyshakespeare.txt");
  test("tinyshakespeare splits as nanoGPT splits it", { skip: !shakespeare && "no tinyshakespeare.txt" }, () => {
    const { documents } = readTexts(host, [shakespeare!], { pieceBytes: 100_000 });
    const { train, validation } = splitDocuments(documents);
    assert.equal(train[0]!.characters, 1_003_854);
    assert.equal(validation[0]!.characters, 111_540);
    assert.equal(textOf(train[0]!).length, 1_003_854);
  });

  test("one text is cut by code points, whatever its chunks", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 20, maxLength: 80 }).filter((s) => [...s].length >= 20),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(0.1, 0.25, 0.5),
        (text, chunkLength, valFraction) => {
          const { train, validation } = splitDocuments([document(text, chunkLength)], { valFraction });
          const letters = [...text];
          const n = Math.floor(letters.length * (1 - valFraction));
          assert.deepEqual(texts(train), [letters.slice(0, n).join("")]);
          assert.deepEqual(texts(validation), [letters.slice(n).join("")]);
          assert.equal(train[0]!.characters + validation[0]!.characters, letters.length);
        },
      ),
    );
  });

  test("several texts go whole to one side, equal ones together, each side at least one", () => {
    const some = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.integer({ min: 1, max: 50 })), {
      minLength: 2,
      maxLength: 30,
    });
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 99 }), (list, seed) => {
        const documents = list.map(([letter, length], i) => document(letter.repeat(length), 7, `${i}`));
        if (new Set(texts(documents)).size < 2) return;
        const { train, validation } = splitDocuments(documents, { seed });
        assert.ok(train.length > 0 && validation.length > 0);
        assert.equal(train.length + validation.length, documents.length);
        const trained = new Set(texts(train));
        assert.ok(texts(validation).every((text) => !trained.has(text)));
      }),
    );
  });

  test("order and names do not change where a text goes, the seed does", () => {
    const documents = Array.from({ length: 40 }, (_, i) => document(`text number ${i}`));
    const { validation } = splitDocuments(documents, { seed: 1 });
    const renamed = documents.toReversed().map((d, i) => ({ ...d, path: `${i}` }));
    assert.deepEqual(texts(splitDocuments(renamed, { seed: 1 }).validation).sort(), texts(validation).sort());
    assert.notDeepEqual(texts(splitDocuments(documents, { seed: 2 }).validation), texts(validation));
    assert.ok(validation.length >= 4 && validation.length <= 6);
  });

  test("one very large text stays in training", () => {
    const documents = [document("x".repeat(10_000)), document("y".repeat(10)), document("z".repeat(20))];
    for (let seed = 0; seed < 20; seed++)
      assert.equal(splitDocuments(documents, { seed }).train[0]!.characters, 10_000);
  });

  test("equal texts alone are cut like one", () => {
    const { train, validation } = splitDocuments([document("0123456789"), document("0123456789")]);
    assert.deepEqual(texts(train), ["012345678", "012345678"]);
    assert.deepEqual(texts(validation), ["9"]);
  });

  test("no validation is wanted at 0", () => {
    assert.deepEqual(splitDocuments([document("abc")], { valFraction: 0 }).validation, []);
  });

  test("what cannot be split is refused", () => {
    assert.throws(() => splitDocuments([]), { code: "BAD_DATA" });
    assert.throws(() => splitDocuments([document("a")]), { code: "BAD_DATA", message: /got 1 characters/ });
    for (const valFraction of [-0.1, 0.6, Number.NaN])
      assert.throws(() => splitDocuments([document("abc")], { valFraction }), { code: "BAD_OPTION" });
  });
});
