/** Finds the inputs of a graph that are used as indices, and the axes they index. Looks at no data. */
import type { Dim } from "../base/shapes.ts";
import type { IndexGuard } from "../onnx/model.ts";
import type { Graph, Node, OpName, Value } from "./types.ts";

/** Operators that hand on the elements of their first input. */
const CARRIERS: ReadonlySet<OpName> = new Set(["Reshape", "Expand", "Transpose", "Identity", "Slice", "Gather"]);

/**
 * What must hold of a graph's integer inputs at each run. ONNX Runtime looks at indices too, but says no names, and its
 * WebAssembly build never returns from a GatherElements that meets a wrong one.
 */
export function indexGuards(graph: Graph): IndexGuard[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)));
  const found = new Map<string, IndexGuard>();
  for (const node of graph.nodes) {
    const indexed = indexedAxis(node);
    const source = indexed && sourceOf(node.inputs[1]!, makers);
    if (!indexed || source?.kind !== "input") continue;
    const guard = { input: source.name, ...indexed };
    found.set(Object.values(guard).join(), guard);
  }
  return [...found.values()];
}

/** The axis that a node's second input counts along. */
function indexedAxis(node: Node): { length: Dim; fromEnd: boolean } | undefined {
  switch (node.op) {
    case "Gather":
    case "GatherElements":
    case "ScatterElements":
      return { length: node.inputs[0]!.shape.at((node.attributes as { axis: number }).axis)!, fromEnd: true };
    case "RotaryEmbedding":
      return { length: node.inputs[2]!.shape[0]!, fromEnd: false };
    default:
      return undefined;
  }
}

function sourceOf(value: Value, makers: ReadonlyMap<Value, Node>): Value {
  let at = value;
  for (let node = makers.get(at); node && CARRIERS.has(node.op); node = makers.get(at)) at = node.inputs[0]!;
  return at;
}
