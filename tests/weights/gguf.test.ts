import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { rng } from "../../src/base/rng.ts";
import { host as nodeHost } from "../../src/host/node.ts";
import { createWebHost } from "../../src/host/web.ts";
import { BLOCK_FORMATS, blockBytes } from "../../src/weights/blocks.ts";
import { type GgufFile, openGguf } from "../../src/weights/gguf.ts";
import { type GgufField, type GgufTensorSource, writeGguf } from "../../src/weights/gguf-write.ts";
import { ggufBytes, info, joined, joinedAll, le, list, mutatedBytes, pair, text } from "../helpers/gguf.ts";
import { golden } from "../helpers/paths.ts";
import { putFile } from "../helpers/weights.ts";

const FILE = "/model.gguf";
const utf8 = (value: string) => new TextEncoder().encode(value);

function opened(bytes: Uint8Array): GgufFile {
  const host = createWebHost();
  putFile(host, FILE, bytes);
  return openGguf(host, FILE);
}

/** Reads bytes as a file; gives back the error's code and message. */
function refusal(bytes: Uint8Array): { code: string; message: string } {
  try {
    opened(bytes);
  } catch (error) {
    assert.ok(error instanceof OwnlmError, `got ${error}`);
    return error;
  }
  return { code: "none", message: "" };
}

const [U8, U32, F32, BOOL, STRING, ARRAY, U64] = [0, 4, 6, 7, 8, 9, 10] as const;
const architecture = pair("general.architecture", STRING, text("llama"));
const twoFloats = info("a", [2], 0, 0);
const oneBlock = info("b", [32, 2], 8, 32);
const good = { pairs: [architecture], infos: [twoFloats, oneBlock], dataBytes: 32 + 68 };

describe("a GGUF file", () => {
  test("by Python's gguf is read with every type of value", () => {
    const { version, metadata, tensors } = openGguf(nodeHost, golden("gguf", "values.gguf"));
    assert.equal(version, 3);
    assert.deepEqual(Object.fromEntries(metadata), {
      "general.architecture": "llama",
      "general.alignment": 64,
      "test.uint8": 200,
      "test.int8": -100,
      "test.uint16": 60000,
      "test.int16": -30000,
      "test.uint32": 2 ** 32 - 1,
      "test.int32": -(2 ** 31),
      "test.float32": 1.5,
      "test.bool": true,
      "test.uint64": 2n ** 64n - 1n,
      "test.int64": -5,
      "test.float64": 0.1,
      "test.string": "naïve 🙂 日本",
      "test.strings": ["a", "Ġthe", "日本", "", "x".repeat(100)],
      "test.ints": Int32Array.of(1, -2, 3),
      "test.floats": Float32Array.of(0.5, -1.5),
      "test.bools": Uint8Array.of(1, 0, 1),
    });
    const shapes = [...tensors.values()].map(({ name, type, shape, offset, length }) => [
      name,
      type.name,
      shape,
      offset % 64,
      length,
    ]);
    assert.deepEqual(shapes, [
      ["plain", "F32", [3, 5], 0, 60],
      ["half", "F16", [2, 3, 4], 0, 48],
      ["blocks", "Q8_0", [3, 64], 0, 204],
    ]);
  });

  test("of version 2, of no tensors, and with room between tensors is read", () => {
    assert.equal(refusal(ggufBytes({ ...good, version: 2 })).code, "none");
    assert.equal(refusal(ggufBytes({})).code, "none");
    assert.equal(
      refusal(ggufBytes({ infos: [info("a", [2], 0, 64), info("b", [1], 0, 0)], dataBytes: 80 })).code,
      "none",
    );
  });

  test("keeps names that mean something to JavaScript as plain names", () => {
    const names = ["__proto__", "constructor", "", "../../x"];
    const { metadata, tensors } = opened(
      ggufBytes({
        pairs: names.map((name) => pair(name, U8, le(1, 1))),
        infos: names.map((name, i) => info(name, [1], 0, 32 * i)),
        dataBytes: 128,
      }),
    );
    assert.deepEqual([...metadata.keys()], names);
    assert.deepEqual([...tensors.keys()], names);
  });

  test("of 20 GB with a large vocabulary is read without its tensors", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ownlm-gguf-"));
    const file = path.join(folder, "large.gguf");
    const size = 20e9;
    const tokens = Array.from({ length: 128_000 }, (_, i) => text(`Ġtoken${i}`));
    const rows = Math.floor((size - 1e7) / 34);
    const header = ggufBytes({
      pairs: [architecture, pair("tokenizer.ggml.tokens", ARRAY, list(STRING, tokens.length, joinedAll(tokens)))],
      infos: [info("w", [32, rows], 8, 0)],
    });
    const descriptor = openSync(file, "w");
    writeSync(descriptor, header);
    ftruncateSync(descriptor, size);
    closeSync(descriptor);
    let read = 0;
    const counting = {
      ...nodeHost,
      readBytes(from: string, offset?: number, length?: number) {
        read += length ?? Number.POSITIVE_INFINITY;
        return nodeHost.readBytes(from, offset, length);
      },
    };
    try {
      const { metadata, tensors } = openGguf(counting, file);
      assert.equal((metadata.get("tokenizer.ggml.tokens") as string[])[127_999], "Ġtoken127999");
      assert.deepEqual(tensors.get("w")!.shape, [rows, 32]);
      assert.ok(read < header.length + 2 ** 21, `read ${read} bytes of a header of ${header.length}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const field = fc.oneof(
    fc.record({ type: fc.constant("uint32" as const), value: fc.nat(2 ** 31 - 1) }),
    fc.record({ type: fc.constant("int32" as const), value: fc.integer() }),
    fc.record({ type: fc.constant("float32" as const), value: fc.float({ noNaN: true }) }),
    fc.record({ type: fc.constant("bool" as const), value: fc.boolean() }),
    fc.record({ type: fc.constant("string" as const), value: fc.string({ unit: "grapheme" }) }),
    fc.record({
      type: fc.constant("strings" as const),
      value: fc.array(fc.string({ unit: "grapheme", maxLength: 40 })),
    }),
    fc.record({ type: fc.constant("int32s" as const), value: fc.int32Array() }),
    fc.record({ type: fc.constant("float32s" as const), value: fc.float32Array({ noNaN: true }) }),
    fc.record({ type: fc.constant("bools" as const), value: fc.array(fc.nat(1)).map((x) => Uint8Array.from(x)) }),
  );
  const key = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("__proto__", "toString", ""));
  const fields = fc
    .dictionary(key, field, { noNullPrototype: true })
    .map((named) => Object.entries(named).map(([name, rest]) => ({ key: `test.${name}`, ...rest }) as GgufField));
  const source = fc.record({
    name: fc.string({ maxLength: 20 }),
    outer: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    format: fc.constantFrom(...BLOCK_FORMATS.values()),
    seed: fc.nat(255),
  });
  const sources = fc.uniqueArray(source, { selector: ({ name }) => name, maxLength: 5 });

  test("is read back as it was written", () => {
    fc.assert(
      fc.property(fields, sources, (fields, sources) => {
        const host = createWebHost();
        const tensors = sources.map(({ name, outer, format, seed }) => {
          const shape = [...outer, format.elements * 2];
          const bytes = new Uint8Array(
            blockBytes(
              format,
              shape.reduce((n, dim) => n * dim, 1),
            ),
          ).map((_, i) => seed + i);
          const pieces = () => [bytes.subarray(0, 5), bytes.subarray(5)];
          return { name, shape, format: format.name, pieces, bytes } satisfies GgufTensorSource & { bytes: Uint8Array };
        });
        const { bytes } = writeGguf(host, FILE, fields, tensors);
        assert.equal(host.fileSize(FILE), bytes);
        const file = openGguf(host, FILE);
        assert.deepEqual(
          [...file.metadata],
          fields.map(({ key, value }) => [key, value]),
        );
        assert.deepEqual(
          [...file.tensors.keys()],
          tensors.map(({ name }) => name),
        );
        for (const { name, shape, format, bytes } of tensors) {
          const read = file.tensors.get(name)!;
          assert.deepEqual([read.shape, read.type.name], [shape, format]);
          assert.deepEqual(host.readBytes(FILE, read.offset, read.length), bytes);
        }
        assert.deepEqual(host.listFolder("/"), ["model.gguf"]);
      }),
    );
  });

  const whole: GgufTensorSource = { name: "a", shape: [1, 32], format: "Q8_0", pieces: () => [new Uint8Array(34)] };
  const wrong: readonly [says: string, message: RegExp, tensors: GgufTensorSource[]][] = [
    ["a name twice", /is there twice/, [whole, whole]],
    ["a name of 64 bytes", /at most 63 bytes/, [{ ...whole, name: "x".repeat(64) }]],
    ["five axes", /1 to 4 axes/, [{ ...whole, shape: [1, 1, 1, 1, 32] }]],
    ["no axis", /1 to 4 axes/, [{ ...whole, shape: [] }]],
    ["half a block", /a multiple of 32/, [{ ...whole, shape: [2, 16] }]],
    ["too few bytes", /got 3 bytes, expected 34/, [{ ...whole, pieces: () => [new Uint8Array(3)] }]],
  ];
  for (const [says, message, tensors] of wrong)
    test(`of ${says} is not written, and leaves what was there`, () => {
      const host = createWebHost();
      putFile(host, FILE, "before");
      assert.throws(() => writeGguf(host, FILE, [], tensors), { message });
      assert.equal(host.readText(FILE), "before");
      assert.deepEqual(host.listFolder("/"), ["model.gguf"]);
    });
});

describe("a damaged GGUF file", () => {
  const whole = ggufBytes(good);

  test("cut at any byte is refused by name", () => {
    assert.equal(refusal(whole).code, "none");
    for (let length = 0; length < whole.length; length++) {
      const { code, message } = refusal(whole.subarray(0, length));
      assert.equal(code, "BAD_WEIGHTS", `cut at ${length}`);
      assert.match(message, /^\/model\.gguf: /);
    }
  });

  const alignment = (type: number, value: Uint8Array) => ggufBytes({ pairs: [pair("general.alignment", type, value)] });
  const value = (type: number, ...bytes: Uint8Array[]) => ggufBytes({ pairs: [pair("k", type, ...bytes)] });
  const tensor = (...infos: Uint8Array[]) => ggufBytes({ infos, dataBytes: 128 });
  const known = (key: string, type: number, ...bytes: Uint8Array[]) =>
    ggufBytes({ pairs: [pair(key, type, ...bytes)] });
  const nested = Array.from({ length: 1000 }, () => joined(le(ARRAY, 4), le(1, 8)));
  const cases: readonly [says: string, message: RegExp, bytes: Uint8Array][] = [
    ["another magic", /magic: got 0x4c4c4747/, ggufBytes({ magic: "GGLL" })],
    ["version 0", /version: got 0,/, ggufBytes({ version: 0 })],
    ["version 1", /version: got 1,/, ggufBytes({ version: 1 })],
    ["version 4", /version: got 4,/, ggufBytes({ version: 4 })],
    ["version 2^32 - 1", /version: got 4294967295/, ggufBytes({ version: 2 ** 32 - 1 })],
    ["big-endian numbers", /big-endian/, ggufBytes({ version: 3 << 24 })],
    ["2^63 tensors", /tensor count: .*got 9223372036854775808/, ggufBytes({ tensorCount: 2n ** 63n })],
    [
      "more tensors than bytes",
      /tensor count: .*got 9, expected at most/,
      ggufBytes({ tensorCount: 9, dataBytes: 32 }),
    ],
    ["2^63 keys", /metadata count: .*got 9223372036854775808/, ggufBytes({ pairCount: 2n ** 63n })],
    ["more keys than bytes", /metadata count: .*got 4000/, ggufBytes({ pairCount: 4000 })],
    [
      "a key of 2^64 - 1 bytes",
      /metadata 0: .*18446744073709551615/,
      ggufBytes({ pairs: [text("k", 2n ** 64n - 1n), new Uint8Array(64)], pairCount: 1 }),
    ],
    [
      "a key that is no UTF-8",
      /metadata 0: .*no UTF-8/,
      ggufBytes({ pairs: [joined(text(Uint8Array.of(0xff)), le(U8, 4), le(1, 1))] }),
    ],
    ["a key twice", /k: .*twice/, ggufBytes({ pairs: [pair("k", U8, le(1, 1)), pair("k", U8, le(1, 1))] })],
    ["a value of type 13", /k: .*type 13/, value(13, new Uint8Array(64))],
    ["a list of type 99", /k: .*type 99/, value(ARRAY, list(99, 1), new Uint8Array(64))],
    ["a list of lists", /k: .*list of lists/, value(ARRAY, ...nested)],
    ["a list of 2^40 texts", /k: .*8796093022208 bytes/, value(ARRAY, list(STRING, 2n ** 40n))],
    ["a list of 2^40 numbers", /k: .*4398046511104 bytes/, value(ARRAY, list(F32, 2n ** 40n))],
    ["a list of 2^61 numbers", /k: .*2305843009213693952/, value(ARRAY, list(U64, 2n ** 61n))],
    ["a text of 2^64 - 1 bytes", /k: .*18446744073709551615/, value(STRING, text("x", 2n ** 64n - 1n))],
    ["a text longer than the file", /k: .*length of 5000 bytes/, value(STRING, text("x", 5000n))],
    ["a text that is no UTF-8", /k: .*no UTF-8/, value(STRING, text(Uint8Array.of(0x61, 0xc3)))],
    ["a text with half a character", /k: .*no UTF-8/, value(STRING, text(Uint8Array.of(0xed, 0xa0, 0x80)))],
    ["a text in overlong bytes", /k: .*no UTF-8/, value(STRING, text(Uint8Array.of(0xc1, 0x81)))],
    ["a boolean of 2", /k: .*boolean/, value(BOOL, le(2, 1))],
    ["a list with a boolean of 2", /k: .*boolean/, value(ARRAY, list(BOOL, 2, le(1, 1), le(2, 1)))],
    ["an alignment of 0", /general\.alignment: got 0/, alignment(U32, le(0, 4))],
    ["an alignment of 3", /general\.alignment: got 3/, alignment(U32, le(3, 4))],
    ["an alignment of 4", /general\.alignment: got 4/, alignment(U32, le(4, 4))],
    ["an alignment of 2^31", /general\.alignment: got 2147483648/, alignment(U32, le(2 ** 31, 4))],
    [
      "an alignment with a fraction",
      /general\.alignment: .*got a number, expected a whole number/,
      alignment(F32, le(0, 4)),
    ],
    [
      "an architecture that is a number",
      /general\.architecture: .*whole number/,
      known("general.architecture", U32, le(1, 4)),
    ],
    [
      "tokens that are numbers",
      /tokenizer\.ggml\.tokens: .*list of whole number/,
      known("tokenizer.ggml.tokens", ARRAY, list(U8, 1, le(1, 1))),
    ],
    [
      "tokens that are one text",
      /tokenizer\.ggml\.tokens: .*got a text/,
      known("tokenizer.ggml.tokens", STRING, text("x")),
    ],
    ["layers that are a text", /llama\.block_count: .*got a text/, known("llama.block_count", STRING, text("2"))],
    [
      "a chat template of 2 MB",
      /chat_template: .*2000000 characters/,
      known("tokenizer.chat_template", STRING, text("x".repeat(2e6))),
    ],
    ["a tensor twice", /a: .*twice/, tensor(info("a", [1], 0, 0), info("a", [1], 0, 32))],
    ["a tensor of no axes", /a: .*got 0 dimensions/, tensor(info("a", [], 0, 0))],
    ["a tensor of 5 axes", /a: .*got 5 dimensions/, tensor(info("a", [1, 1, 1, 1, 1], 0, 0))],
    [
      "a tensor of 2^32 - 1 axes",
      /a: .*got 4294967295 dimensions/,
      ggufBytes({ infos: [joined(text("a"), le(2 ** 32 - 1, 4), new Uint8Array(32))] }),
    ],
    ["a tensor of no elements", /a: .*dimensions \[0\]/, tensor(info("a", [0], 0, 0))],
    ["a tensor of -1 elements", /a.*18446744073709551615/, tensor(info("a", [-1n], 0, 0))],
    ["a tensor whose elements overflow", /a: .*expected 1 to 2\^53/, tensor(info("a", [2n ** 32n, 2n ** 32n], 0, 0))],
    ["rows of part of a block", /a: .*rows of 33 elements/, tensor(info("a", [33], 8, 0))],
    [
      "rows of part of a long block",
      /a: .*rows of 32 elements, expected a multiple of Q4_K's 256/,
      tensor(info("a", [32, 8], 12, 0)),
    ],
    ["a removed type", /a: .*Q4_2 \(removed\)/, tensor(info("a", [32], 4, 0))],
    ["a type that is not read", /a: .*got type IQ1_S/, tensor(info("a", [256], 19, 0))],
    ["an unknown type", /a: .*got type 4294967295/, tensor(info("a", [32], 2 ** 32 - 1, 0))],
    ["a tensor that is not aligned", /a: .*offset: got 4/, tensor(info("a", [1], 0, 4))],
    ["a tensor beyond the end", /a: .*where the file ends/, tensor(info("a", [33], 0, 0))],
    ["a tensor that begins beyond the end", /a: .*where the file ends/, tensor(info("a", [1], 0, 2n ** 50n))],
    ["an offset of 2^64 - 32", /a: offset: .*18446744073709551584/, tensor(info("a", [1], 0, 2n ** 64n - 32n))],
    [
      "tensors that overlap",
      /b: starts at byte .*expected the end of a/,
      tensor(info("a", [9], 0, 0), info("b", [1], 0, 32)),
    ],
    ["tensors in one place", /starts at byte/, tensor(info("a", [1], 0, 0), info("b", [1], 0, 0))],
  ];
  for (const [says, message, bytes] of cases)
    test(`with ${says} is refused`, () => {
      const got = refusal(bytes);
      assert.match(got.code, /^(BAD_WEIGHTS|UNSUPPORTED)$/);
      assert.match(got.message, /^\/model\.gguf: /);
      assert.match(got.message, message);
      assert.ok(got.message.length < 500);
    });

  const rich = ggufBytes({
    pairs: [
      architecture,
      pair("llama.block_count", U32, le(2, 4)),
      pair("tokenizer.ggml.tokens", ARRAY, list(STRING, 3, text("a"), text("Ġthe"), text("日本語"))),
      pair("tokenizer.ggml.scores", ARRAY, list(F32, 2, new Uint8Array(8))),
      pair("u", U64, le(7, 8)),
      pair("t", BOOL, le(1, 1)),
    ],
    infos: good.infos,
    dataBytes: good.dataBytes,
  });

  test("with bytes changed, moved, cut out or put in is refused by a typed error, or is another file", () => {
    const cases = Number(process.env.OWNLM_FUZZ_CASES ?? 5000);
    const random = rng(7, "gguf fuzz");
    for (let i = 0; i < cases; i++) {
      const bytes = mutatedBytes(rich, random);
      const { code, message } = refusal(bytes);
      assert.match(code, /^(BAD_WEIGHTS|UNSUPPORTED|none)$/, `case ${i}: ${message}`);
      assert.ok(message.length < 1000, message);
    }
  });

  test("of random bytes after the magic is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const bytes = joined(utf8("GGUF"), le(3, 4), noise);
        assert.match(refusal(bytes).code, /^(BAD_WEIGHTS|UNSUPPORTED|none)$/);
      }),
    );
  });
});
