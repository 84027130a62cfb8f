/** Ids of pieces seen before, in a table of fixed size: two places a hash, the older one is overwritten. Never grows. */
import { type IdList, reserve } from "./id-list.ts";

/** Longest piece kept, in code units, and most ids. */
export const CACHED_UNITS = 16;
const CACHED_IDS = 6;

/** 32-bit words of a place: hash, length and kind and number of ids, ids, code units. One cache line. */
const WORDS = 16;
const FIRST_ID = 2;
const FIRST_UNIT = (FIRST_ID + CACHED_IDS) * 2;

/** A cache from `units[start..end)` and a kind (0 or 1) to ids. */
export interface PieceCache {
  /** Appends the ids of a piece to `out`; false where it is not kept. */
  read(units: Uint16Array, start: number, end: number, kind: number, out: IdList): boolean;
  /** Keeps `ids[from..from + count)` for a piece that {@link PieceCache.read} just missed. */
  write(
    units: Uint16Array,
    start: number,
    end: number,
    kind: number,
    ids: Int32Array,
    from: number,
    count: number,
  ): void;
}

/** An empty cache of `2 ** bits` places of 64 bytes. */
export function pieceCache(bits = 16): PieceCache {
  const words = new Int32Array(2 ** bits * WORDS);
  const kept = new Uint16Array(words.buffer);
  const mask = 2 ** (bits - 1) - 1;

  const isPiece = (base: number, units: Uint16Array, start: number, end: number) => {
    const offset = base * 2 + FIRST_UNIT - start;
    for (let i = start; i < end; i++) if (kept[offset + i] !== units[i]) return false;
    return true;
  };
  return {
    read(units, start, end, kind, out) {
      const length = end - start;
      if (length > CACHED_UNITS) return false;
      const hash = hashUnits(units, start, end);
      const key = length * 2 + kind;
      let base = (hash & mask) * 2 * WORDS;
      if (words[base] !== hash || (words[base + 1]! & 0xff) !== key || !isPiece(base, units, start, end)) {
        base += WORDS;
        if (words[base] !== hash || (words[base + 1]! & 0xff) !== key || !isPiece(base, units, start, end))
          return false;
      }
      let n = out.length;
      if (n + CACHED_IDS > out.ids.length) reserve(out, CACHED_IDS);
      const ids = out.ids;
      const last = base + FIRST_ID + (words[base + 1]! >> 8);
      for (let i = base + FIRST_ID; i < last; i++) ids[n++] = words[i]!;
      out.length = n;
      return true;
    },
    write(units, start, end, kind, ids, from, count) {
      const length = end - start;
      if (length > CACHED_UNITS || count > CACHED_IDS) return;
      const hash = hashUnits(units, start, end);
      const base = (hash & mask) * 2 * WORDS;
      words.copyWithin(base + WORDS, base, base + WORDS);
      words[base] = hash;
      words[base + 1] = (count << 8) | (length * 2 + kind);
      for (let i = 0; i < count; i++) words[base + FIRST_ID + i] = ids[from + i]!;
      for (let i = 0; i < length; i++) kept[base * 2 + FIRST_UNIT + i] = units[start + i]!;
    },
  };
}

/** A 32-bit hash of `units[start..end)`, two units a step. */
function hashUnits(units: Uint16Array, start: number, end: number): number {
  let h = end - start;
  let i = start;
  for (; i + 1 < end; i += 2) {
    h = Math.imul(((h << 5) | (h >>> 27)) ^ (units[i]! | (units[i + 1]! << 16)), 0x9e3779b1);
  }
  if (i < end) h = Math.imul(((h << 5) | (h >>> 27)) ^ units[i]!, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}
