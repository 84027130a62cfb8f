/** Hand-written scanner for the patterns that cut words by case: o200k, Llama 4, gpt-oss, Tekken. Knows Unicode classes, not tokens. */
import { BLANK, contraction, digits, type Scanner, whiteWithNewlines } from "./scan.ts";
import {
  LETTER,
  LOWERISH,
  NEWLINE,
  NUMBER,
  SPACE,
  type UnicodeClasses,
  UPPERISH,
  unicodeClasses,
} from "./unicode-classes.ts";

/** How the family's members differ. */
export interface CaseOptions {
  readonly maxDigits: number;
  /** `'s`, `'ll` and the like stay with their word. */
  readonly contractions: boolean;
}

/**
 * `F?U*L+C?|F?U+L*C?|\p{N}{1,maxDigits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+` with F `[^\r\n\p{L}\p{N}]`,
 * U `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, L `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` and C `(?i:'s|'t|'re|'ve|'m|'ll|'d)` or nothing.
 */
export function caseScanner({ maxDigits, contractions }: CaseOptions): Scanner {
  const classes = unicodeClasses();
  const withSuffix = (units: Uint16Array, at: number, end: number) =>
    contractions && at < end && units[at] === APOSTROPHE ? at + contraction(units, at, end, true) : at;
  return (units, at, end) => {
    const flags = classes.at(units, at, end);
    const second = at + classes.width(units, at, end);
    const mayLead = (flags & (LETTER | NUMBER | NEWLINE)) === 0;
    const start = mayLead ? second : at;
    const upperEnd = classes.run(units, start, end, UPPERISH);
    let word = lowerEnd(classes, units, start, upperEnd, end);
    // A mark can lead a word and be one.
    if (word < 0 && mayLead && (flags & UPPERISH) !== 0) word = lowerEnd(classes, units, at, upperEnd, end);
    if (word < 0 && upperEnd > start) word = upperEnd;
    if (word >= 0) return withSuffix(units, word, end);
    if ((flags & NUMBER) !== 0) return digits(classes, units, at, end, maxDigits);
    if ((flags & SPACE) === 0) return symbols(classes, units, at, end);
    const spaced = units[at] === BLANK && second < end && (classes.at(units, second, end) & NOT_SYMBOL) === 0;
    return spaced ? symbols(classes, units, second, end) : whiteWithNewlines(classes, units, at, end);
  };
}

const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const NOT_SYMBOL = SPACE | LETTER | NUMBER;

/**
 * The end of `U*L+` from `start`, where U reaches to `upperEnd`, or -1: L follows, or U gives back what is behind the last
 * character that is both.
 */
function lowerEnd(classes: UnicodeClasses, units: Uint16Array, start: number, upperEnd: number, end: number): number {
  const lower = classes.run(units, upperEnd, end, LOWERISH);
  if (lower > upperEnd) return lower;
  for (let i = upperEnd - 1; i >= start; i--) {
    const first = i > start && (units[i]! & 0xfc00) === 0xdc00 ? i - 1 : i;
    if ((classes.at(units, first, end) & LOWERISH) !== 0) return i + 1;
    i = first;
  }
  return -1;
}

/** `[^\s\p{L}\p{N}]+[\r\n/]*` from the first symbol. */
function symbols(classes: UnicodeClasses, units: Uint16Array, at: number, end: number): number {
  let i = classes.runWithout(units, at, end, NOT_SYMBOL);
  while (i < end && (units[i] === 0x0a || units[i] === 0x0d || units[i] === SLASH)) i++;
  return i;
}
