/**
 * Adapters that are chosen at each run: low-rank products with inputs of the graph beside those with its weights. Every token
 * has a row of a mask, so that rows of one batch have adapters of their own. Knows no files.
 */
import { fail } from "../base/errors.ts";
import { type Dim, mulDims } from "../base/shapes.ts";
import { apply, input } from "../graph/build.ts";
import { add, gather, gemm, mul } from "../graph/functions.ts";
import { rewrite } from "../graph/rewrite.ts";
import type { Graph, Node, OpAttributes, Value } from "../graph/types.ts";

/** A module that some adapter changes. */
export interface AdaptedModule {
  /** By name: its weight's, without ".weight". */
  readonly module: string;
  readonly kind: "linear" | "embedding";
  /** Some adapter multiplies what the weight gives (DoRA). */
  readonly gains: boolean;
  /** Some adapter adds a vector. */
  readonly offsets: boolean;
}

/** Input float32 (N, L): 1 where a column's adapter is the token's, else 0. L is the sum of the ranks of the adapters of a run. */
export const ADAPTER_MASK = "adapter_mask";
/** Input float32 (N, A): 1 for the token's adapter. Tokens of the base have none. Only where modules have gains or offsets. */
export const ADAPTER_ROWS = "adapter_rows";

/** Names of a module's inputs: `a` (L, in), of an embedding (rows, L); `b` (out, L); `gain` and `offset` (A, out). */
export const adapterInputs = (module: string) => ({
  a: `${module}.lora_A`,
  b: `${module}.lora_B`,
  gain: `${module}.lora_gain`,
  offset: `${module}.lora_offset`,
});

/**
 * In place: y = x W^T + c becomes y + (y gain) + ((x A^T) mask) B^T + offset, of the token's adapter; scales are in B. A gain
 * is by how much an output's factor exceeds 1. Throws BUG for a module that the graph has not. Returns the graph.
 */
export function adaptGraph(graph: Graph, modules: readonly AdaptedModule[]): Graph {
  if (modules.length === 0) return graph;
  const wanted = new Map(modules.map((each) => [`${each.kind} ${each.module}`, each]));
  const missing = new Set(wanted.keys());
  const tables = new Set(graph.nodes.map(({ op, inputs }) => (op === "Gather" ? inputs[0] : undefined)));
  const choice = choices(graph, modules);
  const made = new Map<string, Value>();
  rewrite(graph, (node) => {
    const kind = node.op === "Gather" ? "embedding" : node.op === "Gemm" ? "linear" : undefined;
    const weight = node.inputs[kind === "embedding" ? 0 : 1];
    if (!kind || weight?.kind !== "parameter" || (kind === "linear" && tables.has(weight))) return undefined;
    const key = `${kind} ${weight.name.replace(/\.weight$/, "")}`;
    const adapted = wanted.get(key);
    if (!adapted) return undefined;
    missing.delete(key);
    return [adaptedProduct(graph, node, weight, adapted, choice, made)];
  });
  if (missing.size > 0) fail("BUG", `${graph.name}: has no ${[...missing][0]}`);
  return graph;
}

/** Which adapter each row of a value has. */
interface Choice {
  mask(rows: Dim): Value;
  rows(rows: Dim): Value;
}

/** The inputs that choose, and for the rows of logits their parts. */
function choices(graph: Graph, modules: readonly AdaptedModule[]): Choice {
  const find = (name: string) => graph.inputs.find((each) => each.name === name);
  const ids = find("input_ids") ?? fail("BUG", `${graph.name}: has no input_ids`);
  const logitRows = find("logit_rows");
  const length = mulDims(...ids.shape);
  const mask = input(graph, ADAPTER_MASK, "float32", [length, "L"]);
  const chosen = modules.some(({ gains, offsets }) => gains || offsets)
    ? input(graph, ADAPTER_ROWS, "float32", [length, "A"])
    : undefined;
  const parts = new Map<Value, Value>();
  const partOf = (whole: Value, rows: Dim): Value => {
    if (rows === length) return whole;
    const part = parts.get(whole) ?? gather(whole, logitRows!);
    parts.set(whole, part);
    return part;
  };
  return { mask: (rows) => partOf(mask, rows), rows: (rows) => partOf(chosen!, rows) };
}

/** The rows of a module's product with the adapter of each. */
function adaptedProduct(
  graph: Graph,
  node: Node,
  weight: Value,
  { module, kind, gains, offsets }: AdaptedModule,
  choice: Choice,
  made: Map<string, Value>,
): Value {
  const plain = apply(node.op as "Gemm", node.inputs, node.attributes as OpAttributes["Gemm"])[0]; // (N, out)
  const rows = plain.shape[0]!;
  const outer = plain.shape[1]!;
  const names = adapterInputs(module);
  const fed = (name: string, shape: readonly Dim[]): Value => {
    const value = made.get(name) ?? input(graph, name, "float32", shape);
    made.set(name, value);
    return value;
  };
  const narrow =
    kind === "embedding"
      ? gather(fed(names.a, [weight.shape[0]!, "L"]), node.inputs[1]!)
      : gemm(node.inputs[0]!, fed(names.a, ["L", node.inputs[0]!.shape[1]!]), { transB: true }); // (N, L)
  const from = shifted(
    plain,
    choice,
    gains && fed(names.gain, ["A", outer]),
    offsets && fed(names.offset, ["A", outer]),
  );
  return gemm(mul(narrow, choice.mask(rows)), fed(names.b, [outer, "L"]), { transB: true, c: from });
}

/** y + y gain + offset, of the row's adapter. */
function shifted(y: Value, choice: Choice, gain: Value | false, offset: Value | false): Value {
  if (!gain && !offset) return y;
  const chosen = choice.rows(y.shape[0]!);
  const gained = gain ? add(y, mul(y, gemm(chosen, gain))) : y;
  return offset ? gemm(chosen, offset, { c: gained }) : gained;
}
