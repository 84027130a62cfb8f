/** What a model thinks of a text: log P of each token by the chain rule, and the distribution of the next. */
import type { Engine } from "./engine.ts";
import { logSumExp } from "./sampler.ts";

/**
 * log P(id | those before it) in nats for each id; the first is undefined, having nothing before it. A text longer than
 * the engine's capacity is read in windows that overlap by half, so that every token sees at least half a window.
 */
export async function tokenLogprobs(
  engine: Engine,
  ids: ArrayLike<number>,
  signal?: AbortSignal,
): Promise<(number | undefined)[]> {
  const logprobs: (number | undefined)[] = [undefined];
  const window = engine.capacity;
  const stride = Math.max(1, window >> 1);
  for (let start = 0; logprobs.length < ids.length; start += stride) {
    const end = Math.min(ids.length, start + window);
    engine.truncate(0);
    const note = (logits: Float32Array, i: number) => {
      const position = start + i + 1;
      if (position === logprobs.length && position < ids.length)
        logprobs.push(logits[ids[position]!]! - logSumExp(logits));
    };
    await engine.appendShowing(Array.prototype.slice.call(ids, start, end), note, signal);
  }
  return logprobs;
}

/** One possible next token. */
export interface Candidate {
  readonly id: number;
  readonly probability: number;
  readonly logprob: number;
}

/**
 * The `count` most probable next tokens, most probable first, lower ids first among equals. `total` is the log of the
 * sum that turns logits into probabilities; it may count tokens that `logits` leaves out.
 */
export function nextCandidates(logits: Float32Array, count: number, total = logSumExp(logits)): Candidate[] {
  const ranked = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  return ranked.slice(0, count).map((id) => {
    const logprob = logits[id]! - total;
    return { id, probability: Math.exp(logprob), logprob };
  });
}
