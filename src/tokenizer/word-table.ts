/** Distinct words of a text in one pool of code units. Keeps no string, so that no slice holds its text alive. */
import { enlarged } from "./pair-table.ts";

/** Words by the order of their first appearance. */
export interface WordTable {
  readonly size: number;
  /** The index of `text[start..end)`, added where it was absent. */
  add(text: string, start: number, end: number): number;
  /** The code units of a word, not a copy. */
  word(index: number): Uint16Array;
}

/** An empty table. */
export function wordTable(): WordTable {
  let pool = new Uint16Array(1 << 16);
  let offsets = new Int32Array(1 << 12);
  let hashes = new Int32Array(1 << 12);
  let mask = (1 << 13) - 1;
  let slots = new Int32Array(mask + 1);
  let size = 0;

  const isWord = (index: number, text: string, start: number, end: number) => {
    const offset = offsets[index]!;
    if (offsets[index + 1]! - offset !== end - start) return false;
    for (let i = start; i < end; i++) if (pool[offset + i - start] !== text.charCodeAt(i)) return false;
    return true;
  };
  const growIndex = () => {
    offsets = enlarged(offsets, offsets.length * 2);
    hashes = enlarged(hashes, offsets.length);
    mask = offsets.length * 2 - 1;
    slots = new Int32Array(mask + 1);
    for (let index = 0; index < size; index++) {
      let slot = hashes[index]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  };
  const append = (text: string, start: number, end: number) => {
    const offset = offsets[size]!;
    const needed = offset + end - start;
    if (needed > pool.length) {
      const larger = new Uint16Array(Math.max(needed, pool.length * 2));
      larger.set(pool);
      pool = larger;
    }
    for (let i = start; i < end; i++) pool[offset + i - start] = text.charCodeAt(i);
    offsets[size + 1] = needed;
  };

  return {
    get size() {
      return size;
    },
    add(text, start, end) {
      const hash = hashWord(text, start, end);
      let slot = hash & mask;
      for (;;) {
        const index = slots[slot]! - 1;
        if (index < 0) break;
        if (hashes[index] === hash && isWord(index, text, start, end)) return index;
        slot = (slot + 1) & mask;
      }
      append(text, start, end);
      hashes[size] = hash;
      slots[slot] = ++size;
      if (size + 2 > offsets.length) growIndex();
      return size - 1;
    },
    word: (index) => pool.subarray(offsets[index], offsets[index + 1]),
  };
}

/** A 32-bit hash of `text[start..end)` (FNV-1a over code units, mixed once more). */
export function hashWord(text: string, start: number, end: number): number {
  let h = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
