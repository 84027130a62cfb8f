/** The op table: for each operator its domain, arity and shape rule. A missing row does not compile. */
import { fail } from "../base/errors.ts";
import {
  addDims,
  broadcastShapes,
  type Dim,
  frontAxis,
  mulDims,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "../base/shapes.ts";
import { FLOATS, needEqual, needFloat, needIndices, needRank, needSame, needShape } from "./demands.ts";
import { inferDequantizeLinear, inferGatherBlockQuantized, inferMatMulNBits } from "./op-packed.ts";
import type { OpAttributes, OpName, TensorType } from "./types.ts";

/** ONNX's own operator set (version 21), or ONNX Runtime's contributed one. */
export type OpDomain = "" | "com.microsoft";

/** What the graph must know of an operator to type it. */
export interface OpSpec<Attributes> {
  readonly domain: OpDomain;
  /** Fewest and most inputs. */
  readonly arity: readonly [number, number];
  /** Output types from input types; throws BAD_SHAPE or BAD_DTYPE with a message that the caller prefixes by the node. */
  readonly infer: (inputs: readonly TensorType[], attributes: Attributes) => TensorType[];
}

const unary: OpSpec<unknown> = {
  domain: "",
  arity: [1, 1],
  infer: ([x]) => [{ dtype: needFloat(x!), shape: x!.shape }],
};

const binary: OpSpec<unknown> = {
  domain: "",
  arity: [2, 2],
  infer: ([a, b]) => {
    const dtype = needSame(a!, b!);
    const shape = broadcastShapes(a!.shape, b!.shape);
    if (!shape) fail("BAD_SHAPE", `got ${showShape(a!.shape)} and ${showShape(b!.shape)}, which do not broadcast`);
    return [{ dtype, shape: shape! }];
  },
};

const alongAxis: OpSpec<OpAttributes["Softmax"]> = {
  domain: "",
  arity: [1, 1],
  infer: ([x], { axis }) => {
    frontAxis(axis, x!.shape.length, "axis");
    return [{ dtype: needFloat(x!), shape: x!.shape }];
  },
};

const reduce: OpSpec<OpAttributes["ReduceSum"]> = {
  domain: "",
  arity: [1, 1],
  infer: ([x], { axes }) => {
    for (const axis of axes) if (axis < 0) fail("BAD_SHAPE", `axes: got ${axis}, expected axes counted from the front`);
    for (const axis of axes) frontAxis(axis, x!.shape.length, "axes");
    return [{ dtype: needFloat(x!), shape: x!.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) }];
  },
};

/** (…, M, K) x (…, K, N), with the last two axes of either swapped on request. */
function matMulShape(a: TensorType, b: TensorType, transA: boolean, transB: boolean): Shape {
  if (a.shape.length < 2 || b.shape.length < 2)
    fail("BAD_SHAPE", `got ${showShape(a.shape)} and ${showShape(b.shape)}, expected 2 axes or more`);
  const last = (shape: Shape, swap: boolean) => (swap ? [shape.at(-1), shape.at(-2)] : [shape.at(-2), shape.at(-1)]);
  const [m, ka] = last(a.shape, transA);
  const [kb, n] = last(b.shape, transB);
  needEqual(ka, kb, "inner axis");
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch)
    fail("BAD_SHAPE", `batch axes: got ${showShape(a.shape)} and ${showShape(b.shape)}, which do not broadcast`);
  return [...batch!, m!, n!];
}

const norm = (outputs: number) => (inputs: readonly TensorType[]) => {
  const [x, scale, bias] = inputs as [TensorType, TensorType, TensorType | undefined];
  const dtype = needFloat(x, scale, ...(bias ? [bias] : []));
  for (const [type, what] of [
    [scale, "scale"],
    [bias, "bias"],
  ] as const)
    if (type && !sameShape(type.shape, x.shape.slice(-1)))
      fail("BAD_SHAPE", `${what}: got ${showShape(type.shape)}, expected the last axis of ${showShape(x.shape)}`);
  const reduced = { dtype, shape: [...x.shape.slice(0, -1), 1] };
  return [{ dtype, shape: x.shape }, ...Array.from({ length: outputs - 1 }, () => reduced)];
};

function inferConcat(inputs: readonly TensorType[], { axis }: OpAttributes["Concat"]): TensorType[] {
  const [first, ...rest] = inputs as [TensorType, ...TensorType[]];
  const dtype = needSame(...inputs);
  const at = frontAxis(axis, first.shape.length, "axis");
  for (const type of rest) {
    needRank(type, first.shape.length, "operand");
    for (const [i, dim] of type.shape.entries()) if (i !== at) needEqual(dim, first.shape[i], `axis ${i}`);
  }
  return [{ dtype, shape: first.shape.with(at, addDims(...inputs.map((type) => type.shape[at]!))) }];
}

function inferSplit([x, counts]: readonly TensorType[], { axis, sizes }: OpAttributes["Split"]): TensorType[] {
  const at = frontAxis(axis, x!.shape.length, "axis");
  for (const size of sizes)
    if (typeof size === "number" && (!Number.isInteger(size) || size < 0))
      fail("BAD_SHAPE", `sizes: got ${size}, expected lengths from 0 up`);
  needEqual(addDims(...sizes), x!.shape[at], "sum of sizes");
  needCounts(counts, sizes.length, sizes);
  return sizes.map((size) => ({ dtype: x!.dtype, shape: x!.shape.with(at, size) }));
}

/** Lengths with names are given by an input, and only they. */
function needCounts(counts: TensorType | undefined, length: number, sizes: readonly Dim[]): void {
  const named = sizes.find((size) => typeof size === "string");
  if ((named === undefined) !== (counts === undefined))
    fail("BAD_GRAPH", counts ? "got lengths as an input and no named axis" : `got ${named}, and no input that says it`);
  if (!counts) return;
  if (counts.dtype !== "int64") fail("BAD_DTYPE", `got ${counts.dtype} lengths, expected int64`);
  needShape(counts, [length], "lengths");
}

function inferTopK([x, count]: readonly TensorType[], { axis, k }: OpAttributes["TopK"]): TensorType[] {
  const at = frontAxis(axis, x!.shape.length, "axis");
  const length = x!.shape[at]!;
  if (!FLOATS.includes(x!.dtype)) needIndices(x!);
  if (typeof k === "number" ? !(k >= 0 && (typeof length === "string" || k <= length)) : k !== length)
    fail("BAD_SHAPE", `k: got ${k}, expected at most ${length}`);
  needCounts(count, 1, [k]);
  const shape = x!.shape.with(at, k);
  return [
    { dtype: x!.dtype, shape },
    { dtype: "int64", shape },
  ];
}

function inferSlice([x]: readonly TensorType[], { axis, start, end }: OpAttributes["Slice"]): TensorType[] {
  const at = frontAxis(axis, x!.shape.length, "axis");
  const length = x!.shape[at]!;
  if (typeof length !== "number") return fail("BAD_SHAPE", `got the named axis ${length}, expected a fixed length`);
  const clamp = (i: number) => Math.min(length, Math.max(0, i < 0 ? i + length : i));
  return [{ dtype: x!.dtype, shape: x!.shape.with(at, Math.max(0, clamp(end) - clamp(start))) }];
}

/** The tables rotate the whole of a head, or its first part. */
function needHeadOf(width: Dim, heads: number, half: Dim): void {
  if (typeof width !== "number" || typeof half !== "number") {
    needEqual(width, mulDims(2 * heads, half), "width of all heads");
    return;
  }
  if (width % heads !== 0 || 2 * half > width / heads)
    fail("BAD_SHAPE", `got ${heads} heads in a width of ${width}, and tables for ${2 * half} elements of each`);
}

function inferRotaryEmbedding(
  [x, positions, cos, sin]: readonly TensorType[],
  { numHeads }: OpAttributes["RotaryEmbedding"],
): TensorType[] {
  needRank(x!, 3, "input");
  needIndices(positions!);
  needShape(positions!, x!.shape.slice(0, 2), "positions");
  needRank(cos!, 2, "cos");
  needShape(sin!, cos!.shape, "sin");
  needHeadOf(x!.shape[2]!, numHeads, cos!.shape[1]!);
  return [{ dtype: needFloat(x!, cos!, sin!), shape: x!.shape }];
}

function inferGroupQueryAttention(
  inputs: readonly (TensorType | undefined)[],
  { numHeads, kvNumHeads, doRotary, window = 1, softcap = 1 }: OpAttributes["GroupQueryAttention"],
): TensorType[] {
  const [query, key, value, pastKey, pastValue, seqlens, total, cos, sin, ...rest] = inputs as TensorType[];
  const [, , sink, keyScale, valueScale] = rest as (TensorType | undefined)[];
  needRank(query!, 3, "query");
  needRank(pastKey!, 4, "past key");
  needShape(pastValue!, pastKey!.shape, "past value");
  const [batch, headDim] = [query!.shape[0]!, pastKey!.shape[3]!];
  if (numHeads % kvNumHeads !== 0) fail("BAD_SHAPE", `got ${numHeads} heads over ${kvNumHeads} key-value heads`);
  needShape(pastKey!, [batch, kvNumHeads, pastKey!.shape[2]!, headDim], "past key");
  const packed = key === undefined ? numHeads + 2 * kvNumHeads : numHeads;
  needEqual(query!.shape[2], mulDims(packed, headDim), "query width");
  const narrow = query!.shape.with(2, mulDims(kvNumHeads, headDim));
  if (key) needShape(key, narrow, "key");
  if (value) needShape(value, narrow, "value");
  if (seqlens!.dtype !== "int32" || total!.dtype !== "int32")
    fail("BAD_DTYPE", `seqlens_k and total_sequence_length: got ${seqlens!.dtype} and ${total!.dtype}, expected int32`);
  needShape(seqlens!, [batch], "seqlens_k");
  if (doRotary && !(cos && sin)) fail("BAD_SHAPE", "got no cosines and sines, expected them for rotation");
  if (rest[0] || rest[1]) fail("BAD_GRAPH", "got position_ids or attention_bias, expected neither");
  if (sink) needShape(sink, [numHeads], "head_sink");
  if (!(Number.isInteger(window) && window >= 1)) fail("BAD_GRAPH", `window: got ${window}, expected 1 or more`);
  if (!(softcap > 0)) fail("BAD_GRAPH", `softcap: got ${softcap}, expected more than 0`);
  const cache = keyScale || valueScale ? [] : [pastKey, pastValue];
  const floats = [query, key, value, ...cache, cos, sin, sink, keyScale, valueScale];
  const dtype = needFloat(...floats.filter((type) => type !== undefined));
  if (keyScale || valueScale) needScaledCache([pastKey!, pastValue!], [keyScale, valueScale], [kvNumHeads, headDim]);
  const present = { dtype: pastKey!.dtype, shape: pastKey!.shape };
  return [{ dtype, shape: query!.shape.with(2, mulDims(numHeads, headDim)) }, present, present];
}

/** An int8 cache, and a scale for each channel of its keys and of its values. */
function needScaledCache(caches: TensorType[], scales: (TensorType | undefined)[], channels: Shape): void {
  for (const { dtype } of caches)
    if (dtype !== "int8") fail("BAD_DTYPE", `cache: got ${dtype}, expected int8 with scales`);
  for (const scale of scales) needShape(scale ?? fail("BAD_GRAPH", "got scales of one half"), channels, "scales");
}

/** Every operator's row. */
export const OPS: { readonly [K in OpName]: OpSpec<OpAttributes[K]> } = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Min: binary,
  Max: binary,
  Equal: { ...binary, infer: (inputs) => [{ dtype: "bool", shape: binary.infer(inputs, {})[0]!.shape }] },
  Neg: unary,
  Exp: unary,
  Log: unary,
  Sqrt: unary,
  Tanh: unary,
  Sigmoid: unary,
  Softplus: unary,
  Erf: unary,
  Relu: unary,
  Sign: unary,
  Floor: unary,
  StopGradient: unary,
  Gelu: unary,
  QuickGelu: { ...unary, domain: "com.microsoft" },
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceSumSquare: reduce,
  MatMul: {
    domain: "",
    arity: [2, 2],
    infer: ([a, b]) => [{ dtype: needFloat(a!, b!), shape: matMulShape(a!, b!, false, false) }],
  },
  FusedMatMul: {
    domain: "com.microsoft",
    arity: [2, 2],
    infer: ([a, b], { transA, transB }) => [{ dtype: needFloat(a!, b!), shape: matMulShape(a!, b!, transA, transB) }],
  },
  Gemm: {
    domain: "",
    arity: [2, 3],
    infer: ([a, b, c], { transA, transB }) => {
      needRank(a!, 2, "A");
      needRank(b!, 2, "B");
      const shape = matMulShape(a!, b!, transA, transB);
      if (c && !sameShape(broadcastShapes(c.shape, shape) ?? [], shape))
        fail("BAD_SHAPE", `C: got ${showShape(c.shape)}, expected one that broadcasts to ${showShape(shape)}`);
      return [{ dtype: needFloat(a!, b!, ...(c ? [c] : [])), shape }];
    },
  },
  Reshape: {
    domain: "",
    arity: [1, 1],
    infer: ([x], { shape }) => {
      needEqual(sizeOf(x!.shape), sizeOf(shape), "number of elements");
      return [{ dtype: x!.dtype, shape }];
    },
  },
  Transpose: {
    domain: "",
    arity: [1, 1],
    infer: ([x], { perm }) => {
      const sorted = [...perm].sort((a, b) => a - b);
      if (sorted.length !== x!.shape.length || sorted.some((axis, i) => axis !== i))
        fail("BAD_SHAPE", `perm: got [${perm}], expected an order of ${x!.shape.length} axes`);
      return [{ dtype: x!.dtype, shape: perm.map((axis) => x!.shape[axis]!) }];
    },
  },
  Expand: {
    domain: "",
    arity: [1, 1],
    infer: ([x], { shape }) => {
      if (!sameShape(broadcastShapes(x!.shape, shape) ?? [], shape))
        fail("BAD_SHAPE", `got ${showShape(x!.shape)}, expected one that broadcasts to ${showShape(shape)}`);
      return [{ dtype: x!.dtype, shape }];
    },
  },
  Concat: { domain: "", arity: [1, 1024], infer: inferConcat },
  Split: { domain: "", arity: [1, 2], infer: inferSplit },
  TopK: { domain: "", arity: [1, 2], infer: inferTopK },
  Size: { domain: "", arity: [1, 1], infer: () => [{ dtype: "int64", shape: [] }] },
  Slice: { domain: "", arity: [1, 1], infer: inferSlice },
  Gather: {
    domain: "",
    arity: [2, 2],
    infer: ([x, indices], { axis }) => {
      needIndices(indices!);
      const at = frontAxis(axis, x!.shape.length, "axis");
      return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, at), ...indices!.shape, ...x!.shape.slice(at + 1)] }];
    },
  },
  GatherElements: {
    domain: "",
    arity: [2, 2],
    infer: ([x, indices], { axis }) => {
      needIndices(indices!);
      frontAxis(axis, x!.shape.length, "axis");
      needRank(indices!, x!.shape.length, "indices");
      return [{ dtype: x!.dtype, shape: indices!.shape }];
    },
  },
  ScatterElements: {
    domain: "",
    arity: [3, 3],
    infer: ([x, indices, updates], { axis }) => {
      needIndices(indices!);
      frontAxis(axis, x!.shape.length, "axis");
      needRank(indices!, x!.shape.length, "indices");
      if (!sameShape(indices!.shape, updates!.shape))
        fail("BAD_SHAPE", `got indices ${showShape(indices!.shape)} and updates ${showShape(updates!.shape)}`);
      return [{ dtype: needSame(x!, updates!), shape: x!.shape }];
    },
  },
  Cast: { domain: "", arity: [1, 1], infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }] },
  Identity: { domain: "", arity: [1, 1], infer: ([x]) => [x!] },
  LayerNormalization: { domain: "", arity: [2, 3], infer: norm(3) },
  SimplifiedLayerNormalization: { domain: "", arity: [2, 2], infer: norm(2) },
  SkipSimplifiedLayerNormalization: {
    domain: "com.microsoft",
    arity: [3, 3],
    infer: ([a, b, scale]) => {
      needShape(b!, a!.shape, "b");
      const [type] = norm(1)([a!, scale!]) as [TensorType];
      return [{ dtype: needFloat(a!, b!), shape: type.shape }, type];
    },
  },
  RotaryEmbedding: { domain: "com.microsoft", arity: [4, 4], infer: inferRotaryEmbedding },
  GroupQueryAttention: { domain: "com.microsoft", arity: [7, 14], infer: inferGroupQueryAttention },
  MatMulNBits: { domain: "com.microsoft", arity: [3, 4], infer: inferMatMulNBits },
  GatherBlockQuantized: { domain: "com.microsoft", arity: [3, 3], infer: inferGatherBlockQuantized },
  DequantizeLinear: { domain: "", arity: [2, 2], infer: inferDequantizeLinear },
};
