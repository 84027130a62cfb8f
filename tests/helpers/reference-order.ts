/** The order in which ONNX Runtime runs a graph's nodes, which is not the order they are written in. */
import type { Graph, Node, Value } from "../../src/graph/types.ts";

/**
 * Depth first from the nodes that nothing reads, the one written last first; so is each node's own list of what it reads
 * (ONNX Runtime 1.30, GraphViewer: ReverseDFSFrom with NodeCompare). A node runs once all it reads has run.
 */
export function runtimeOrder(graph: Graph): Graph {
  const makers = new Map<Value, number>();
  for (const [i, node] of graph.nodes.entries()) for (const value of node.outputs) makers.set(value, i);
  const read = graph.nodes.map((node) => {
    const from = node.inputs.map((value) => (value ? makers.get(value) : undefined));
    return [...new Set(from)].filter((i) => i !== undefined).sort((a, b) => a - b);
  });
  const isRead = new Set(read.flat());
  const stack = [...graph.nodes.keys()].filter((i) => !isRead.has(i)).map((i) => ({ i, done: false }));
  const seen = new Set<number>();
  const order: Node[] = [];
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.done) order.push(graph.nodes[top.i]!);
    if (top.done || seen.has(top.i)) continue;
    seen.add(top.i);
    stack.push({ i: top.i, done: true });
    for (const i of read[top.i]!) if (!seen.has(i)) stack.push({ i, done: false });
  }
  return { ...graph, nodes: order };
}
