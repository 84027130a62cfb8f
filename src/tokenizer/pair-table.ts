/** A hash table from pairs of ids to integers, made for millions of look-ups. Knows nothing of merges. */

/** Pairs in the order of their first `add`; the index of a pair never changes. */
export interface PairTable {
  readonly size: number;
  /** The index of a pair, or -1. */
  find(left: number, right: number): number;
  /** The index of a pair, added where it was absent. */
  add(left: number, right: number): number;
  left(index: number): number;
  right(index: number): number;
}

/** An empty table with room for `capacity` pairs before it first grows. Ids are 0 to 2^31 - 1. */
export function pairTable(capacity: number): PairTable {
  let room = Math.max(16, capacity);
  let lefts = new Int32Array(room);
  let rights = new Int32Array(room);
  let mask = slotsFor(room) - 1;
  /** Index + 1, or 0 for an empty slot; open addressing with linear probing, at most half full. */
  let slots = new Int32Array(mask + 1);
  let size = 0;

  const grow = () => {
    room *= 2;
    lefts = enlarged(lefts, room);
    rights = enlarged(rights, room);
    mask = slotsFor(room) - 1;
    slots = new Int32Array(mask + 1);
    for (let index = 0; index < size; index++) {
      let slot = hashPair(lefts[index]!, rights[index]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = index + 1;
    }
  };

  return {
    get size() {
      return size;
    },
    find(left, right) {
      let slot = hashPair(left, right) & mask;
      for (;;) {
        const index = slots[slot]! - 1;
        if (index < 0 || (lefts[index] === left && rights[index] === right)) return index;
        slot = (slot + 1) & mask;
      }
    },
    add(left, right) {
      let slot = hashPair(left, right) & mask;
      for (;;) {
        const index = slots[slot]! - 1;
        if (index < 0) break;
        if (lefts[index] === left && rights[index] === right) return index;
        slot = (slot + 1) & mask;
      }
      lefts[size] = left;
      rights[size] = right;
      slots[slot] = ++size;
      if (size === room) grow();
      return size - 1;
    },
    left: (index) => lefts[index]!,
    right: (index) => rights[index]!,
  };
}

/** A hash of two ids, 0 to 2^24 - 1. */
export function hashPair(left: number, right: number): number {
  const h = Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b);
  return Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) >>> 8;
}

function slotsFor(room: number): number {
  return 2 ** Math.ceil(Math.log2(room * 2));
}

/** A copy of an array with more room. */
export function enlarged(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
