/** Log-probabilities of whole answers by a model that is not trained: what DPO and KTO compare with. */
import { type Groups, groupBatches } from "../../data/group-sampler.ts";
import { input } from "../../graph/build.ts";
import { mul, reduceSum, reshape } from "../../graph/functions.ts";
import type { Graph, Value } from "../../graph/types.ts";
import { trainingGraph } from "../../models/heads.ts";
import type { CausalLm } from "../../models/types.ts";
import { areFew, lossLogProbs, sequenceLogProbs, tokenLogProbs } from "../../nn/losses.ts";
import type { Evaluation } from "../../train/evaluator.ts";
import type { Objective } from "../../train/objective.ts";
import { emptyRows, floatsOf, writeRows } from "./batches.ts";

/** A model over rows of one sequence each. */
export interface AnswerGraph {
  readonly graph: Graph;
  /** log P of each target, (rows, T); where few carry loss, those of the others are 0. */
  readonly tokens: Value;
  /** The input `weights`, float32 (rows, T): 1 for targets of answers. */
  readonly mask: Value;
}

/**
 * Writes a model over (rows, T); no mask of segments, as what lies behind a row's sequence is padding. Probabilities are those of
 * drawing at `temperature`. `most`: so many targets carry loss at most; the head computes no logits for others where they are few.
 */
export function answerGraph(
  model: CausalLm,
  rows: number,
  tokens: number,
  { temperature = 1, most = rows * tokens }: { readonly temperature?: number; readonly most?: number } = {},
): AnswerGraph {
  const { graph, hidden, head } = trainingGraph(model, { batch: rows, tokens });
  const targets = input(graph, "targets", "int64", [rows, tokens]);
  const mask = input(graph, "weights", "float32", [rows, tokens]);
  const logits = (x: Value) => (temperature === 1 ? head(x) : mul(head(x), 1 / temperature));
  const logProbs = areFew(most, rows * tokens)
    ? lossLogProbs(logits, hidden, targets, mask, most)
    : tokenLogProbs(logits(hidden), targets);
  return { graph, tokens: logProbs, mask };
}

/** The result that {@link answerObjective} gives. */
export const LOG_PROBS = "log_probs";

/** A forward pass whose result is the sum of log-probabilities of each row's answer, (rows). Its loss is their negative sum. */
export function answerObjective(model: CausalLm, rows: number, tokens: number, most = rows * tokens): Objective {
  return {
    isTrained: () => true,
    write() {
      const made = answerGraph(model, rows, tokens, { most });
      const logProbs = sequenceLogProbs(made.tokens, made.mask); // (rows)
      return { graph: made.graph, loss: reshape(reduceSum(logProbs), []), results: { [LOG_PROBS]: logProbs } };
    },
  };
}

/** The result of the last run, a view. */
export const logProbsOf = (evaluation: Evaluation): Float32Array => floatsOf(evaluation.results, LOG_PROBS);

/**
 * log P of every sequence of a set by an evaluation of {@link answerObjective} over `batch` groups: sequence g of group i is
 * element i G + g.
 */
export async function answerLogProbs(
  evaluation: Evaluation,
  set: Groups,
  batch: number,
  turn: () => Promise<void>,
): Promise<Float32Array> {
  const size = set.groups[0]!.length;
  const all = new Float32Array(set.groups.length * size);
  const { batches, write } = groupBatches(set, batch);
  const rows = emptyRows(batch * size * set.context);
  for (let i = 0; i < batches; i++) {
    await turn();
    const numbers = write(i, rows);
    await evaluation.run(() => writeRows(rows, evaluation.inputs));
    const found = logProbsOf(evaluation);
    numbers.forEach((number, b) => {
      for (let g = 0; g < size; g++) all[number * size + g] = found[g * batch + b]!;
    });
  }
  return all;
}
