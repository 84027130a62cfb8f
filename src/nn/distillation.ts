/** The loss of a model that learns another's distribution of the next token. Knows no model. */
import { add, exp, gatherElements, logSoftmax, mul, reduceSum, reshape, sub } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { crossEntropy, type Scored, weightedSum } from "./losses.ts";

/** The options of {@link distillation}. */
export interface DistillationOptions {
  /** Both distributions are softened by it; above 0. */
  readonly temperature: number;
  /** The part of the teacher in the loss, from 0 to 1; the rest is the targets' own. */
  readonly alpha: number;
}

/** What a teacher says of each token. */
export interface Teaching {
  /** Logits of its `ids`, (N, K), or of the whole vocabulary, (N, V). */
  readonly logits: Value;
  /** The tokens of its K largest logits, int64 (N, K); left out, all. The rest of the vocabulary then counts as impossible. */
  readonly ids?: Value | undefined;
}

/**
 * alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy (Hinton et al. 2015), T^2 keeping the gradients' size. `logits` (N, V), targets
 * and weights (B, T).
 */
export function distillation(
  logits: Value,
  { logits: teacherLogits, ids }: Teaching,
  targets: Value,
  weights: Value,
  { temperature, alpha }: DistillationOptions,
): Scored {
  const soft = (x: Value) => logSoftmax(temperature === 1 ? x : mul(x, 1 / temperature), -1);
  const teacher = soft(teacherLogits); // (N, K)
  const whole = soft(logits); // (N, V)
  const student = ids ? gatherElements(whole, ids, 1) : whole; // (N, K)
  const divergence = reduceSum(mul(exp(teacher), sub(teacher, student)), [1]); // (N, 1)
  const kl = weightedSum(divergence, reshape(weights, divergence.shape));
  const hard = crossEntropy(logits, targets, weights);
  const loss = add(mul(kl, alpha * temperature * temperature), mul(hard, 1 - alpha));
  return { loss, metrics: { kl, nll_loss: hard } };
}
