/** Supervised fine-tuning as a task: rows of examples, the mean negative log-likelihood of the tokens that carry loss. */
import type { TokenExample } from "../data/example-tokens.ts";
import { type RowArrays, type RowSamplerState, rowBatches, rowSampler } from "../data/row-sampler.ts";
import { packRows, type RowPlan } from "../data/rows.ts";
import { input } from "../graph/build.ts";
import { equal, mul, reduceSum, reshape, topK } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { trainingGraph } from "../models/heads.ts";
import type { CausalLm } from "../models/types.ts";
import { crossEntropy } from "../nn/losses.ts";
import type { Tensor } from "../runtime/types.ts";
import type { Objective } from "../train/objective.ts";
import type { Inputs, StepSource, TaskValidation, TuneTask } from "./task.ts";

/** What the task is made of. */
export interface SftOptions {
  readonly model: CausalLm;
  /** Puts adapters into an objective, where there are any. */
  readonly adapted: (objective: Objective) => Objective;
  readonly train: readonly TokenExample[];
  readonly validation: readonly TokenExample[];
  readonly packing: "packed" | "padded";
  /** T. */
  readonly rowTokens: number;
  /** B, in training and in validation. */
  readonly batch: number;
  readonly valBatch: number;
  readonly seed: number;
}

/** The task. Throws BAD_DATA for examples that no row can hold. */
export function sftTask(options: SftOptions): TuneTask {
  const { train, rowTokens, batch, seed } = options;
  const rows = { context: rowTokens, mode: options.packing };
  const plan = packRows(train, rows);
  return {
    objective: options.adapted(sftObjective(options, batch)),
    unit: "tokens",
    rowsPerEpoch: plan.rows.length,
    tokensPerBatch: batch * rowTokens,
    source: (inputs, accumulation, state) => rowSource(plan, { batch, seed, inputs, accumulation, state }),
    validation: options.validation.length > 0 ? validationOf(options, packRows(options.validation, rows)) : undefined,
  };
}

/** Rows of one example need no mask of segments: what lies behind it is padding, which the causal mask hides. */
const hasSegments = ({ packing }: Pick<SftOptions, "packing">) => packing === "packed";

/** The weighted negative log-likelihood of (batch, T); with `accuracy`, of how many targets the model is sure, as weights. */
function sftObjective({ model, rowTokens, packing }: SftOptions, batch: number, accuracy = false): Objective {
  return {
    isTrained: () => true,
    write() {
      const shape = { batch, tokens: rowTokens, segments: hasSegments({ packing }) };
      const { graph, logits } = trainingGraph(model, shape);
      const targets = input(graph, "targets", "int64", [batch, rowTokens]);
      const weights = input(graph, "weights", "float32", [batch, rowTokens]);
      const loss = crossEntropy(logits, targets, weights);
      return { graph, loss, ...(accuracy && { metrics: { tokenAccuracy: hits(logits, targets, weights) } }) };
    },
  };
}

/** The weights of the targets that have the largest logit: logits (N, V), targets and weights (B, T), a scalar. */
function hits(logits: Value, targets: Value, weights: Value): Value {
  const rows = logits.shape[0]!;
  const [, best] = topK(logits, 1, 1); // (N, 1)
  const isHit = equal(best, reshape(targets, [rows, 1])); // (N, 1)
  return reshape(reduceSum(mul(isHit, reshape(weights, [rows, 1]))), []);
}

/** The inputs of an objective as a row sampler fills them; those that its graph does without are kept beside. */
function arraysOf(inputs: Inputs, length: number): RowArrays {
  const ids = (name: string) => (inputs[name] as Tensor<"int64"> | undefined)?.data ?? new BigInt64Array(length);
  return {
    inputIds: ids("input_ids"),
    targets: ids("targets"),
    weights: (inputs.weights as Tensor<"float32">).data,
    positionIds: ids("position_ids"),
    segmentIds: ids("segment_ids"),
  };
}

const emptyArrays = (length: number): RowArrays => ({
  inputIds: new BigInt64Array(length),
  targets: new BigInt64Array(length),
  weights: new Float32Array(length),
  positionIds: new BigInt64Array(length),
  segmentIds: new BigInt64Array(length),
});

interface SourceOptions {
  readonly batch: number;
  readonly seed: number;
  readonly inputs: Inputs;
  readonly accumulation: number;
  readonly state: RowSamplerState | undefined;
}

/** Steps of rows: each token with loss counts the same, over all micro-batches of its step. */
function rowSource(plan: RowPlan, { batch, seed, inputs, accumulation, state }: SourceOptions): StepSource {
  const sampler = rowSampler(plan, { batch, seed }, state);
  const length = batch * plan.context;
  const to = arraysOf(inputs, length);
  const drawn = Array.from({ length: accumulation }, () => emptyArrays(length));
  return {
    draw() {
      const count = drawn.reduce((sum, arrays) => sum + sampler.next(arrays), 0);
      for (const { weights } of drawn) for (let i = 0; i < length; i++) weights[i]! /= count;
      return (microBatch) => copyRows(drawn[microBatch]!, to);
    },
    state: sampler.state,
  };
}

function copyRows(from: RowArrays, to: RowArrays): void {
  for (const name of ["inputIds", "targets", "positionIds", "segmentIds"] as const)
    (to[name] as BigInt64Array).set(from[name] as BigInt64Array);
  to.weights.set(from.weights);
}

function validationOf(options: SftOptions, plan: RowPlan): TaskValidation {
  const { valBatch, rowTokens } = options;
  const batches = rowBatches(plan, valBatch);
  const counts: number[] = [];
  const scratch = emptyArrays(valBatch * rowTokens);
  for (let i = 0; i < batches.batches; i++) counts.push(batches.write(i, scratch));
  return {
    objective: options.adapted(sftObjective(options, valBatch, true)),
    batches: batches.batches,
    count: (first) => counts.slice(0, first).reduce((sum, count) => sum + count, 0),
    tokensPerBatch: valBatch * rowTokens,
    fill: (batch, inputs) => void batches.write(batch, arraysOf(inputs, valBatch * rowTokens)),
  };
}
