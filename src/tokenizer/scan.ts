/** Hand-written scanners for the three common pre-token patterns. They know Unicode classes, not tokens. */

/** The end of the pre-token that begins at `at` (`at < end`), looking no further than `end`. */
export type Scanner = (text: string, at: number, end: number) => number;

const OTHER = 0;
const LETTER = 1;
const NUMBER = 2;
const SPACE = 3;
const NEWLINE = 4;
const SURROGATE = 5;

interface Classes {
  /** The class of the code point at `at`; a lone surrogate is OTHER, as U+FFFD is. */
  at(text: string, at: number, end: number): number;
  /** The end of the run of one class from `at`. */
  run(text: string, at: number, end: number, kind: number): number;
  /** Code units of the code point at `at`. */
  width(text: string, at: number, end: number): number;
}

/**
 * GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
 */
export function gpt2Scanner(): Scanner {
  const classes = unicodeClasses();
  return (text, at, end) => {
    const c = text.charCodeAt(at);
    if (c === APOSTROPHE) {
      const length = contraction(text, at, end, false);
      if (length > 0) return at + length;
    }
    if (c === BLANK && at + 1 < end) {
      const kind = classes.at(text, at + 1, end);
      if (kind < SPACE) return classes.run(text, at + 1, end, kind);
    }
    const kind = classes.at(text, at, end);
    return kind < SPACE ? classes.run(text, at, end, kind) : blanks(whiteEnd(classes, text, at, end), at, end);
  };
}

/**
 * The pattern of Llama 3 (`maxDigits` 3) and Qwen 2 (`maxDigits` 1):
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,maxDigits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
 */
export function llama3Scanner(maxDigits: number): Scanner {
  const classes = unicodeClasses();
  const digits = (text: string, at: number, end: number) => {
    let i = at;
    for (let n = 0; n < maxDigits && i < end && classes.at(text, i, end) === NUMBER; n++) {
      i += classes.width(text, i, end);
    }
    return i;
  };
  const others = (text: string, at: number, end: number) =>
    classes.run(text, classes.run(text, at, end, OTHER), end, NEWLINE);
  return (text, at, end) => {
    if (text.charCodeAt(at) === APOSTROPHE) {
      const length = contraction(text, at, end, true);
      if (length > 0) return at + length;
    }
    const kind = classes.at(text, at, end);
    if (kind === LETTER) return classes.run(text, at, end, LETTER);
    if (kind === NUMBER) return digits(text, at, end);
    const second = at + classes.width(text, at, end);
    if (kind !== NEWLINE && second < end) {
      const following = classes.at(text, second, end);
      if (following === LETTER) return classes.run(text, second, end, LETTER);
      if (following === OTHER && text.charCodeAt(at) === BLANK) return others(text, second, end);
    }
    if (kind === OTHER) return others(text, at, end);
    const white = whiteEnd(classes, text, at, end);
    for (let i = white; i > at; i--) {
      const c = text.charCodeAt(i - 1);
      if (c === 0x0a || c === 0x0d) return i;
    }
    return blanks(white, at, end);
  };
}

/** One number character, or the run of what lies between: the pre-tokenizer `Digits` with `individual_digits`. */
export function digitScanner(individual: boolean): Scanner {
  const classes = unicodeClasses();
  return (text, at, end) => {
    if (classes.at(text, at, end) === NUMBER) {
      return individual ? at + classes.width(text, at, end) : classes.run(text, at, end, NUMBER);
    }
    let i = at;
    while (i < end && classes.at(text, i, end) !== NUMBER) i += classes.width(text, i, end);
    return i;
  };
}

const APOSTROPHE = 0x27;
const BLANK = 0x20;

/** `\s+(?!\S)|\s+` on the white space `at..white`: all of it at the end of the text, else all but the last character. */
function blanks(white: number, at: number, end: number): number {
  return white === end || white === at + 1 ? white : white - 1;
}

function whiteEnd(classes: Classes, text: string, at: number, end: number): number {
  let i = at;
  for (;;) {
    const further = classes.run(text, classes.run(text, i, end, SPACE), end, NEWLINE);
    if (further === i) return i;
    i = further;
  }
}

/** Length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at an apostrophe, else 0. */
function contraction(text: string, at: number, end: number, anyCase: boolean): number {
  if (at + 1 >= end) return 0;
  const first = foldCase(text.charCodeAt(at + 1), anyCase);
  if (first === S || first === T || first === M || first === D) return 2;
  if (at + 2 >= end) return 0;
  const second = foldCase(text.charCodeAt(at + 2), anyCase);
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

function unicodeClasses(): Classes {
  const table = bmpClasses();
  const at = (text: string, i: number, end: number) => {
    const kind = table[text.charCodeAt(i)]!;
    return kind === SURROGATE ? surrogateClass(text, i, end) : kind;
  };
  return {
    at,
    run(text, from, end, kind) {
      let i = from;
      while (i < end) {
        const found = table[text.charCodeAt(i)]!;
        if (found === kind) i++;
        else if (found === SURROGATE && surrogateClass(text, i, end) === kind) i += pairWidth(text, i, end);
        else break;
      }
      return i;
    },
    width: (text, i, end) => (table[text.charCodeAt(i)] === SURROGATE ? pairWidth(text, i, end) : 1),
  };
}

/** Classes of U+0000 to U+FFFF. White space is `\p{White_Space}`: JavaScript's `\s` lacks U+0085 and has U+FEFF. */
function bmpClasses(): Uint8Array {
  const units: string[] = [];
  for (let c = 0; c < 0xd800; c++) units.push(String.fromCharCode(c));
  const below = units.join("");
  const above = Array.from({ length: 0x2000 }, (_, i) => String.fromCharCode(0xe000 + i)).join("");
  const table = new Uint8Array(0x10000);
  const mark = (pattern: RegExp, kind: number) => {
    for (const [part, offset] of [
      [below, 0],
      [above, 0xe000],
    ] as const) {
      for (const match of part.matchAll(pattern)) {
        table.fill(kind, offset + match.index, offset + match.index + match[0].length);
      }
    }
  };
  mark(/\p{L}+/gu, LETTER);
  mark(/\p{N}+/gu, NUMBER);
  mark(/\p{White_Space}+/gu, SPACE);
  mark(/[\r\n]/gu, NEWLINE);
  table.fill(SURROGATE, 0xd800, 0xe000);
  return table;
}

function surrogateClass(text: string, i: number, end: number): number {
  if (pairWidth(text, i, end) === 1) return OTHER;
  const character = text.slice(i, i + 2);
  if (/^\p{L}/u.test(character)) return LETTER;
  return /^\p{N}/u.test(character) ? NUMBER : OTHER;
}

function pairWidth(text: string, i: number, end: number): number {
  if (i + 1 >= end || text.charCodeAt(i) >= 0xdc00) return 1;
  const low = text.charCodeAt(i + 1);
  return low >= 0xdc00 && low <= 0xdfff ? 2 : 1;
}
