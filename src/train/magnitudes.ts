/** DoRA's magnitudes before the first step: the lengths of the rows of the weights that have adapters. */
import { apply, createGraph, output, parameter } from "../graph/build.ts";
import { reshape, sqrt } from "../graph/functions.ts";
import { lowerGraph } from "../graph/lower.ts";
import type { Graph, OpAttributes } from "../graph/types.ts";
import { magnitudeName } from "../nn/lora.ts";
import type { Runtime, SessionOptions } from "../runtime/types.ts";
import type { WeightSource } from "./evaluator.ts";
import type { Objective } from "./objective.ts";
import { placesOf } from "./stepper.ts";

/**
 * Sets an objective's magnitudes in `source` to the lengths of the rows of its weights, so that a model with fresh adapters (B of
 * zeros) computes what it did without. Does nothing where there are none.
 */
export async function startMagnitudes(
  runtime: Runtime,
  objective: Objective,
  source: WeightSource,
  options: SessionOptions = {},
): Promise<void> {
  const kept = source.tensors();
  const graph = lengthsGraph(objective.write().graph, (name) => kept.has(name));
  if (graph.outputs.length === 0) return;
  const place = placesOf((name) => kept.has(name), source.frozen);
  using session = await runtime.session(lowerGraph(graph, place), options);
  const feeds = graph.parameters.map(({ value }) => value.name).filter((name) => place(name).kind === "input");
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, kept.get(name)!]));
  using binding = session.bind(pick(feeds), pick(graph.outputs.map(({ name }) => name)));
  await binding.run();
}

/** Magnitudes as outputs, from the weights of the linear layers that have some. */
function lengthsGraph(written: Graph, isWanted: (name: string) => boolean): Graph {
  const graph = createGraph("magnitudes");
  for (const { op, inputs, attributes } of written.nodes) {
    const weight = op === "Gemm" ? inputs[1] : undefined;
    if (weight?.kind !== "parameter" || !weight.name.endsWith(".weight")) continue;
    const name = magnitudeName(weight.name.slice(0, -".weight".length));
    if (!isWanted(name) || graph.outputs.some((known) => known.name === name)) continue;
    const { transB } = attributes as OpAttributes["Gemm"];
    const copy = parameter(graph, weight.name, weight.shape, { kind: "zeros" });
    const squares = apply("ReduceSumSquare", [copy], { axes: [transB ? 1 : 0] })[0];
    output(graph, name, sqrt(reshape(squares, [weight.shape[transB ? 0 : 1]!])));
  }
  return graph;
}
