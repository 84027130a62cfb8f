/** Ids of pre-tokens seen before, in a table of fixed size. A collision overwrites, so it never grows. */
import type { IdSink } from "./id-list.ts";
import { hashWord } from "./word-table.ts";

/** Longest pre-token kept, in code units, and most ids. */
const UNITS = 16;
const IDS = 8;

/** A direct-mapped cache from `text[start..end)` to ids. */
export interface PieceCache {
  /** Appends the ids of a pre-token to `out`; false where it is not kept. */
  read(text: string, start: number, end: number, out: IdSink): boolean;
  /** Keeps `ids[0..count)` for the pre-token that {@link PieceCache.read} just missed. */
  write(text: string, start: number, end: number, ids: Int32Array, count: number): void;
}

/** An empty cache of `2 ** bits` places, 66 bytes each. */
export function pieceCache(bits = 16): PieceCache {
  const places = 2 ** bits;
  const units = new Uint16Array(places * UNITS);
  const ids = new Int32Array(places * IDS);
  /** 0 for an empty place. */
  const lengths = new Uint8Array(places);
  const counts = new Uint8Array(places);
  let missed = 0;
  return {
    read(text, start, end, out) {
      const length = end - start;
      if (length > UNITS) return false;
      missed = hashWord(text, start, end) & (places - 1);
      if (lengths[missed] !== length) return false;
      const base = missed * UNITS - start;
      for (let i = start; i < end; i++) if (units[base + i] !== text.charCodeAt(i)) return false;
      const first = missed * IDS;
      const last = first + counts[missed]!;
      for (let i = first; i < last; i++) out.push(ids[i]!);
      return true;
    },
    write(text, start, end, from, count) {
      const length = end - start;
      if (length > UNITS || count > IDS) return;
      lengths[missed] = length;
      counts[missed] = count;
      for (let i = 0; i < length; i++) units[missed * UNITS + i] = text.charCodeAt(start + i);
      for (let i = 0; i < count; i++) ids[missed * IDS + i] = from[i]!;
    },
  };
}
