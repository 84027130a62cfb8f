/** The graphs that training runs, put together from a model's loss, its gradients and an optimiser. Holds no data. */

import { gradients } from "../grad/backward.ts";
import { createGraph, input, output } from "../graph/build.ts";
import { add } from "../graph/functions.ts";
import { prune } from "../graph/passes.ts";
import type { Graph, Value } from "../graph/types.ts";
import { verifyGraph } from "../graph/verify.ts";
import { lossGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import { addLora, isLoraParameter, type LoraOptions } from "../nn/lora.ts";
import { type AdamwOptions, adamwUpdate, nextName, stateNames, stepScalars } from "../optim/adamw.ts";
import { clipByGlobalNorm, globalNorm } from "../optim/clip.ts";
import { isMuons, type MuonOptions, muonStateName, muonUpdate } from "../optim/muon.ts";

/** What fixes the shape of a training step. */
export interface StepOptions {
  readonly batch: number;
  readonly context: number;
  readonly adamw: AdamwOptions;
  /** For the matrices inside blocks; without it they are AdamW's as well. */
  readonly muon?: MuonOptions | undefined;
  /** Largest global norm of the gradients; 0 leaves them as they are. */
  readonly clipNorm: number;
  /** Compute each block's activations again in the backward pass instead of keeping them. */
  readonly checkpointing: boolean;
  /** Train adapters and leave the model's own weights as they are. */
  readonly lora?: LoraOptions | undefined;
}

/** True for the parameters that move. */
export const isTrained = (name: string, { lora }: Pick<StepOptions, "lora">): boolean =>
  lora === undefined || isLoraParameter(name);

/** Outputs of every step: the loss in nats per weighted token, and the gradients' norm before clipping. */
export const LOSS = "loss";
export const GRAD_NORM = "grad_norm";

/** The name of a parameter's running sum of gradients. */
export const sumName = (parameter: string) => `sum.${parameter}`;

/** Names of the state that a parameter's optimiser keeps; each has the parameter's shape. */
export function stateOf(
  parameter: Pick<Value, "name" | "shape">,
  { muon }: Pick<StepOptions, "muon">,
): readonly string[] {
  return muon && isMuons(parameter) ? [muonStateName(parameter.name)] : stateNames(parameter.name);
}

/** Forward pass alone: the loss of a batch. */
export function evaluationGraph(model: CausalLm, batch: number, context: number, lora?: LoraOptions): Graph {
  return verifyGraph(prune(lossOf(model, batch, context, lora)));
}

/** A model's loss as the output {@link LOSS}, with adapters where there are any. */
function lossOf(model: CausalLm, batch: number, context: number, lora: LoraOptions | undefined): Graph {
  const { graph, loss } = lossGraph(model, batch, context);
  output(graph, LOSS, loss);
  if (lora) addLora(graph, lora, model.vocabSize);
  return graph;
}

/** Forward, backward, clipping and update in one graph: `NAME` and its state in, `new.NAME` and its state out. */
export function stepGraph(model: CausalLm, options: StepOptions): Graph {
  const { graph, trained, grads } = differentiated(model, options);
  update(graph, trained, grads, options);
  return verifyGraph(prune(graph));
}

/** Forward and backward of one micro-batch, added to running sums: `sum.NAME` in, `new.sum.NAME` out. */
export function accumulationGraph(model: CausalLm, options: StepOptions): Graph {
  const { graph, trained, grads } = differentiated(model, options);
  for (const [i, { value }] of trained.entries()) {
    const sum = input(graph, sumName(value.name), "float32", value.shape);
    output(graph, nextName(sum.name), add(sum, grads[i]!));
  }
  return verifyGraph(prune(graph));
}

/** Clipping and update from the sums that {@link accumulationGraph} leaves. `parameters` are those of that graph. */
export function updateGraph(parameters: Graph["parameters"], options: StepOptions): Graph {
  const graph = createGraph("update");
  for (const { value, init } of parameters.filter((each) => isTrained(each.value.name, options)))
    graph.parameters.push({ value: { ...value, graph }, init });
  const grads = graph.parameters.map(({ value }) => input(graph, sumName(value.name), "float32", value.shape));
  update(graph, graph.parameters, grads, options);
  return verifyGraph(prune(graph));
}

function differentiated(model: CausalLm, options: StepOptions) {
  const { batch, context, checkpointing, lora } = options;
  const graph = lossOf(model, batch, context, lora);
  const loss = graph.outputs[0]!.value;
  const trained = graph.parameters.filter(({ value }) => isTrained(value.name, options));
  const values = trained.map(({ value }) => value);
  return { graph, trained, grads: gradients(loss, values, { recompute: checkpointing ? blockScopes(graph) : [] }) };
}

function update(
  graph: Graph,
  trained: Graph["parameters"],
  grads: readonly Value[],
  { adamw, muon, clipNorm }: StepOptions,
): void {
  const norm = globalNorm(grads);
  output(graph, GRAD_NORM, norm);
  const clipped = clipNorm > 0 ? clipByGlobalNorm(grads, norm, clipNorm) : grads;
  const scalars = stepScalars(graph);
  for (const [i, { value }] of trained.entries()) {
    if (muon && isMuons(value)) muonUpdate(value, clipped[i]!, scalars.learningRate, muon);
    else adamwUpdate(value, clipped[i]!, scalars, adamw);
  }
}

/** The scopes of a model's blocks: "transformer.h.0", "model.layers.0" and so on, as the nodes' names show them. */
function blockScopes(graph: Graph): string[] {
  const blocks = graph.nodes.map((node) => /^.*?\.\d+(?=\.|$)/.exec(node.scope)?.[0]);
  return [...new Set(blocks.filter((name) => name !== undefined))];
}
