/** Tokens of texts put together into results: truncated, with what the post-processor adds, padded. Knows no text. */
import { fail } from "../base/errors.ts";
import type { Padding, Truncation } from "./limits.ts";
import type { Tracked } from "./pipeline.ts";
import type { PostProcessor, Slot, Trim } from "./post-process.ts";
import { widthAt } from "./stretch.ts";

/** Tokens of one text, or of all of them. */
export interface Row {
  ids: number[];
  typeIds: number[];
  specialTokensMask: number[];
  attentionMask: number[];
  /** Flat pairs. */
  offsets: number[];
}

/** How many tokens the slots add. */
export function addedCount(slots: readonly Slot[]): number {
  return slots.filter((slot) => "id" in slot).length;
}

/** Cuts texts down together. `added` is what the post-processor will add. Throws BAD_OPTION where that leaves too little. */
export function truncated(
  parts: readonly Tracked[],
  { maxLength, side, strategy }: Truncation,
  added: number,
): Tracked[] {
  const room = maxLength - added;
  if (room < 0)
    fail(
      "BAD_OPTION",
      `truncation.maxLength: got ${maxLength}, expected at least the ${added} tokens that the post-processor adds`,
    );
  if (strategy === "only_second" && parts.length < 2)
    fail(
      "BAD_OPTION",
      `truncation.strategy: got "only_second", expected "only_first" or "longest_first" for a text by itself`,
    );
  const lengths = parts.map((part) => part.ids.length);
  const total = lengths.reduce((a, b) => a + b, 0);
  if (total <= room) return [...parts];
  if (strategy === "longest_first" || room === 0) {
    const wanted = parts.length > 1 ? evenly(lengths[0]!, lengths[1]!, room) : [room];
    return parts.map((part, i) => cutTo(part, wanted[i]!, side));
  }
  const index = strategy === "only_first" ? 0 : 1;
  const left = lengths[index]! - (total - room);
  if (left <= 0)
    fail(
      "BAD_OPTION",
      `truncation: got ${strategy} and maxLength ${maxLength}, which the other text fills by itself. Try "longest_first".`,
    );
  return parts.map((part, i) => (i === index ? cutTo(part, left, side) : part));
}

/** Lengths of two texts that share `room`: the longer one gives first, then both. */
function evenly(first: number, second: number, room: number): [number, number] {
  const isSwapped = first > second;
  let short = Math.min(first, second);
  let long = short > room ? short : Math.max(short, room - short);
  if (short + long > room) {
    short = Math.floor(room / 2);
    long = short + (room % 2);
  }
  return isSwapped ? [long, short] : [short, long];
}

function cutTo(part: Tracked, length: number, side: Truncation["side"]): Tracked {
  const count = part.ids.length;
  if (length >= count) return part;
  const [start, end] = side === "right" ? [0, length] : [count - length, count];
  return {
    ids: part.ids.slice(start, end),
    offsets: part.offsets.slice(start * 2, end * 2),
    values: part.values.slice(start, end),
  };
}

/**
 * Offsets without the white space that tokens begin and end with, which is counted in characters of `text`. `spellingOf` gives the spellings of
 * tokens that are not added.
 */
export function trimmed(
  part: Tracked,
  text: string,
  trims: readonly Trim[],
  spellingOf: (id: number) => string,
): Tracked {
  if (trims.length === 0) return part;
  const offsets = [...part.offsets];
  for (const { addPrefixSpace } of trims) {
    part.ids.forEach((id, i) => {
      const token = part.values[i] ?? spellingOf(id);
      const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
      const leading = /^[\u0120\p{White_Space}]*/u.exec(token)![0].length;
      const isPrefix = addPrefixSpace && leading === 1 && (i === 0 || start === 0);
      const from = isPrefix ? start : forward(text, start, leading, end);
      offsets[2 * i] = from;
      offsets[2 * i + 1] = Math.max(back(text, end, trailingBlanks(token)), from);
    });
  }
  return { ...part, offsets };
}

function trailingBlanks(token: string): number {
  let count = 0;
  while (count < token.length && /[\u0120\p{White_Space}]/u.test(token[token.length - 1 - count]!)) count++;
  return count;
}

/** So many characters on from `at`, no further than `end`. */
function forward(text: string, at: number, count: number, end: number): number {
  let place = at;
  for (let i = 0; i < count && place < end; i++) place += widthAt(text, place);
  return Math.min(place, end);
}

/** So many characters back from `at`; `at` where there are fewer. */
function back(text: string, at: number, count: number): number {
  let place = at;
  for (let i = 0; i < count; i++) {
    if (place === 0) return at;
    place -= place > 1 && widthAt(text, place - 2) === 2 ? 2 : 1;
  }
  return place;
}

/** Texts in the places that slots have for them. */
export function assembled(parts: readonly Tracked[], slots: readonly Slot[], addSpecialTokens: boolean): Row {
  const row: Row = { ids: [], typeIds: [], specialTokensMask: [], attentionMask: [], offsets: [] };
  const push = (id: number, typeId: number, special: number, start: number, end: number) => {
    row.ids.push(id);
    row.typeIds.push(typeId);
    row.specialTokensMask.push(special);
    row.attentionMask.push(1);
    row.offsets.push(start, end);
  };
  for (const slot of slots) {
    if ("id" in slot) {
      if (addSpecialTokens) push(slot.id, slot.typeId, 1, 0, 0);
      continue;
    }
    const { ids, offsets } = parts[slot.text]!;
    ids.forEach((id, i) => {
      push(id, slot.typeId, 0, offsets[2 * i]!, offsets[2 * i + 1]!);
    });
  }
  return row;
}

/** The slots for so many texts. Throws BAD_OPTION for a pair that there is no form for. */
export function slotsFor({ single, pair }: PostProcessor, texts: number): readonly Slot[] {
  if (texts === 1) return single;
  return pair ?? fail("BAD_OPTION", "text: got a pair, and the tokenizer's post-processor has no form for pairs");
}

/** Fills rows up to one length. */
export function padded(rows: readonly Row[], { length, side, multipleOf, padId, padTypeId }: Padding): void {
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const wanted = Math.ceil((length === "longest" ? longest : length) / multipleOf) * multipleOf;
  for (const row of rows) {
    const missing = wanted - row.ids.length;
    if (missing <= 0) continue;
    const fill = (list: number[], value: number, count = missing) => {
      const more = new Array<number>(count).fill(value);
      return side === "right" ? [...list, ...more] : [...more, ...list];
    };
    row.ids = fill(row.ids, padId);
    row.typeIds = fill(row.typeIds, padTypeId);
    row.specialTokensMask = fill(row.specialTokensMask, 1);
    row.attentionMask = fill(row.attentionMask, 0);
    row.offsets = fill(row.offsets, 0, missing * 2);
  }
}
