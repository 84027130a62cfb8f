/** Where a regular expression matches, as Oniguruma's `find_iter` counts. Knows nothing of why. */
import { fail } from "../base/errors.ts";

/**
 * The matches of a regular expression with the flags `gu`, as flat pairs of start and end. An empty match that touches the one
 * before it does not count. Throws BAD_TEXT where a match is longer than the engine can follow (some millions of characters).
 */
export function matchesOf(pattern: RegExp, text: string): number[] {
  const ranges: number[] = [];
  pattern.lastIndex = 0;
  let last = -1;
  for (let match = nextMatch(pattern, text); match; match = nextMatch(pattern, text)) {
    const start = match.index;
    const end = start + match[0].length;
    if (end === start) pattern.lastIndex += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
    // The engine finds empty places between the halves of a pair where a pattern looks behind.
    if (end === start && (start === last || isInside(text, start))) continue;
    ranges.push(start, end);
    last = end;
  }
  return ranges;
}

function isInside(text: string, at: number): boolean {
  return at > 0 && text.codePointAt(at - 1)! > 0xffff;
}

/** The next match from `pattern.lastIndex`, or null. Throws BAD_TEXT as {@link matchesOf} does. */
function nextMatch(pattern: RegExp, text: string): RegExpExecArray | null {
  const from = pattern.lastIndex;
  try {
    return pattern.exec(text);
  } catch (cause) {
    return fail(
      "BAD_TEXT",
      `text: a stretch of the same kind from index ${from} is too long to be cut. Break the text up.`,
      cause,
    );
  }
}

/** The places of a plain string, as flat pairs of start and end, none of them overlapping. */
export function placesOf(wanted: string, text: string): number[] {
  const ranges: number[] = [];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length))
    ranges.push(at, at + wanted.length);
  return ranges;
}
