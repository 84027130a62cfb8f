/** How often something is repeated: what regular expressions and EBNF write alike. */
import type { Scanner } from "./scanner.ts";

/** The largest count of a quantifier: larger ones would make more states than any text needs. */
export const MOST_COUNT = 10_000;

/**
 * The counts of a quantifier that was matched as `([*+?])|{(least)(,(most))?}`. Fails at the scanner's place for counts that are too large or
 * the wrong way round.
 */
export function countsOf(scan: Scanner, [, sign, least, comma, most]: RegExpExecArray): [min: number, max: number] {
  if (sign !== undefined) return [sign === "+" ? 1 : 0, sign === "?" ? 1 : Number.POSITIVE_INFINITY];
  const min = Number(least);
  const max = comma === undefined ? min : most === "" ? Number.POSITIVE_INFINITY : Number(most);
  if (min > MOST_COUNT || (max > MOST_COUNT && max !== Number.POSITIVE_INFINITY))
    scan.fail(`got a count above ${MOST_COUNT}`);
  return min > max ? scan.fail("the counts are the wrong way round") : [min, max];
}
