/** Losses over pairs of answers and over labelled answers, from log-probabilities of whole answers. Knows no model. */
import { fail } from "../base/errors.ts";
import { apply } from "../graph/build.ts";
import { add, log, logSigmoid, min, mul, neg, sigmoid, slice, sub, tanh } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { type Scored, weightedSum } from "./losses.ts";

/** The halves of (2B): what belongs to chosen answers, and to rejected ones. */
export function pairOf(values: Value): readonly [chosen: Value, rejected: Value] {
  const rows = values.shape[0];
  if (typeof rows !== "number" || rows % 2 !== 0)
    return fail("BAD_SHAPE", `${values.name}: got ${rows} rows, expected chosen answers and as many rejected ones`);
  return [slice(values, 0, 0, rows / 2), slice(values, 0, rows / 2, rows)];
}

/** 1 where x is above 0, else 0. */
const isPositive = (x: Value): Value => apply("Relu", [apply("Sign", [x], {})[0]], {})[0];

/** TRL's names for what is told of the rewards (B) of a pair's answers; weights (B) add up to 1 over a step. */
function rewardMetrics(chosen: Value, rejected: Value, weights: Value): Record<string, Value> {
  const margin = sub(chosen, rejected);
  return {
    "rewards/chosen": weightedSum(chosen, weights),
    "rewards/rejected": weightedSum(rejected, weights),
    "rewards/margins": weightedSum(margin, weights),
    "rewards/accuracies": weightedSum(isPositive(margin), weights),
  };
}

/** -(1 - e) log s(x) - e log s(-x): the cross-entropy of "x is above 0", held true with probability 1 - e. */
function preferred(x: Value, smoothing: number): Value {
  const right = neg(logSigmoid(x));
  return smoothing === 0 ? right : add(mul(right, 1 - smoothing), mul(logSigmoid(neg(x)), -smoothing));
}

/** The options of {@link dpo}. */
export interface DpoOptions {
  /** How far the model may go from the reference: the less, the farther. Above 0. */
  readonly beta: number;
  /** The part of pairs held to be the wrong way round (cDPO, Mitchell 2023), from 0 to below 0.5. */
  readonly labelSmoothing: number;
}

/**
 * Direct preference optimisation (Rafailov et al. 2023, equation 7): -log s(beta ((c - c_ref) - (r - r_ref))). Sums of log-probabilities
 * of answers, `policy` and `reference` (2B), first of the chosen; weights (B).
 */
export function dpo(policy: Value, reference: Value, weights: Value, { beta, labelSmoothing }: DpoOptions): Scored {
  const [chosen, rejected] = pairOf(mul(sub(policy, reference), beta)); // (B): the implicit rewards
  const losses = preferred(sub(chosen, rejected), labelSmoothing);
  return { loss: weightedSum(losses, weights), metrics: rewardMetrics(chosen, rejected, weights) };
}

/** The options of {@link simpo}. */
export interface SimpoOptions {
  /** The scale of rewards. Above 0. */
  readonly beta: number;
  /** How much better the chosen answer's reward should be. */
  readonly gamma: number;
}

/**
 * Simple preference optimisation (Meng et al. 2024, equation 6): -log s(beta c - beta r - gamma), over mean log-probabilities of a
 * token, `policy` (2B); weights (B). It needs no reference.
 */
export function simpo(policy: Value, weights: Value, { beta, gamma }: SimpoOptions): Scored {
  const [chosen, rejected] = pairOf(mul(policy, beta));
  const losses = preferred(sub(sub(chosen, rejected), gamma), 0);
  return { loss: weightedSum(losses, weights), metrics: rewardMetrics(chosen, rejected, weights) };
}

/**
 * Odds ratio preference optimisation (Hong et al. 2024, equations 4, 6 and 7): nll - lambda log s(log odds(c) - log odds(r)), odds(p) = p /
 * (1 - p), over mean log-probabilities of a token, `policy` (2B); weights (B). `nll` is the scalar loss of the chosen
 * answers as text; lambda is called `beta` by TRL and here.
 */
export function orpo(policy: Value, nll: Value, weights: Value, { beta }: { readonly beta: number }): Scored {
  const [chosen, rejected] = pairOf(policy);
  const [chosenOdds, rejectedOdds] = pairOf(logOdds(policy));
  const ratio = sub(chosenOdds!, rejectedOdds!);
  const odds = weightedSum(preferred(ratio, 0), weights);
  const metrics = rewardMetrics(mul(chosen, beta), mul(rejected, beta), weights);
  return {
    loss: add(nll, mul(odds, beta)),
    metrics: { ...metrics, nll_loss: nll, log_odds_chosen: weightedSum(ratio, weights), log_odds_ratio: neg(odds) },
  };
}

/** The nearest to certainty that {@link logOdds} tells apart: beyond it there is no gradient. */
const CERTAIN = -1e-6;

/**
 * log(p / (1 - p)) from log p, at most 0. By t = tanh(log p / 2), 1 - p = -2 t / (1 - t), which keeps its digits where p is nearly 1.
 */
function logOdds(logP: Value): Value {
  const x = min(logP, CERTAIN);
  const t = tanh(mul(x, 0.5));
  return sub(x, sub(log(mul(t, -2)), log(sub(1, t))));
}

/** The options of {@link kto}. */
export interface KtoOptions {
  readonly beta: number;
  /** Factors of the losses of good and of bad answers. */
  readonly desirableWeight: number;
  readonly undesirableWeight: number;
}

/** What {@link kto} reads, each (B) but `kl`. */
export interface KtoInputs {
  /** Sums of log-probabilities of answers. */
  readonly policy: Value;
  readonly reference: Value;
  /** 1 for a good answer, 0 for a bad one. */
  readonly labels: Value;
  /** Of each answer; they add up to 1 over a step. */
  readonly weights: Value;
  /** The same among answers of one label: they add up to 1 over the good ones, and over the bad ones. For metrics. */
  readonly labelWeights: Value;
  /** The scalar of {@link ktoDivergence}. */
  readonly kl: Value;
}

/**
 * Kahneman-Tversky optimisation (Ethayarajh et al. 2024, equations 7 and 8), as TRL has it: lambda (1 - s(beta (x - kl))) for good answers
 * with x = log P - log P_ref, lambda (1 - s(beta (kl - x))) for bad ones.
 */
export function kto(inputs: KtoInputs, { beta, desirableWeight, undesirableWeight }: KtoOptions): Scored {
  const { labels, weights, labelWeights, kl } = inputs;
  const ratio = sub(inputs.policy, inputs.reference);
  const side = sub(mul(labels, 2), 1); // 1 or -1
  const factor = add(mul(labels, desirableWeight - undesirableWeight), undesirableWeight);
  const losses = mul(factor, sub(1, sigmoid(mul(mul(side, sub(ratio, kl)), beta))));
  const rewards = mul(ratio, beta);
  const chosen = weightedSum(rewards, mul(labels, labelWeights));
  const rejected = weightedSum(rewards, mul(sub(1, labels), labelWeights));
  return {
    loss: weightedSum(losses, weights),
    metrics: { "rewards/chosen": chosen, "rewards/rejected": rejected, "rewards/margins": sub(chosen, rejected) },
  };
}

/**
 * KTO's estimate of how far the model is from the reference: the mean of log P - log P_ref over answers put behind prompts that are not
 * theirs, no less than 0. `policy`, `reference` and weights that add up to 1, (B). It is taken as a number: nothing is differentiated
 * through it.
 */
export function ktoDivergence(policy: Value, reference: Value, weights: Value): Value {
  return apply("Relu", [weightedSum(sub(policy, reference), weights)], {})[0];
}

/**
 * Bradley and Terry's model of pairs (1952; Ouyang et al. 2022, equation 1): -log s(c - r) over the scores that a model gives whole answers,
 * `scores` (2B); weights (B). `centre` times the square of c + r is added to keep scores near 0 (Eisenstein et al. 2023).
 */
export function pairwiseReward(scores: Value, weights: Value, { centre }: { readonly centre: number }): Scored {
  const [chosen, rejected] = pairOf(scores);
  const losses = preferred(sub(chosen, rejected), 0);
  const sum = add(chosen, rejected);
  const all = centre === 0 ? losses : add(losses, mul(mul(sum, sum), centre));
  return { loss: weightedSum(all, weights), metrics: rewardMetrics(chosen, rejected, weights) };
}
