/** A grammar held against one continuation: what its tokens may be and when it ends. Knows no model. */
import { fail } from "../base/errors.ts";
import { applyMask, type Place, placeAfter } from "./matcher.ts";

/** What keeps a continuation within a grammar. One for each call; its beams may share it. */
export interface Constraint {
  /** Sets logits (V) of tokens that may not follow `ids`, the prompt's first, to -infinity. */
  process(logits: Float32Array, ids: readonly number[]): void;
  /** True where nothing may follow ids. */
  isFinished(ids: readonly number[]): boolean;
  /** True where new tokens, without the prompt's, are a whole text. */
  isWhole(newIds: readonly number[]): boolean;
  /** Throws INCOMPLETE where new tokens, without the prompt's, are only the beginning of a text. */
  check(newIds: readonly number[]): void;
}

/** A constraint behind a prompt of so many tokens. `where` names the grammar in messages. */
export function constraintOf(start: Place, promptTokens: number, where: string): Constraint {
  /** The last tokens that were asked about, and the place behind each. */
  let known: number[] = [];
  let places: Place[] = [start];
  const placeBehind = (ids: readonly number[], from: number): Place => {
    const count = ids.length - from;
    let shared = 0;
    while (shared < count && shared < known.length && known[shared] === ids[from + shared]) shared++;
    known = known.slice(0, shared);
    places = places.slice(0, shared + 1);
    for (let i = shared; i < count; i++) {
      known.push(ids[from + i]!);
      places.push(placeAfter(places[i]!, ids[from + i]!));
    }
    return places.at(-1)!;
  };
  return {
    process: (logits, ids) => applyMask(logits, placeBehind(ids, promptTokens).mask()),
    isFinished: (ids) => placeBehind(ids, promptTokens).isFinished,
    isWhole: (newIds) => placeBehind(newIds, 0).isWhole,
    check(newIds) {
      if (placeBehind(newIds, 0).isWhole) return;
      fail(
        "INCOMPLETE",
        `${where}: the text was cut after ${newIds.length} tokens, before it was whole. Try a larger maxNewTokens`,
      );
    },
  };
}
