/** Ids of tokens by their bytes, in flat arrays. Knows nothing of text. */

/** A hash table from bytes to ids. */
export interface TokenTable {
  /** Longest token, in bytes. */
  readonly longest: number;
  /** The id of `bytes[0..length)`, or -1. */
  find(bytes: Uint8Array, length: number): number;
  /** Adds a token that is not there yet. */
  add(bytes: Uint8Array, length: number, id: number): void;
}

/** An empty table with room for `count` tokens, no more. */
export function tokenTable(count: number): TokenTable {
  const mask = 2 ** Math.ceil(Math.log2(Math.max(8, count * 2))) - 1;
  /** Index of a token + 1, or 0 for an empty slot; open addressing with linear probing. */
  const slots = new Int32Array(mask + 1);
  const offsets = new Int32Array(count + 1);
  const ids = new Int32Array(count);
  let pool = new Uint8Array(count * 8 + 64);
  let size = 0;
  let longest = 0;

  const isToken = (index: number, bytes: Uint8Array, length: number) => {
    const offset = offsets[index]!;
    if (offsets[index + 1]! - offset !== length) return false;
    for (let i = 0; i < length; i++) if (pool[offset + i] !== bytes[i]) return false;
    return true;
  };
  return {
    get longest() {
      return longest;
    },
    find(bytes, length) {
      if (length > longest) return -1;
      for (let slot = hashBytes(bytes, length) & mask; ; slot = (slot + 1) & mask) {
        const index = slots[slot]! - 1;
        if (index < 0) return -1;
        if (isToken(index, bytes, length)) return ids[index]!;
      }
    },
    add(bytes, length, id) {
      const offset = offsets[size]!;
      if (offset + length > pool.length) {
        const larger = new Uint8Array(Math.max(pool.length * 2, offset + length));
        larger.set(pool);
        pool = larger;
      }
      for (let i = 0; i < length; i++) pool[offset + i] = bytes[i]!;
      let slot = hashBytes(bytes, length) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      ids[size] = id;
      offsets[size + 1] = offset + length;
      slots[slot] = ++size;
      longest = Math.max(longest, length);
    },
  };
}

function hashBytes(bytes: Uint8Array, length: number): number {
  let h = 0x811c9dc5 | 0;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
