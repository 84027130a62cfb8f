/** Evaluates a graph in float64, one operator at a time, by simple loops: what every faster way must agree with. */
import { frontAxis, type Shape } from "../../src/base/shapes.ts";
import type { Graph, OpAttributes, OpName, Parameter, Value } from "../../src/graph/types.ts";
import {
  at,
  broadcast,
  fill,
  fold,
  indices,
  largest,
  map,
  type NdArray,
  ndArray,
  offsetOf,
  permute,
  product,
  resolveShape,
  swapLast,
  zip,
} from "./reference-array.ts";
import { groupQueryAttention, rotaryEmbedding } from "./reference-attention.ts";

export { type NdArray, ndArray } from "./reference-array.ts";

/** Inputs and parameters by name. */
export type Feeds = ReadonlyMap<string, NdArray>;

/** What an operator computes; `resolve` fills in named axes of shapes in its attributes. */
type Evaluator<K extends OpName> = (
  inputs: readonly NdArray[],
  attributes: OpAttributes[K],
  resolve: (shape: Shape) => number[],
) => NdArray[];

const unary =
  (f: (x: number) => number): Evaluator<OpName> =>
  ([x]) => [map(x!, f)];
const binary =
  (f: (x: number, y: number) => number): Evaluator<OpName> =>
  ([a, b]) => [zip(a!, b!, f)];

/** The error function by its series with positive terms only (Abramowitz and Stegun 7.1.6). */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const front = (axis: number, x: NdArray) => frontAxis(axis, x.shape.length, "axis");

/** Softmax and its logarithm, shifted by the largest element. */
function logSoftmax(x: NdArray, axis: number): NdArray {
  const axes = [front(axis, x)];
  const shifted = zip(x, largest(x, axes), (a, b) => a - b);
  const sums = fold(shifted, axes, (sum, a) => sum + Math.exp(a));
  return zip(shifted, sums, (a, b) => a - Math.log(b));
}

function mean(x: NdArray, axes: readonly number[], f: (x: number) => number = (a) => a): NdArray {
  const count = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  return map(
    fold(x, axes, (sum, a) => sum + f(a)),
    (sum) => sum / count,
  );
}

/** The index with the position along one axis replaced, and one wrapped from the end when negative. */
function wrapped(position: number, length: number): number {
  const i = position < 0 ? position + length : position;
  if (!(i >= 0 && i < length)) throw new Error(`index: got ${position}, expected one below ${length}`);
  return i;
}

function gather(x: NdArray, positions: NdArray, at0: number): NdArray {
  const [outer, inner] = [x.shape.slice(0, at0), x.shape.slice(at0 + 1)];
  return fill([...outer, ...positions.shape, ...inner], (index) => {
    const row = at(positions, index.slice(at0, at0 + positions.shape.length));
    const rest = index.slice(at0 + positions.shape.length);
    return at(x, [...index.slice(0, at0), wrapped(row, x.shape[at0]!), ...rest]);
  });
}

function scatter(x: NdArray, positions: NdArray, updates: NdArray, axis: number, add: boolean): NdArray {
  const out = ndArray(x.shape, x.data);
  for (const index of indices(positions.shape)) {
    const offset = offsetOf(x.shape, index.with(axis, wrapped(at(positions, index), x.shape[axis]!)));
    out.data[offset] = (add ? out.data[offset]! : 0) + at(updates, index);
  }
  return out;
}

/** Consecutive pieces of x along an axis. */
function pieces(x: NdArray, axis: number, sizes: readonly number[]): NdArray[] {
  let start = 0;
  return sizes.map((size) => {
    const from = start;
    start += size;
    return fill(x.shape.with(axis, size), (index) => at(x, index.with(axis, from + index[axis]!)));
  });
}

function concat(parts: readonly NdArray[], axis: number): NdArray {
  const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, part) => sum + part.shape[axis]!, 0));
  const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  return fill(parts[0]!.shape.with(axis, total), (index) => {
    const i = starts.findLastIndex((start, p) => start <= index[axis]! && parts[p]!.shape[axis]! > 0);
    return at(parts[i]!, index.with(axis, index[axis]! - starts[i]!));
  });
}

function slice(x: NdArray, axis: number, start: number, end: number): NdArray {
  const length = x.shape[axis]!;
  const clamp = (i: number) => Math.min(length, Math.max(0, i < 0 ? i + length : i));
  const size = Math.max(0, clamp(end) - clamp(start));
  return fill(x.shape.with(axis, size), (index) => at(x, index.with(axis, clamp(start) + index[axis]!)));
}

/** The k first of a stable sort, and where they were. */
function topK(x: NdArray, axis: number, k: number, largest: boolean): NdArray[] {
  const positions = fill(x.shape.with(axis, k), (index) => {
    const along = [...Array(x.shape[axis]!).keys()];
    const value = (i: number) => at(x, index.with(axis, i));
    return along.sort((i, j) => (largest ? value(j) - value(i) : value(i) - value(j)) || i - j)[index[axis]!]!;
  });
  return [fill(positions.shape, (index) => at(x, index.with(axis, at(positions, index)))), positions];
}

/** (x - mean) / sqrt(variance + epsilon) over the last axis, or x / sqrt(mean square + epsilon) when not centred. */
function normalise(x: NdArray, scale: NdArray, bias: NdArray | undefined, epsilon: number, centred: boolean) {
  const last = [x.shape.length - 1];
  const centre = centred ? mean(x, last) : fill([1], () => 0);
  const moved = zip(x, centre, (a, b) => a - b);
  const inverse = map(
    mean(moved, last, (a) => a * a),
    (a) => 1 / Math.sqrt(a + epsilon),
  );
  const scaled = zip(
    zip(moved, inverse, (a, b) => a * b),
    scale,
    (a, b) => a * b,
  );
  return { y: bias ? zip(scaled, bias, (a, b) => a + b) : scaled, centre, inverse };
}

const GELUS = {
  none: (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  tanh: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** Every operator. A missing one does not compile. */
const EVALUATORS: { readonly [K in OpName]: Evaluator<K> } = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Min: binary(Math.min),
  Max: binary(Math.max),
  Equal: binary((a, b) => +(a === b)),
  Neg: unary((x) => -x),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Sqrt: unary(Math.sqrt),
  Tanh: unary(Math.tanh),
  Sigmoid: unary(sigmoid),
  Softplus: unary((x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)))),
  Erf: unary(erf),
  Relu: unary((x) => Math.max(0, x)),
  Sign: unary(Math.sign),
  Floor: unary(Math.floor),
  StopGradient: ([x]) => [x!],
  Gelu: ([x], { approximate }) => [map(x!, GELUS[approximate])],
  QuickGelu: ([x], { alpha }) => [map(x!, (a) => a * sigmoid(alpha * a))],
  Softmax: ([x], { axis }) => [map(logSoftmax(x!, axis), Math.exp)],
  LogSoftmax: ([x], { axis }) => [logSoftmax(x!, axis)],
  ReduceSum: ([x], { axes }) => [fold(x!, axes, (sum, a) => sum + a)],
  ReduceMean: ([x], { axes }) => [mean(x!, axes)],
  ReduceSumSquare: ([x], { axes }) => [fold(x!, axes, (sum, a) => sum + a * a)],
  MatMul: ([a, b]) => [product(a!, b!)],
  FusedMatMul: ([a, b], { transA, transB, alpha }) => [product(swapLast(a!, transA), swapLast(b!, transB), alpha)],
  Gemm: ([a, b, c], { transA, transB, alpha }) => {
    const y = product(swapLast(a!, transA), swapLast(b!, transB), alpha);
    return [c ? zip(y, c, (p, q) => p + q) : y];
  },
  Reshape: ([x], { shape }, resolve) => [ndArray(resolve(shape), x!.data)],
  Transpose: ([x], { perm }) => [permute(x!, perm)],
  Expand: ([x], { shape }, resolve) => [fill(broadcast(x!.shape, resolve(shape)), (index) => at(x!, index))],
  Concat: (parts, { axis }) => [concat(parts, front(axis, parts[0]!))],
  Split: ([x, counts], { axis, sizes }) => pieces(x!, front(axis, x!), counts ? [...counts.data] : (sizes as number[])),
  TopK: ([x], { axis, k, largest }, resolve) => topK(x!, front(axis, x!), resolve([k])[0]!, largest),
  Size: ([x]) => [ndArray([], [x!.data.length])],
  Slice: ([x], { axis, start, end }) => [slice(x!, front(axis, x!), start, end)],
  Gather: ([x, positions], { axis }) => [gather(x!, positions!, front(axis, x!))],
  GatherElements: ([x, positions], { axis }) => {
    const along = front(axis, x!);
    return [
      fill(positions!.shape, (index) => at(x!, index.with(along, wrapped(at(positions!, index), x!.shape[along]!)))),
    ];
  },
  ScatterElements: ([x, positions, updates], { axis, reduction }) => [
    scatter(x!, positions!, updates!, front(axis, x!), reduction === "add"),
  ],
  Cast: ([x], { to }) => [/^u?int/.test(to) ? map(x!, Math.trunc) : to === "bool" ? map(x!, (a) => +(a !== 0)) : x!],
  Identity: ([x]) => [x!],
  LayerNormalization: ([x, scale, bias], { epsilon }) => {
    const { y, centre, inverse } = normalise(x!, scale!, bias, epsilon, true);
    return [y, centre, inverse];
  },
  SimplifiedLayerNormalization: ([x, scale], { epsilon }) => {
    const { y, inverse } = normalise(x!, scale!, undefined, epsilon, false);
    return [y, inverse];
  },
  SkipSimplifiedLayerNormalization: ([a, b, scale], { epsilon }) => {
    const sum = zip(a!, b!, (p, q) => p + q);
    return [normalise(sum, scale!, undefined, epsilon, false).y, sum];
  },
  RotaryEmbedding: ([x, positions, cos, sin], attributes) => [rotaryEmbedding(x!, positions!, cos!, sin!, attributes)],
  MatMulNBits: ([x, quants, scales, bias], { N, K, bits, blockSize }) => {
    const y = product(x!, swapLast(ndArray([N, K], unpacked(quants!, scales!, K, bits, blockSize)), true));
    return [bias ? zip(y, bias, (p, q) => p + q) : y];
  },
  GatherBlockQuantized: ([quants, positions, scales], { bits, blockSize }) => {
    const width = (quants!.shape[1]! * 8) / bits;
    const table = ndArray([quants!.shape[0]!, width], unpacked(quants!, scales!, width, bits, blockSize));
    return [gather(table, positions!, 0)];
  },
  DequantizeLinear: ([quants, scales], { bits, blockSize, start }) => {
    const [rows, blocks] = scales!.shape as [number, number];
    const width = blocks * blockSize;
    const bytes = (width * bits) / 8;
    const kept = ndArray([rows, bytes], quants!.data.slice(start * bytes, (start + rows) * bytes));
    return [ndArray([rows, width], unpacked(kept, scales!, width, bits, blockSize))];
  },
  GroupQueryAttention: (inputs, attributes) => groupQueryAttention(inputs, attributes),
};

/** Rows of blocks as numbers: scale * (quant - half of the range). */
function unpacked(quants: NdArray, scales: NdArray, width: number, bits: number, blockSize: number): number[] {
  const blocks = Math.ceil(width / blockSize);
  const rows = scales.data.length / blocks;
  return Array.from({ length: rows * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const element = row * blocks * blockSize + column;
    const byte = quants.data[(element * bits) >> 3]!;
    const quant = bits === 8 ? byte : (byte >> (4 * (element & 1))) & 15;
    return scales.data[row * blocks + Math.floor(column / blockSize)]! * (quant - 2 ** (bits - 1));
  });
}

/** The lengths of named axes, read off the arrays that are fed. */
function bindAxes(graph: Graph, feeds: Feeds): Map<string, number> {
  const axes = new Map<string, number>();
  for (const { name, shape } of graph.inputs) {
    const fed = feeds.get(name);
    if (fed) nameAxes(shape, fed.shape, axes);
  }
  return axes;
}

/** Learns the lengths of named axes that a node made. */
function nameAxes(shape: Shape, lengths: readonly number[], axes: Map<string, number>): void {
  for (const [i, dim] of shape.entries())
    if (typeof dim === "string" && /^\w+$/.test(dim) && !axes.has(dim)) axes.set(dim, lengths[i]!);
}

/** What is fed to a parameter, which may be a part of what is fed to a stored tensor. */
export function fedParameter(feeds: Feeds, { value, part }: Parameter): NdArray | undefined {
  const array = feeds.get(part ? part.whole : value.name);
  if (!array || !part) return array;
  const size = array.data.length / part.count;
  return { shape: array.shape.slice(1), data: array.data.subarray(part.index * size, (part.index + 1) * size) };
}

/** The array of every value of a graph. Throws where one has another shape than the graph says. */
export function evaluateValues(graph: Graph, feeds: Feeds): Map<Value, NdArray> {
  const axes = bindAxes(graph, feeds);
  const resolve = (shape: Shape) => resolveShape(shape, axes);
  const arrays = new Map<Value, NdArray>();
  const define = (value: Value, array: NdArray | undefined) => {
    if (!array) throw new Error(`evaluate: nothing is fed to ${value.name}`);
    if (resolve(value.shape).join() !== array.shape.join())
      throw new Error(`evaluate: ${value.name}: got [${array.shape}], the graph says [${value.shape}]`);
    arrays.set(value, array);
  };
  for (const { value, data } of graph.constants) define(value, ndArray(resolve(value.shape), data));
  for (const value of graph.inputs) define(value, feeds.get(value.name));
  for (const each of graph.parameters) define(each.value, fedParameter(feeds, each));
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((value) => value && arrays.get(value)!);
    const evaluator = EVALUATORS[node.op] as Evaluator<OpName>;
    const outputs = evaluator(inputs as NdArray[], node.attributes as never, resolve);
    for (const [i, value] of node.outputs.entries()) {
      nameAxes(value.shape, outputs[i]!.shape, axes);
      define(value, /^u?int/.test(value.dtype) ? map(outputs[i]!, Math.trunc) : outputs[i]);
    }
  }
  return arrays;
}

/** The arrays of a graph's outputs, by their public names. */
export function evaluate(graph: Graph, feeds: Feeds): Map<string, NdArray> {
  const arrays = evaluateValues(graph, feeds);
  return new Map(graph.outputs.map(({ name, value }) => [name, arrays.get(value)!]));
}
