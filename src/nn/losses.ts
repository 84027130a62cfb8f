/** What training minimises, from logits. */
import { mulDims } from "../base/shapes.ts";
import { scalar } from "../graph/build.ts";
import {
  div,
  expand,
  gather,
  gatherElements,
  logSoftmax,
  max,
  mul,
  neg,
  reduceSum,
  reshape,
  scatterAdd,
  topK,
} from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";

/** A scalar to minimise, and scalars to tell, by name. Over micro-batches all of them are summed. */
export interface Scored {
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
}

/** -log P(target) of each row: logits (N, V), targets int64 (B, T), result (N, 1). */
export function negativeLogLikelihood(logits: Value, targets: Value): Value {
  const rows = mulDims(...targets.shape);
  return neg(gatherElements(logSoftmax(logits, -1), reshape(targets, [rows, 1]), 1)); // (N, 1)
}

/** True where the logits of the positions that carry loss alone take less time than all: they are less than nine tenths. */
export const areFew = (most: number, all: number): boolean => most < 0.9 * all;

/** What a loss reads: rows of activations, and the target and the weight of each. */
export interface LossRows {
  /** (R, C). */
  readonly rows: Value;
  /** int64 (R). */
  readonly targets: Value;
  /** (R). */
  readonly weights: Value;
  /** Which of all rows they are, int64 (R). */
  readonly numbers: Value;
}

/**
 * The `count` rows with the largest weights, where no more than so many have any: the head then computes no logits that no
 * loss reads. hidden (N, C), targets and weights (B, T).
 */
export function lossRows(hidden: Value, targets: Value, weights: Value, count: number): LossRows {
  const all = mulDims(...weights.shape);
  const [largest, numbers] = topK(reshape(weights, [all]), 0, count);
  return {
    rows: gather(hidden, numbers),
    targets: gather(reshape(targets, [all]), numbers),
    weights: largest,
    numbers,
  };
}

/**
 * The weighted sum of {@link negativeLogLikelihood}: a scalar. With weights of 1 over the number of scored tokens it is
 * their mean; with weights of a whole batch's count it adds up over micro-batches.
 */
export function crossEntropy(logits: Value, targets: Value, weights: Value): Value {
  const losses = negativeLogLikelihood(logits, targets); // (N, 1)
  return weightedSum(losses, reshape(weights, losses.shape));
}

/** Sum of elements times weights of the same shape: a scalar. */
export const weightedSum = (x: Value, weights: Value): Value => reshape(reduceSum(mul(x, weights)), []);

/** log P(target) of each token: logits (B*T, V), targets int64 (B, T), result (B, T). */
export const tokenLogProbs = (logits: Value, targets: Value): Value =>
  reshape(neg(negativeLogLikelihood(logits, targets)), targets.shape);

/**
 * {@link tokenLogProbs} of the `count` tokens with the largest weights by {@link lossRows}, and 0 of all others: `logits` is the head,
 * from (R, C) to (R, V). Result (B, T).
 */
export function lossLogProbs(
  logits: (rows: Value) => Value,
  hidden: Value,
  targets: Value,
  weights: Value,
  count: number,
): Value {
  const few = lossRows(hidden, targets, weights, count);
  const none = expand(scalar(hidden.graph, 0, hidden.dtype), [mulDims(...weights.shape)]);
  return reshape(scatterAdd(none, few.numbers, tokenLogProbs(logits(few.rows), few.targets), 0), weights.shape);
}

/**
 * log P(answer | prompt) of each row: the sum of {@link tokenLogProbs} (B, T) where `mask`, float32 (B, T), is 1. With `mean`
 * it is divided by the number of such tokens, 0 where a row has none. Result (B).
 */
export function sequenceLogProbs(logProbs: Value, mask: Value, { mean = false } = {}): Value {
  const sums = reduceSum(mul(logProbs, mask), [1]); // (B, 1)
  const result = mean ? div(sums, max(reduceSum(mask, [1]), 1)) : sums;
  return reshape(result, [mask.shape[0]!]);
}
