/** Walks a graph and writes it anew in place, node by node. Knows no operator. */
import { prune } from "./passes.ts";
import type { Graph, Node, Value } from "./types.ts";

/** What stands for a node's outputs from now on, or undefined to keep the node. Outputs beyond those given are `replace`d, or needed by nobody. */
export type Visit = (node: Node, replace: (old: Value, now: Value) => void) => readonly Value[] | undefined;

/**
 * Shows every node, its inputs already replaced, to `visit`, which may write nodes in its place. What nobody needs any
 * more is dropped, but for inputs and parameters. Returns the graph.
 */
export function rewrite(graph: Graph, visit: Visit): Graph {
  const nodes = graph.nodes.splice(0);
  const scopes = graph.scopes.splice(0);
  const follow = regionFollower(graph);
  const replaced = new Map<Value, Value>();
  const replace = (old: Value, now: Value) => void replaced.set(old, now);
  const current = (value: Value | undefined) => value && (replaced.get(value) ?? value);
  for (const node of nodes) {
    const start = graph.nodes.length;
    const seen = { ...node, inputs: node.inputs.map(current) } as Node;
    graph.scopes.push(node.scope);
    const outputs = visit(seen, replace);
    graph.scopes.pop();
    if (!outputs) graph.nodes.push(seen);
    else for (const [i, output] of outputs.entries()) replace(node.outputs[i]!, output);
    follow.made(node, start);
  }
  graph.scopes.push(...scopes);
  follow.finish((value) => current(value)!);
  for (const output of graph.outputs) output.value = current(output.value)!;
  return prune(graph);
}

/** Keeps a graph's regions true while its nodes are rewritten one after the other. */
function regionFollower(graph: Graph) {
  const regions = graph.regions.splice(0);
  const numbers = new Map(regions.flatMap(({ nodes }, i) => nodes.map(({ name }) => [name, i] as const)));
  const parts = regions.map((): Node[] => []);
  return {
    /** What was appended from `start` on stands for `node`. */
    made(node: Node, start: number): void {
      const number = numbers.get(node.name);
      if (number !== undefined) parts[number]!.push(...graph.nodes.slice(start));
    },
    finish(current: (value: Value) => Value | undefined): void {
      for (const [i, { result, standIn, always }] of regions.entries())
        graph.regions.push({
          nodes: parts[i]!,
          result: current(result)!,
          standIn: current(standIn)!,
          always: current(always)!,
        });
    },
  };
}
