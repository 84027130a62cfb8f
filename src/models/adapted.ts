/** What an adapter can change of a model: its linear layers and tables, as its own graph has them. Reads no adapter. */
import type { Node, OpAttributes } from "../graph/types.ts";
import { trainingBuilder } from "../nn/builder.ts";
import type { AdapterBase, BaseLinear } from "../weights/adapter.ts";
import type { CausalLm } from "./types.ts";

/** The module a parameter belongs to. */
const moduleOf = (parameter: string): string => parameter.slice(0, parameter.lastIndexOf("."));

/** Linear layers, tables and shapes of a model, by names of modules, for an adapter to be checked against. */
export function adapterBase(model: CausalLm): AdapterBase {
  const b = trainingBuilder("adapter-base", 1, 1);
  model.head(b, model.hidden(b));
  const linears = new Map<string, BaseLinear>();
  const tables = new Map<string, readonly [number, number]>();
  for (const node of b.graph.nodes) {
    const weight = node.inputs[node.op === "Gather" ? 0 : 1];
    if (weight?.kind !== "parameter" || weight.shape.length !== 2) continue;
    const module = moduleOf(weight.name);
    const [rows, columns] = weight.shape as [number, number];
    if (node.op === "Gather" && rows === model.vocabSize) tables.set(module, [rows, columns]);
    if (node.op === "Gemm") linears.set(module, linearOf(node, rows, columns));
  }
  const table = [...tables.keys()].find((module) => linears.has(module));
  const shapes = new Map(b.graph.parameters.map(({ value }) => [value.name, value.shape as number[]]));
  if (table === undefined) return { shapes, linears, tables };
  linears.set(HEAD, linears.get(table)!);
  linears.delete(table);
  return { shapes, linears, tables, tied: { head: HEAD, table: `${table}.weight` } };
}

/** The head's module in every family that ties it to its embedding. */
const HEAD = "lm_head";

function linearOf({ inputs, attributes }: Node, rows: number, columns: number): BaseLinear {
  const { transB } = attributes as OpAttributes["Gemm"];
  const [outer, inner] = transB ? [rows, columns] : [columns, rows];
  return { inner, outer, layout: transB ? "out-in" : "in-out", biased: inputs[2] !== undefined };
}
