/** The loss of answers that were drawn from the model and scored (GRPO and its kin), token by token. Knows no model. */
import { apply } from "../graph/build.ts";
import { add, exp, max, min, mul, neg, sub } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { type Scored, weightedSum } from "./losses.ts";

/** The options of {@link policyGradient}. */
export interface PolicyGradientOptions {
  /** How far below 1 a token's ratio counts. */
  readonly clipLow: number;
  /** How far above 1; more than `clipLow` in DAPO (Yu et al. 2025). */
  readonly clipHigh: number;
  /** The factor of the divergence from the reference; 0 needs none. */
  readonly beta: number;
}

/** What {@link policyGradient} reads. */
export interface PolicyGradientInputs {
  /** log P of each token now, (B, T). */
  readonly policy: Value;
  /** The same when the answers were drawn, (B, T). */
  readonly old: Value;
  /** The same by the model that training began with, (B, T); needed where `beta` is not 0. */
  readonly reference?: Value | undefined;
  /** How much better an answer was than its group's, (B). */
  readonly advantages: Value;
  /**
   * What each token counts for, 0 in prompts, (B, T). Over a step of R answers: 1 / (R length) is GRPO, 1 / all tokens is
   * DAPO, 1 / (R longest possible length) is Dr. GRPO.
   */
  readonly weights: Value;
}

/**
 * -min(ratio A, clip(ratio, 1 - low, 1 + high) A) + beta kl (Shao et al. 2024, equations 3 and 4), with ratio = P / P_old, and kl =
 * P_ref / P - log(P_ref / P) - 1. Written by the sign of A, so that no two equal operands share a gradient.
 */
export function policyGradient(inputs: PolicyGradientInputs, options: PolicyGradientOptions): Scored {
  const { policy, old, reference, advantages, weights } = inputs;
  const { clipLow, clipHigh, beta } = options;
  const byRow = column(advantages); // (B, 1)
  const ratio = exp(sub(policy, old)); // (B, T)
  const gains = mul(max(byRow, 0), min(ratio, 1 + clipHigh));
  const losses = mul(min(byRow, 0), max(ratio, 1 - clipLow));
  const surrogate = neg(weightedSum(add(gains, losses), weights));
  const clipped = add(
    mul(isAbove(byRow, 0), isAbove(ratio, 1 + clipHigh)),
    mul(isAbove(neg(byRow), 0), isAbove(neg(ratio), clipLow - 1)),
  );
  const metrics = { clip_ratio: weightedSum(clipped, weights) };
  if (beta === 0 || !reference) return { loss: surrogate, metrics };
  const gap = sub(reference, policy);
  const kl = weightedSum(sub(sub(exp(gap), gap), 1), weights);
  return { loss: add(surrogate, mul(kl, beta)), metrics: { ...metrics, kl } };
}

const column = (x: Value): Value => apply("Reshape", [x], { shape: [x.shape[0]!, 1] })[0];

/** 1 where x is above a number, else 0. */
const isAbove = (x: Value, bound: number): Value => apply("Relu", [apply("Sign", [sub(x, bound)], {})[0]], {})[0];
