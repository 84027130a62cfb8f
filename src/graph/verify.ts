/** Checks a whole graph against its spec; run after every pass. Errors name the node. */
import { bytesOf } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shapes.ts";
import { inferTypes } from "./build.ts";
import type { Constant, Graph, Node, TensorType, Value } from "./types.ts";

const typeText = ({ dtype, shape }: TensorType) => `${dtype}${showShape(shape)}`;

/**
 * Throws BAD_GRAPH when a value is used before it is made or made twice, when two values share a name, when a recorded
 * type differs from the inferred one, when an output or alias names nothing, or when the two ends of an alias differ in
 * type. Returns the graph.
 */
export function verifyGraph(graph: Graph): Graph {
  const made = new Map<string, Value>();
  const define = (value: Value, where: string) => {
    if (value.graph !== graph)
      fail("BAD_GRAPH", `${where}: ${value.name} belongs to another graph, ${value.graph.name}`);
    if (made.has(value.name)) fail("BAD_GRAPH", `${where}: the name ${value.name} is used twice`);
    made.set(value.name, value);
  };
  for (const value of graph.inputs) define(value, "inputs");
  for (const { value } of graph.parameters) define(value, "parameters");
  for (const constant of graph.constants) {
    define(constant.value, "constants");
    checkConstant(constant);
  }
  for (const node of graph.nodes) {
    for (const value of node.inputs)
      if (value && made.get(value.name) !== value)
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
        `${node.name}: ${value.name} is recorded as ${typeText(value)}, but ${node.op} makes ${typeText(type)}`,
      );
  }
}

function checkConstant({ value, data }: Constant): void {
  const size = value.shape.reduce<number>((n, dim) => n * Number(dim), 1);
  if (size !== data.length)
    fail("BAD_GRAPH", `${value.name}: got ${data.length} elements for ${showShape(value.shape)}`);
  if (data.BYTES_PER_ELEMENT !== bytesOf(value.dtype))
    fail("BAD_GRAPH", `${value.name}: got elements of ${data.BYTES_PER_ELEMENT} bytes for ${value.dtype}`);
}

function checkOutputs(graph: Graph, made: ReadonlyMap<string, Value>): void {
  for (const { name, value } of graph.outputs) {
    if (made.get(value.name) !== value) fail("BAD_GRAPH", `output ${name}: nothing makes ${value.name}`);
    const holder = made.get(name);
    if (holder && holder !== value)
      fail("BAD_GRAPH", `output ${name}: the name is taken by another value than ${value.name}`);
    if (holder && holder.kind !== "node")
      fail("BAD_GRAPH", `output ${name}: the name is taken by ${holder.kind === "input" ? "an" : "a"} ${holder.kind}`);
  }
  for (const [from, to] of graph.aliases) {
    const source = graph.inputs.find((v) => v.name === from) ?? fail("BAD_GRAPH", `alias: there is no input ${from}`);
    const target =
      graph.outputs.find((o) => o.name === to)?.value ?? fail("BAD_GRAPH", `alias: there is no output ${to}`);
    if (source.dtype !== target.dtype || !sameShape(source.shape, target.shape))
      fail("BAD_GRAPH", `alias: ${from} is ${typeText(source)} and ${to} is ${typeText(target)}, expected one type`);
  }
}
