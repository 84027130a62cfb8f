/** Masks over logits that narrow a distribution before a token is drawn from it. Plain arithmetic; knows no model and no text. */
import { argmax, logSumExp } from "./arithmetic.ts";

/** Changes the logits (V) of the next token in place; `ids` are all tokens before it. A masked token's logit is -infinity. */
export type LogitsProcessor = (logits: Float32Array, ids: readonly number[]) => void;

const MASKED = Number.NEGATIVE_INFINITY;

/** Divides logits: above 1 the distribution is flatter. */
export function temperature(value: number): LogitsProcessor {
  return (logits) => {
    for (let i = 0; i < logits.length; i++) logits[i] = logits[i]! / value;
  };
}

/** Keeps the k most probable tokens, and those as probable as the last of them (Fan et al. 2018); at least `keep`. */
export function topK(k: number, keep = 1): LogitsProcessor {
  return (logits) => maskBelow(logits, kthLargest(logits, Math.max(k, keep)));
}

/** Keeps the fewest tokens whose probabilities reach p (Holtzman et al. 2020), at least `keep`. */
export function topP(p: number, keep = 1): LogitsProcessor {
  return (logits) => {
    const best = kthLargest(logits, 1);
    let total = 0;
    for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i]! - best);
    // Sums in another order differ in their last bits.
    const enough = p * total;
    const ranked = heaviest(logits, best, (count, sum) => count >= keep && sum >= enough * (1 + 1e-9));
    let sum = 0;
    let count = 0;
    while (count < ranked.length && (count < keep || sum < enough)) sum += Math.exp(logits[ranked[count++]!]! - best);
    keepOnly(logits, ranked.slice(0, count));
  };
}

/** Keeps tokens at least `p` times as probable as the best (Nguyen et al. 2024), at least `keep`. */
export function minP(p: number, keep = 1): LogitsProcessor {
  return (logits) => {
    const least = kthLargest(logits, 1) + Math.log(p);
    maskBelow(logits, Math.min(least, kthLargest(logits, keep)));
  };
}

/**
 * Keeps the tokens whose information is nearest to the entropy, the fewest that reach probability `mass` (Meister et al.
 * 2023), at least `keep`.
 */
export function typicalP(mass: number, keep = 1): LogitsProcessor {
  return (logits) => {
    const { ids, logprobs, entropy } = informed(logits);
    const away = logprobs.map((logprob) => Math.abs(-logprob - entropy));
    const order = Array.from(ids.keys()).sort((a, b) => away[a]! - away[b]! || a - b);
    let sum = 0;
    let last = 0;
    for (; last < order.length - 1; last++) {
      sum += Math.exp(logprobs[order[last]!]!);
      if (sum >= mass) break;
    }
    const most = away[order[last]!]!;
    keepOnly(
      logits,
      order.filter((at, rank) => rank < keep || away[at]! <= most).map((at) => ids[at]!),
    );
  };
}

/** Most tokens that {@link topH} looks at, as in transformers. */
const TOP_H_TOKENS = 100;

/** Keeps the best tokens as long as their terms of the entropy add up to at most `part` of it (Potraghloo et al. 2025). */
export function topH(part: number): LogitsProcessor {
  return (logits) => {
    topK(TOP_H_TOKENS)(logits, []);
    const { ids, logprobs, entropy } = informed(logits);
    const order = Array.from(ids.keys()).sort((a, b) => logprobs[b]! - logprobs[a]! || a - b);
    let sum = 0;
    const kept = order.slice(0, TOP_H_TOKENS).filter((at, rank) => {
      sum -= Math.exp(logprobs[at]!) * logprobs[at]!;
      return rank === 0 || sum <= part * entropy;
    });
    keepOnly(
      logits,
      kept.map((at) => ids[at]!),
    );
  };
}

/** Keeps tokens of at least this probability (Hewitt et al. 2022), at least `keep`. */
export function epsilonCutoff(epsilon: number, keep = 1): LogitsProcessor {
  return (logits) => {
    const least = Math.log(epsilon) + logSumExp(logits);
    maskBelow(logits, Math.min(least, kthLargest(logits, keep)));
  };
}

/** {@link epsilonCutoff} by the smaller of epsilon and sqrt(epsilon) exp(-entropy) (Hewitt et al. 2022). */
export function etaCutoff(epsilon: number, keep = 1): LogitsProcessor {
  return (logits, ids) => {
    const { entropy } = informed(logits);
    epsilonCutoff(Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy)), keep)(logits, ids);
  };
}

/** Turns logits into log probabilities. */
export const normalize: LogitsProcessor = (logits) => {
  const total = logSumExp(logits);
  for (let i = 0; i < logits.length; i++) logits[i] = logits[i]! - total;
};

function maskBelow(logits: Float32Array, least: number): void {
  for (let i = 0; i < logits.length; i++) if (logits[i]! < least) logits[i] = MASKED;
}

function keepOnly(logits: Float32Array, ids: readonly number[]): void {
  const kept = ids.map((id) => logits[id]!);
  logits.fill(MASKED);
  for (const [i, id] of ids.entries()) logits[id] = kept[i]!;
}

/** The k-th largest value, the smallest where there are fewer: a heap of the k largest so far, its smallest first. */
export function kthLargest(values: Float32Array, k: number): number {
  if (k === 1) return values[argmax(values)]!;
  const size = Math.min(k, values.length);
  const heap = values.slice(0, size);
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(heap, i);
  for (let i = size; i < values.length; i++)
    if (values[i]! > heap[0]!) {
      heap[0] = values[i]!;
      sink(heap, 0);
    }
  return heap[0]!;
}

function sink(heap: Float32Array, from: number): void {
  for (let at = from; ; ) {
    const left = 2 * at + 1;
    let least = at;
    if (left < heap.length && heap[left]! < heap[least]!) least = left;
    if (left + 1 < heap.length && heap[left + 1]! < heap[least]!) least = left + 1;
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least]!, heap[at]!];
    at = least;
  }
}

/** Ids that are not masked. */
function open(logits: Float32Array): number[] {
  const ids: number[] = [];
  for (let i = 0; i < logits.length; i++) if (logits[i] !== MASKED) ids.push(i);
  return ids;
}

/** Log probabilities of the ids that are not masked, and the entropy in nats. */
function informed(logits: Float32Array): { ids: number[]; logprobs: number[]; entropy: number } {
  const ids = open(logits);
  const total = logSumExp(logits);
  const logprobs = ids.map((id) => logits[id]! - total);
  return { ids, logprobs, entropy: -logprobs.reduce((sum, logprob) => sum + logprob * Math.exp(logprob), 0) };
}

/** Parts of the best probability down to which tokens are looked at, as long as they are not enough. */
const REACHES = [2 ** -4, 2 ** -10, 2 ** -32, 0];

/**
 * The most probable tokens in order, lower ids first among equals: all down to some probability, `enough` by their count
 * and the sum of their probabilities over the best one's, or all there are. Few of a large vocabulary are ever sorted.
 */
function heaviest(logits: Float32Array, best: number, enough: (count: number, sum: number) => boolean): number[] {
  for (const reach of REACHES) {
    const least = best + Math.log(reach);
    const ids: number[] = [];
    let sum = 0;
    for (let i = 0; i < logits.length; i++)
      if (logits[i]! >= least && logits[i]! > MASKED) {
        ids.push(i);
        sum += Math.exp(logits[i]! - best);
      }
    if (reach === 0 || enough(ids.length, sum)) return ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  }
  return [];
}
