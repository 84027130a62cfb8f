/** Chooses a token from logits. Plain arithmetic on arrays; knows no model and no text. */
import { fail } from "../base/errors.ts";
import { rng } from "../base/rng.ts";

/** How the next token is chosen, in the order the steps are taken (that of transformers' logits processors). */
export interface SamplingOptions {
  /** Divides the logits of tokens seen before when positive, multiplies them when negative (Keskar et al. 2019). 1 is off. */
  readonly repetitionPenalty: number;
  /** 0 takes the most probable token; 1 the model's own distribution. */
  readonly temperature: number;
  /** Keep the k most probable tokens (Fan et al. 2018). 0 is off. */
  readonly topK: number;
  /** Keep the fewest tokens whose probabilities reach p (Holtzman et al. 2020). 1 is off. */
  readonly topP: number;
  /** Keep tokens at least this fraction as probable as the best (Nguyen et al. 2024). 0 is off. */
  readonly minP: number;
  readonly seed: number;
}

/** Greedy decoding. */
export const GREEDY: SamplingOptions = {
  repetitionPenalty: 1,
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  seed: 0,
};

/** Picks an id from logits (V), which it may overwrite; `seen` are the ids so far, for the repetition penalty. */
export type Sampler = (logits: Float32Array, seen: readonly number[]) => number;

/**
 * A sampler with its own random stream: equal options and logits give equal tokens. It throws BAD_WEIGHTS for logits
 * that are no numbers.
 */
export function createSampler(options: SamplingOptions): Sampler {
  const random = rng(options.seed, "sampling");
  return (logits, seen) => {
    if (options.repetitionPenalty !== 1) penalise(logits, seen, options.repetitionPenalty);
    const best = finiteArgmax(logits);
    if (options.temperature === 0) return best;
    const max = logits[best]!;
    const weights = new Float64Array(logits.length);
    for (let i = 0; i < logits.length; i++) weights[i] = Math.exp((logits[i]! - max) / options.temperature);
    if (options.topK === 0 && options.topP >= 1 && options.minP === 0) return draw(weights, random.uniform());
    const ids = shortlist(weights, options);
    const kept = ids.map((id) => weights[id]!);
    return ids[draw(kept, random.uniform())]!;
  };
}

/** The index of the largest value; the first of equals. */
export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** {@link argmax} of values without NaN and infinity at the top, which broken weights give. */
function finiteArgmax(values: Float32Array): number {
  const best = argmax(values);
  let sum = values[best]!;
  for (let i = 0; i < values.length; i++) sum += values[i]! === Number.NEGATIVE_INFINITY ? 0 : values[i]!;
  if (Number.isFinite(sum)) return best;
  return fail("BAD_WEIGHTS", "the model's logits are not finite. Its weights are damaged, or training went astray.");
}

/** Applies the repetition penalty, once to each id, in place. */
export function penalise(logits: Float32Array, seen: readonly number[], penalty: number): void {
  for (const id of new Set(seen)) {
    const x = logits[id]!;
    logits[id] = x > 0 ? x / penalty : x * penalty;
  }
}

/** log sum exp of values, in float64. */
export function logSumExp(values: Float32Array): number {
  const max = values[argmax(values)]!;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - max);
  return max + Math.log(sum);
}

/**
 * The tokens that top-k, top-p and min-p leave, most probable first, lower ids first among equals. `weights` are
 * probabilities up to a common factor. Always at least one.
 */
export function shortlist(weights: Float64Array, limits: Pick<SamplingOptions, "topK" | "topP" | "minP">): number[] {
  const { topK, topP, minP } = limits;
  const most = topK > 0 ? Math.min(topK, weights.length) : weights.length;
  const [best, total] = bestAndTotal(weights);
  const floor = minP * best;
  if (topK > 0) {
    const ranked = heaviest(weights, best, (count) => count >= most).slice(0, most);
    return nucleus(ranked, weights, topP * ranked.reduce((sum, id) => sum + weights[id]!, 0), floor);
  }
  // Sums in another order differ in their last bits.
  const enough = topP < 1 ? topP * total * (1 + 1e-9) : Number.POSITIVE_INFINITY;
  const ranked = heaviest(weights, best, (_, sum, least) => sum >= enough || least <= floor);
  return nucleus(ranked, weights, topP * total, floor);
}

function bestAndTotal(weights: Float64Array): [best: number, total: number] {
  let [best, total] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    best = Math.max(best, weights[i]!);
    total += weights[i]!;
  }
  return [best, total];
}

/** Parts of the best weight down to which tokens are looked at, as long as they are not enough. */
const REACHES = [2 ** -4, 2 ** -10, 2 ** -32, 0];

/**
 * The heaviest tokens in order, lower ids first among equals: all down to some weight, `enough` by their count, their sum and
 * that weight, or all there are. Few of a large vocabulary are ever sorted.
 */
function heaviest(
  weights: Float64Array,
  best: number,
  enough: (count: number, sum: number, least: number) => boolean,
): number[] {
  for (const reach of REACHES) {
    const least = reach * best;
    const ids: number[] = [];
    let sum = 0;
    for (let i = 0; i < weights.length; i++)
      if (weights[i]! >= least) {
        ids.push(i);
        sum += weights[i]!;
      }
    if (reach === 0 || enough(ids.length, sum, least)) return ids.sort((a, b) => weights[b]! - weights[a]! || a - b);
  }
  return [];
}

/** Takes ids until their weights reach `enough` or fall below `floor`. */
function nucleus(ranked: readonly number[], weights: Float64Array, enough: number, floor: number): number[] {
  const kept: number[] = [];
  let sum = 0;
  for (const id of ranked) {
    if (kept.length > 0 && (sum >= enough || weights[id]! < floor)) break;
    kept.push(id);
    sum += weights[id]!;
  }
  return kept;
}

/** The index at which the running sum of weights passes `u`, in [0, 1), of their total. */
function draw(weights: ArrayLike<number>, u: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let rest = u * total;
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}
