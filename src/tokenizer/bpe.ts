/** Byte-pair encoding of one pre-token (Sennrich et al. 2016): merges by rank, leftmost first. Knows ids, not spellings. */
import { numberHeap } from "./number-heap.ts";
import { type PairTable, pairTable } from "./pair-table.ts";

/** Merges with their ranks, ready for look-up. */
export interface Merges {
  readonly pairs: PairTable;
  /** Rank by pair index; lower merges first. */
  readonly ranks: Int32Array;
  /** The id a pair becomes, by pair index. */
  readonly results: Int32Array;
}

/** A table of merges, in rank order, as flat triples (left, right, result). A repeated pair takes its last rank. */
export function mergesFrom(triples: Int32Array): Merges {
  const count = triples.length / 3;
  const pairs = pairTable(count);
  const ranks = new Int32Array(count);
  const results = new Int32Array(count);
  for (let rank = 0; rank < count; rank++) {
    const index = pairs.add(triples[rank * 3]!, triples[rank * 3 + 1]!);
    ranks[index] = rank;
    results[index] = triples[rank * 3 + 2]!;
  }
  return { pairs, ranks, results };
}

/** Above this many symbols the scan for the lowest rank costs more than a heap. */
const SCAN_LIMIT = 64;
const NO_PAIR = 0x7fffffff;
const REMOVED = -1;
/** Rank and position share one exact float: ranks stay below 2^22, positions below this. */
const POSITIONS = 2 ** 31;

/** A function that merges `ids[0..length)` in place and returns the new length. */
export function bpeMerger(merges: Merges): (ids: Int32Array, length: number) => number {
  const pairRanks = new Int32Array(SCAN_LIMIT);
  return (ids, length) =>
    length <= SCAN_LIMIT ? mergeByScan(merges, ids, length, pairRanks) : mergeByHeap(merges, ids, length);
}

/** Looks for the lowest rank anew after each merge: O(n^2), and the fastest way for a word. */
function mergeByScan(merges: Merges, ids: Int32Array, length: number, pairRanks: Int32Array): number {
  let n = length;
  for (let i = 0; i + 1 < n; i++) pairRanks[i] = rankOf(merges, ids[i]!, ids[i + 1]!);
  for (;;) {
    let best = NO_PAIR;
    let at = -1;
    for (let i = 0; i + 1 < n; i++) {
      if (pairRanks[i]! < best) {
        best = pairRanks[i]!;
        at = i;
      }
    }
    if (at < 0) return n;
    ids[at] = merges.results[merges.pairs.find(ids[at]!, ids[at + 1]!)]!;
    n--;
    for (let i = at + 1; i < n; i++) {
      ids[i] = ids[i + 1]!;
      pairRanks[i] = pairRanks[i + 1]!;
    }
    if (at > 0) pairRanks[at - 1] = rankOf(merges, ids[at - 1]!, ids[at]!);
    if (at + 1 < n) pairRanks[at] = rankOf(merges, ids[at]!, ids[at + 1]!);
  }
}

function rankOf(merges: Merges, left: number, right: number): number {
  const index = merges.pairs.find(left, right);
  return index < 0 ? NO_PAIR : merges.ranks[index]!;
}

/** The same result in O(n log n): a linked list of symbols and a heap of (rank, position). */
function mergeByHeap(merges: Merges, ids: Int32Array, length: number): number {
  const next = Int32Array.from({ length }, (_, i) => i + 1);
  const previous = Int32Array.from({ length }, (_, i) => i - 1);
  const heap = numberHeap(length);
  const offer = (at: number) => {
    const right = next[at]!;
    const rank = right < length ? rankOf(merges, ids[at]!, ids[right]!) : NO_PAIR;
    if (rank !== NO_PAIR) heap.push(rank * POSITIONS + at);
  };
  for (let i = 0; i < length; i++) offer(i);
  while (heap.size > 0) {
    const key = heap.pop();
    const rank = Math.floor(key / POSITIONS);
    const at = key - rank * POSITIONS;
    const right = next[at]!;
    // An entry is stale once either of its symbols has changed.
    if (ids[at] === REMOVED || right >= length) continue;
    const index = merges.pairs.find(ids[at]!, ids[right]!);
    if (index < 0 || merges.ranks[index] !== rank) continue;
    ids[at] = merges.results[index]!;
    ids[right] = REMOVED;
    next[at] = next[right]!;
    if (next[at]! < length) previous[next[at]!] = at;
    if (previous[at]! >= 0) offer(previous[at]!);
    offer(at);
  }
  let n = 0;
  for (let i = 0; i < length; i++) if (ids[i] !== REMOVED) ids[n++] = ids[i]!;
  return n;
}
