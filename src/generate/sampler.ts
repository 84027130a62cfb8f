/** Chooses a token from logits. Plain arithmetic on arrays; knows no model and no text. */
import { fail } from "../base/errors.ts";
import { type Rng, rng } from "../base/rng.ts";
import { argmax } from "./arithmetic.ts";
import { type DecodingSettings, processorsOf, type Span } from "./process.ts";
import type { LogitsProcessor } from "./warpers.ts";

/** Picks an id from logits (V), which it may overwrite; `ids` are all so far. */
export type Sampler = (logits: Float32Array, ids: readonly number[]) => number;

/**
 * A sampler with its own random stream: equal settings, `copy` and logits give equal tokens. Copies of one seed, of
 * several continuations, draw other numbers. It throws BAD_WEIGHTS for logits that are no numbers, BAD_OPTION where the
 * rules leave no token.
 */
export function createSampler(settings: DecodingSettings, span: Span, copy = 0): Sampler {
  const processors = processorsOf(settings, span);
  const random = streamOf(settings.seed ?? 0, copy);
  let weights = new Float64Array(0);
  const check = settings.removeInvalidValues ? () => {} : checkFinite;
  return (logits, ids) => {
    check(logits);
    process(processors, logits, ids);
    const best = argmax(logits);
    if (!Number.isFinite(logits[best])) noneLeft(logits[best]!);
    if (!settings.temperature) return best;
    if (weights.length < logits.length) weights = new Float64Array(logits.length);
    const max = logits[best]!;
    for (let i = 0; i < logits.length; i++)
      weights[i] = logits[i] === Number.NEGATIVE_INFINITY ? 0 : Math.exp(logits[i]! - max);
    return draw(weights.subarray(0, logits.length), random.uniform());
  };
}

/** The random numbers of the continuation of that number. */
export const streamOf = (seed: number, copy: number): Rng => rng(seed, copy === 0 ? "sampling" : `sampling:${copy}`);

/** Runs processors one after the other. */
export function process(processors: readonly LogitsProcessor[], logits: Float32Array, ids: readonly number[]): void {
  for (const processor of processors) processor(logits, ids);
}

/** Throws BAD_WEIGHTS for NaN and infinity at the top, which broken weights give. */
export function checkFinite(values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] === Number.NEGATIVE_INFINITY ? 0 : values[i]!;
  if (!Number.isFinite(sum))
    fail("BAD_WEIGHTS", "the model's logits are not finite. Its weights are damaged, or training went astray.");
}

/** Throws BAD_OPTION: what is asked for contradicts itself. */
export function noneLeft(best: number): never {
  if (best === Number.NEGATIVE_INFINITY)
    fail(
      "BAD_OPTION",
      "the rules asked for leave no token to choose. Ban fewer words or tokens, or force none that is banned.",
    );
  return fail("BAD_OPTION", `processors: got the logit ${best} of one, expected numbers or -infinity`);
}

/** The index at which the running sum of weights passes `u`, in [0, 1), of their total. */
export function draw(weights: ArrayLike<number>, u: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i]!;
  let rest = u * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    rest -= weights[i]!;
    if (rest < 0) return i;
  }
  return last;
}
