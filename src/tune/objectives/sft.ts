/** Supervised fine-tuning as a task: rows of examples, the mean negative log-likelihood of the tokens that carry loss. */
import type { TokenExample } from "../../data/example-tokens.ts";
import { rowBatches } from "../../data/row-sampler.ts";
import { mostLossTokens, packRows, type RowPlan } from "../../data/rows.ts";
import { input } from "../../graph/build.ts";
import { equal, mul, reduceSum, reshape, topK } from "../../graph/functions.ts";
import type { Value } from "../../graph/types.ts";
import { trainingGraph } from "../../models/heads.ts";
import { areFew, crossEntropy, lossRows } from "../../nn/losses.ts";
import type { Objective } from "../../train/objective.ts";
import type { TaskValidation, TuneTask } from "../task.ts";
import { emptyRows, rowSource, writeRows } from "./batches.ts";
import type { TaskParts } from "./types.ts";

/** What the task is made of; a batch is so many rows. */
export interface SftOptions extends TaskParts<TokenExample> {
  readonly packing: "packed" | "padded";
}

/** The task. Throws BAD_DATA for examples that no row can hold. */
export function sftTask(options: SftOptions): TuneTask {
  const { train, rowTokens, batch, seed } = options;
  const rows = { context: rowTokens, mode: options.packing };
  const plan = packRows(train, rows);
  return {
    objective: options.adapted(sftObjective(options, batch, mostLossTokens(plan, batch))),
    unit: "tokens",
    rowsPerEpoch: plan.rows.length,
    tokensPerBatch: batch * rowTokens,
    source: (inputs, accumulation, state) =>
      rowSource(
        plan,
        { batch, seed, accumulation, state },
        (step) => (microBatch) => writeRows(step[microBatch]!, inputs),
      ),
    validation: options.validation.length > 0 ? validationOf(options, packRows(options.validation, rows)) : undefined,
  };
}

/** Rows of one example need no mask of segments: what lies behind it is padding, which the causal mask hides. */
const hasSegments = ({ packing }: Pick<SftOptions, "packing">) => packing === "packed";

/**
 * The weighted negative log-likelihood of (batch, T), of which at most `most` carry loss; with `accuracy`, of how many targets
 * the model is sure, as weights.
 */
export function sftObjective(
  { model, rowTokens, packing }: Pick<SftOptions, "model" | "rowTokens" | "packing">,
  batch: number,
  most: number,
  accuracy = false,
): Objective {
  return {
    isTrained: () => true,
    write() {
      const shape = { batch, tokens: rowTokens, segments: hasSegments({ packing }) };
      const { graph, hidden, head } = trainingGraph(model, shape);
      const given = {
        rows: hidden,
        targets: input(graph, "targets", "int64", [batch, rowTokens]),
        weights: input(graph, "weights", "float32", [batch, rowTokens]),
      };
      const isFew = areFew(most, batch * rowTokens);
      const { rows, targets, weights } = isFew ? lossRows(hidden, given.targets, given.weights, most) : given;
      const logits = head(rows);
      const loss = crossEntropy(logits, targets, weights);
      return { graph, loss, ...(accuracy && { metrics: { tokenAccuracy: hits(logits, targets, weights) } }) };
    },
  };
}

/** The weights of the targets that have the largest logit: logits (N, V), targets and weights (B, T) or (N), a scalar. */
function hits(logits: Value, targets: Value, weights: Value): Value {
  const rows = logits.shape[0]!;
  const [, best] = topK(logits, 1, 1); // (N, 1)
  const isHit = equal(best, reshape(targets, [rows, 1])); // (N, 1)
  return reshape(reduceSum(mul(isHit, reshape(weights, [rows, 1]))), []);
}

function validationOf(options: SftOptions, plan: RowPlan): TaskValidation {
  const { valBatch, rowTokens } = options;
  const batches = rowBatches(plan, valBatch);
  const counts: number[] = [];
  const rows = emptyRows(valBatch * rowTokens);
  for (let i = 0; i < batches.batches; i++) counts.push(batches.write(i, rows));
  return {
    objective: options.adapted(sftObjective(options, valBatch, mostLossTokens(plan, valBatch), true)),
    batches: batches.batches,
    count: (first) => counts.slice(0, first).reduce((sum, count) => sum + count, 0),
    tokensPerBatch: valBatch * rowTokens,
    fill(batch, inputs) {
      batches.write(batch, rows);
      writeRows(rows, inputs);
    },
  };
}
