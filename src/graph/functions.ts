/** The operators as functions on values: what models, gradients and optimisers are written in. */
import type { DType } from "../base/dtypes.ts";
import { type Dim, frontAxis, type Shape, sameShape } from "../base/shapes.ts";
import { apply, scalar } from "./build.ts";
import type { Value } from "./types.ts";

/** A value, or a number that becomes a scalar of the other operand's dtype. */
type Operand = Value | number;

function pair(op: "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max", a: Operand, b: Operand): Value {
  const anchor = (typeof a === "number" ? b : a) as Value;
  const lift = (x: Operand) => (typeof x === "number" ? scalar(anchor.graph, x, anchor.dtype) : x);
  return apply(op, [lift(a), lift(b)], {})[0];
}

/** a + b, broadcast. */
export const add = (a: Operand, b: Operand): Value => pair("Add", a, b);
/** a - b, broadcast. */
export const sub = (a: Operand, b: Operand): Value => pair("Sub", a, b);
/** a * b, broadcast. */
export const mul = (a: Operand, b: Operand): Value => pair("Mul", a, b);
/** a / b, broadcast. */
export const div = (a: Operand, b: Operand): Value => pair("Div", a, b);
/** The smaller of a and b, broadcast. */
export const min = (a: Operand, b: Operand): Value => pair("Min", a, b);
/** The larger of a and b, broadcast. */
export const max = (a: Operand, b: Operand): Value => pair("Max", a, b);
/** 1 where a and b are equal, 0 elsewhere, broadcast, of dtype `to`. */
export const equal = (a: Value, b: Value, to: DType = "float32"): Value => cast(apply("Equal", [a, b], {})[0], to);

export const neg = (x: Value): Value => apply("Neg", [x], {})[0];
export const exp = (x: Value): Value => apply("Exp", [x], {})[0];
export const log = (x: Value): Value => apply("Log", [x], {})[0];
export const sqrt = (x: Value): Value => apply("Sqrt", [x], {})[0];
export const tanh = (x: Value): Value => apply("Tanh", [x], {})[0];
export const sigmoid = (x: Value): Value => apply("Sigmoid", [x], {})[0];
/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Value): Value => apply("Softplus", [x], {})[0];
/** log(1 / (1 + exp(-x))). */
export const logSigmoid = (x: Value): Value => neg(softplus(neg(x)));
export const erf = (x: Value): Value => apply("Erf", [x], {})[0];
/** The largest integer that is not above x. */
export const floor = (x: Value): Value => apply("Floor", [x], {})[0];
/** x, taken for a constant by gradients. */
export const stopGradient = (x: Value): Value => apply("StopGradient", [x], {})[0];
export const identity = (x: Value): Value => apply("Identity", [x], {})[0];

/** Gaussian error linear unit (Hendrycks and Gimpel 2016): exact, or with the tanh approximation. */
export const gelu = (x: Value, approximate: "none" | "tanh"): Value => apply("Gelu", [x], { approximate })[0];
/** x * sigmoid(x) (Elfwing et al. 2017). */
export const silu = (x: Value): Value => apply("QuickGelu", [x], { alpha: 1 })[0];

export const softmax = (x: Value, axis: number): Value => apply("Softmax", [x], { axis })[0];
export const logSoftmax = (x: Value, axis: number): Value => apply("LogSoftmax", [x], { axis })[0];

const axesOf = (x: Value, axes?: readonly number[]) =>
  (axes ?? x.shape.map((_, i) => i)).map((axis) => frontAxis(axis, x.shape.length, "axes"));

/** Sums over `axes` (default all); reduced axes stay with length 1. */
export const reduceSum = (x: Value, axes?: readonly number[]): Value =>
  apply("ReduceSum", [x], { axes: axesOf(x, axes) })[0];
/** Means over `axes` (default all); reduced axes stay with length 1. */
export const reduceMean = (x: Value, axes?: readonly number[]): Value =>
  apply("ReduceMean", [x], { axes: axesOf(x, axes) })[0];
/** The sum of squares of all elements, as a scalar. */
export const sumSquare = (x: Value): Value => reshape(apply("ReduceSumSquare", [x], { axes: axesOf(x) })[0], []);

export const matMul = (a: Value, b: Value): Value => apply("MatMul", [a, b], {})[0];

/** alpha * op(a) op(b) over the last two axes; the others broadcast. */
export function fusedMatMul(
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1 }: { transA?: boolean; transB?: boolean; alpha?: number } = {},
): Value {
  return apply("FusedMatMul", [a, b], { transA, transB, alpha })[0];
}

/** alpha * op(a) op(b) + c for matrices. */
export function gemm(
  a: Value,
  b: Value,
  {
    transA = false,
    transB = false,
    alpha = 1,
    c,
  }: { transA?: boolean; transB?: boolean; alpha?: number; c?: Value } = {},
): Value {
  return apply("Gemm", c ? [a, b, c] : [a, b], { transA, transB, alpha })[0];
}

/** The same elements in another shape; x itself when it has that shape already. */
export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Reshape", [x], { shape })[0];
export const transpose = (x: Value, perm: readonly number[]): Value => apply("Transpose", [x], { perm })[0];
/** Repeats axes of length 1; x itself when it has that shape already. */
export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Expand", [x], { shape })[0];
export const concat = (values: readonly Value[], axis: number): Value => apply("Concat", values, { axis })[0];
export const split = (x: Value, axis: number, sizes: readonly number[]): Value[] =>
  apply("Split", [x], { axis, sizes });
/** Parts of lengths that are known at each run: `counts` int64 (parts), their axes named by `sizes`. */
export const splitBy = (x: Value, axis: number, counts: Value, sizes: readonly Dim[]): Value[] =>
  apply("Split", [x, counts], { axis, sizes });
/** The k largest along an axis, in order, and their int64 indices; of equal ones the first. */
export const topK = (x: Value, axis: number, k: number): [values: Value, indices: Value] =>
  apply("TopK", [x], { axis, k, largest: true }) as [Value, Value];
/** The order that sorts a vector, smallest first: int64 of its length. */
export function argSort(x: Value): Value {
  const k = x.shape[0]!;
  const count = typeof k === "number" ? [] : [reshape(apply("Size", [x], {})[0], [1])];
  return apply("TopK", [x, ...count], { axis: 0, k, largest: false })[1]!;
}
export const slice = (x: Value, axis: number, start: number, end: number): Value =>
  apply("Slice", [x], { axis, start, end })[0];
export const gather = (x: Value, indices: Value, axis = 0): Value => apply("Gather", [x, indices], { axis })[0];
export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  apply("GatherElements", [x, indices], { axis })[0];
/** x with `updates` added at `indices`; repeated indices accumulate, exactly and repeatably. */
export const scatterAdd = (x: Value, indices: Value, updates: Value, axis: number): Value =>
  apply("ScatterElements", [x, indices, updates], { axis, reduction: "add" })[0];
export const cast = (x: Value, to: DType): Value => (x.dtype === to ? x : apply("Cast", [x], { to })[0]);
