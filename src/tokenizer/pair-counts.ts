/** Counts of neighbouring pairs and the words in which they newly appeared. Knows nothing of the order of merges. */
import type { Candidate } from "./merge-heap.ts";
import { enlarged, pairTable } from "./pair-table.ts";

/** Counts that change with every merge. */
export interface PairCounts {
  count(pair: number): number;
  /** Adds to the count of a pair; a positive amount also notes the word. Calls for one word must come together. */
  change(left: number, right: number, amount: number, word: number): void;
  /** Offers every pair noted since the last call, with its words, and forgets the notes. */
  offerChanged(offer: (candidate: Candidate) => void): void;
  /** Visits the words of a candidate, each once, and frees the list. */
  forEachWord(where: number, visit: (word: number) => void): void;
}

/** Empty counts. Lists of words are chains of cells in one pool; cell 0 is the end. */
export function pairCounts(): PairCounts {
  const pairs = pairTable(1 << 12);
  let counts = new Float64Array(1 << 12);
  let heads = new Int32Array(1 << 12);
  let cellWords = new Int32Array(1 << 12);
  let cellNext = new Int32Array(1 << 12);
  let cells = 1;
  let free = 0;
  let changed: number[] = [];

  const newCell = () => {
    if (free !== 0) {
      const cell = free;
      free = cellNext[cell]!;
      return cell;
    }
    if (cells === cellWords.length) {
      cellWords = enlarged(cellWords, cells * 2);
      cellNext = enlarged(cellNext, cells * 2);
    }
    return cells++;
  };
  const note = (pair: number, word: number) => {
    const head = heads[pair]!;
    if (head !== 0 && cellWords[head] === word) return;
    if (head === 0) changed.push(pair);
    const cell = newCell();
    cellWords[cell] = word;
    cellNext[cell] = head;
    heads[pair] = cell;
  };
  return {
    count: (pair) => counts[pair]!,
    change(left, right, amount, word) {
      const pair = pairs.add(left, right);
      if (pair >= counts.length) {
        const larger = new Float64Array(counts.length * 2);
        larger.set(counts);
        counts = larger;
        heads = enlarged(heads, counts.length);
      }
      counts[pair]! += amount;
      if (amount > 0) note(pair, word);
    },
    offerChanged(offer) {
      const pending = changed;
      changed = [];
      for (const pair of pending) {
        const where = heads[pair]!;
        heads[pair] = 0;
        const count = counts[pair]!;
        if (count > 0) offer({ pair, left: pairs.left(pair), right: pairs.right(pair), count, where });
      }
    },
    forEachWord(where, visit) {
      let next = 0;
      for (let cell = where; cell !== 0; cell = next) {
        visit(cellWords[cell]!);
        next = cellNext[cell]!;
        cellNext[cell] = free;
        free = cell;
      }
    },
  };
}
