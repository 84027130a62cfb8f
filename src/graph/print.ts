/** A graph as stable text: what snapshots compare and what a person reads. */
import { showShape } from "../base/shapes.ts";
import type { Constant, Graph, Node, TensorType, Value } from "./types.ts";

const typeText = (type: TensorType) => `${type.dtype}${showShape(type.shape)}`;

/** One line an input, parameter, constant and node, in order; then the outputs and aliases. */
export function printGraph(graph: Graph): string {
  const lines = [`graph ${graph.name}`];
  for (const value of graph.inputs) lines.push(`  input ${value.name}: ${typeText(value)}`);
  for (const { value } of graph.parameters) lines.push(`  parameter ${value.name}: ${typeText(value)}`);
  for (const constant of graph.constants) lines.push(`  constant ${constant.value.name}: ${constantText(constant)}`);
  for (const node of graph.nodes) lines.push(`  ${nodeText(node)}`);
  for (const { name, value } of graph.outputs) lines.push(`  output ${name} = ${value.name}`);
  for (const [from, to] of graph.aliases) lines.push(`  alias ${from} and ${to} share a buffer`);
  return `${lines.join("\n")}\n`;
}

/** "names: types = Op(inputs) {attributes}". */
export function nodeText(node: Node): string {
  const outputs = node.outputs.map((value) => `${value.name}: ${typeText(value)}`).join(", ");
  const inputs = node.inputs.map((value) => value?.name ?? "-").join(", ");
  const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${attributeText(value)}`);
  return `${outputs} = ${node.op}(${inputs})${attributes.length ? ` {${attributes.join(", ")}}` : ""}`;
}

function attributeText(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}

function constantText({ value, data }: { value: Value; data: Constant["data"] }): string {
  const shown = [...data.slice(0, 4)].map(String).join(", ");
  return `${typeText(value)} = ${data.length > 4 ? `${shown}, ...` : shown}`;
}
