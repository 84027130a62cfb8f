/** Puts the nodes of a graph's regions into branches. Knows how nodes are named, and of their operators nothing. */
import { fail } from "../base/errors.ts";
import type { OnnxAttribute, OnnxBranch, OnnxNode } from "../onnx/model.ts";
import type { Graph, Region } from "./types.ts";

/**
 * The lowered nodes of a graph with each region's in one If. A node that lowering adds for another, NODE, is named
 * `NODE:what`. `rename` gives the public names of values.
 */
export function branchRegions(graph: Graph, nodes: readonly OnnxNode[], rename: (name: string) => string): OnnxNode[] {
  const regionOf = new Map(graph.regions.flatMap((region) => region.nodes.map(({ name }) => [name, region] as const)));
  if (regionOf.size === 0) return [...nodes];
  const owner = ({ name }: OnnxNode) => regionOf.get(name) ?? regionOf.get(name.replace(/:[^:]*$/, ""));
  const parts = new Map<Region, OnnxNode[]>(graph.regions.map((region) => [region, []]));
  for (const node of nodes) parts.get(owner(node)!)?.push(node);
  const made: OnnxNode[] = [];
  for (const node of nodes) {
    const region = owner(node);
    if (!region) made.push(node);
    else if (parts.get(region)!.at(-1) === node) made.push(branch(region, parts.get(region)!, rename));
  }
  checkInside(graph, made, [...parts.values()].flat());
  return made;
}

function branch(region: Region, nodes: readonly OnnxNode[], rename: (name: string) => string): OnnxNode {
  const { dtype, shape } = region.result;
  const [result, standIn] = [rename(region.result.name), rename(region.standIn.name)];
  const taken = `${result}:then`;
  const inner = (name: string) => (name === result ? taken : name);
  const then: OnnxBranch = {
    name: taken,
    nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(inner), outputs: node.outputs.map(inner) })),
    outputs: [{ name: taken, dtype, shape }],
  };
  const left = `${result}:else`;
  const otherwise: OnnxBranch = {
    name: left,
    nodes: [{ name: left, domain: "", opType: "Identity", inputs: [standIn], outputs: [left], attributes: {} }],
    outputs: [{ name: left, dtype, shape }],
  };
  const graph = (value: OnnxBranch): OnnxAttribute => ({ kind: "graph", value });
  return {
    name: `${result}:if`,
    domain: "",
    opType: "If",
    inputs: [rename(region.always.name)],
    outputs: [result],
    attributes: { then_branch: graph(then), else_branch: graph(otherwise) },
  };
}

/** Throws BAD_GRAPH where a node reads what only a branch knows. */
function checkInside(graph: Graph, outside: readonly OnnxNode[], inside: readonly OnnxNode[]): void {
  const hidden = new Set(inside.flatMap(({ outputs }) => outputs));
  for (const node of outside) for (const name of node.outputs) hidden.delete(name);
  for (const node of outside)
    for (const name of node.inputs)
      if (hidden.has(name)) fail("BAD_GRAPH", `${graph.name}: ${node.name} reads ${name}, which is inside a region`);
}
