import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { decodeModel } from "../../src/onnx/decode.ts";
import { encodeModel } from "../../src/onnx/encode.ts";
import type { OnnxModel, OnnxNode } from "../../src/onnx/model.ts";
import { model as anyModel } from "./arbitrary.ts";

const relu: OnnxNode = { name: "n", domain: "", opType: "Relu", inputs: ["x"], outputs: ["y"], attributes: {} };
const small: OnnxModel = {
  name: "small",
  opsets: { "": 21, "com.microsoft": 1 },
  nodes: [
    { ...relu, outputs: ["r"] },
    {
      name: "t",
      domain: "",
      opType: "Transpose",
      inputs: ["r"],
      outputs: ["y"],
      attributes: { perm: { kind: "ints", value: [1, 0] } },
    },
    {
      name: "q",
      domain: "com.microsoft",
      opType: "QuickGelu",
      inputs: ["w"],
      outputs: ["z"],
      attributes: { alpha: { kind: "float", value: 1.5 } },
    },
  ],
  inputs: [{ name: "x", dtype: "float32", shape: ["T", 3] }],
  outputs: [
    { name: "y", dtype: "float32", shape: [3, "T"] },
    { name: "z", dtype: "float32", shape: [2] },
  ],
  initializers: [{ name: "w", dtype: "float32", shape: [2], data: new Uint8Array(8) }],
};

/** JSON in which objects with and without a prototype, and in any order of keys, are equal. */
const plain = (model: OnnxModel) =>
  JSON.parse(
    JSON.stringify(model, (_, value) => {
      if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) return `number ${value}`;
      if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
      return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    }),
  );

const codeOf = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof OwnlmError, `got ${error}`);
    assert.ok(error.message.length < 400);
    return error.code;
  }
  return "none";
};

describe("a model in the wire format", () => {
  test("reads back as it was written", () => {
    fc.assert(fc.property(anyModel, (model) => assert.deepEqual(plain(decodeModel(encodeModel(model))), plain(model))));
  });

  test("has the same bytes every time", () => {
    assert.deepEqual(encodeModel(small), encodeModel(small));
  });

  test("holds 64-bit integers exactly", () => {
    const value = [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2 ** 32 + 1];
    const node = { ...relu, attributes: { ints: { kind: "ints" as const, value } } };
    assert.deepEqual(decodeModel(encodeModel({ ...small, nodes: [node] })).nodes[0]!.attributes.ints!.value, value);
  });

  test("holds locations of external data as they are asked for", () => {
    const data = { file: "/a b/ü.safetensors", offset: 7, length: 8 };
    const external = { ...small, initializers: [{ ...small.initializers[0]!, data }] };
    const read = decodeModel(encodeModel(external, (file) => file.slice(1))).initializers[0]!.data;
    assert.deepEqual(read, { ...data, file: "a b/ü.safetensors" });
  });

  const python = process.env.OWNLM_PYTHON;
  const checker = python && spawnSync(python, ["-c", "import onnx"]).status === 0;
  test("passes the checker of Python's onnx", {
    skip: checker ? false : "OWNLM_PYTHON names no interpreter with onnx",
  }, () => {
    const source = "import onnx,sys; onnx.checker.check_model(onnx.load_from_string(sys.stdin.buffer.read()), True)";
    const onnxOnly = { ...small, nodes: small.nodes.slice(0, 2), outputs: small.outputs.slice(0, 1) };
    const { status, stderr } = spawnSync(python!, ["-c", source], { input: encodeModel(onnxOnly) });
    assert.equal(status, 0, String(stderr));
  });
});

describe("a model that cannot be written", () => {
  const [w, x] = [small.initializers[0]!, small.inputs[0]!];
  const withInts = (value: number) => ({ ...relu, attributes: { a: { kind: "int" as const, value } } });
  const cases: readonly [says: string, code: string, change: Partial<OnnxModel>][] = [
    ["too few bytes", "BAD_GRAPH", { initializers: [{ ...w, data: new Uint8Array(7) }] }],
    ["a negative axis", "BAD_GRAPH", { initializers: [{ ...w, shape: [-2] }] }],
    ["an axis of NaN", "BAD_GRAPH", { initializers: [{ ...w, shape: [Number.NaN] }] }],
    ["a product beyond numbers", "BAD_GRAPH", { initializers: [{ ...w, shape: [2 ** 40, 2 ** 40] }] }],
    ["an unknown dtype", "BAD_DTYPE", { initializers: [{ ...w, dtype: "int4" as "int8" }] }],
    ["a negative offset", "BAD_GRAPH", { initializers: [{ ...w, data: { file: "f", offset: -1, length: 8 } }] }],
    ["a file name with NUL", "BAD_GRAPH", { initializers: [{ ...w, data: { file: "f\0", offset: 0, length: 8 } }] }],
    ["external bytes too few", "BAD_GRAPH", { initializers: [{ ...w, data: { file: "f", offset: 0, length: 9 } }] }],
    ["an integer that is none", "BAD_GRAPH", { nodes: [withInts(0.5)] }],
    ["an integer too large", "BAD_GRAPH", { nodes: [withInts(2 ** 60)] }],
    [
      "a number beyond float32",
      "BAD_GRAPH",
      { nodes: [{ ...relu, attributes: { a: { kind: "float", value: 1e39 } } }] },
    ],
    [
      "an attribute's name with NUL",
      "BAD_GRAPH",
      { nodes: [{ ...relu, attributes: { "a\0": { kind: "int", value: 1 } } }] },
    ],
    ["an opset's name with NUL", "BAD_GRAPH", { opsets: { "\0": 1 } }],
    ["a name with NUL", "BAD_GRAPH", { nodes: [{ ...relu, inputs: ["x\0y"] }] }],
    ["a name with half a character", "BAD_GRAPH", { nodes: [{ ...relu, name: "\ud800" }] }],
    ["an input's axis below zero", "BAD_GRAPH", { inputs: [{ ...x, shape: [-1] }] }],
    ["an input's axis without a name", "BAD_GRAPH", { inputs: [{ ...x, shape: [""] }] }],
    ["an input of no dtype", "BAD_DTYPE", { inputs: [{ ...x, dtype: "float8" as "float32" }] }],
  ];
  for (const [says, code, change] of cases)
    test(`is refused with ${says}`, () =>
      assert.equal(
        codeOf(() => encodeModel({ ...small, ...change })),
        code,
      ));
});

describe("corrupt bytes", () => {
  const bytes = encodeModel(small);

  test("cut short anywhere are refused, or a whole smaller model", () => {
    for (let length = 0; length < bytes.length; length++)
      assert.match(
        codeOf(() => decodeModel(bytes.subarray(0, length))),
        /^(BAD_|UNSUPPORTED|none)/,
      );
  });

  test("with any byte changed are refused, or another model", () => {
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 0x80, 0xff]) {
        const changed = Uint8Array.from(bytes);
        changed[at]! ^= flip;
        assert.match(
          codeOf(() => decodeModel(changed)),
          /^(BAD_|UNSUPPORTED|none)/,
        );
      }
  });

  test("at random are refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        assert.match(
          codeOf(() => decodeModel(noise)),
          /^(BAD_|UNSUPPORTED)/,
        );
      }),
    );
  });

  const graph = (write: (w: BinaryWriter) => void) => {
    const w = new BinaryWriter().tag(7, WireType.LengthDelimited).fork();
    write(w);
    return w.join().finish();
  };
  const tensor = (write: (w: BinaryWriter) => void) =>
    graph((w) => {
      w.tag(5, WireType.LengthDelimited).fork();
      write(w);
      w.join();
    });
  const external = (offset: string) =>
    tensor((w) => {
      w.tag(2, WireType.Varint).int32(1).tag(14, WireType.Varint).int32(1);
      const entry = (key: string, value: string) =>
        w
          .tag(13, WireType.LengthDelimited)
          .fork()
          .tag(1, WireType.LengthDelimited)
          .string(key)
          .tag(2, WireType.LengthDelimited)
          .string(value)
          .join();
      entry("offset", offset);
      entry("length", "4");
    });
  const cases: readonly [says: string, code: string, bytes: Uint8Array][] = [
    ["nothing", "BAD_GRAPH", new Uint8Array(0)],
    ["a length beyond the end", "BAD_GRAPH", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ["a varint without an end", "BAD_GRAPH", Uint8Array.of(0x08, ...new Array(20).fill(0xff))],
    ["groups in groups", "BAD_GRAPH", Uint8Array.from({ length: 5000 }, () => 0x0b)],
    ["a field that is unknown", "UNSUPPORTED", Uint8Array.of(0x98, 0x06, 0x01)],
    ["two graphs", "BAD_GRAPH", Uint8Array.of(0x3a, 0, 0x3a, 0)],
    [
      "a subgraph",
      "UNSUPPORTED",
      graph((w) => w.tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(0x2a, 2, 0x32, 0))),
    ],
    ["sparse constants", "UNSUPPORTED", graph((w) => w.tag(15, WireType.LengthDelimited).bytes(new Uint8Array(0)))],
    ["text that is no UTF-8", "BAD_GRAPH", graph((w) => w.tag(2, WireType.LengthDelimited).bytes(Uint8Array.of(0xff)))],
    ["a tensor of no dtype", "BAD_DTYPE", tensor((w) => w.tag(2, WireType.Varint).int32(99))],
    [
      "a tensor without its bytes",
      "BAD_GRAPH",
      tensor((w) => w.tag(1, WireType.Varint).int64(9e15).tag(2, 0).int32(1)),
    ],
    ["a negative axis", "BAD_GRAPH", tensor((w) => w.tag(1, WireType.Varint).int64(-1).tag(2, 0).int32(1))],
    ["an offset of words", "BAD_GRAPH", external("seven")],
    ["a negative offset", "BAD_GRAPH", external("-1")],
    ["an offset beyond integers", "BAD_GRAPH", external("9007199254740993")],
    ["an offset of 2^64", "BAD_GRAPH", external("18446744073709551616")],
  ];
  for (const [says, code, corrupt] of cases)
    test(`with ${says} are refused`, () =>
      assert.equal(
        codeOf(() => decodeModel(corrupt)),
        code,
      ));
});

describe("branches", () => {
  const nested = (depth: number): OnnxNode => {
    const value = { name: "branch", nodes: depth > 0 ? [nested(depth - 1)] : [], outputs: [] };
    return { ...small.nodes[0]!, attributes: { body: { kind: "graph", value } } };
  };

  test("are read in branches, and refused where they nest so deep that reading them would end the process", () => {
    const shallow = { ...small, nodes: [nested(7)] };
    assert.deepEqual(plain(decodeModel(encodeModel(shallow))), plain(shallow));
    assert.equal(
      codeOf(() => decodeModel(encodeModel({ ...small, nodes: [nested(20)] }))),
      "UNSUPPORTED",
    );
  });

  test("are refused with names that would change on the way", () => {
    const value = { name: "a\0b", nodes: [], outputs: [] };
    const node: OnnxNode = { ...small.nodes[0]!, attributes: { body: { kind: "graph", value } } };
    assert.equal(
      codeOf(() => encodeModel({ ...small, nodes: [node] })),
      "BAD_GRAPH",
    );
  });
});
