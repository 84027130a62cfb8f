import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { canonicalJson, fingerprint } from "../../src/data/fingerprint.ts";
import { packTokens, tokenPacker } from "../../src/data/pack.ts";
import { host } from "../../src/host/node.ts";

describe("packing", () => {
  test("texts follow each other with a separator between two", () => {
    assert.deepEqual(packTokens([[1, 2], [3]], { vocabSize: 10, separator: 9 }), Uint16Array.of(1, 2, 9, 3));
    assert.deepEqual(packTokens([[1, 2], [], [3]], { vocabSize: 10 }), Uint16Array.of(1, 2, 3));
    assert.deepEqual(packTokens([[], [1], []], { vocabSize: 10, separator: 9 }), Uint16Array.of(1));
    assert.equal(packTokens([], { vocabSize: 10 }).length, 0);
  });

  test("pieces of one text have no separator between them", () => {
    const packer = tokenPacker({ vocabSize: 10, separator: 0 });
    packer.add([1]);
    packer.add(Int32Array.of(2, 3));
    packer.endDocument();
    packer.add([4]);
    assert.equal(packer.length, 5);
    assert.deepEqual(packer.finish(), Uint16Array.of(1, 2, 3, 0, 4));
  });

  test("any texts come back between their separators", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 })), (documents) => {
        const packed = packTokens(documents, { vocabSize: 70_001, separator: 0 });
        const simple = documents.flatMap((ids, i) => (i === 0 ? ids : [0, ...ids]));
        assert.deepEqual([...packed], simple);
        assert.ok(packed instanceof Uint32Array);
      }),
    );
  });

  test("16 bits hold a vocabulary of 65,536", () => {
    assert.deepEqual(packTokens([[65_535]], { vocabSize: 65_536 }), Uint16Array.of(65_535));
  });

  test("ids outside the vocabulary are refused", () => {
    for (const id of [-1, 10, 0.5, Number.NaN])
      assert.throws(() => packTokens([[1, id]], { vocabSize: 10 }), { code: "BAD_TOKEN_ID", message: /position 1/ });
    const two = () => packTokens([[1], [2]], { vocabSize: 5, separator: 5 });
    assert.throws(two, { code: "BAD_TOKEN_ID" });
    assert.throws(() => tokenPacker({ vocabSize: 0 }), { code: "BAD_OPTION" });
  });
});

describe("fingerprints", () => {
  const of = (tokens: Uint16Array | Uint32Array, settings = {}) => fingerprint(host.sha256, tokens, settings);

  test("equal tokens have equal fingerprints whatever holds them", () => {
    const ids = Array.from({ length: 70_000 }, (_, i) => i % 60_000);
    assert.equal(of(Uint16Array.from(ids)), of(Uint32Array.from(ids)));
  });

  test("other tokens or settings have others, the order of names does not matter", () => {
    const tokens = Uint16Array.of(1, 2, 3);
    assert.notEqual(of(tokens), of(Uint16Array.of(1, 2, 4)));
    assert.notEqual(of(tokens), of(Uint16Array.of(1, 2)));
    assert.notEqual(of(tokens, { context: 8 }), of(tokens, { context: 9 }));
    assert.equal(of(tokens, { a: 1, b: [{ d: null, c: "x" }] }), of(tokens, { b: [{ c: "x", d: null }], a: 1 }));
    assert.equal(canonicalJson({ b: undefined, a: [true, "\n"] }), '{"a":[true,"\\n"]}');
  });
});
