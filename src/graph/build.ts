/** Makes graphs: inputs, parameters, constants, and nodes whose types are inferred and checked as they are written. */
import type { DType } from "../base/dtypes.ts";
import { fail, OwnlmError } from "../base/errors.ts";
import { type Shape, sameShape, showShape } from "../base/shapes.ts";
import { OPS, type OpSpec } from "./ops.ts";
import type { Constant, Graph, Init, OpAttributes, OpName, TensorType, Value } from "./types.ts";

/** An empty graph. */
export function createGraph(name: string): Graph {
  return {
    name,
    inputs: [],
    parameters: [],
    constants: [],
    nodes: [],
    outputs: [],
    aliases: [],
    regions: [],
    names: new Map(),
    scopes: [],
  };
}

/** Runs `body` with `name` added to the scope that new nodes and parameters are named under. */
export function scope<R>(graph: Graph, name: string, body: () => R): R {
  graph.scopes.push(name);
  try {
    return body();
  } finally {
    graph.scopes.pop();
  }
}

/** Runs `body` under no scope: what several layers share belongs to none of them. */
export function atRoot<R>(graph: Graph, body: () => R): R {
  const scopes = graph.scopes.splice(0);
  try {
    return body();
  } finally {
    graph.scopes.splice(0, graph.scopes.length, ...scopes);
  }
}

/**
 * Runs `body`, whose nodes become a {@link Region}. ONNX Runtime 1.30 takes time for a session that is quadratic in the
 * number of values whose lengths are known at each run alone; in a branch they are counted by themselves.
 */
export function apart(always: Value, standIn: Value, body: () => Value): Value {
  const { graph } = standIn;
  const start = graph.nodes.length;
  const result = body();
  if (result.dtype !== standIn.dtype || !sameShape(result.shape, standIn.shape))
    fail(
      "BAD_GRAPH",
      `${result.name}: got ${showShape(result.shape)}, expected its stand-in's ${showShape(standIn.shape)}`,
    );
  graph.regions.push({ nodes: graph.nodes.slice(start), result, standIn, always });
  return result;
}

/** The current scope joined to a name with dots, as Hugging Face names weights: "model.layers.3.mlp.up_proj.weight". */
export function scopedName(graph: Graph, name: string): string {
  return [...graph.scopes, name].join(".");
}

function claim(graph: Graph, name: string): string {
  if (graph.names.has(name)) fail("BAD_GRAPH", `${graph.name}: the name ${name} is taken. Give each value its own.`);
  graph.names.set(name, 1);
  return name;
}

/** A fresh name from a stem: "stem", then "stem_1", "stem_2"... */
function freshName(graph: Graph, stem: string): string {
  for (;;) {
    const count = graph.names.get(stem) ?? 0;
    graph.names.set(stem, count + 1);
    if (count === 0) return stem;
    const name = `${stem}_${count}`;
    if (!graph.names.has(name)) return claim(graph, name);
  }
}

/** A tensor fed at every run. */
export function input(graph: Graph, name: string, dtype: DType, shape: Shape): Value {
  const value: Value = { graph, kind: "input", name: claim(graph, name), dtype, shape };
  graph.inputs.push(value);
  return value;
}

/** A float32 weight, named under the current scope. Asking for the same name again gives the same value (tied weights). */
export function parameter(graph: Graph, name: string, shape: Shape, init: Init): Value {
  const full = scopedName(graph, name);
  const known = graph.names.has(full) ? graph.parameters.find((p) => p.value.name === full) : undefined;
  if (known) {
    if (known.value.shape.join() !== shape.join())
      fail("BAD_GRAPH", `${full}: got ${showShape(shape)} and ${showShape(known.value.shape)} for one parameter`);
    return known.value;
  }
  const value: Value = { graph, kind: "parameter", name: claim(graph, full), dtype: "float32", shape };
  graph.parameters.push({ value, init });
  return value;
}

/**
 * One of the `count` parts along the first axis of a weight that is stored as one tensor, (count, ...shape), under the
 * name `WEIGHT[index]`: what reads only some of the parts need not take them all.
 */
export function parameterPart(
  graph: Graph,
  name: string,
  { index, count }: { readonly index: number; readonly count: number },
  shape: readonly number[],
  init: Init,
): Value {
  const value = parameter(graph, `${name}[${index}]`, shape, init);
  const at = graph.parameters.findIndex((p) => p.value === value);
  const whole = scopedName(graph, name);
  graph.parameters[at] = { value, init, part: { whole, index, count } };
  return value;
}

/** The name of the stored tensor that a parameter is, or is a part of. */
export const wholeName = (name: string): string => name.replace(/\[\d+\]$/, "");

/** The number of a parameter's part; undefined for a whole one. */
export function partNumber(name: string): number | undefined {
  const digits = /\[(\d+)\]$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A tensor of weights in a form that is not trained, under its full name. */
export function storedParameter(graph: Graph, name: string, dtype: DType, shape: readonly number[]): Value {
  const value: Value = { graph, kind: "parameter", name: claim(graph, name), dtype, shape };
  graph.parameters.push({ value, init: { kind: "zeros" } });
  return value;
}

/** A tensor known now. Equal scalars and small vectors are shared. */
export function constant(
  graph: Graph,
  dtype: DType,
  shape: readonly number[],
  data: Constant["data"],
  stem = "const",
): Value {
  const twin = data.length <= 16 ? graph.constants.find((c) => isTwin(c, dtype, shape, data)) : undefined;
  if (twin) return twin.value;
  const value: Value = { graph, kind: "constant", name: freshName(graph, stem), dtype, shape };
  graph.constants.push({ value, data });
  return value;
}

function isTwin(c: Constant, dtype: DType, shape: readonly number[], data: Constant["data"]): boolean {
  return (
    c.value.dtype === dtype && c.value.shape.join() === shape.join() && c.data.every((x, i) => Object.is(x, data[i]))
  );
}

/** A float scalar of the given dtype. */
export function scalar(graph: Graph, value: number, dtype: DType = "float32"): Value {
  return constant(graph, dtype, [], dtype === "float64" ? Float64Array.of(value) : Float32Array.of(value));
}

/** Gives a result its public name. */
export function output(graph: Graph, name: string, value: Value): void {
  if (graph.outputs.some((o) => o.name === name)) fail("BAD_GRAPH", `${graph.name}: two outputs are named ${name}`);
  graph.outputs.push({ name, value });
}

/** Types of an operator's outputs; errors name the node. */
export function inferTypes<K extends OpName>(
  op: K,
  where: string,
  inputs: readonly (TensorType | undefined)[],
  attributes: OpAttributes[K],
): TensorType[] {
  const spec = OPS[op] as unknown as OpSpec<OpAttributes[K]>;
  const [fewest, most] = spec.arity;
  if (inputs.length < fewest || inputs.length > most)
    fail("BAD_GRAPH", `${where}: ${op} got ${inputs.length} inputs, expected ${fewest} to ${most}`);
  try {
    return spec.infer(inputs as TensorType[], attributes);
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    return fail(error.code, `${where}: ${op}: ${error.message}`, error);
  }
}

/** Appends a node and returns its outputs. */
export function apply<K extends OpName>(
  op: K,
  inputs: readonly (Value | undefined)[],
  attributes: OpAttributes[K],
): [Value, ...Value[]] {
  const graph = inputs.find((value) => value !== undefined)!.graph;
  for (const value of inputs)
    if (value && value.graph !== graph)
      fail("BAD_GRAPH", `${op}: ${value.name} belongs to the graph ${value.graph.name}, not ${graph.name}`);
  const scopeName = graph.scopes.join(".");
  const name = freshName(graph, scopeName ? `${scopeName}/${op}` : op);
  const types = inferTypes(op, name, inputs, attributes);
  const outputs = types.map((type, i): Value => {
    const valueName = i === 0 ? name : freshName(graph, `${name}:${i}`);
    return { graph, kind: "node", name: valueName, dtype: type.dtype, shape: type.shape };
  });
  graph.nodes.push({ name, scope: scopeName, op, inputs, outputs, attributes } as Graph["nodes"][number]);
  return outputs as [Value, ...Value[]];
}
