import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesOf, DTYPES, type DType, type TensorData, viewAs } from "../../src/base/dtypes.ts";
import type { OnnxModel } from "../../src/onnx/model.ts";
import type { Runtime, SessionOptions } from "../../src/runtime/types.ts";
import { adder, identity, initializer, int, model, node, outputOf, RUNTIMES, refuses, value } from "./runtimes.ts";

/** Elements of a dtype with every byte different, so that no copy goes wrong unseen. */
function patterned(dtype: DType, count: number): TensorData {
  const bytes = Uint8Array.from({ length: count * bytesOf(dtype) }, (_, i) =>
    dtype === "bool" ? i % 2 : (i * 37) % 251,
  );
  return viewAs(dtype, bytes.buffer);
}

const raw = ({ buffer, byteOffset, byteLength }: TensorData) => [...new Uint8Array(buffer, byteOffset, byteLength)];
type F32 = Float32Array<ArrayBuffer>;

const f32 = (...values: number[]) => Float32Array.from(values);

/** Models that no engine takes, and words that the message must hold. */
const X = value("x", "float32", 4);
const Y = value("y", "float32", 4);
const BAD_MODELS: Readonly<Record<string, [OnnxModel, RegExp]>> = {
  "a cycle": [
    model([node("Add", ["x", "b"], ["a"]), node("Neg", ["a"], ["b"]), node("Neg", ["b"], ["y"])], [X], [Y]),
    /acyclic/,
  ],
  "a node that reads itself": [model([node("Add", ["x", "y"], ["y"])], [X], [Y]), /acyclic/],
  "two makers of one value": [
    model([node("Neg", ["x"], ["y"]), node("Exp", ["x"], ["y"])], [X], [Y]),
    /Duplicate|twice/,
  ],
  "a value from nowhere": [model([node("Neg", ["z"], ["y"])], [X], [Y]), /'?z'?/],
  "a node without inputs": [model([node("Neg", [], ["y"])], [X], [Y]), /input size 0/],
  "an absent input that is needed": [model([node("Neg", [""], ["y"])], [X], [Y]), /empty string/],
  "an output that nothing makes": [model([node("Neg", ["x"], ["z"])], [X], [Y]), /\(y\)/],
  "an unknown operator": [model([node("Nope", ["x"], ["y"])], [X], [Y]), /Nope/],
  "an unknown domain": [model([node("Neg", ["x"], ["y"], {}, "elsewhere")], [X], [Y]), /elsewhere/],
  "an unknown attribute": [model([node("Softmax", ["x"], ["y"], { nope: int(1) })], [X], [Y]), /nope/],
  "an axis that is not there": [model([node("Softmax", ["x"], ["y"], { axis: int(7) })], [X], [Y]), /axis/],
  "no operator set": [model([node("Neg", ["x"], ["y"])], [X], [Y], { opsets: {} }), /opset/],
  "an output of another type": [model([node("Neg", ["x"], ["y"])], [X], [value("y", "int64", 4)]), /int64/],
  "two inputs of one name": [model([node("Neg", ["x"], ["y"])], [X, X], [Y]), /x twice/],
  "two outputs of one name": [model([node("Neg", ["x"], ["y"])], [X], [Y, Y]), /y twice/],
  "a constant named as an input": [
    model([node("Neg", ["x"], ["y"])], [X], [Y], {
      initializers: [initializer("x", "float32", [4], new Float32Array(4))],
    }),
    /x twice/,
  ],
  "an input without a name": [model([node("Neg", ["x"], ["y"])], [X, value("", "float32", 4)], [Y]), /empty name/],
  "a name with a NUL": [model([node("Neg", ["x"], ["y"])], [X], [Y], { name: "a\0b" }), /NUL/],
  "a constant shorter than its shape": [
    model([node("Add", ["x", "c"], ["y"])], [X], [Y], {
      initializers: [initializer("c", "float32", [4], new Float32Array(3))],
    }),
    /c: got 12 bytes/,
  ],
  "an alias of different types": [
    model([node("Cast", ["x"], ["y"], { to: int(7) })], [X], [value("y", "int64", 4)], { aliases: [["x", "y"]] }),
    /aliases/,
  ],
  "a guard of a float": [
    model([node("Neg", ["x"], ["y"])], [X], [Y], { guards: [{ input: "x", length: 4, fromEnd: true }] }),
    /guards: got x \(float32\)/,
  ],
};

const BAD_OPTIONS: readonly Readonly<Record<string, unknown>>[] = [
  ...[0, -1, 257, 1.5, Number.NaN, "2", null].map((threads) => ({ threads })),
  ...[1, "yes", null].flatMap((flag) => [{ spinning: flag }, { arena: flag }, { memoryPattern: flag }]),
  ...["CSE", [""], ["a;b"], [7], [null]].map((disabledPasses) => ({ disabledPasses })),
  ...["", "a\0b", 7].map((profile) => ({ profile })),
];

function describeTensors(runtime: Runtime): void {
  for (const dtype of DTYPES)
    test(`a tensor of ${dtype} holds a copy of its data, bit by bit`, () => {
      const data = patterned(dtype, 6);
      using tensor = runtime.tensor(dtype, [2, 3], data);
      const expected = raw(data);
      new Uint8Array(data.buffer).fill(0);
      assert.deepEqual(raw(tensor.data), expected);
      assert.deepEqual([tensor.dtype, tensor.shape, tensor.byteLength], [dtype, [2, 3], 6 * bytesOf(dtype)]);
    });

  test("a tensor without data is zeros; a scalar has one element, an empty axis none, however long the others", () => {
    using scalar = runtime.tensor("int32", []);
    using empty = runtime.tensor("float32", [2 ** 40, 0, 3]);
    assert.deepEqual([[...scalar.data], empty.data.length, empty.byteLength], [[0], 0, 0]);
  });

  test("a tensor's shape cannot be changed, by it or by what it was made from", () => {
    const shape = [2, 3];
    using tensor = runtime.tensor("float32", shape);
    shape[0] = 2000;
    assert.throws(() => ((tensor.shape as number[])[0] = 2000), TypeError);
    assert.throws(() => ((tensor as { dtype: string }).dtype = "int64"), TypeError);
    assert.deepEqual(tensor.shape, [2, 3]);
  });

  test("lengths that are none are refused", async () => {
    const wrong: unknown[] = [
      [-1],
      [1.5],
      [Number.NaN],
      [2 ** 53],
      ["3"],
      [null],
      [undefined],
      3,
      "3",
      null,
      undefined,
    ];
    for (const shape of [...wrong, Array(65).fill(1)])
      await refuses(() => runtime.tensor("float32", shape as number[]), "BAD_SHAPE", /tensor: got/);
    for (const shape of [[2 ** 33], [2 ** 20, 2 ** 20], [2 ** 52, 2 ** 52]])
      await refuses(() => runtime.tensor("float32", shape), "OUT_OF_MEMORY", /tensor/);
  });

  test("types and data that do not fit are refused", async () => {
    for (const dtype of ["float", "FLOAT32", "constructor", "", 1, null, undefined])
      await refuses(() => runtime.tensor(dtype as DType, [1]), "BAD_DTYPE", /dtype/);
    for (const data of [
      [1, 2],
      "12",
      12,
      null,
      new DataView(new ArrayBuffer(2)),
      new ArrayBuffer(8),
      new Float64Array(2),
      new Int32Array(2),
    ])
      await refuses(() => runtime.tensor("float32", [2], data as never), "BAD_DTYPE", /as data/);
    for (const count of [0, 1, 3])
      await refuses(() => runtime.tensor("float32", [2], new Float32Array(count)), "BAD_SHAPE", /elements for \[2\]/);
    await refuses(() => runtime.tensor("int8", [2], new Uint8Array(2) as never), "BAD_DTYPE", /Uint8Array/);
    assert.deepEqual([...runtime.tensor("uint8", [2], Buffer.from([7, 8])).data], [7, 8]);
  });

  test("a disposed tensor says so, twice over, and is never read again", async () => {
    const tensor = runtime.tensor("float32", [2]);
    tensor.dispose();
    tensor.dispose();
    assert.equal(tensor.disposed, true);
    await refuses(() => tensor.data, "DISPOSED", /float32 \[2\]/);
  });
}

function describeSessions(runtime: Runtime): void {
  for (const [says, [bad, words]] of Object.entries(BAD_MODELS))
    test(`a model with ${says} is refused in words`, async () => {
      await assert.rejects(runtime.session(bad), (error: { code?: string; message: string }) => {
        assert.ok(error.code === "BAD_GRAPH" || error.code === "RUNTIME", String(error));
        assert.match(error.message, words);
        return true;
      });
    });

  test("options outside their ranges are refused", async () => {
    for (const options of BAD_OPTIONS)
      await refuses(
        () => runtime.session(adder, options as SessionOptions),
        "BAD_OPTION",
        new RegExp(Object.keys(options)[0]!),
      );
  });

  test("options within their ranges change no result", async () => {
    const options: SessionOptions[] = [
      { threads: 1 },
      { threads: 2, spinning: false },
      { arena: false },
      { memoryPattern: false },
      { disabledPasses: ["ConstantFolding", "CommonSubexpressionElimination"] },
    ];
    for (const each of options) {
      using session = await runtime.session(adder, each);
      const [a, y] = [runtime.tensor("float32", [1, 2], f32(1, 2)), runtime.tensor("float32", [1, 2])];
      using binding = session.bind({ a, b: a }, { y });
      await binding.run();
      assert.deepEqual([...y.data], [2, 4]);
    }
  });

  test("a disposed session binds nothing, and its bindings run no more", async () => {
    const session = await runtime.session(adder);
    const [a, y] = [runtime.tensor("float32", [1, 2]), runtime.tensor("float32", [1, 2])];
    const binding = session.bind({ a, b: a }, { y });
    session.dispose();
    session.dispose();
    binding.dispose();
    await refuses(() => binding.run(), "DISPOSED", /binding/);
    await refuses(() => session.bind({ a, b: a }, { y }), "DISPOSED", /session/);
  });

  for (const dtype of DTYPES.filter((each) => runtime?.name !== "ort-web" || each !== "bfloat16"))
    test(`elements of ${dtype} pass through a session bit by bit, at any shape`, async () => {
      for (const shape of [[], [1], [0], [3, 0, 2], [5], [2, 3, 4]]) {
        const data = patterned(
          dtype,
          shape.reduce((n, dim) => n * dim, 1),
        );
        assert.deepEqual(raw(await outputOf(runtime, identity(dtype, ...shape), { x: data })), raw(data));
      }
    });

  test("sums of any numbers are the sums of single precision, NaN and infinities included", async () => {
    using session = await runtime.session(adder);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.float(), fc.float()), { maxLength: 20 }), async (pairs) => {
        const even = pairs.length - (pairs.length % 2);
        const half = (k: 0 | 1) => Float32Array.from(pairs.slice(0, even), (pair) => pair[k]) as F32;
        const [p, q] = [half(0), half(1)];
        const shape = [even / 2, 2];
        using a = runtime.tensor("float32", shape, p);
        using b = runtime.tensor("float32", shape, q);
        using y = runtime.tensor("float32", shape);
        using binding = session.bind({ a, b }, { y });
        await binding.run();
        assert.deepEqual(
          y.data,
          p.map((x, i) => x + q[i]!),
        );
      }),
      { numRuns: 30 },
    );
  });
}

for (const { name, runtime, skip } of RUNTIMES) {
  describe(`tensors of ${name}`, { skip }, () => describeTensors(runtime));
  describe(`sessions of ${name}`, { skip }, () => describeSessions(runtime));
}
