/** Estimates the memory a graph's run needs from the lives of its values. Knows sizes and order, no runtime. */
import { bytesOf } from "../base/dtypes.ts";
import { knownDim, sizeOf } from "../base/shapes.ts";
import type { Graph, Node, OpName, Value } from "./types.ts";

/** Operators whose result is their input under another shape. */
const VIEWS: ReadonlySet<OpName> = new Set(["Reshape", "Identity"]);
/** Operators that may write over an operand of the same size that nobody needs any more. */
const IN_PLACE: ReadonlySet<OpName> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Exp",
  "Sqrt",
  "Softmax",
  "LogSoftmax",
  "Tanh",
  "Sigmoid",
]);

/** Bytes of one value. */
export function valueBytes(value: Value): number {
  return bytesOf(value.dtype) * knownDim(sizeOf(value.shape), value.name);
}

/**
 * Bytes that a session holds for weights in blocks: what products have packed anew, and what of their files is read in every
 * run. Of a table that rows are gathered from little is.
 */
export function blockBytes(graph: Graph): number {
  const packed = new Set<Value>();
  const read = new Set<Value>();
  for (const { op, inputs } of graph.nodes) {
    const blocks = op === "MatMulNBits" ? packed : op === "DequantizeLinear" ? read : undefined;
    if (blocks) for (const value of inputs) if (value?.kind === "parameter") blocks.add(value);
  }
  const sum = (values: ReadonlySet<Value>) => [...values].reduce((total, value) => total + valueBytes(value), 0);
  return sum(packed) + sum(read);
}

/**
 * The largest sum of bytes of intermediate values that live at once, nodes run in their order. Inputs, parameters,
 * constants and public outputs are not counted: whoever feeds the graph owns them. All axes must be fixed.
 */
export function peakBytes(graph: Graph): number {
  const roots = rootsOf(graph.nodes);
  const lastUse = new Map<Value, number>();
  for (const [i, node] of graph.nodes.entries())
    for (const value of [...node.inputs, ...node.outputs]) if (value) lastUse.set(roots.get(value) ?? value, i);
  const external = new Set(graph.outputs.map(({ value }) => roots.get(value) ?? value));
  const counted = (value: Value) => value.kind === "node" && !external.has(value) && !roots.has(value);
  let [live, peak] = [0, 0];
  for (const [i, node] of graph.nodes.entries()) {
    const dying = [...new Set(node.inputs.map((value) => value && (roots.get(value) ?? value)))].filter(
      (value) => value !== undefined && counted(value) && lastUse.get(value) === i,
    ) as Value[];
    const freed = dying.reduce((sum, value) => sum + valueBytes(value), 0);
    const made = node.outputs.filter(counted).reduce((sum, value) => sum + valueBytes(value), 0);
    const reused = IN_PLACE.has(node.op) && dying.some((value) => valueBytes(value) === made) ? made : 0;
    live += made;
    peak = Math.max(peak, live - reused);
    live -= freed;
    for (const value of node.outputs) if (counted(value) && lastUse.get(value) === i) live -= valueBytes(value);
  }
  return peak;
}

/** Views to what they are views of. */
function rootsOf(nodes: readonly Node[]): Map<Value, Value> {
  const roots = new Map<Value, Value>();
  for (const node of nodes) {
    const source = node.inputs[0];
    if (VIEWS.has(node.op) && source) roots.set(node.outputs[0]!, roots.get(source) ?? source);
  }
  return roots;
}
