import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import { openGgufParts } from "../../src/weights/gguf-split.ts";
import { type GgufField, writeGguf } from "../../src/weights/gguf-write.ts";
import { readStored } from "../../src/weights/stored.ts";
import { temporaryFolder } from "../generate/folders.ts";

const part = (stem: string, number: number, count: number) =>
  `${stem}-${String(number).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`;
const uint = (key: string, value: number): GgufField => ({ key, type: "uint32", value });

/** One part with a tensor of its number. */
function writePart(file: string, number: number, fields: readonly GgufField[], name = `t${number}`): void {
  const bytes = new Uint8Array(Float32Array.of(number, -number).buffer);
  writeGguf(host, file, fields, [{ name, shape: [2], format: "F32", pieces: () => [bytes] }]);
}

/** A model in three parts, of which one may be other than it should be. */
function written(change: { [number: number]: (file: string) => void } = {}): string {
  const stem = path.join(temporaryFolder(), "model");
  for (const number of [1, 2, 3]) {
    const file = part(stem, number, 3);
    const fields = [
      ...(number === 1 ? [{ key: "general.architecture", type: "string", value: "llama" } as const] : []),
      uint("split.no", number - 1),
      uint("split.count", 3),
      uint("split.tensors.count", 3),
    ];
    if (change[number]) change[number](file);
    else writePart(file, number, fields);
  }
  return stem;
}

describe("a GGUF model in parts", () => {
  test("is opened by its first: all tensors, each where it is, and the first's metadata", () => {
    const stem = written();
    const { metadata, tensors } = openGgufParts(host, part(stem, 1, 3));
    assert.equal(metadata.get("general.architecture"), "llama");
    assert.deepEqual([...tensors.keys()], ["t1", "t2", "t3"]);
    for (const [i, { type, ...tensor }] of [...tensors.values()].entries()) {
      assert.equal(tensor.file, part(stem, i + 1, 3));
      assert.deepEqual(readStored(host, { ...tensor, format: type.name }), Float32Array.of(i + 1, -i - 1));
    }
  });

  test("in one part is a file as any other, whatever its name", () => {
    const file = path.join(temporaryFolder(), "alone.gguf");
    writePart(file, 1, [uint("split.no", 0), uint("split.count", 1)]);
    assert.deepEqual([...openGgufParts(host, file).tensors.keys()], ["t1"]);
  });

  const keys = (no: number, count: number) => [uint("split.no", no), uint("split.count", count)];
  const refused: readonly [what: string, message: RegExp, change: Parameters<typeof written>[0]][] = [
    ["a part that is missing", /model-00002-of-00003\.gguf: part 2 of 3 is missing/, { 2: () => {} }],
    [
      "a part of another number",
      /00003-of-00003\.gguf: split\.no: got 1, expected 2/,
      { 3: (f) => writePart(f, 3, keys(1, 3)) },
    ],
    [
      "a part of another model",
      /00002-of-00003\.gguf: split\.count: got 4, expected 3/,
      { 2: (f) => writePart(f, 2, keys(1, 4)) },
    ],
    ["a part that says nothing", /00002-of-00003\.gguf: split\.no: got nothing/, { 2: (f) => writePart(f, 2, []) }],
    [
      "a tensor in two parts",
      /00003-of-00003\.gguf: t2: the tensor is in .*00002/,
      { 3: (f) => writePart(f, 3, keys(2, 3), "t2") },
    ],
    [
      "fewer tensors than there should be",
      /00001-of-00003\.gguf: split\.tensors\.count: got 3 tensors in all parts, expected 4/,
      { 1: (f) => writePart(f, 1, [...keys(0, 3), uint("split.tensors.count", 4)]) },
    ],
    [
      "a first part that says it is the second",
      /00001-of-00003\.gguf: split\.count: is part 2 of 3, expected a name/,
      { 1: (f) => writePart(f, 1, keys(1, 3)) },
    ],
    [
      "more parts than its name says",
      /expected a name that ends in -00001-of-00005\.gguf/,
      { 1: (f) => writePart(f, 1, keys(0, 5)) },
    ],
    ["a part that is broken", /00002-of-00003\.gguf: magic/, { 2: (f) => host.createFile(f).finish() }],
  ];
  for (const [what, message, change] of refused)
    test(`with ${what} is refused by its name`, () => {
      const stem = written(change);
      assert.throws(() => openGgufParts(host, part(stem, 1, 3)), { code: "BAD_WEIGHTS", message });
    });

  test("is not opened by another than the first", () => {
    const stem = written();
    assert.throws(() => openGgufParts(host, part(stem, 2, 3)), {
      code: "BAD_WEIGHTS",
      message: /is part 2 of 3\. Name the first: .*model-00001-of-00003\.gguf/,
    });
  });
});
