/** Rewrites of whole graphs. Each leaves a graph that verifies. */
import type { Graph, Value } from "./types.ts";

/** Drops, in place, the nodes and constants that no output needs; inputs and parameters stay. Returns the graph. */
export function prune(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs.map((o) => o.value));
  for (const { standIn, always } of graph.regions) needed.add(standIn).add(always);
  const kept = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((value) => needed.has(value))) continue;
    kept.push(node);
    for (const value of node.inputs) if (value) needed.add(value);
  }
  refill(graph.nodes, kept.reverse());
  const left = new Set(graph.nodes);
  for (const [i, region] of graph.regions.entries())
    graph.regions[i] = { ...region, nodes: region.nodes.filter((node) => left.has(node)) };
  refill(
    graph.constants,
    graph.constants.filter((c) => needed.has(c.value)),
  );
  return graph;
}

/** One by one: as arguments of a call, a deep model's nodes are too many. */
function refill<T>(list: T[], items: readonly T[]): void {
  list.length = 0;
  for (const item of items) list.push(item);
}
