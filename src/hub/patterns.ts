/** File patterns as the shell knows them, with Python's `fnmatch` rules. Pure. */
import { fail } from "../base/errors.ts";

/** Longest pattern, and so the longest match. */
const MOST_PATTERN = 1000;

/**
 * True where the whole path matches the pattern: `*` any text, also across "/", `?` any character, `[a-z]` and `[!a-z]`
 * one of some. "data/" means "data/*". As in huggingface_hub, letters count as they are written. The time it takes is
 * at most the product of the two lengths.
 */
export function matchesPattern(path: string, pattern: string): boolean {
  const given = pattern.endsWith("/") ? `${pattern}*` : pattern;
  if (given.length > MOST_PATTERN)
    fail("BAD_OPTION", `a pattern has ${given.length} characters, at most ${MOST_PATTERN}`);
  const pieces = piecesOf(given);
  const letters = [...path];
  let [at, piece] = [0, 0];
  /** The last star, and what it is taken to stand for: from `from` up to `end`. */
  let star = -1;
  let end = 0;
  while (at < letters.length) {
    const next = pieces[piece];
    if (next === "*") {
      star = piece++;
      end = at;
    } else if (typeof next === "function" && next(letters[at]!)) {
      at++;
      piece++;
    } else if (star >= 0) {
      at = ++end;
      piece = star + 1;
    } else return false;
  }
  while (pieces[piece] === "*") piece++;
  return piece === pieces.length;
}

type Piece = "*" | ((letter: string) => boolean);

function piecesOf(pattern: string): Piece[] {
  const pieces: Piece[] = [];
  const letters = [...pattern];
  for (let i = 0; i < letters.length; i++) {
    const letter = letters[i]!;
    const close = letter === "[" ? closing(letters, i) : -1;
    if (letter === "*") pieces.push("*");
    else if (letter === "?") pieces.push(() => true);
    else if (close > 0) {
      pieces.push(oneOf(letters.slice(i + 1, close)));
      i = close;
    } else pieces.push((got) => got === letter);
  }
  return pieces;
}

/** Where a set ends: a "]" right after its beginning is one of its letters. */
function closing(letters: readonly string[], open: number): number {
  const first = letters[open + 1] === "!" ? open + 2 : open + 1;
  return letters.indexOf("]", first + 1);
}

function oneOf(inside: readonly string[]): (letter: string) => boolean {
  const not = inside[0] === "!";
  const set = not ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let i = 0; i < set.length; i++)
    if (set[i + 1] === "-" && i + 2 < set.length) {
      ranges.push([set[i]!, set[i + 2]!]);
      i += 2;
    } else ranges.push([set[i]!, set[i]!]);
  const code = (letter: string) => letter.codePointAt(0)!;
  return (letter) => ranges.some(([low, high]) => code(letter) >= code(low) && code(letter) <= code(high)) !== not;
}
