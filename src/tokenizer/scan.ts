/** Hand-written scanners for the patterns of GPT-2, Llama 3 and Qwen 2, and for digits. They know Unicode classes, not tokens. */
import { LETTER, NEWLINE, NUMBER, PUNCTUATION, SPACE, type UnicodeClasses, unicodeClasses } from "./unicode-classes.ts";

/** The end of the pre-token that begins at `at` (`at < end`) of text as code units, looking no further than `end`. */
export type Scanner = (units: Uint16Array, at: number, end: number) => number;

/** What ` ?[^\s\p{L}\p{N}]+` leaves out. */
const NOT_OTHER = SPACE | LETTER | NUMBER;

/**
 * GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
 */
export function gpt2Scanner(): Scanner {
  const classes = unicodeClasses();
  return (units, at, end) => {
    const c = units[at]!;
    if (c === APOSTROPHE) {
      const length = contraction(units, at, end, false);
      if (length > 0) return at + length;
    }
    const first = c === BLANK && at + 1 < end ? at + 1 : at;
    const flags = classes.at(units, first, end);
    if ((flags & LETTER) !== 0) return classes.run(units, first, end, LETTER);
    if ((flags & NUMBER) !== 0) return classes.run(units, first, end, NUMBER);
    if ((flags & SPACE) === 0) return classes.runWithout(units, first, end, NOT_OTHER);
    return blanks(classes.run(units, at, end, SPACE), at, end);
  };
}

/**
 * The pattern of Llama 3 (`maxDigits` 3) and Qwen 2 (`maxDigits` 1):
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,maxDigits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
 */
export function llama3Scanner(maxDigits: number): Scanner {
  const classes = unicodeClasses();
  return (units, at, end) => {
    const c = units[at]!;
    if (c === APOSTROPHE) {
      const length = contraction(units, at, end, true);
      if (length > 0) return at + length;
    }
    const flags = classes.at(units, at, end);
    if ((flags & LETTER) !== 0) return classes.run(units, at, end, LETTER);
    if ((flags & NUMBER) !== 0) return digits(classes, units, at, end, maxDigits);
    const second = at + classes.width(units, at, end);
    if ((flags & NEWLINE) === 0 && second < end) {
      const following = classes.at(units, second, end);
      if ((following & LETTER) !== 0) return classes.run(units, second, end, LETTER);
      if (c === BLANK && (following & NOT_OTHER) === 0) return others(classes, units, second, end);
    }
    if ((flags & SPACE) === 0) return others(classes, units, at, end);
    return whiteWithNewlines(classes, units, at, end);
  };
}

/** One number character, or the run of what lies between: the pre-tokenizer `Digits` with `individual_digits`. */
export function digitScanner(individual: boolean): Scanner {
  const classes = unicodeClasses();
  return (units, at, end) => {
    if ((classes.at(units, at, end) & NUMBER) === 0) return classes.runWithout(units, at, end, NUMBER);
    return individual ? at + classes.width(units, at, end) : classes.run(units, at, end, NUMBER);
  };
}

/** Punctuation in runs, or each by itself, and the runs between: the pre-tokenizer `Punctuation`. */
export function punctuationScanner(individual: boolean): Scanner {
  const classes = unicodeClasses();
  return (units, at, end) => {
    if ((classes.at(units, at, end) & PUNCTUATION) === 0) return classes.runWithout(units, at, end, PUNCTUATION);
    return individual ? at + classes.width(units, at, end) : classes.run(units, at, end, PUNCTUATION);
  };
}

/** `[0-9][0-9][0-9]` and what lies between. */
export function threeDigitScanner(): Scanner {
  const isDigit = (c: number) => c >= 0x30 && c <= 0x39;
  return (units, at, end) => {
    let run = 0;
    for (let i = at; i < end; i++) {
      run = isDigit(units[i]!) ? run + 1 : 0;
      if (run === 3) return i - 2 === at ? i + 1 : i - 2;
    }
    return end;
  };
}

const APOSTROPHE = 0x27;
export const BLANK = 0x20;

/** `\p{N}{1,most}` at a number. */
export function digits(classes: UnicodeClasses, units: Uint16Array, at: number, end: number, most: number): number {
  let i = at;
  for (let n = 0; n < most && i < end && (classes.at(units, i, end) & NUMBER) !== 0; n++) {
    i += classes.width(units, i, end);
  }
  return i;
}

/** `[^\s\p{L}\p{N}]+[\r\n]*` from the first symbol. */
function others(classes: UnicodeClasses, units: Uint16Array, at: number, end: number): number {
  return classes.run(units, classes.runWithout(units, at, end, NOT_OTHER), end, NEWLINE);
}

/** `\s*[\r\n]+|\s+(?!\S)|\s+` at white space. */
export function whiteWithNewlines(classes: UnicodeClasses, units: Uint16Array, at: number, end: number): number {
  const white = classes.run(units, at, end, SPACE);
  for (let i = white; i > at; i--) {
    const c = units[i - 1]!;
    if (c === 0x0a || c === 0x0d) return i;
  }
  return blanks(white, at, end);
}

/** `\s+(?!\S)|\s+` on the white space `at..white`: all of it at the end of the text, else all but the last character. */
export function blanks(white: number, at: number, end: number): number {
  return white === end || white === at + 1 ? white : white - 1;
}

/** Length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at an apostrophe, else 0. */
export function contraction(units: Uint16Array, at: number, end: number, anyCase: boolean): number {
  if (at + 1 >= end) return 0;
  const first = foldCase(units[at + 1]!, anyCase);
  if (first === S || first === T || first === M || first === D) return 2;
  if (at + 2 >= end) return 0;
  const second = foldCase(units[at + 2]!, anyCase);
  return ((first === R || first === V) && second === E) || (first === L && second === L) ? 3 : 0;
}

const D = 0x64;
const E = 0x65;
const L = 0x6c;
const M = 0x6d;
const R = 0x72;
const S = 0x73;
const T = 0x74;
const V = 0x76;

/** Lower case of the letters of contractions; U+017F folds to s (Unicode CaseFolding.txt). */
function foldCase(c: number, anyCase: boolean): number {
  if (!anyCase) return c;
  if (c === 0x17f) return S;
  return c >= 0x41 && c <= 0x5a ? c + 32 : c;
}
