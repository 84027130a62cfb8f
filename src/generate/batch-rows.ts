/**
 * The caches of several sequences as rows of the same tensors. A slot's row may change: those that take part in a step lie
 * side by side. Runs nothing.
 */
import { fail } from "../base/errors.ts";
import type { Tensor } from "../runtime/types.ts";

/** One sequence: the ids it stands for, and how many of them its cache holds. */
export interface Row {
  readonly ids: number[];
  length: number;
  /** By which of LongRoPE's angles its tokens are turned. */
  isLong: boolean;
  /** The adapter its tokens were read with. */
  adapter: string | undefined;
}

/** Sequences by their slots. */
export interface Rows {
  /** Throws BAD_OPTION for what is no slot. */
  of(slot: number): Row;
  /** Where in the tensors a slot's cache is. */
  placeOf(slot: number): number;
  /** Puts the caches of these slots, in any order, in front of all others. */
  gather(slots: readonly number[]): void;
  copy(from: number, to: number, length?: number): void;
  reorder(from: readonly number[]): void;
  truncate(slot: number, length: number): void;
}

/** Rows over caches (slots + 1, KV, P, D) of which the last row is spare, all of one adapter as they begin. */
export function createRows(caches: readonly Tensor[], slots: number, adapter: string | undefined): Rows {
  let rows: Row[] = Array.from({ length: slots }, () => ({ ids: [], length: 0, isLong: false, adapter }));
  let places = Array.from({ length: slots }, (_, slot) => slot);
  const of = (slot: number): Row => rows[slot] ?? fail("BAD_OPTION", `slot: got ${slot}, expected 0 to ${slots - 1}`);

  /** Trades the places of two slots. */
  const exchange = (a: number, b: number) => {
    const [placeA, placeB] = [places[a]!, places[b]!];
    copyTokens(caches, placeA, slots, 0, rows[a]!.length);
    copyTokens(caches, placeB, placeA, 0, rows[b]!.length);
    copyTokens(caches, slots, placeB, 0, rows[a]!.length);
    [places[a], places[b]] = [placeB, placeA];
  };

  /** Makes the row at `place`, which `target` describes, the first tokens of another. */
  const become = (target: Row, place: number, source: Row, from: number, length: number) => {
    const end = Math.min(source.length, length);
    copyTokens(caches, from, place, Math.min(end, sharedLength(source, target)), end);
    target.ids.length = 0;
    for (let i = 0; i < length; i++) target.ids.push(source.ids[i]!);
    target.length = end;
    target.isLong = source.isLong;
    target.adapter = source.adapter;
  };

  const truncate = (slot: number, length: number) => {
    const row = of(slot);
    checkLength("truncate", length, row.ids.length);
    row.ids.length = length;
    row.length = Math.min(row.length, length);
  };

  return {
    of,
    placeOf: (slot) => places[slot]!,
    truncate,
    gather(gathered) {
      const inside = new Set(gathered);
      const movable = places.map((place, slot) => ({ place, slot })).filter(({ slot }) => !inside.has(slot));
      const inTheWay = movable.filter(({ place }) => place < gathered.length);
      for (const slot of gathered) if (places[slot]! >= gathered.length) exchange(inTheWay.pop()!.slot, slot);
    },
    copy(from, to, length) {
      const [source, target] = [of(from), of(to)];
      checkLength("copy", length ?? 0, source.ids.length);
      if (from === to) truncate(to, length ?? source.ids.length);
      else become(target, places[to]!, source, places[from]!, length ?? source.ids.length);
    },
    reorder(from) {
      for (const slot of from) of(slot);
      if (from.length > slots) fail("BAD_OPTION", `reorder: got ${from.length} slots, expected at most ${slots}`);
      const [oldRows, oldPlaces] = [rows, places];
      // The first that goes on from a slot takes its row over; the others copy it into the rows that nobody goes on from.
      const heirs = new Map<number, number>();
      for (const [slot, source] of from.entries())
        if (source < from.length && !heirs.has(source)) heirs.set(source, slot);
      const free = [...from.keys()].filter((slot) => !heirs.has(slot));
      [rows, places] = [[...rows], [...places]];
      for (const [slot, source] of from.entries()) {
        const isHeir = heirs.get(source) === slot;
        const old = isHeir ? source : free.pop()!;
        [rows[slot], places[slot]] = [oldRows[old]!, oldPlaces[old]!];
        if (isHeir) continue;
        const { [source]: row } = oldRows;
        become(rows[slot]!, places[slot]!, row!, oldPlaces[source]!, row!.ids.length);
      }
    },
  };
}

function checkLength(what: string, length: number, most: number): void {
  if (!(Number.isInteger(length) && length >= 0 && length <= most))
    fail("BAD_OPTION", `${what}: got a length of ${length}, expected 0 to ${most}`);
}

/** Tokens at the beginning whose cache two rows hold alike. */
function sharedLength(a: Row, b: Row): number {
  if (a.isLong !== b.isLong || a.adapter !== b.adapter) return 0;
  const most = Math.min(a.length, b.length);
  let same = 0;
  while (same < most && a.ids[same] === b.ids[same]) same++;
  return same;
}

/** Copies tokens `start` to `end` of the row at `from` to that at `to` in each tensor (rows, KV, P, D). */
function copyTokens(caches: readonly Tensor[], from: number, to: number, start: number, end: number): void {
  if (start >= end) return;
  for (const { data, shape } of caches) {
    const [, heads, capacity, width] = shape as [number, number, number, number];
    for (let head = 0; head < heads; head++) {
      const at = (row: number) => (row * heads + head) * capacity * width;
      data.copyWithin(at(to) + start * width, at(from) + start * width, at(from) + end * width);
    }
  }
}
