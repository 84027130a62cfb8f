/** Learns merges from counted words, keeping counts of pairs up to date. Knows ids and their spellings, not text. */
import type { Words } from "./count-words.ts";
import { mergeHeap } from "./merge-heap.ts";
import { pairCounts } from "./pair-counts.ts";

/** Tokens of the vocabulary so far, and wanted. */
export interface MergeProgress {
  readonly stage: "merge";
  readonly vocabSize: number;
  readonly target: number;
}

/**
 * Merges the most frequent pair (on ties the lower ids) until `tokens`, to which each new spelling is appended, has `vocabSize` entries
 * or no pair is left. Returns the merges in order. A pair whose spelling is a token already makes a merge and no new token.
 * `words.symbols` is used up. A step for each merge.
 */
export function* learnMerges(
  words: Words,
  tokens: string[],
  vocabSize: number,
  minFrequency: number,
): Generator<MergeProgress, [left: number, right: number][]> {
  const { counts, offsets, symbols } = words;
  const lengths = Int32Array.from(counts, (_, w) => offsets[w + 1]! - offsets[w]!);
  const idOfToken = new Map(tokens.map((token, id) => [token, id]));
  const pairs = pairCounts();
  const heap = mergeHeap();
  for (let w = 0; w < counts.length; w++) {
    for (let i = offsets[w]! + 1; i < offsets[w + 1]!; i++) pairs.change(symbols[i - 1]!, symbols[i]!, counts[w]!, w);
  }
  pairs.offerChanged(heap.push);
  const merges: [number, number][] = [];
  while (tokens.length < vocabSize) {
    const top = heap.pop();
    if (!top) break;
    const count = pairs.count(top.pair);
    if (top.count !== count) {
      heap.push({ ...top, count });
      continue;
    }
    if (count < Math.max(1, minFrequency)) break;
    const { left, right } = top;
    const spelling = tokens[left]! + tokens[right]!;
    const merged = idOfToken.get(spelling) ?? tokens.push(spelling) - 1;
    idOfToken.set(spelling, merged);
    merges.push([left, right]);
    pairs.forEachWord(top.where, (w) => {
      lengths[w] = mergeWord(symbols, offsets[w]!, lengths[w]!, left, right, merged, (a, b, sign) =>
        pairs.change(a, b, sign * counts[w]!, w),
      );
    });
    pairs.offerChanged(heap.push);
    yield { stage: "merge", vocabSize: tokens.length, target: vocabSize };
  }
  return merges;
}

/** Merges a pair, left to right, in the word at `offset` and tells which pairs come and go. Returns the new length. */
function mergeWord(
  symbols: Int32Array,
  offset: number,
  length: number,
  left: number,
  right: number,
  merged: number,
  change: (left: number, right: number, sign: 1 | -1) => void,
): number {
  const end = offset + length;
  let to = offset;
  for (let from = offset; from < end; from++) {
    const symbol = symbols[from]!;
    if (symbol !== left || from + 1 >= end || symbols[from + 1] !== right) {
      symbols[to++] = symbol;
      continue;
    }
    if (to > offset) {
      change(symbols[to - 1]!, left, -1);
      change(symbols[to - 1]!, merged, 1);
    }
    if (from + 2 < end) {
      change(right, symbols[from + 2]!, -1);
      change(merged, symbols[from + 2]!, 1);
    }
    symbols[to++] = merged;
    from++;
  }
  return to - offset;
}
