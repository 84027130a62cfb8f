/** Writes a graph as an ONNX model. Knows ONNX's spelling of each operator, and nothing of what it computes. */
import { bytesOf as bytesPer, type DType, isDType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { mulDims, type Shape, showShape } from "../base/shapes.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor } from "../onnx/model.ts";
import { indexGuards } from "./guards.ts";
import { lowerUnpacking, unpackedOnly } from "./lower-packed.ts";
import { OPS } from "./ops.ts";
import { branchRegions } from "./regions.ts";
import { type OpenTargets, openTargets } from "./reshape-targets.ts";
import type { Constant, Graph, Node, OpAttributes, OpName, PartOf, Placement, TensorType, Value } from "./types.ts";

export type { Placement } from "./types.ts";

/** ONNX element type numbers (TensorProto.DataType) that Cast names. */
const CAST_TO: Partial<Record<DType, number>> = {
  float32: 1,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

interface Spelling {
  readonly attributes?: Record<string, OnnxAttribute>;
  /** Extra constant inputs, after the node's own. */
  readonly constants?: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  /** ONNX's name of the operator when it differs from the graph's. */
  readonly opType?: string;
}

type Speller<K extends OpName> = (attributes: OpAttributes[K], inputs: readonly (TensorType | undefined)[]) => Spelling;

const int = (value: number | boolean): OnnxAttribute => ({ kind: "int", value: Number(value) });
const ints = (value: readonly number[]): OnnxAttribute => ({ kind: "ints", value });
const float = (value: number): OnnxAttribute => ({ kind: "float", value });
const string = (value: string): OnnxAttribute => ({ kind: "string", value });
const vector = (data: readonly number[]) => ({ shape: [data.length], data });

const scaledCache = {
  kv_cache_bit_width: int(8),
  k_quant_type: string("PER_CHANNEL"),
  v_quant_type: string("PER_CHANNEL"),
};

const plain: Speller<OpName> = () => ({});
const axis = (a: { axis: number }): Spelling => ({ attributes: { axis: int(a.axis) } });
// Without noop_with_empty_axes ONNX takes no axes for all axes.
const overAxes = (a: OpAttributes["ReduceSum"]): Spelling => ({
  attributes: { keepdims: int(1), noop_with_empty_axes: int(1) },
  constants: [vector(a.axes)],
});

/** True where a Reshape makes several named axes: their lengths are read off inputs at each run. */
function isOpenReshape({ op, inputs, attributes }: Node): boolean {
  if (op !== "Reshape") return false;
  return (
    reshapeTarget(inputs[0]!.shape, (attributes as OpAttributes["Reshape"]).shape).filter((n) => n === -1).length > 1
  );
}

/** ONNX's Reshape target: fixed axes as numbers, a named axis as -1, others copied by 0 from the same place. */
function reshapeTarget(from: Shape, to: Shape): number[] {
  const named = [...to.keys()].filter((i) => typeof to[i] === "string");
  const copied = named.filter((i) => from[i] === to[i]);
  return to.map((dim, i) => (typeof dim === "number" ? dim : copied.includes(i) ? 0 : -1));
}

function fixedShape(shape: Shape, where: string): number[] {
  return shape.map((dim) =>
    typeof dim === "number" ? dim : fail("UNSUPPORTED", `${where}: got the named axis ${dim}`),
  );
}

const SPELLERS: { readonly [K in OpName]: Speller<K> } = {
  Add: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Min: plain,
  Max: plain,
  Equal: plain,
  Neg: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Tanh: plain,
  Sigmoid: plain,
  Softplus: plain,
  Erf: plain,
  Relu: plain,
  Sign: plain,
  Floor: plain,
  StopGradient: () => ({ opType: "Identity" }),
  Gelu: (a) => ({ attributes: { approximate: string(a.approximate) } }),
  QuickGelu: (a) => ({ attributes: { alpha: float(a.alpha) } }),
  Softmax: axis,
  LogSoftmax: axis,
  ReduceSum: overAxes,
  ReduceMean: overAxes,
  ReduceSumSquare: overAxes,
  MatMul: plain,
  FusedMatMul: (a) => ({ attributes: { transA: int(a.transA), transB: int(a.transB), alpha: float(a.alpha) } }),
  Gemm: (a) => ({ attributes: { transA: int(a.transA), transB: int(a.transB), alpha: float(a.alpha) } }),
  Reshape: (a, [x]) => ({ constants: [vector(reshapeTarget(x!.shape, a.shape))] }),
  Transpose: (a) => ({ attributes: { perm: ints(a.perm) } }),
  Expand: (a) => ({ constants: [vector(fixedShape(a.shape, "Expand"))] }),
  Concat: axis,
  Split: (a, [, counts]) => ({
    attributes: { axis: int(a.axis) },
    constants: counts ? [] : [vector(fixedShape(a.sizes, "Split"))],
  }),
  TopK: (a, [, count]) => ({
    attributes: { axis: int(a.axis), largest: int(a.largest), sorted: int(true) },
    constants: count ? [] : [vector(fixedShape([a.k], "TopK"))],
  }),
  Size: plain,
  Slice: (a) => ({ constants: [vector([a.start]), vector([a.end]), vector([a.axis])] }),
  Gather: axis,
  GatherElements: axis,
  ScatterElements: (a) => ({ attributes: { axis: int(a.axis), reduction: string(a.reduction) } }),
  Cast: (a) => ({ attributes: { to: int(CAST_TO[a.to] ?? fail("UNSUPPORTED", `Cast: no ONNX number for ${a.to}`)) } }),
  Identity: plain,
  LayerNormalization: (a) => ({ attributes: { axis: int(-1), epsilon: float(a.epsilon) } }),
  SimplifiedLayerNormalization: (a) => ({
    attributes: { axis: int(-1), epsilon: float(a.epsilon), stash_type: int(1) },
  }),
  RotaryEmbedding: (a, [x, , cos]) => ({
    attributes: {
      num_heads: int(a.numHeads),
      interleaved: int(a.interleaved),
      // 0 stands for the whole head.
      rotary_embedding_dim: int(
        x!.shape[2] === mulDims(2 * a.numHeads, cos!.shape[1]!) ? 0 : 2 * (cos!.shape[1] as number),
      ),
    },
  }),
  SkipSimplifiedLayerNormalization: (a) => ({ attributes: { epsilon: float(a.epsilon) } }),
  // Level 4 computes with 8-bit integers, level 1 in float32, to which it widens blocks at each run.
  MatMulNBits: (a) => ({
    attributes: {
      K: int(a.K),
      N: int(a.N),
      bits: int(a.bits),
      block_size: int(a.blockSize),
      accuracy_level: int(a.exact ? 1 : 4),
    },
  }),
  GatherBlockQuantized: (a) => ({
    attributes: { bits: int(a.bits), block_size: int(a.blockSize), gather_axis: int(0), quantize_axis: int(1) },
  }),
  DequantizeLinear: (a) => ({ attributes: { axis: int(1), block_size: int(a.blockSize) } }),
  GroupQueryAttention: (a, inputs) => ({
    attributes: {
      num_heads: int(a.numHeads),
      kv_num_heads: int(a.kvNumHeads),
      scale: float(a.scale),
      do_rotary: int(a.doRotary),
      ...(a.rotaryInterleaved ? { rotary_interleaved: int(true) } : {}),
      ...(a.window ? { local_window_size: int(a.window) } : {}),
      ...(a.softcap ? { softcap: float(a.softcap) } : {}),
      ...(inputs[12] ? scaledCache : {}),
    },
  }),
};

/**
 * The ONNX model of a graph. `place` says where each parameter is. Parameters in files of 16-bit floats get a Cast,
 * which the runtime folds when it loads the model.
 */
export function lowerGraph(graph: Graph, place: (parameter: string) => Placement): OnnxModel {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = graph.constants.map(constantTensor);
  const inputs = graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const placeOf = placesOfParts(place);
  const unpacked = unpackedOnly(graph);
  for (const { value, part } of graph.parameters) {
    if (unpacked.has(value)) continue;
    const placement = part ? placeOf(part) : place(value.name);
    if (placement.kind === "input") inputs.push({ name: value.name, dtype: value.dtype, shape: value.shape });
    else placeInitializer(value, fixedShape(value.shape, value.name), placement, initializers, nodes);
  }
  const names = outputNames(graph);
  const known = new Map<string, string>();
  const targets = openTargets(graph, initializers);
  for (const node of graph.nodes) {
    if (isOpenReshape(node)) {
      nodes.push(...openReshape(node, names, targets));
      continue;
    }
    const lowered = lowerNode(node, names, initializers, known);
    nodes.push(node.op === "DequantizeLinear" ? lowerUnpacking(node, lowered, place, initializers) : lowered);
  }
  for (const { name, value } of graph.outputs)
    if (names.get(value.name) !== name) nodes.push(identityNode(names.get(value.name) ?? value.name, name));
  return {
    name: graph.name,
    opsets: { "": 21, "com.microsoft": 1 },
    nodes: branchRegions(graph, nodes, (name) => names.get(name) ?? name),
    inputs,
    outputs: graph.outputs.map(({ name, value }) => ({ name, dtype: value.dtype, shape: value.shape })),
    initializers,
    aliases: graph.aliases,
    guards: indexGuards(graph),
  };
}

/** A Reshape to a target that is a value, and the nodes that make it where they are not there yet. */
function openReshape(node: Node, names: ReadonlyMap<string, string>, targets: OpenTargets): OnnxNode[] {
  const rename = ({ name }: Value) => names.get(name) ?? name;
  const { name: target, nodes } = targets((node.attributes as OpAttributes["Reshape"]).shape);
  const inputs = [rename(node.inputs[0]!), target];
  return [...nodes, plainNode(node.name, "Reshape", inputs, rename(node.outputs[0]!))];
}

const plainNode = (
  name: string,
  opType: string,
  inputs: string[],
  output: string,
  attributes: Record<string, OnnxAttribute> = {},
): OnnxNode => ({ name, domain: "", opType, inputs, outputs: [output], attributes });

/** The name each node output takes in the model: its first public name where it has one. */
function outputNames(graph: Graph): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, value } of graph.outputs)
    if (value.kind === "node" && !names.has(value.name)) names.set(value.name, name);
  return names;
}

function lowerNode(
  node: Node,
  names: ReadonlyMap<string, string>,
  initializers: OnnxTensor[],
  known: Map<string, string>,
): OnnxNode {
  const speller = SPELLERS[node.op] as Speller<OpName>;
  const { attributes = {}, constants = [], opType = node.op } = speller(node.attributes as never, node.inputs);
  const rename = (name: string) => names.get(name) ?? name;
  const extra = constants.map(({ shape, data }) => {
    const key = data.join();
    const name = known.get(key) ?? `int64:${key}`;
    if (!known.has(key))
      initializers.push({ name, dtype: "int64", shape, data: bytesOf(BigInt64Array.from(data, BigInt)) });
    known.set(key, name);
    return name;
  });
  return {
    name: node.name,
    domain: OPS[node.op].domain,
    opType,
    inputs: [...spelledInputs(node).map((value) => (value ? rename(value.name) : "")), ...extra],
    outputs: spelledOutputs(node).map((value) => (value ? rename(value.name) : "")),
    attributes,
  };
}

/** A node's inputs in ONNX's places: zero points and an order of columns, which MatMulNBits has before its bias, are never given. */
function spelledInputs({ op, inputs }: Node): readonly (Value | undefined)[] {
  const [bias] = op === "MatMulNBits" ? inputs.slice(3) : [];
  return bias ? [...inputs.slice(0, 3), undefined, undefined, bias] : inputs;
}

/** A node's outputs in ONNX's places: means and deviations, which lie between, are not asked for. */
function spelledOutputs({ op, outputs }: Node): readonly (Value | undefined)[] {
  if (op !== "SkipSimplifiedLayerNormalization") return outputs;
  return [outputs[0], undefined, undefined, outputs[1]];
}

function identityNode(from: string, to: string): OnnxNode {
  return { name: `output:${to}`, domain: "", opType: "Identity", inputs: [from], outputs: [to], attributes: {} };
}

function placeInitializer(
  { name, dtype: wanted }: Value,
  shape: readonly number[],
  placement: Exclude<Placement, { kind: "input" }>,
  initializers: OnnxTensor[],
  nodes: OnnxNode[],
): void {
  if (placement.kind === "file" && !isDType(placement.dtype))
    fail("BAD_WEIGHTS", `${name}: unknown dtype ${placement.dtype}`);
  const dtype = placement.kind === "file" ? placement.dtype : wanted;
  if (dtype !== wanted && wanted !== "float32") fail("BAD_WEIGHTS", `${name}: got ${dtype}, expected ${wanted}`);
  const got = placement.kind === "file" ? placement.at.length : placement.data.byteLength;
  const expected = shape.reduce((n, dim) => n * dim, bytesPer(dtype));
  if (got !== expected)
    fail("BAD_WEIGHTS", `${name}: got ${got} bytes for ${dtype}${showShape(shape)}, expected ${expected}`);
  if (placement.kind === "memory") {
    initializers.push({ name, dtype, shape, data: bytesOf(placement.data) });
    return;
  }
  if (dtype === wanted) {
    initializers.push({ name, dtype, shape, data: placement.at });
    return;
  }
  const stored = `${name}:${placement.dtype}`;
  initializers.push({ name: stored, dtype: placement.dtype, shape, data: placement.at });
  nodes.push({
    name: `${name}:cast`,
    domain: "",
    opType: "Cast",
    inputs: [stored],
    outputs: [name],
    attributes: { to: int(CAST_TO.float32!) },
  });
}

/** Places of parts of stored tensors, each of which is asked for once. */
function placesOfParts(place: (parameter: string) => Placement): (part: PartOf) => Placement {
  const wholes = new Map<string, Placement>();
  return ({ whole, index, count }) => {
    const placement = wholes.get(whole) ?? place(whole);
    wholes.set(whole, placement);
    if (placement.kind === "input") return placement;
    if (placement.kind === "memory") {
      const length = placement.data.length / count;
      return { kind: "memory", data: placement.data.subarray(index * length, (index + 1) * length) };
    }
    const length = placement.at.length / count;
    return { ...placement, at: { ...placement.at, offset: placement.at.offset + index * length, length } };
  };
}

function constantTensor({ value, data }: Constant): OnnxTensor {
  return { name: value.name, dtype: value.dtype, shape: fixedShape(value.shape, value.name), data: bytesOf(data) };
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
