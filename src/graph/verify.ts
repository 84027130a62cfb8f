/** Checks a whole graph against its spec; run after every pass. Errors name the node. */
import { fail } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shapes.ts";
import { inferTypes } from "./build.ts";
import type { Graph, Node, Value } from "./types.ts";

/**
 * Throws BAD_GRAPH when a value is used before it is made or made twice, when two values share a name, when a recorded
 * type differs from the inferred one, or when an output or alias names nothing. Returns the graph.
 */
export function verifyGraph(graph: Graph): Graph {
  const made = new Set<Value>();
  const names = new Set<string>();
  const define = (value: Value, where: string) => {
    if (value.graph !== graph)
      fail("BAD_GRAPH", `${where}: ${value.name} belongs to another graph, ${value.graph.name}`);
    if (names.has(value.name)) fail("BAD_GRAPH", `${where}: the name ${value.name} is used twice`);
    names.add(value.name);
    made.add(value);
  };
  for (const value of graph.inputs) define(value, "inputs");
  for (const { value } of graph.parameters) define(value, "parameters");
  for (const { value, data } of graph.constants) {
    define(value, "constants");
    const size = value.shape.reduce<number>((n, dim) => n * Number(dim), 1);
    if (size !== data.length)
      fail("BAD_GRAPH", `${value.name}: got ${data.length} elements for ${showShape(value.shape)}`);
  }
  for (const node of graph.nodes) {
    for (const value of node.inputs)
      if (value && !made.has(value))
        fail("BAD_GRAPH", `${node.name}: ${node.op} reads ${value.name} before it is made`);
    checkTypes(node);
    for (const value of node.outputs) define(value, node.name);
  }
  checkOutputs(graph, made);
  return graph;
}

function checkTypes(node: Node): void {
  const types = inferTypes(node.op, node.name, node.inputs, node.attributes as never);
  if (types.length !== node.outputs.length)
    fail("BAD_GRAPH", `${node.name}: ${node.op} has ${node.outputs.length} outputs, expected ${types.length}`);
  for (const [i, type] of types.entries()) {
    const value = node.outputs[i]!;
    if (value.dtype !== type.dtype || !sameShape(value.shape, type.shape))
      fail(
        "BAD_GRAPH",
        `${node.name}: ${value.name} is recorded as ${value.dtype}${showShape(value.shape)}, ` +
          `but ${node.op} makes ${type.dtype}${showShape(type.shape)}`,
      );
  }
}

function checkOutputs(graph: Graph, made: ReadonlySet<Value>): void {
  for (const { name, value } of graph.outputs)
    if (!made.has(value)) fail("BAD_GRAPH", `output ${name}: nothing makes ${value.name}`);
  for (const [from, to] of graph.aliases) {
    if (!graph.inputs.some((v) => v.name === from)) fail("BAD_GRAPH", `alias: there is no input ${from}`);
    if (!graph.outputs.some((o) => o.name === to)) fail("BAD_GRAPH", `alias: there is no output ${to}`);
  }
}
