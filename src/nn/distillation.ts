/** The loss of a model that learns another's distribution of the next token. Knows no model. */
import { add, exp, gatherElements, log, logSoftmax, max, mul, reduceSum, reshape, sub } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { crossEntropy, type Scored, weightedSum } from "./losses.ts";

/** The options of {@link distillation}. */
export interface DistillationOptions {
  /** Both distributions are softened by it; above 0. */
  readonly temperature: number;
  /** The part of the teacher in the loss, from 0 to 1; the rest is the targets' own. */
  readonly alpha: number;
}

/** What a teacher says of each token: logits of the whole vocabulary, (N, V), or the K most probable tokens. */
export type Teaching =
  | { readonly logits: Value }
  | {
      /** log P of these tokens at the temperature, (N, K): over the whole vocabulary. */
      readonly logProbs: Value;
      /** int64 (N, K). */
      readonly ids: Value;
    };

/** The log P of all tokens at a temperature: logits (N, V). */
export const softened = (logits: Value, temperature: number): Value =>
  logSoftmax(temperature === 1 ? logits : mul(logits, 1 / temperature), -1);

/**
 * alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy (Hinton et al. 2015), T^2 keeping the gradients' size. `logits` (N, V), targets
 * and weights (B, T). Of K tokens, the rest of the vocabulary is taken for one more: the divergence is then a lower bound, and 0
 * for a student that is its teacher.
 */
export function distillation(
  logits: Value,
  teaching: Teaching,
  targets: Value,
  weights: Value,
  { temperature, alpha }: DistillationOptions,
): Scored {
  const whole = softened(logits, temperature); // (N, V)
  const divergence =
    "ids" in teaching
      ? sparse(teaching.logProbs, gatherElements(whole, teaching.ids, 1))
      : terms(softened(teaching.logits, temperature), whole); // (N, 1)
  const kl = weightedSum(divergence, reshape(weights, divergence.shape));
  const hard = crossEntropy(logits, targets, weights);
  const soft = mul(kl, alpha * temperature * temperature);
  return { loss: alpha === 1 ? soft : add(soft, mul(hard, 1 - alpha)), metrics: { kl, nll_loss: hard } };
}

/** The sum of p (log p - log q) over each row, (N, 1). */
const terms = (p: Value, q: Value): Value => reduceSum(mul(exp(p), sub(p, q)), [1]);

/** What is left is told apart down to here: less is lost in the rounding of sums. */
const LEAST = 1e-6;

/** The divergence over K tokens and the rest as one: log P of teacher and student, (N, K) each. */
function sparse(teacher: Value, student: Value): Value {
  const [p, q] = [teacher, student].map((x) => max(sub(1, reduceSum(exp(x), [1])), LEAST)) as [Value, Value]; // (N, 1)
  return add(terms(teacher, student), mul(p, sub(log(p), log(q))));
}
