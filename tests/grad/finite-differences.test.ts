import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { GRADIENTS } from "../../src/grad/rules.ts";
import { apply, constant, createGraph, input } from "../../src/graph/build.ts";
import { add, mul, reduceSum, reshape } from "../../src/graph/functions.ts";
import type { Graph, OpAttributes, OpName, Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluateValues, type NdArray, ndArray } from "../helpers/reference.ts";
import { sizeOf } from "../helpers/reference-array.ts";

/** An operand: random in `range` (default -2 to 2), or given indices. Indices and `still` ones are not differentiated. */
interface Operand {
  readonly shape: readonly number[];
  readonly range?: readonly [number, number];
  readonly data?: readonly number[];
  readonly still?: "input" | "constant";
}

interface Variant<K extends OpName> {
  readonly says: string;
  readonly operands: readonly Operand[];
  readonly attributes: OpAttributes[K];
  /** The graph's float type; default float64. The evaluator computes in float64 either way. */
  readonly dtype?: "float32" | "float64";
  /** Outputs that the loss reads; default the first. */
  readonly reads?: readonly number[];
}

type Cases = { readonly [K in OpName]: readonly Variant<K>[] | "refused" };

const real = (...shape: number[]): Operand => ({ shape });
const between = (low: number, high: number, ...shape: number[]): Operand => ({ shape, range: [low, high] });
const ids = (shape: readonly number[], ...data: number[]): Operand => ({ shape, data });

const unary = (range: readonly [number, number] = [-2, 2]) => [
  { says: "of a matrix", operands: [{ shape: [3, 5], range }], attributes: {} },
  { says: "of a scalar", operands: [{ shape: [], range }], attributes: {} },
];

/** The second operand stays away from zero, for Div. */
const binary = [
  { says: "of equal shapes", operands: [real(3, 4), between(0.5, 2, 3, 4)], attributes: {} },
  { says: "with a row", operands: [real(2, 3, 4), between(0.5, 2, 4)], attributes: {} },
  { says: "with a column on the left", operands: [real(3, 1), between(0.5, 2, 2, 3, 4)], attributes: {} },
  { says: "with a scalar on either side", operands: [real(), between(0.5, 2, 3)], attributes: {} },
  { says: "with both operands repeated", operands: [real(4, 1, 2), between(0.5, 2, 3, 1)], attributes: {} },
];

const alongAxis = [
  { says: "along the last axis", operands: [real(3, 5)], attributes: { axis: -1 } },
  { says: "along the first axis", operands: [real(4, 2, 3)], attributes: { axis: 0 } },
  { says: "along the middle axis", operands: [real(2, 4, 3)], attributes: { axis: 1 } },
];

const reduce = [
  { says: "over one axis", operands: [real(3, 4)], attributes: { axes: [1] } },
  { says: "over outer axes", operands: [real(2, 3, 4)], attributes: { axes: [0, 1] } },
  { says: "over axes apart", operands: [real(2, 3, 4)], attributes: { axes: [2, 0] } },
  { says: "over all axes", operands: [real(2, 3)], attributes: { axes: [0, 1] } },
  { says: "over no axes", operands: [real(2, 3)], attributes: { axes: [] } },
];

const plainMatMul = { transA: false, transB: false, alpha: 1 };
const transposed = [true, false].flatMap((transA) =>
  [true, false].map((transB) => ({
    says: `with transA ${transA} and transB ${transB}`,
    operands: [transA ? real(4, 3) : real(3, 4), transB ? real(5, 4) : real(4, 5)],
    attributes: { transA, transB, alpha: 0.7 },
  })),
);

const rows = ids([2, 3], 4, 0, 4, 4, 2, 0);
const angles = { range: [-1, 1] as const, still: "input" as const };
const norms = (bias: boolean) =>
  [[3, 5], [2, 3, 4], [7]].map((shape) => ({
    says: `over the last axis of [${shape}]`,
    operands: [real(...shape), real(shape.at(-1)!), ...(bias ? [real(shape.at(-1)!)] : [])],
    attributes: { epsilon: 1e-3 },
  }));

/** For every operator its variants, or "refused" where it has no gradient. A missing row does not compile. */
const CASES: Cases = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Min: "refused",
  Neg: unary(),
  Exp: unary(),
  Log: unary([0.3, 3]),
  Sqrt: unary([0.3, 3]),
  Tanh: unary(),
  Sigmoid: unary(),
  Erf: unary(),
  Gelu: (["none", "tanh"] as const).map((approximate) => ({
    says: `with approximation ${approximate}`,
    operands: [between(-4, 4, 5, 5)],
    attributes: { approximate },
  })),
  QuickGelu: [1, 1.702].map((alpha) => ({
    says: `with alpha ${alpha}`,
    operands: [between(-4, 4, 5, 5)],
    attributes: { alpha },
  })),
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceSumSquare: reduce,
  MatMul: [
    { says: "of matrices", operands: [real(3, 4), real(4, 5)], attributes: {} },
    { says: "of batches", operands: [real(2, 3, 4), real(2, 4, 5)], attributes: {} },
    { says: "of a batch and a matrix", operands: [real(2, 3, 4), real(4, 5)], attributes: {} },
    { says: "of a matrix and a batch", operands: [real(3, 4), real(2, 4, 1)], attributes: {} },
    { says: "of batches repeated on both sides", operands: [real(2, 1, 3, 4), real(3, 4, 2)], attributes: {} },
  ],
  FusedMatMul: [
    ...transposed,
    ...transposed.map(({ says, operands: [a, b], attributes }) => ({
      says: `${says} over batches`,
      operands: [real(2, 1, ...a!.shape), real(3, ...b!.shape)],
      attributes,
    })),
  ],
  Gemm: [
    ...transposed,
    { says: "with a row to add", operands: [real(3, 4), real(4, 5), real(5)], attributes: plainMatMul },
    {
      says: "with a column to add, scaled",
      operands: [real(3, 4), real(4, 5), real(3, 1)],
      attributes: { ...plainMatMul, alpha: 2.5 },
    },
    { says: "with a matrix to add", operands: [real(3, 4), real(4, 5), real(3, 5)], attributes: plainMatMul },
  ],
  Reshape: [
    { says: "into fewer axes", operands: [real(2, 3, 4)], attributes: { shape: [6, 4] } },
    { says: "into a scalar", operands: [real(1, 1)], attributes: { shape: [] } },
  ],
  Transpose: [
    { says: "of a matrix", operands: [real(3, 4)], attributes: { perm: [1, 0] } },
    { says: "by a cycle", operands: [real(2, 3, 4)], attributes: { perm: [1, 2, 0] } },
    { says: "of four axes", operands: [real(2, 3, 1, 4)], attributes: { perm: [0, 2, 1, 3] } },
  ],
  Expand: [
    { says: "of an inner axis", operands: [real(3, 1, 2)], attributes: { shape: [3, 4, 2] } },
    { says: "of a scalar", operands: [real()], attributes: { shape: [2, 3] } },
    { says: "with new outer axes", operands: [real(2, 1)], attributes: { shape: [4, 2, 3] } },
  ],
  Concat: [
    { says: "along the first axis", operands: [real(2, 3), real(1, 3), real(4, 3)], attributes: { axis: 0 } },
    { says: "along the last axis", operands: [real(2, 3), real(2, 1)], attributes: { axis: -1 } },
    { says: "of one part", operands: [real(2, 3)], attributes: { axis: 1 } },
  ],
  Split: [
    { says: "into two", operands: [real(2, 5)], attributes: { axis: 1, sizes: [2, 3] }, reads: [0, 1] },
    { says: "with a part unused", operands: [real(6, 2)], attributes: { axis: 0, sizes: [1, 2, 3] }, reads: [2, 0] },
    {
      says: "with only the last part used",
      operands: [real(2, 6)],
      attributes: { axis: -1, sizes: [4, 2] },
      reads: [1],
    },
    { says: "into one", operands: [real(2, 3)], attributes: { axis: 1, sizes: [3] } },
  ],
  Slice: [
    { says: "from the middle", operands: [real(3, 6)], attributes: { axis: 1, start: 2, end: 5 } },
    { says: "from the beginning", operands: [real(4, 2)], attributes: { axis: 0, start: 0, end: 3 } },
    { says: "counted from the end", operands: [real(3, 6)], attributes: { axis: -1, start: -2, end: -1 } },
    { says: "to a huge end", operands: [real(5)], attributes: { axis: 0, start: 3, end: 2 ** 31 - 1 } },
    { says: "from before the beginning", operands: [real(5)], attributes: { axis: 0, start: -9, end: 3 } },
    { says: "of everything", operands: [real(2, 3)], attributes: { axis: 1, start: 0, end: 3 } },
  ],
  Gather: [
    { says: "of rows, some repeated and some never", operands: [real(6, 3), rows], attributes: { axis: 0 } },
    { says: "of one row", operands: [real(4, 3), ids([], 2)], attributes: { axis: 0 } },
  ],
  GatherElements: [
    { says: "along the last axis", operands: [real(3, 5), ids([3, 2], 4, 4, 0, 1, 2, 2)], attributes: { axis: 1 } },
    { says: "along the first axis", operands: [real(3, 2), ids([2, 2], 2, 0, 2, 1)], attributes: { axis: 0 } },
  ],
  ScatterElements: [
    {
      says: "that adds, with indices that repeat",
      operands: [real(4, 3), ids([3, 3], 1, 1, 1, 1, 0, 3, 3, 0, 1), real(3, 3)],
      attributes: { axis: 0, reduction: "add" },
    },
    {
      says: "that adds along the last axis",
      operands: [real(2, 4), ids([2, 3], 0, 0, 3, 1, 2, 1), real(2, 3)],
      attributes: { axis: -1, reduction: "add" },
    },
  ],
  Cast: "refused",
  Identity: unary(),
  LayerNormalization: [...norms(true), ...norms(false)],
  SimplifiedLayerNormalization: norms(false),
  RotaryEmbedding: [false, true].flatMap((interleaved) =>
    (["input", "constant"] as const).map((still) => ({
      says: `with tables as ${still}s, ${interleaved ? "interleaved" : "in halves"}`,
      operands: [
        real(2, 3, 8),
        ids([2, 3], 0, 1, 2, 4, 4, 1),
        { shape: [5, 2], ...angles, still },
        { shape: [5, 2], ...angles, still },
      ],
      attributes: { numHeads: 2, interleaved },
      dtype: still === "constant" ? ("float32" as const) : ("float64" as const),
    })),
  ),
  GroupQueryAttention: "refused",
};

const draw = (shape: readonly number[], random: () => number) => Float64Array.from({ length: sizeOf(shape) }, random);

/** A graph of one node whose loss is the sum of the outputs read, each weighted element by element by random numbers. */
function lossOf(op: OpName, variant: Variant<OpName>, seed: number) {
  const { operands, attributes, dtype = "float64", reads = [0] } = variant;
  const random = rng(seed, op);
  const graph = createGraph(op);
  const still = (name: string, shape: readonly number[], data: Float64Array) =>
    constant(graph, dtype, shape, dtype === "float32" ? Float32Array.from(data) : data, name);
  const feeds = new Map<string, NdArray>();
  const values = operands.map((operand, i) => {
    const { shape, range: [low, high] = [-2, 2], data } = operand;
    const numbers = draw(shape, () => low + (high - low) * random.uniform());
    if (operand.still === "constant") return still(`x${i}`, shape, numbers);
    feeds.set(`x${i}`, ndArray(shape, data ?? numbers));
    return input(graph, `x${i}`, data ? "int64" : dtype, shape);
  });
  const outputs = apply(op, values, attributes as never);
  const terms = reads.map((i) => {
    const shape = outputs[i]!.shape as number[];
    return reduceSum(
      mul(
        outputs[i]!,
        still(
          `weights${i}`,
          shape,
          draw(shape, () => random.normal()),
        ),
      ),
    );
  });
  const loss = terms.map((term) => reshape(term, [])).reduce((sum, term) => add(sum, term));
  const moving = values.filter((_, i) => !operands[i]!.data && !operands[i]!.still);
  return { graph, feeds, loss, moving };
}

/** d loss / d value by central differences of fourth order (step h, error h^4 / 30 times the fifth derivative). */
function slopes(graph: Graph, feeds: ReadonlyMap<string, NdArray>, loss: Value, value: Value): Float64Array {
  const { shape, data } = feeds.get(value.name)!;
  const h = 1e-3;
  const lossAt = (i: number, change: number) => {
    const moved = ndArray(shape, data.with(i, data[i]! + change));
    return evaluateValues(graph, new Map(feeds).set(value.name, moved)).get(loss)!.data[0]!;
  };
  return data.map((_, i) => (8 * (lossAt(i, h) - lossAt(i, -h)) - (lossAt(i, 2 * h) - lossAt(i, -2 * h))) / (12 * h));
}

function checkGradients(op: OpName, variant: Variant<OpName>, seed: number): void {
  const { graph, feeds, loss, moving } = lossOf(op, variant, seed);
  const forward = { ...graph, nodes: graph.nodes.slice() };
  const grads = gradients(loss, moving);
  verifyGraph(graph);
  const values = evaluateValues(graph, feeds);
  for (const [k, value] of moving.entries()) {
    const got = values.get(grads[k]!)!;
    const expected = slopes(forward, feeds, loss, value);
    assert.deepEqual(got.shape, value.shape);
    const scale = Math.max(1e-3, ...expected.map(Math.abs));
    for (const [i, x] of expected.entries())
      assert.ok(
        Math.abs(got.data[i]! - x) <= 1e-8 * scale,
        `${value.name}[${i}]: got ${got.data[i]}, the slope is ${x}`,
      );
  }
}

describe("gradients agree with finite differences", () => {
  for (const [op, variants] of Object.entries(CASES) as [OpName, readonly Variant<OpName>[] | "refused"][]) {
    if (variants === "refused") continue;
    for (const [i, variant] of variants.entries())
      test(`${op} ${variant.says}`, () => checkGradients(op, variant, 1000 + i));
  }
});

describe("operators without a gradient", () => {
  test("are exactly those that the table of rules refuses with a reason", () => {
    const refused = (Object.keys(CASES) as OpName[]).filter((op) => CASES[op] === "refused");
    const without = (Object.keys(GRADIENTS) as OpName[]).filter((op) => "refused" in GRADIENTS[op]);
    assert.deepEqual(refused, without);
  });

  test("are named with the node and the reason when a loss depends on them", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [3]);
    const least = apply("Min", [x, x], {})[0];
    assert.throws(() => gradients(reshape(reduceSum(least), []), [x]), {
      code: "NO_GRADIENT",
      message: /^Min: Min has no gradient: used for clipping only/,
    });
  });

  test("include the means and deviations that normalisations give beside their result", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2, 3]);
    const scale = input(graph, "scale", "float32", [3]);
    for (const op of ["LayerNormalization", "SimplifiedLayerNormalization"] as const) {
      const second = apply(op, [x, scale], { epsilon: 1e-5 })[1]!;
      assert.throws(() => gradients(reshape(reduceSum(second), []), [x]), {
        code: "NO_GRADIENT",
        message: new RegExp(`^${op}: the loss reads ${op}:1, and only the first output has a gradient`),
      });
    }
  });
});
