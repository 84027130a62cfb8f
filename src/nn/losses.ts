/** What training minimises, from logits. */
import { mulDims } from "../base/shapes.ts";
import { gatherElements, logSoftmax, mul, neg, reduceSum, reshape } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";

/** -log P(target) of each row: logits (N, V), targets int64 (B, T), result (N, 1). */
export function negativeLogLikelihood(logits: Value, targets: Value): Value {
  const rows = mulDims(...targets.shape);
  return neg(gatherElements(logSoftmax(logits, -1), reshape(targets, [rows, 1]), 1)); // (N, 1)
}

/**
 * The weighted sum of {@link negativeLogLikelihood}: a scalar. With weights of 1 over the number of scored tokens it is
 * their mean; with weights of a whole batch's count it adds up over micro-batches.
 */
export function crossEntropy(logits: Value, targets: Value, weights: Value): Value {
  const losses = negativeLogLikelihood(logits, targets); // (N, 1)
  return reshape(reduceSum(mul(losses, reshape(weights, losses.shape))), []);
}
