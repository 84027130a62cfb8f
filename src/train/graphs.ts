/** The graphs that training runs, put together from an objective, its gradients and an optimiser. Holds no data. */

import { fail } from "../base/errors.ts";
import { knownDim, sizeOf } from "../base/shapes.ts";
import { gradients } from "../grad/backward.ts";
import { createGraph, input, output } from "../graph/build.ts";
import { add, concat } from "../graph/functions.ts";
import { prune } from "../graph/passes.ts";
import type { Graph, Value } from "../graph/types.ts";
import { verifyGraph } from "../graph/verify.ts";
import { widenProducts } from "../graph/widen.ts";
import { isLoraParameter } from "../nn/lora.ts";
import {
  type AdamwOptions,
  adamwUpdate,
  adamwUpdateTogether,
  nextName,
  STEP_SCALARS,
  stateNames,
  stepScalars,
} from "../optim/adamw.ts";
import { clipByGlobalNorm, globalNorm } from "../optim/clip.ts";
import { isMuons, type MuonOptions, muonStateName, muonUpdate } from "../optim/muon.ts";
import type { Objective } from "./objective.ts";

/** How a step follows an objective's gradients. */
export interface StepOptions {
  readonly adamw: AdamwOptions;
  /** For the matrices inside blocks; without it they are AdamW's as well. */
  readonly muon?: MuonOptions | undefined;
  /** Largest global norm of the gradients; 0 leaves them as they are. */
  readonly clipNorm: number;
  /** Compute each block's activations again in the backward pass instead of keeping them. */
  readonly checkpointing: boolean;
}

/** Outputs of every step: the loss in nats per weighted token, and the gradients' norm before clipping. */
export const LOSS = "loss";
export const GRAD_NORM = "grad_norm";

/** The output that a metric is. */
export const metricName = (metric: string) => `metric.${metric}`;

/** The output of an evaluation that a result is. */
export const resultName = (result: string) => `result.${result}`;

/** The names of a graph's outputs that begin as `nameOf` makes them, less that beginning. */
export const namesOf = ({ outputs }: Graph, nameOf: (name: string) => string): string[] =>
  outputs.flatMap(({ name }) => (name.startsWith(nameOf("")) ? [name.slice(nameOf("").length)] : []));

/** The name of a parameter's running sum of gradients. */
export const sumName = (parameter: string) => `sum.${parameter}`;

/** Names of the state that a parameter's optimiser keeps; each has the parameter's shape. */
export function stateOf(
  parameter: Pick<Value, "name" | "shape">,
  { muon }: Pick<StepOptions, "muon">,
): readonly string[] {
  return muon && isMuons(parameter) ? [muonStateName(parameter.name)] : stateNames(parameter.name);
}

/** The inputs of a step's graph that are the objective's own: no state, no sums, no scalars of the optimiser. */
export function ownInputs(graph: Graph, { isTrained }: Objective, options: Pick<StepOptions, "muon">): Value[] {
  const trained = graph.parameters.map(({ value }) => value).filter(({ name }) => isTrained(name));
  const others = trained.flatMap((value) => [sumName(value.name), ...stateOf(value, options)]);
  const known = new Set<string>([...others, ...STEP_SCALARS]);
  return graph.inputs.filter(({ name }) => !known.has(name));
}

/** Forward pass alone: the loss of a batch, its metrics and its results. */
export function evaluationGraph(objective: Objective): Graph {
  const { graph, results = {} } = written(objective.withoutDropout ?? objective);
  for (const [name, value] of Object.entries(results)) output(graph, resultName(name), value);
  return finished(graph);
}

/** Forward, backward, clipping and update in one graph: `NAME` and its state in, `new.NAME` and its state out. */
export function stepGraph(objective: Objective, options: StepOptions): Graph {
  const { graph, trained, grads } = differentiated(objective, options);
  update(graph, trained, grads, options);
  return finished(graph);
}

/** Forward and backward of one micro-batch, added to running sums: `sum.NAME` in, `new.sum.NAME` out. */
export function accumulationGraph(objective: Objective, options: StepOptions): Graph {
  const { graph, trained, grads } = differentiated(objective, options);
  for (const [i, { value }] of trained.entries()) {
    const sum = input(graph, sumName(value.name), "float32", value.shape);
    output(graph, nextName(sum.name), add(sum, grads[i]!));
  }
  return finished(graph);
}

/** Clipping and update from the sums that {@link accumulationGraph} leaves. `parameters` are the trained ones of that graph. */
export function updateGraph(parameters: Graph["parameters"], options: StepOptions): Graph {
  const graph = createGraph("update");
  for (const { value, init } of parameters) graph.parameters.push({ value: { ...value, graph }, init });
  const grads = graph.parameters.map(({ value }) => input(graph, sumName(value.name), "float32", value.shape));
  update(graph, graph.parameters, grads, options);
  return finished(graph);
}

/** Gradients are written by now: products may take a form that has none. */
const finished = (graph: Graph): Graph => verifyGraph(widenProducts(prune(graph)));

/** An objective's graph with its loss as {@link LOSS} and its metrics as outputs. */
function written(objective: Objective) {
  const made = objective.write();
  output(made.graph, LOSS, made.loss);
  for (const [name, value] of Object.entries(made.metrics ?? {})) output(made.graph, metricName(name), value);
  return made;
}

function differentiated(objective: Objective, { checkpointing }: StepOptions) {
  const { graph, loss } = written(objective);
  const trained = graph.parameters.filter(({ value }) => objective.isTrained(value.name));
  if (trained.length === 0) fail("BAD_OPTION", `${graph.name}: got no parameter to train, expected one or more`);
  const values = trained.map(({ value }) => value);
  return { graph, trained, grads: gradients(loss, values, { recompute: checkpointing ? blockScopes(graph) : [] }) };
}

function update(graph: Graph, trained: Graph["parameters"], grads: readonly Value[], options: StepOptions): void {
  const { adamw, muon, clipNorm } = options;
  const groups = updateGroups(trained, options);
  const joint = groups.map((group) =>
    group.length > 1
      ? concat(
          group.map((i) => grads[i]!),
          0,
        )
      : grads[group[0]!]!,
  );
  const norm = globalNorm(joint);
  output(graph, GRAD_NORM, norm);
  const clipped = clipNorm > 0 ? clipByGlobalNorm(joint, norm, clipNorm) : joint;
  const scalars = stepScalars(graph);
  for (const [g, group] of groups.entries()) {
    const [value, ...others] = group.map((i) => trained[i]!.value) as [Value, ...Value[]];
    if (others.length > 0) adamwUpdateTogether([value, ...others], clipped[g]!, scalars, adamw);
    else if (muon && isMuons(value)) muonUpdate(value, clipped[g]!, scalars.learningRate, muon);
    else adamwUpdate(value, clipped[g]!, scalars, adamw);
  }
}

/** Elements of the adapters that are updated together, at most: what a core's cache holds. */
const GROUP_ELEMENTS = 2 ** 18;

/**
 * Numbers of the parameters that are updated together: adapters of equal rows, which are many and small. Others are by
 * themselves. The last comes first in its group, as its gradient does: the runtime takes what a group needs in order.
 */
function updateGroups(trained: Graph["parameters"], { muon }: Pick<StepOptions, "muon">): number[][] {
  const groups: number[][] = [];
  const open = new Map<string, { readonly group: number[]; left: number }>();
  for (const [i, { value }] of [...trained.entries()].reverse()) {
    const { name, shape } = value;
    const isGrouped = isLoraParameter(name) && !(muon && isMuons(value));
    const size = knownDim(sizeOf(shape), name);
    const key = `${shape.length}:${shape.slice(1)}`;
    const room = isGrouped ? open.get(key) : undefined;
    if (room && size <= room.left) {
      room.group.push(i);
      room.left -= size;
      continue;
    }
    const group = [i];
    groups.push(group);
    if (isGrouped) open.set(key, { group, left: GROUP_ELEMENTS - size });
  }
  return groups.reverse();
}

/** The scopes of a model's blocks: "transformer.h.0", "model.layers.0" and so on, as the nodes' names show them. */
function blockScopes(graph: Graph): string[] {
  const blocks = graph.nodes.map((node) => /^.*?\.\d+(?=\.|$)/.exec(node.scope)?.[0]);
  return [...new Set(blocks.filter((name) => name !== undefined))];
}
