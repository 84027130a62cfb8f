/** How far a model is from the one it was made of: perplexities, KL divergence and agreement over a text's tokens. */
import type { Engine } from "../generate/engine.ts";

/** Two models over the same tokens, by the measures of llama.cpp's --kl-divergence. */
export interface Comparison {
  /** Tokens after which the two distributions were compared. */
  readonly tokens: number;
  readonly referencePerplexity: number;
  readonly perplexity: number;
  /** Mean of KL(reference || model) in nats. */
  readonly meanKl: number;
  /** The KL divergence that one token in a hundred, and in a thousand, exceeds. */
  readonly kl99: number;
  readonly kl999: number;
  /** Part of the tokens for which both hold the same next one most probable. */
  readonly topAgreement: number;
}

/** How a comparison is watched and stopped. */
export interface CompareHooks {
  readonly signal?: AbortSignal | undefined;
  onProgress?(done: number, tokens: number): void;
}

/** Tokens that are read with nothing before them. */
const WINDOW = 512;
/** Elements of the reference's logits in memory. */
const HELD_ELEMENTS = 2 ** 23;

/**
 * Reads `ids` with both engines, in windows of at most 512 tokens, and compares the distribution after each token. A
 * `prefix` (a start token, where the tokenizer adds one) is put before each window and not counted.
 */
export async function compareModels(
  reference: Engine,
  model: Engine,
  ids: readonly number[],
  prefix: readonly number[],
  { signal, onProgress }: CompareHooks = {},
): Promise<Comparison> {
  const { vocabSize } = model.model;
  const window = Math.min(WINDOW, reference.capacity - prefix.length, model.capacity - prefix.length);
  const most = Math.max(1, Math.min(window, Math.floor(HELD_ELEMENTS / vocabSize)));
  const held = new Float32Array(most * vocabSize);
  const sums = createSums();
  for (let start = 0; start < ids.length; start += window) {
    const end = Math.min(ids.length, start + window);
    for (const engine of [reference, model]) {
      engine.truncate(0);
      if (prefix.length > 0) await engine.append(prefix, signal);
    }
    for (let from = start; from < end; from += most) {
      const piece = ids.slice(from, Math.min(end, from + most));
      await reference.appendShowing(piece, (logits, i) => held.set(logits, i * vocabSize), signal);
      const show = (logits: Float32Array, i: number) => {
        const next = from + i + 1 < end ? ids[from + i + 1] : undefined;
        sums.add(held.subarray(i * vocabSize, (i + 1) * vocabSize), logits, next);
      };
      await model.appendShowing(piece, show, signal);
      onProgress?.(from + piece.length, ids.length);
    }
  }
  return sums.result();
}

function createSums() {
  const divergences: number[] = [];
  let [surprise, surpriseBefore, predicted, agreed] = [0, 0, 0, 0];
  return {
    /** Counts a token: the logits of both models, and what came next where that is known. */
    add(reference: Float32Array, model: Float32Array, next: number | undefined): void {
      const before = logSum(reference);
      const after = logSum(model);
      divergences.push(divergence(reference, before, model, after));
      if (before.best === after.best) agreed++;
      if (next === undefined) return;
      predicted++;
      surpriseBefore += before.log - reference[next]!;
      surprise += after.log - model[next]!;
    },
    result(): Comparison {
      const sorted = Float64Array.from(divergences).sort();
      const tokens = sorted.length;
      const quantile = (part: number) => sorted[Math.min(tokens - 1, Math.floor(part * tokens))] ?? 0;
      return {
        tokens,
        referencePerplexity: Math.exp(surpriseBefore / predicted),
        perplexity: Math.exp(surprise / predicted),
        meanKl: sorted.reduce((a, b) => a + b, 0) / tokens,
        kl99: quantile(0.99),
        kl999: quantile(0.999),
        topAgreement: agreed / tokens,
      };
    },
  };
}

interface LogSum {
  /** log of the sum of the exponentials of logits. */
  readonly log: number;
  /** The place of the largest, the first of equal ones. */
  readonly best: number;
}

function logSum(logits: Float32Array): LogSum {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  const most = logits[best]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - most);
  return { log: most + Math.log(sum), best };
}

/** KL(p || q) in nats, from logits and their log sums. */
function divergence(p: Float32Array, pSum: LogSum, q: Float32Array, qSum: LogSum): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = p[i]! - pSum.log;
    const probability = Math.exp(logP);
    // Where p is zero, so is the term, even when q's logit is minus infinity.
    if (probability > 0) sum += probability * (logP - q[i]! + qSum.log);
  }
  return Math.max(0, sum);
}
