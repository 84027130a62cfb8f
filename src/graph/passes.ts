/** Rewrites of whole graphs. Each leaves a graph that verifies. */
import type { Graph, Value } from "./types.ts";

/** Drops, in place, the nodes and constants that no output needs; inputs and parameters stay. Returns the graph. */
export function prune(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs.map((o) => o.value));
  const kept = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    kept.push(node);
    for (const value of node.inputs) if (value) needed.add(value);
  }
  graph.nodes.splice(0, graph.nodes.length, ...kept.reverse());
  const constants = graph.constants.filter((c) => needed.has(c.value));
  graph.constants.splice(0, graph.constants.length, ...constants);
  return graph;
}
