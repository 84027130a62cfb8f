/** How a graph uses its matrices of parameters: what a packed form of them must be able to do. Knows no bits. */
import type { Graph, Node, OpAttributes, Value } from "./types.ts";

/** A matrix that is only ever multiplied with, or looked up row by row. */
export interface WeightUse {
  readonly name: string;
  /** N: outputs of the product, or rows of the table. */
  readonly rows: number;
  /** K: inputs of the product, or columns of the table. */
  readonly width: number;
  /** The parameter is (N, K), or (K, N) as GPT-2 stores it. */
  readonly layout: "out-in" | "in-out";
  /** Rows are gathered: it is a table of embeddings. */
  readonly gathered: boolean;
  readonly multiplied: boolean;
  /** What it is multiplied with, by name. Matrices that share it can be multiplied at once. */
  readonly input: string | undefined;
  /** The product decides a TopK: it routes tokens to experts. */
  readonly routes: boolean;
}

/** What becomes of scores on their way to a TopK. */
const ON_THE_WAY: ReadonlySet<string> = new Set(["Softmax", "LogSoftmax", "Sigmoid", "Add", "Reshape", "Cast", "Mul"]);
const MOST_STEPS = 4;

/**
 * Every parameter (of two axes) of which all uses are: B of a plain Gemm (x W^T or x W, always the same), or the table
 * of a Gather of rows. In the order of first use.
 */
export function weightUses(graph: Graph): WeightUse[] {
  const users = usersOf(graph);
  const uses: WeightUse[] = [];
  for (const [value, nodes] of users) {
    if (value.kind !== "parameter" || value.shape.length !== 2) continue;
    const kinds = new Set(nodes.map((node) => kindOf(node, value)));
    if (kinds.has("other") || kinds.has("in-out") === (kinds.has("out-in") || kinds.has("gather"))) continue;
    const transposed = kinds.has("in-out");
    const [first, second] = value.shape as [number, number];
    const product = nodes.find(({ op }) => op === "Gemm");
    uses.push({
      name: value.name,
      rows: transposed ? second : first,
      width: transposed ? first : second,
      layout: transposed ? "in-out" : "out-in",
      gathered: kinds.has("gather"),
      multiplied: product !== undefined,
      input: product?.inputs[0]?.name,
      routes: nodes.some((node) => node.op === "Gemm" && reachesTopK(node.outputs[0]!, users, MOST_STEPS)),
    });
  }
  return uses;
}

/** The nodes that take each value, in the graph's order. */
function usersOf(graph: Graph): Map<Value, Node[]> {
  const users = new Map<Value, Node[]>();
  for (const node of graph.nodes)
    for (const value of node.inputs) {
      if (!value) continue;
      const list = users.get(value);
      if (list) list.push(node);
      else users.set(value, [node]);
    }
  return users;
}

function kindOf(node: Node, weight: Value): "gather" | "out-in" | "in-out" | "other" {
  if (node.op === "Gather" && node.inputs[0] === weight && node.inputs[1] !== weight)
    return (node.attributes as OpAttributes["Gather"]).axis === 0 ? "gather" : "other";
  if (node.op !== "Gemm" || node.inputs[1] !== weight || node.inputs[0] === weight || node.inputs[2] === weight)
    return "other";
  const { transA, transB, alpha } = node.attributes as OpAttributes["Gemm"];
  if (transA || alpha !== 1) return "other";
  return transB ? "out-in" : "in-out";
}

function reachesTopK(value: Value, users: ReadonlyMap<Value, readonly Node[]>, steps: number): boolean {
  return (users.get(value) ?? []).some(
    ({ op, outputs }) =>
      op === "TopK" || (steps > 0 && ON_THE_WAY.has(op) && reachesTopK(outputs[0]!, users, steps - 1)),
  );
}
