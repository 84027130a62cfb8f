import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesOf, DTYPES, type DType, viewAs } from "../../src/base/dtypes.ts";
import { OwnlmError } from "../../src/base/errors.ts";
import { createWebHost } from "../../src/host/web.ts";
import {
  type NamedTensor,
  openSafetensors,
  readSafetensors,
  readTensorInto,
  writeSafetensors,
} from "../../src/weights/safetensors.ts";
import { fileOf, headerOf, putFile } from "../helpers/weights.ts";

const FILE = "/model.safetensors";

/** Reads bytes as a file; gives back the error's code and message. */
function refusal(bytes: Uint8Array): { code: string; message: string } {
  const host = createWebHost();
  putFile(host, FILE, bytes);
  try {
    readSafetensors(host, FILE);
  } catch (error) {
    assert.ok(error instanceof OwnlmError, `got ${error}`);
    return error;
  }
  return { code: "none", message: "" };
}

const tensor = (dtype: string, shape: unknown, data_offsets: unknown) => ({ dtype, shape, data_offsets });
const good = { a: tensor("F32", [2], [0, 8]), b: tensor("BF16", [2, 3], [8, 20]) };

describe("a safetensors file", () => {
  const dtype = fc.constantFrom(...DTYPES);
  const name = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => !text.includes("\0")),
    fc.constantFrom("__proto__", "constructor", "../../x", "", "0", "1", 'quote"\\', "a,b:{}"),
  );
  const oneTensor = fc.record({ name, dtype, shape: fc.array(fc.nat(4), { maxLength: 3 }), seed: fc.nat(255) });
  const tensors = fc.uniqueArray(oneTensor, { selector: ({ name }) => name, maxLength: 6 }).map((list) =>
    list.map(({ name, dtype, shape, seed }): NamedTensor => {
      const bytes = Uint8Array.from({ length: shape.reduce((n, dim) => n * dim, bytesOf(dtype)) }, (_, i) => seed + i);
      return { name, dtype, shape, data: viewAs(dtype, bytes.buffer) };
    }),
  );
  const metadata = fc.dictionary(fc.oneof(name, fc.constant("format")), fc.string(), { noNullPrototype: true });

  test("reads back as it was written, each tensor at a multiple of its element", () => {
    fc.assert(
      fc.property(tensors, metadata, (written, metadata) => {
        const host = createWebHost();
        const { bytes, sha256 } = writeSafetensors(host, FILE, written, metadata);
        const file = readSafetensors(host, FILE);
        assert.deepEqual([...file.metadata].sort(), Object.entries(metadata).sort());
        assert.deepEqual(new Set(file.tensors.keys()), new Set(written.map(({ name }) => name)));
        for (const { name, dtype, shape, data } of written) {
          const entry = file.tensors.get(name)!;
          const read = viewAs(dtype, new ArrayBuffer(entry.length));
          readTensorInto(host, entry, read);
          assert.deepEqual([entry.dtype, entry.shape, read], [dtype, shape, data]);
          assert.equal(entry.offset % bytesOf(dtype), 0);
        }
        const hash = host.sha256();
        hash.update(host.readBytes(FILE));
        assert.deepEqual([bytes, sha256], [host.fileSize(FILE), hash.hex()]);
        assert.deepEqual(host.listFolder("/"), ["model.safetensors"]);
      }),
    );
  });

  test("is read whatever the order of its header, with fields of later versions, and with no metadata", () => {
    const { a, b } = good;
    assert.equal(refusal(fileOf({ b, a }, 20)).code, "none");
    assert.equal(refusal(fileOf({ a: { ...a, later: ["x", 1] }, b }, 20)).code, "none");
    assert.equal(refusal(fileOf({}, 0)).code, "none");
    assert.equal(refusal(headerOf(`${JSON.stringify(good)} \n \t`, 20)).code, "none");
  });

  test("may hold empty tensors and single numbers", () => {
    const file = fileOf(
      { empty: tensor("F32", [0, 3], [0, 0]), one: tensor("F32", [], [0, 4]), last: tensor("I8", [0], [4, 4]) },
      4,
    );
    assert.equal(refusal(file).code, "none");
  });

  test("keeps names that mean something to JavaScript as plain names", () => {
    const host = createWebHost();
    putFile(
      host,
      FILE,
      headerOf('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"__proto__":"x"}}', 1),
    );
    const { tensors, metadata } = readSafetensors(host, FILE);
    assert.deepEqual([...tensors.keys(), ...metadata.entries()], ["__proto__", ["__proto__", "x"]]);
    assert.equal(({} as { dtype?: string }).dtype, undefined);
  });
});

describe("a damaged safetensors file", () => {
  const whole = fileOf(good, 20);

  test("cut at any byte is refused by name", () => {
    for (let length = 0; length < whole.length; length++) {
      const { code, message } = refusal(whole.subarray(0, length));
      assert.equal(code, "BAD_WEIGHTS", `cut at ${length}`);
      assert.match(message, /^\/model\.safetensors: /);
    }
  });

  test("with any byte of the header changed is refused, or has other names and numbers", () => {
    for (let at = 0; at < whole.length - 20; at++)
      for (const flip of [1, 0x20, 0x80, 0xff]) {
        const changed = Uint8Array.from(whole);
        changed[at]! ^= flip;
        assert.match(refusal(changed).code, /^(BAD_WEIGHTS|none)$/);
      }
  });

  test("of random bytes is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => assert.equal(refusal(noise).code, "BAD_WEIGHTS")),
    );
  });

  test("of random JSON is refused with a short message, or is one", () => {
    const value = fc.jsonValue({ maxDepth: 3 });
    const field = fc.oneof(value, fc.constantFrom("F32", [], [0, 0], [0, 4]));
    const entry = fc.oneof(value, fc.record({ dtype: field, shape: field, data_offsets: field }, { requiredKeys: [] }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), entry), fc.nat(8), (header, bytes) => {
        const { code, message } = refusal(fileOf(header, bytes));
        assert.match(code, /^(BAD_WEIGHTS|none)$/);
        assert.ok(message.length < 500, message);
      }),
    );
  });

  const lengthOf = (length: bigint) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const json = JSON.stringify(good);
  const one = (fields: object, bytes = 8) => fileOf({ a: { ...good.a, ...fields } }, bytes);
  const text = (a: string, bytes = 8) => headerOf(`{"a":${a}}`, bytes);
  const cases: readonly [says: string, message: RegExp, bytes: Uint8Array][] = [
    ["a header of 2^64-1 bytes", /header length: got 18446744073709552000/, lengthOf(2n ** 64n - 1n)],
    ["a header of 2^63 bytes", /header length/, lengthOf(2n ** 63n)],
    ["a header of 2^53 + 1 bytes", /header length/, lengthOf(2n ** 53n + 1n)],
    ["a header beyond the format's limit", /header length: got 100000001/, lengthOf(100_000_001n)],
    ["a header longer than the file", /header length: got 25, expected at most 24/, lengthOf(25n)],
    ["a header of no bytes", /begins with ""/, lengthOf(0n)],
    ["a header that is no UTF-8", /no UTF-8/, headerOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0)],
    ["a byte order mark", /begins with/, headerOf(`\ufeff${json}`, 20)],
    ["white space before it", /begins with " "/, headerOf(` ${json}`, 20)],
    ["a list for a header", /begins with "\["/, headerOf("[]", 0)],
    ["null for a header", /begins with n/, headerOf("null", 0)],
    ["JSON that is cut", /no JSON/, headerOf(json.slice(0, -1), 20)],
    ["something after the JSON", /no JSON/, headerOf(`${json}x`, 20)],
    ["two objects", /no JSON/, headerOf(`${json}{}`, 20)],
    ["a NUL after the JSON", /no JSON/, headerOf(`${json}\0`, 20)],
    [
      "a name twice",
      /a: is there twice/,
      headerOf(`{"a":${JSON.stringify(good.a)},"\\u0061":${JSON.stringify(good.a)}}`, 8),
    ],
    ["metadata twice", /__metadata__: is there twice/, headerOf('{"__metadata__":{},"__metadata__":{}}', 0)],
    [
      "a field twice",
      /a: dtype is there twice/,
      text('{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}'),
    ],
    ["a name with NUL", /"a\\u0000": has a NUL/, headerOf(`{"a\\u0000":${JSON.stringify(good.a)}}`, 8)],
    ["a name of half a character", /"\\ud800": has/, headerOf(`{"\\ud800":${JSON.stringify(good.a)}}`, 8)],
    ["metadata that is a number", /__metadata__: got 7/, fileOf({ __metadata__: 7 }, 0)],
    ["metadata that is a list", /__metadata__: got \[\]/, fileOf({ __metadata__: [] }, 0)],
    ["metadata with a number in it", /__metadata__: got \{"a":1\}/, fileOf({ __metadata__: { a: 1 } }, 0)],
    ["an entry of null", /a: entry: got null/, text("null", 0)],
    ["an entry of text", /a: entry: got F32/, text('"F32"', 0)],
    ["an entry that is a list", /a: dtype: got nothing/, text("[]", 0)],
    ["no dtype", /a: dtype: got nothing/, one({ dtype: undefined })],
    ["an unknown dtype", /a: dtype: got F8_E4M3, expected F64, F32/, one({ dtype: "F8_E4M3" })],
    ["a dtype of JavaScript's", /a: dtype: got __proto__/, one({ dtype: "__proto__" })],
    ["a dtype that is a number", /a: dtype: got 32/, one({ dtype: 32 })],
    ["no shape", /a: shape: got nothing/, one({ shape: undefined })],
    ["a shape of text", /a: shape: got ("2"|2)/, one({ shape: "2" })],
    ["a negative axis", /a: got the number -2/, one({ shape: [-2] })],
    ["a fractional axis", /a: got the number 0.5/, one({ shape: [0.5] })],
    [
      "an axis in scientific notation",
      /a: got the number 2e0/,
      text('{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}'),
    ],
    ["an axis of text", /a: shape: got \["2"\]/, one({ shape: ["2"] })],
    ["an axis of 2^53", /a: shape: got \[9007199254740992\]/, one({ shape: [2 ** 53] })],
    ["axes whose product is beyond numbers", /expected \S+ bytes/, one({ shape: [2 ** 52, 2 ** 52, 2 ** 52] })],
    [
      "axes whose product is infinite, and zero",
      /expected NaN bytes/,
      one({ shape: [...new Array(60).fill(2 ** 52), 0] }),
    ],
    ["ten thousand axes", /a: shape: got .*characters.*at most 64/, one({ shape: new Array(10_000).fill(1) })],
    ["too few bytes for its shape", /a: data_offsets: .*expected 12 bytes for float32/, one({ shape: [3] })],
    ["too many bytes for its shape", /a: data_offsets: .*expected 4 bytes/, one({ shape: [1] })],
    ["no offsets", /a: data_offsets: got nothing/, one({ data_offsets: undefined })],
    ["one offset", /a: data_offsets: got \[0\]/, one({ data_offsets: [0] })],
    ["three offsets", /a: data_offsets: got \[0,8,8\]/, one({ data_offsets: [0, 8, 8] })],
    ["offsets that are an object", /a: data_offsets: got \{/, one({ data_offsets: { 0: 0, 1: 8, length: 2 } })],
    ["a negative offset", /a: got the number -8/, one({ data_offsets: [-8, 0] })],
    ["a fractional offset", /a: got the number 0.5/, one({ data_offsets: [0.5, 8.5] })],
    ["an offset of null", /a: data_offsets: got \[null,8\]/, one({ data_offsets: [null, 8] })],
    [
      "an offset of 2^53 + 1",
      /a: data_offsets/,
      text('{"dtype":"F32","shape":[2],"data_offsets":[0,9007199254740993]}'),
    ],
    ["an offset of 1e999", /a: got the number 1e999/, text('{"dtype":"F32","shape":[2],"data_offsets":[0,1e999]}')],
    ["an end before its beginning", /a: data_offsets: got \[8,0\]/, one({ data_offsets: [8, 0] })],
    ["an end beyond the file", /a: data_offsets: .*within 7 bytes/, one({}, 7)],
    ["bytes after the last tensor", /tensors end at byte/, one({}, 9)],
    ["a gap before the first", /a: starts at byte 4, expected 0/, one({ data_offsets: [4, 12] }, 12)],
    [
      "a gap between two",
      /b: starts at byte 9, expected 8/,
      fileOf({ ...good, b: tensor("BF16", [2, 3], [9, 21]) }, 21),
    ],
    [
      "two that overlap",
      /b: starts at byte 7, expected 8/,
      fileOf({ ...good, b: tensor("BF16", [2, 3], [7, 19]) }, 19),
    ],
    ["two in one place", /b: starts at byte 0, expected 8/, fileOf({ a: good.a, b: good.a }, 8)],
    ["nothing inside of another", /starts at byte 4/, fileOf({ a: good.a, b: tensor("F32", [0], [4, 4]) }, 8)],
    ["a name of a megabyte", /characters\): dtype/, fileOf({ ["n".repeat(2 ** 20)]: {} }, 0)],
  ];
  for (const [says, message, bytes] of cases)
    test(`is refused with ${says}`, () => {
      const error = refusal(bytes);
      assert.equal(error.code, "BAD_WEIGHTS", error.message);
      assert.match(error.message, message);
      assert.match(error.message, /^\/model\.safetensors: /);
      assert.ok(error.message.length < 500);
    });

  // In the square of their lengths these would take hours.
  const bounded: readonly [says: string, header: string][] = [
    ["lists in lists", "[".repeat(4e6)],
    ["objects in objects", '{"a":'.repeat(1e6)],
    ["quotes that never close", '{"'.padEnd(4e6, '\\"')],
    ["one name without an end", '{"'.padEnd(4e6, "n")],
    ["one name of four megabytes", `{"${"n".repeat(4e6)}":{}}`],
    ["commas", `{${",".repeat(4e6)}`],
    ["numbers", `{"a":{"shape":[${"1,".repeat(2e6)}1]}}`],
    ["a hundred thousand tensors with one byte too few", manyTensors(100_000)],
  ];
  for (const [says, header] of bounded)
    test(`is refused in linear time with ${says}`, () => {
      const { code, message } = refusal(headerOf(header.startsWith("{") ? header : `{"a":${header}`, 99_999));
      assert.equal(code, "BAD_WEIGHTS");
      assert.ok(message.length < 500);
    });
});

function manyTensors(count: number): string {
  const entries = Array.from(
    { length: count },
    (_, i) => [`layers.${i}.weight`, tensor("U8", [1], [i, i + 1])] as const,
  );
  return JSON.stringify(Object.fromEntries(entries));
}

describe("tensors that no reader would take", () => {
  const a: NamedTensor = { name: "a", dtype: "float32", shape: [2], data: new Float32Array(2) };
  const cases: readonly [says: string, code: string, tensors: readonly NamedTensor[]][] = [
    ["a name twice", "BAD_WEIGHTS", [a, a]],
    ["the name of the metadata", "BAD_WEIGHTS", [{ ...a, name: "__metadata__" }]],
    ["a name with NUL", "BAD_WEIGHTS", [{ ...a, name: "a\0" }]],
    ["a name of half a character", "BAD_WEIGHTS", [{ ...a, name: "\ud800" }]],
    ["a shape of other size", "BAD_SHAPE", [{ ...a, shape: [3] }]],
    ["a shape of NaN", "BAD_SHAPE", [{ ...a, shape: [Number.NaN] }]],
    ["a shape below zero", "BAD_SHAPE", [{ ...a, shape: [-1, -2] }]],
    ["an unknown dtype", "BAD_DTYPE", [{ ...a, dtype: "int4" as DType }]],
  ];
  for (const [says, code, tensors] of cases)
    test(`are refused before anything is written: ${says}`, () => {
      const host = createWebHost();
      assert.throws(() => writeSafetensors(host, FILE, tensors), { name: "OwnlmError", code });
      assert.deepEqual(host.listFolder("/"), []);
    });

  test("leave the old file when the disk is full, and nothing beside it", () => {
    const host = createWebHost({ maxBytes: 400 });
    writeSafetensors(host, FILE, [a]);
    const before = host.readBytes(FILE);
    const big: NamedTensor = { ...a, shape: [100], data: new Float32Array(100) };
    assert.throws(() => writeSafetensors(host, FILE, [big]), { code: "DISK" });
    assert.deepEqual(host.readBytes(FILE), before);
    assert.deepEqual(host.listFolder("/"), ["model.safetensors"]);
  });

  test("are not read into room of another size, nor from a file that was cut since", () => {
    const host = createWebHost();
    writeSafetensors(host, FILE, [a]);
    const entry = readSafetensors(host, FILE).tensors.get("a")!;
    assert.throws(() => readTensorInto(host, entry, new Float32Array(3)), { code: "BAD_SHAPE" });
    putFile(host, FILE, host.readBytes(FILE, 0, host.fileSize(FILE) - 1));
    assert.throws(() => readTensorInto(host, entry, new Float32Array(2)), { code: "DISK" });
  });
});

describe("a safetensors file written a tensor at a time", () => {
  const specs = [
    { name: "b", dtype: "uint8", shape: [3] },
    { name: "a", dtype: "uint8", shape: [1] },
  ] as const;

  test("holds the tensors in the order given", () => {
    const host = createWebHost();
    const writer = openSafetensors(host, FILE, specs);
    writer.write(Uint8Array.of(1, 2, 3));
    assert.equal(host.kindOf(FILE), undefined, "no final name before the end");
    writer.write(Uint8Array.of(4));
    assert.equal(writer.finish(), host.fileSize(FILE));
    const { tensors } = readSafetensors(host, FILE);
    assert.deepEqual([...tensors.keys()], ["b", "a"]);
    const { offset, length } = tensors.get("b")!;
    assert.equal(offset % 64, 0);
    assert.deepEqual(host.readBytes(FILE, offset, length), Uint8Array.of(1, 2, 3));
  });

  test("refuses tensors too few, too many and of the wrong size, and leaves nothing", () => {
    const host = createWebHost();
    const writer = openSafetensors(host, FILE, specs);
    assert.throws(() => writer.write(Uint8Array.of(1)), { code: "BAD_SHAPE", message: /b: got 1 bytes/ });
    assert.throws(() => writer.finish(), { code: "BAD_SHAPE", message: /got 0 tensors, expected 2/ });
    writer.write(Uint8Array.of(1, 2, 3));
    writer.write(Uint8Array.of(1));
    assert.throws(() => writer.write(Uint8Array.of(1)), { code: "BAD_SHAPE", message: /more than its 2/ });
    writer.abandon();
    assert.deepEqual(host.listFolder("/"), []);
    assert.throws(() => openSafetensors(host, FILE, [...specs, specs[0]]), { code: "BAD_WEIGHTS" });
  });
});
