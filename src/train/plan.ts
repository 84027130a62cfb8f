/** What a run will take, before it starts: parameters, memory, work. Reads graphs, runs nothing. */
import { fail } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import { knownDim, sizeOf } from "../base/shapes.ts";
import { blockBytes, peakBytes, valueBytes } from "../graph/memory.ts";
import type { Graph } from "../graph/types.ts";
import type { CausalLm } from "../models/types.ts";
import { accumulationGraph, evaluationGraph, type StepOptions, stateOf, stepGraph } from "./graphs.ts";
import { causalLmObjective, type Objective } from "./objective.ts";

/** How an objective's steps are made of micro-batches. */
export interface StepShape extends StepOptions {
  readonly accumulation: number;
}

/** The settings that decide whether a run fits. */
export interface RunShape extends StepShape {
  readonly batch: number;
  readonly context: number;
}

/** Sizes of a run. */
export interface Plan {
  /** Those that are trained. */
  readonly parameters: number;
  readonly tokensPerStep: number;
  /** Trained weights and their optimiser's state. */
  readonly checkpointBytes: number;
  /** The same twice, for a step reads one and writes the other, sums of gradients where they are kept, and frozen weights. */
  readonly stateBytes: number;
  /** Activations and gradients alive at the worst moment, of a step and of a validation. */
  readonly activationBytes: number;
  readonly totalBytes: number;
  /** The same with the runtime's memory pattern: a step's activations then exist twice. */
  readonly patternBytes: number;
  /** Floating-point operations of the matrix products of one step: forward, backward and Muon's. */
  readonly flopsPerStep: number;
}

/** Bytes the engine itself takes: its library, the graph, the threads. */
const ENGINE_BYTES = 150e6;

/**
 * What the arena loses between blocks, as a factor, and what operators take for themselves, in largest values of the
 * graph (as a rule the logits). Measured, not derived: see docs/train.md.
 */
const ARENA_FACTOR = 1.25;
const SCRATCH_VALUES = 5;

/** Works out the sizes of a run of `ownlm train` from its graphs. */
export function planTraining(model: CausalLm, shape: RunShape): Plan {
  const { batch, context, accumulation } = shape;
  return planSteps(causalLmObjective(model, batch, context), shape, {
    tokensPerStep: batch * context * accumulation,
    evaluation: causalLmObjective(model, evaluationRows(shape), context),
  });
}

/** What a plan of any objective is told besides its shape. */
export interface PlanFacts {
  readonly tokensPerStep: number;
  /** What validates. */
  readonly evaluation: Objective;
  /** Bytes of the parameters of float types that are not trained, where they do not stay in a file; default none. */
  readonly frozenBytes?: number;
}

/** Works out the sizes of steps from their graphs. */
export function planSteps(objective: Objective, shape: StepShape, facts: PlanFacts): Plan {
  const graph = shape.accumulation === 1 ? stepGraph(objective, shape) : accumulationGraph(objective, shape);
  const values = graph.parameters.map(({ value }) => value).filter(({ name }) => objective.isTrained(name));
  const parameters = values.reduce((sum, value) => sum + knownDim(sizeOf(value.shape), value.name), 0);
  const checkpointBytes = values.reduce(
    (sum, value) => sum + valueBytes(value) * (1 + stateOf(value, shape).length),
    0,
  );
  const sumBytes = shape.accumulation === 1 ? 0 : 4 * parameters;
  const evaluation = evaluationGraph(facts.evaluation);
  const frozenBytes = (facts.frozenBytes ?? 0) + blockBytes(graph) + blockBytes(evaluation);
  const stateBytes = 2 * (checkpointBytes + sumBytes) + frozenBytes;
  const stepBytes = peakBytes(graph);
  const evaluationBytes = peakBytes(evaluation);
  const activationBytes = ARENA_FACTOR * (stepBytes + evaluationBytes) + SCRATCH_VALUES * largestValue(graph);
  return {
    parameters,
    tokensPerStep: facts.tokensPerStep,
    checkpointBytes,
    stateBytes,
    activationBytes,
    totalBytes: stateBytes + activationBytes + ENGINE_BYTES,
    patternBytes: stateBytes + activationBytes + ENGINE_BYTES + stepBytes,
    flopsPerStep: shape.accumulation * productFlops(graph),
  };
}

/** True where there is plenty of memory: the runtime's memory pattern makes steps some 5 % faster (docs/log.md). */
export function affordsPattern({ patternBytes }: Plan, availableBytes: number): boolean {
  return patternBytes <= availableBytes / 2;
}

function largestValue(graph: Graph): number {
  return graph.nodes.reduce((most, { outputs }) => Math.max(most, ...outputs.map(valueBytes)), 0);
}

/** Tokens of a batch when a loss is measured: enough to keep the machine busy. */
const EVALUATION_TOKENS = 2048;

/** Rows of a batch when a loss is measured, at most those of training. */
export function evaluationRows({ batch, context }: Pick<RunShape, "batch" | "context">): number {
  return Math.max(1, Math.min(batch, Math.round(EVALUATION_TOKENS / context)));
}

/** Two operations for every multiplication of a matrix product. */
function productFlops(graph: Graph): number {
  let flops = 0;
  for (const node of graph.nodes) {
    if (node.op !== "Gemm" && node.op !== "MatMul" && node.op !== "FusedMatMul") continue;
    const a = node.inputs[0]!;
    const transA = "transA" in node.attributes && node.attributes.transA;
    const inner = knownDim(a.shape.at(transA ? -2 : -1), node.name);
    flops += 2 * inner * (valueBytes(node.outputs[0]!) / 4);
  }
  return flops;
}

/**
 * Throws OUT_OF_MEMORY when a plan needs more than there is, with the nearest settings that need less; a run that is
 * continued can change only how it computes.
 */
export function requireFits(
  model: CausalLm,
  shape: RunShape,
  plan: Plan,
  { availableBytes, continued = false }: { readonly availableBytes: number; readonly continued?: boolean },
): void {
  if (plan.totalBytes <= availableBytes) return;
  const others = alternatives(shape).filter(({ batch }) => !continued || batch === shape.batch);
  const fitting = others.find((other) => planTraining(model, other).totalBytes <= availableBytes);
  const smaller = continued ? "free some memory" : "try a smaller --dim or fewer --layers";
  const advice = fitting
    ? `Try ${describe(fitting, shape)}.`
    : `Weights and optimiser alone take ${formatBytes(plan.stateBytes)}: ${smaller}.`;
  fail(
    "OUT_OF_MEMORY",
    `this run needs ${formatBytes(plan.totalBytes)}, and ${formatBytes(availableBytes)} of memory is free. ${advice}`,
  );
}

/** Settings that take less memory for the same step, nearest first. */
function alternatives(shape: RunShape): RunShape[] {
  const found: RunShape[] = [];
  if (!shape.checkpointing) found.push({ ...shape, checkpointing: true });
  for (let parts = 2; parts <= shape.batch; parts *= 2) {
    if (shape.batch % parts !== 0) break;
    const smaller = { ...shape, batch: shape.batch / parts, accumulation: shape.accumulation * parts };
    found.push(smaller);
    if (!shape.checkpointing) found.push({ ...smaller, checkpointing: true });
  }
  return found;
}

function describe(fitting: RunShape, asked: RunShape): string {
  const parts = [];
  if (fitting.batch !== asked.batch) parts.push(`--batch ${fitting.batch} --accumulation ${fitting.accumulation}`);
  if (fitting.checkpointing !== asked.checkpointing) parts.push("--checkpointing");
  return parts.join(" ");
}
