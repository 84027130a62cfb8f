/** Log probabilities of tokens beside those that might have come in their place. Knows logits alone. */
import { logSumExp } from "./arithmetic.ts";

/** One possible next token. */
export interface Candidate {
  readonly id: number;
  readonly probability: number;
  readonly logprob: number;
}

/** A token, its log P in nats by the model itself, before any rule, and the most probable ones in its place. */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
  readonly top: readonly Candidate[];
}

/**
 * The `count` most probable next tokens, most probable first, lower ids first among equals. `total` is the log of the
 * sum that turns logits into probabilities; it may count tokens that `logits` leaves out.
 */
export function nextCandidates(logits: Float32Array, count: number, total = logSumExp(logits)): Candidate[] {
  return largestIds(logits, count).map((id) => {
    const logprob = logits[id]! - total;
    return { id, probability: Math.exp(logprob), logprob };
  });
}

/** log P of an id from the logits (V) of its place. Candidates are those below `vocabSize`. */
export function tokenLogprob(logits: Float32Array, id: number, top: number, vocabSize?: number): TokenLogprob {
  const total = logSumExp(logits);
  return { id, logprob: logits[id]! - total, top: nextCandidates(logits.subarray(0, vocabSize), top, total) };
}

/** Beyond this many, sorting all is faster. */
const FEW = 64;

/** Places of the `count` largest logits, largest first, lower places first among equals. */
export function largestIds(logits: Float32Array, count: number): number[] {
  if (count === 0) return [];
  const before = (a: number, b: number) => logits[b]! - logits[a]! || a - b;
  if (count > FEW) return Array.from(logits.keys()).sort(before).slice(0, count);
  const kept: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    if (kept.length === count && !(logits[id]! > least)) continue;
    let place = kept.length;
    while (place > 0 && logits[kept[place - 1]!]! < logits[id]!) place--;
    kept.splice(place, 0, id);
    if (kept.length > count) kept.pop();
    least = logits[kept.at(-1)!]!;
  }
  return kept;
}
