/** Byte-pair encoding of one pre-token (Sennrich et al. 2016): merges by rank, leftmost first. Knows ids, not spellings. */
import { numberHeap } from "./number-heap.ts";
import { hashPair } from "./pair-table.ts";

/** Merges with their ranks, ready for look-up: a hash table with open addressing, at most two thirds full. */
export interface Merges {
  /** Four numbers a place: left (-1 where the place is empty), right, rank (lower merges first), result. */
  readonly places: Int32Array;
  /** Places - 1. */
  readonly mask: number;
}

/** A table of merges, in rank order, as flat triples (left, right, result). A repeated pair takes its last rank. */
export function mergesFrom(triples: Int32Array): Merges {
  const count = triples.length / 3;
  const mask = 2 ** Math.ceil(Math.log2(Math.max(8, count * 1.5))) - 1;
  const places = new Int32Array((mask + 1) * 4).fill(-1);
  for (let rank = 0; rank < count; rank++) {
    const left = triples[rank * 3]!;
    const right = triples[rank * 3 + 1]!;
    let place = hashPair(left, right) & mask;
    while (places[place * 4] !== -1 && (places[place * 4] !== left || places[place * 4 + 1] !== right)) {
      place = (place + 1) & mask;
    }
    places[place * 4] = left;
    places[place * 4 + 1] = right;
    places[place * 4 + 2] = rank;
    places[place * 4 + 3] = triples[rank * 3 + 2]!;
  }
  return { places, mask };
}

/** Above this many symbols the scan for the lowest rank costs more than a heap. */
const SCAN_LIMIT = 48;
const NO_PAIR = 0x7fffffff;
const REMOVED = -1;
/** Rank and position share one exact float: ranks stay below 2^22, positions below this. */
const POSITIONS = 2 ** 31;

/** Where the rank of a pair lies in {@link Merges.places}, its result behind it; 0 where the pair does not merge. */
function findMerge(places: Int32Array, mask: number, left: number, right: number): number {
  let at = (hashPair(left, right) & mask) * 4;
  for (;;) {
    const found = places[at]!;
    if (found === left && places[at + 1] === right) return at + 2;
    if (found === -1) return 0;
    at = (at + 4) & (mask * 4 + 3);
  }
}

/**
 * A function that merges `ids[0..length)` in place and returns the new length: any symbols, a negative one never merges. `widths`, where
 * given, holds a number for each symbol; those of symbols that merge are added up.
 */
export type Merger = (ids: Int32Array, length: number, widths?: Int32Array) => number;

/** The merger of a table of merges. It keeps scratch space and is not re-entrant. */
export function bpeMerger({ places, mask }: Merges): Merger {
  const ranks = new Int32Array(SCAN_LIMIT);
  const results = new Int32Array(SCAN_LIMIT);
  const long = heapMerger({ places, mask });

  const setPair = (ids: Int32Array, at: number) => {
    const found = findMerge(places, mask, ids[at]!, ids[at + 1]!);
    ranks[at] = found === 0 ? NO_PAIR : places[found]!;
    results[at] = found === 0 ? 0 : places[found + 1]!;
  };
  /** Looks for the lowest rank anew after each merge: O(n^2), and the fastest way for a word. */
  return (ids, length, widths) => {
    if (length > SCAN_LIMIT || widths) return long(ids, length, widths);
    let pairs = length - 1;
    for (let i = 0; i < pairs; i++) setPair(ids, i);
    for (;;) {
      let best = NO_PAIR;
      let at = 0;
      for (let i = 0; i < pairs; i++) {
        const rank = ranks[i]!;
        if (rank < best) {
          best = rank;
          at = i;
        }
      }
      if (best === NO_PAIR) return pairs + 1;
      ids[at] = results[at]!;
      pairs--;
      for (let i = at + 1; i <= pairs; i++) ids[i] = ids[i + 1]!;
      for (let i = at + 1; i < pairs; i++) {
        ranks[i] = ranks[i + 1]!;
        results[i] = results[i + 1]!;
      }
      if (at > 0) setPair(ids, at - 1);
      if (at < pairs) setPair(ids, at);
    }
  };
}

/** The same result in O(n log n): a linked list of symbols and a heap of (rank, position). */
function heapMerger({ places, mask }: Merges): Merger {
  let next = new Int32Array(0);
  let previous = new Int32Array(0);
  const rankAt = (ids: Int32Array, at: number, length: number) => {
    const right = next[at]!;
    return right < length ? findMerge(places, mask, ids[at]!, ids[right]!) : 0;
  };
  return (ids, length, widths) => {
    if (length > next.length) {
      next = new Int32Array(length * 2);
      previous = new Int32Array(length * 2);
    }
    const heap = numberHeap(length);
    const offer = (at: number) => {
      const found = rankAt(ids, at, length);
      if (found !== 0) heap.push(places[found]! * POSITIONS + at);
    };
    for (let i = 0; i < length; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    for (let i = 0; i < length; i++) offer(i);
    while (heap.size > 0) {
      const key = heap.pop();
      const rank = Math.floor(key / POSITIONS);
      const at = key - rank * POSITIONS;
      if (ids[at] === REMOVED) continue;
      const found = rankAt(ids, at, length);
      // An entry is stale once either of its symbols has changed.
      if (found === 0 || places[found] !== rank) continue;
      const right = next[at]!;
      ids[at] = places[found + 1]!;
      ids[right] = REMOVED;
      if (widths) widths[at]! += widths[right]!;
      next[at] = next[right]!;
      if (next[at]! < length) previous[next[at]!] = at;
      if (previous[at]! >= 0) offer(previous[at]!);
      offer(at);
    }
    let n = 0;
    for (let i = 0; i < length; i++) {
      if (ids[i] === REMOVED) continue;
      if (widths) widths[n] = widths[i]!;
      ids[n++] = ids[i]!;
    }
    // One very long pre-token must not keep its space for good.
    if (next.length > 1 << 18) {
      next = new Int32Array(0);
      previous = new Int32Array(0);
    }
    return n;
  };
}
