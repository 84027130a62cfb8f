import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { DType } from "../../src/base/dtypes.ts";
import type { Shape } from "../../src/base/shapes.ts";
import { apply, createGraph, inferTypes, input, scope } from "../../src/graph/build.ts";
import type { OpAttributes, OpName, TensorType } from "../../src/graph/types.ts";
import { broadcast } from "../helpers/reference-array.ts";

const f32 = (...shape: Shape): TensorType => ({ dtype: "float32", shape });
const i64 = (...shape: Shape): TensorType => ({ dtype: "int64", shape });
const i32 = (...shape: Shape): TensorType => ({ dtype: "int32", shape });
const of = (dtype: DType, ...shape: Shape): TensorType => ({ dtype, shape });
const plain = { transA: false, transB: false, alpha: 1 };
const gqa = { numHeads: 4, kvNumHeads: 2, scale: 1, doRotary: false };
const cache = [f32(1, 2, "P", 8), f32(1, 2, "P", 8), i32(1), i32()];

interface Case<K extends OpName = OpName> {
  readonly op: K;
  readonly inputs: readonly (TensorType | undefined)[];
  readonly attributes: OpAttributes[K];
}
const typed = <K extends OpName>(
  op: K,
  inputs: readonly (TensorType | undefined)[],
  attributes: OpAttributes[K],
  expected: readonly TensorType[],
) => ({ op, inputs, attributes, expected });
const refused = <K extends OpName>(
  op: K,
  inputs: readonly (TensorType | undefined)[],
  attributes: OpAttributes[K],
  code: "BAD_SHAPE" | "BAD_DTYPE" | "BAD_GRAPH",
  message: string,
) => ({ op, inputs, attributes, code, message });

const TYPED: readonly (Case & { expected: readonly TensorType[] })[] = [
  typed("Add", [f32(2, 3), f32(3)], {}, [f32(2, 3)]),
  typed("Add", [f32("T", 1), f32(1, "C")], {}, [f32("T", "C")]),
  typed("Mul", [i64("B"), i64()], {}, [i64("B")]),
  typed("Softmax", [f32(2, "T")], { axis: -1 }, [f32(2, "T")]),
  typed("ReduceSum", [f32("B", "T", 5)], { axes: [0, 2] }, [f32(1, "T", 1)]),
  typed("MatMul", [f32("B", "T", 8), f32(8, 3)], {}, [f32("B", "T", 3)]),
  typed("FusedMatMul", [f32("B", 4, "S"), f32("B", 6, "S")], { ...plain, transB: true }, [f32("B", 4, 6)]),
  typed("Gemm", [f32("2*S", 8), f32(3, 8), f32(3)], { ...plain, transB: true }, [f32("2*S", 3)]),
  typed("Reshape", [f32(2, "S", 6)], { shape: ["2*S", 6] }, [f32("2*S", 6)]),
  typed("Reshape", [f32("S", 6)], { shape: ["S", 2, 3] }, [f32("S", 2, 3)]),
  typed("Transpose", [f32("B", "T", 5)], { perm: [2, 0, 1] }, [f32(5, "B", "T")]),
  typed("Expand", [f32(1, 4)], { shape: ["T", 4] }, [f32("T", 4)]),
  typed("Concat", [f32("P", 4), f32("S", 4)], { axis: 0 }, [f32("S+P", 4)]),
  typed("Split", [f32("T", 6)], { axis: -1, sizes: [2, 4] }, [f32("T", 2), f32("T", 4)]),
  typed("Slice", [f32("T", 6)], { axis: 1, start: -4, end: 2 ** 31 }, [f32("T", 4)]),
  typed("Slice", [f32(6)], { axis: 0, start: 4, end: 2 }, [f32(0)]),
  typed("Gather", [f32(61, 36), i64("2*S")], { axis: 0 }, [f32("2*S", 36)]),
  typed("Gather", [f32(3, 4, 5), i64()], { axis: -2 }, [f32(3, 5)]),
  typed("GatherElements", [f32("N", 5), i64("N", 1)], { axis: 1 }, [f32("N", 1)]),
  typed("ScatterElements", [f32(9, 4), i64(2, 4), f32(2, 4)], { axis: 0, reduction: "add" }, [f32(9, 4)]),
  typed("Cast", [i64("T")], { to: "float32" }, [f32("T")]),
  typed("LayerNormalization", [f32("N", 8), f32(8), f32(8)], { epsilon: 1e-5 }, [
    f32("N", 8),
    f32("N", 1),
    f32("N", 1),
  ]),
  typed("SimplifiedLayerNormalization", [f32("N", 8), f32(8)], { epsilon: 1e-5 }, [f32("N", 8), f32("N", 1)]),
  typed(
    "RotaryEmbedding",
    [f32(1, "S", 32), i64(1, "S"), f32(64, 4), f32(64, 4)],
    { numHeads: 4, interleaved: false },
    [f32(1, "S", 32)],
  ),
  typed("GroupQueryAttention", [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), ...cache], gqa, [
    f32(1, "S", 32),
    f32(1, 2, "P", 8),
    f32(1, 2, "P", 8),
  ]),
  typed("GroupQueryAttention", [f32(1, "S", 64), undefined, undefined, ...cache], gqa, [
    f32(1, "S", 32),
    f32(1, 2, "P", 8),
    f32(1, 2, "P", 8),
  ]),
];

const REFUSED: readonly (Case & { code: string; message: string })[] = [
  refused("Add", [f32(2, 3), f32(2)], {}, "BAD_SHAPE", "got [2, 3] and [2], which do not broadcast"),
  refused("Add", [f32("T"), f32("S")], {}, "BAD_SHAPE", "got [T] and [S], which do not broadcast"),
  refused("Add", [f32(2), of("float64", 2)], {}, "BAD_DTYPE", "got float32 and float64, expected one type"),
  refused("Exp", [i64(2)], {}, "BAD_DTYPE", "got int64, expected a float type"),
  refused("Softmax", [f32(2, 3)], { axis: 2 }, "BAD_SHAPE", "axis: got axis 2, expected one from -2 to 1"),
  refused("ReduceSum", [f32(2, 3)], { axes: [-1] }, "BAD_SHAPE", "axes: got -1, expected axes counted from the front"),
  refused("MatMul", [f32(2, 3), f32(4, 5)], {}, "BAD_SHAPE", "inner axis: got 3 and 4, expected equal lengths"),
  refused("MatMul", [f32(3), f32(3, 5)], {}, "BAD_SHAPE", "got [3] and [3, 5], expected 2 axes or more"),
  refused(
    "FusedMatMul",
    [f32(2, 3, 4), f32(5, 4, 6)],
    plain,
    "BAD_SHAPE",
    "batch axes: got [2, 3, 4] and [5, 4, 6], which do not broadcast",
  ),
  refused("Gemm", [f32(2, 3, 4), f32(4, 5)], plain, "BAD_SHAPE", "A: got [2, 3, 4], expected 2 axes"),
  refused(
    "Gemm",
    [f32(2, 3), f32(3, 4), f32(3)],
    plain,
    "BAD_SHAPE",
    "C: got [3], expected one that broadcasts to [2, 4]",
  ),
  refused(
    "Reshape",
    [f32("S", 6)],
    { shape: ["T", 6] },
    "BAD_SHAPE",
    "number of elements: got 6*S and 6*T, expected equal lengths",
  ),
  refused("Transpose", [f32(2, 3)], { perm: [0, 0] }, "BAD_SHAPE", "perm: got [0,0], expected an order of 2 axes"),
  refused("Expand", [f32(2, 3)], { shape: [2, 1] }, "BAD_SHAPE", "got [2, 3], expected one that broadcasts to [2, 1]"),
  refused("Concat", [f32(2, 3), f32(2, 4)], { axis: 0 }, "BAD_SHAPE", "axis 1: got 4 and 3, expected equal lengths"),
  refused("Concat", [f32(2, 3), f32(2)], { axis: 0 }, "BAD_SHAPE", "operand: got [2], expected 2 axes"),
  refused(
    "Split",
    [f32(7)],
    { axis: 0, sizes: [3, 3] },
    "BAD_SHAPE",
    "sum of sizes: got 6 and 7, expected equal lengths",
  ),
  refused("Split", [f32(5)], { axis: 0, sizes: [6, -1] }, "BAD_SHAPE", "sizes: got -1, expected lengths from 0 up"),
  refused(
    "Slice",
    [f32("T")],
    { axis: 0, start: 0, end: 2 },
    "BAD_SHAPE",
    "got the named axis T, expected a fixed length",
  ),
  refused("Gather", [f32(4, 5), f32(2)], { axis: 0 }, "BAD_DTYPE", "got float32 indices, expected int64"),
  refused("GatherElements", [f32(4, 5), i64(4)], { axis: 1 }, "BAD_SHAPE", "indices: got [4], expected 2 axes"),
  refused(
    "GatherElements",
    [f32(4, 5), i64(4, 1)],
    { axis: 2 },
    "BAD_SHAPE",
    "axis: got axis 2, expected one from -2 to 1",
  ),
  refused(
    "ScatterElements",
    [f32(4, 5), i64(2, 5), f32(3, 5)],
    { axis: 0, reduction: "add" },
    "BAD_SHAPE",
    "got indices [2, 5] and updates [3, 5]",
  ),
  refused(
    "ScatterElements",
    [f32(4, 5), i64(2), f32(2)],
    { axis: 0, reduction: "add" },
    "BAD_SHAPE",
    "indices: got [2], expected 2 axes",
  ),
  refused(
    "ScatterElements",
    [f32(4, 5), i64(2, 5), f32(2, 5)],
    { axis: -3, reduction: "add" },
    "BAD_SHAPE",
    "axis: got axis -3, expected one from -2 to 1",
  ),
  refused(
    "LayerNormalization",
    [f32(2, 8), f32(9)],
    { epsilon: 1e-5 },
    "BAD_SHAPE",
    "scale: got [9], expected the last axis of [2, 8]",
  ),
  refused(
    "LayerNormalization",
    [f32(2, 8), f32(8), f32(2, 8)],
    { epsilon: 1e-5 },
    "BAD_SHAPE",
    "bias: got [2, 8], expected the last axis of [2, 8]",
  ),
  refused(
    "RotaryEmbedding",
    [f32(1, 3, 30), i64(1, 3), f32(9, 4), f32(9, 4)],
    { numHeads: 4, interleaved: false },
    "BAD_SHAPE",
    "got 4 heads in a width of 30, and tables for 8 elements of each",
  ),
  refused(
    "RotaryEmbedding",
    [f32(1, 3, 32), i64(1, 3), f32(4), f32(4)],
    { numHeads: 4, interleaved: false },
    "BAD_SHAPE",
    "cos: got [4], expected 2 axes",
  ),
  refused(
    "RotaryEmbedding",
    [f32(1, 3, 32), i64(1, 4), f32(9, 4), f32(9, 4)],
    { numHeads: 4, interleaved: false },
    "BAD_SHAPE",
    "positions: got [1, 4], expected [1, 3]",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), ...cache],
    { ...gqa, kvNumHeads: 3 },
    "BAD_SHAPE",
    "got 4 heads over 3 key-value heads",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 32), f32(1, "S", 16), ...cache],
    gqa,
    "BAD_SHAPE",
    "key: got [1, S, 32], expected [1, S, 16]",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), cache[0], f32(1, 2, "Q", 8), i32(1), i32()],
    gqa,
    "BAD_SHAPE",
    "past value: got [1, 2, Q, 8], expected [1, 2, P, 8]",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), cache[0], cache[1], i64(1), i32()],
    gqa,
    "BAD_DTYPE",
    "seqlens_k and total_sequence_length: got int64 and int32, expected int32",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), ...cache],
    { ...gqa, doRotary: true },
    "BAD_SHAPE",
    "got no cosines and sines, expected them for rotation",
  ),
  refused(
    "GroupQueryAttention",
    [f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), ...cache],
    { ...gqa, window: 0 },
    "BAD_GRAPH",
    "window: got 0, expected 1 or more",
  ),
  refused(
    "GroupQueryAttention",
    [
      ...[f32(1, "S", 32), f32(1, "S", 16), f32(1, "S", 16), ...cache],
      ...[undefined, undefined, undefined, undefined, f32(3)],
    ],
    gqa,
    "BAD_SHAPE",
    "head_sink: got [3], expected [4]",
  ),
];

const attributesText = (attributes: unknown) => JSON.stringify(attributes);

describe("types of results", () => {
  for (const { op, inputs, attributes, expected } of TYPED)
    test(`${op} of ${inputs.map((x) => `[${x?.shape ?? "-"}]`).join(" and ")} ${attributesText(attributes)}`, () => {
      assert.deepEqual(inferTypes(op, "node", inputs, attributes), expected);
    });

  test("broadcast as NumPy's do, for any two shapes that fit", () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    fc.assert(
      fc.property(dims, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4), (shape, ones, dropped) => {
        const other = shape.map((dim, i) => (ones[i] ? 1 : dim)).slice(dropped);
        const [type] = inferTypes("Add", "node", [f32(...shape), f32(...other)], {});
        assert.deepEqual(type!.shape, broadcast(shape, other));
      }),
    );
  });
});

describe("inputs that an operator cannot take are refused", () => {
  for (const { op, inputs, attributes, code, message } of REFUSED)
    test(`${op}: ${message}`, () => {
      assert.throws(() => inferTypes(op, "h.3/node", inputs, attributes), {
        name: "OwnlmError",
        code,
        message: `h.3/node: ${op}: ${message}`,
      });
    });

  test("by a count that is wrong", () => {
    const message = "h.3/node: Gemm got 1 inputs, expected 2 to 3";
    assert.throws(() => inferTypes("Gemm", "h.3/node", [f32(2, 2)], plain), { code: "BAD_GRAPH", message });
  });

  test("by the scope that the node was written under", () => {
    const graph = createGraph("g");
    const [x, y] = [input(graph, "x", "float32", [2]), input(graph, "y", "float32", [3])];
    assert.throws(
      () => scope(graph, "model", () => scope(graph, "layers.0", () => apply("Add", [x, y], {}))),
      /^OwnlmError: model\.layers\.0\/Add: Add: got \[2\] and \[3\]/,
    );
  });
});
