/** Guesses how a text goes on from what it has said before (prompt lookup, Saxena 2023). Runs no model. */
import type { Draft } from "./speculate-types.ts";

/** Tokens that are compared, at most: longer matches say no more. */
const LONGEST = 16;

/**
 * The tokens that followed the last place where the text ended as it does now: of all earlier places the one that most of
 * the last tokens agree with, the latest of those. `strength` is how many agree; without one there is no guess.
 */
export function lookupDraft(ids: readonly number[], count: number): Draft {
  const last = ids.length - 1;
  let [best, strength] = [-1, 0];
  for (let end = last - 1; end >= 0 && strength < LONGEST; end--) {
    let agreeing = 0;
    while (agreeing < LONGEST && agreeing <= end && ids[end - agreeing] === ids[last - agreeing]) agreeing++;
    if (agreeing > strength) [best, strength] = [end, agreeing];
  }
  return { ids: best < 0 ? [] : ids.slice(best + 1, best + 1 + count), strength };
}
