/** Unicode classes of UTF-16 code units and pairs, by table. Knows no patterns and no tokens. */

/** Flags of a code point; a code point without flags is a symbol, a control or unassigned. */
export const LETTER = 1;
export const NUMBER = 2;
/** `\p{White_Space}`, newlines included: JavaScript's `\s` lacks U+0085 and has U+FEFF. */
export const SPACE = 4;
/** `[\r\n]` */
export const NEWLINE = 8;
/** `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` */
export const UPPERISH = 16;
/** `[\p{Ll}\p{Lm}\p{Lo}\p{M}]` */
export const LOWERISH = 32;
/** What `tokenizers` calls punctuation: see {@link punctuationPattern}. */
export const PUNCTUATION = 64;
const SURROGATE = 256;

/** Punctuation of Unicode 9 to 17. */
const NEWER = [
  String.raw`\u061d\u09fd\u0a76\u0c77\u0c84\u1b4e\u1b4f\u1b7d-\u1b7f\u2e43-\u2e5d\u{10d6e}\u{10ead}\u{10ed0}\u{10f55}-\u{10f59}`,
  String.raw`\u{10f86}-\u{10f89}\u{113d4}-\u{113d8}\u{1144b}-\u{1145d}\u{11660}-\u{1166c}\u{116b9}\u{1183b}\u{11944}-\u{11946}`,
  String.raw`\u{119e2}\u{11a3f}-\u{11a46}\u{11a9a}-\u{11aa2}\u{11b00}-\u{11b09}\u{11be1}\u{11c41}-\u{11c45}\u{11c70}\u{11c71}`,
  String.raw`\u{11ef7}\u{11ef8}\u{11f43}-\u{11f4f}\u{11fff}\u{12ff1}\u{12ff2}\u{16d6d}-\u{16d6f}\u{16e97}-\u{16e9a}\u{16fe2}`,
  String.raw`\u{1e5ff}\u{1e95e}\u{1e95f}`,
].join("");

/** `\p{P}` of Unicode 8, which `tokenizers` 0.23 has for its own pre-tokenizers, and the symbols of ASCII. */
export const punctuationPattern = String.raw`(?:(?![${NEWER}])[\p{P}$+<=>^\x60|~]|[\u166d\u{111c9}])`;

const CLASSES: readonly (readonly [pattern: string, flag: number])[] = [
  [String.raw`\p{L}`, LETTER],
  [String.raw`\p{N}`, NUMBER],
  [String.raw`\p{White_Space}`, SPACE],
  [String.raw`[\r\n]`, NEWLINE],
  [String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, UPPERISH],
  [String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`, LOWERISH],
  [punctuationPattern, PUNCTUATION],
];

/** A lone surrogate counts as U+FFFD, as it does in UTF-8. */
const LONE = 0;

/** Looks up code points of text held as code units. */
export interface UnicodeClasses {
  /** Flags by code unit, for callers that need no pairs: those of surrogates are above 255. */
  readonly table: Uint16Array;
  /** The flags of the code point at `at < end`. */
  at(units: Uint16Array, at: number, end: number): number;
  /** The end of the run from `at` of code points with one of the flags. */
  run(units: Uint16Array, at: number, end: number, flags: number): number;
  /** The end of the run from `at` of code points with none of the flags. */
  runWithout(units: Uint16Array, at: number, end: number, flags: number): number;
  /** Code units of the code point at `at`: 1 or 2. */
  width(units: Uint16Array, at: number, end: number): number;
}

let made: UnicodeClasses | undefined;

/** The classes of the JavaScript engine's Unicode version. They never change, so they are made once. */
export function unicodeClasses(): UnicodeClasses {
  made ??= makeClasses();
  return made;
}

function makeClasses(): UnicodeClasses {
  const table = bmpTable();
  const astral = astralFlags();
  const pairAt = (units: Uint16Array, i: number, end: number) =>
    pairWidth(units, i, end) === 1 ? LONE : astral(units[i]!, units[i + 1]!);
  return {
    table,
    at(units, i, end) {
      const flags = table[units[i]!]!;
      return flags === SURROGATE ? pairAt(units, i, end) : flags;
    },
    run(units, from, end, wanted) {
      let i = from;
      while (i < end) {
        const flags = table[units[i]!]!;
        if ((flags & wanted) !== 0) i++;
        else if (flags === SURROGATE && (pairAt(units, i, end) & wanted) !== 0) i += pairWidth(units, i, end);
        else break;
      }
      return i;
    },
    runWithout(units, from, end, unwanted) {
      let i = from;
      while (i < end) {
        const flags = table[units[i]!]!;
        if (flags === SURROGATE) {
          if ((pairAt(units, i, end) & unwanted) !== 0) break;
          i += pairWidth(units, i, end);
        } else if ((flags & unwanted) === 0) i++;
        else break;
      }
      return i;
    },
    width: (units, i, end) => (table[units[i]!] === SURROGATE ? pairWidth(units, i, end) : 1),
  };
}

function pairWidth(units: Uint16Array, i: number, end: number): number {
  if (i + 1 >= end || (units[i]! & 0xfc00) !== 0xd800) return 1;
  return (units[i + 1]! & 0xfc00) === 0xdc00 ? 2 : 1;
}

function bmpTable(): Uint16Array {
  const table = new Uint16Array(0x10000);
  markFlags(table, 0, 0xd800);
  markFlags(table, 0xe000, 0x2000);
  table.fill(SURROGATE, 0xd800, 0xe000);
  return table;
}

/** Sets the flags of `count` code points from `first`, none of them a surrogate. */
function markFlags(table: Uint16Array, first: number, count: number): void {
  const width = first > 0xffff ? 2 : 1;
  const text = Array.from({ length: count }, (_, i) => String.fromCodePoint(first + i)).join("");
  for (const [pattern, flag] of CLASSES) {
    for (const match of text.matchAll(new RegExp(`${pattern}+`, "gu"))) {
      const start = match.index / width;
      const from = width === 1 ? first : 0;
      for (let i = start; i < start + match[0].length / width; i++) table[from + i]! |= flag;
    }
  }
}

/** Flags of surrogate pairs, in blocks of one high surrogate that are made when they are first asked for. */
function astralFlags(): (high: number, low: number) => number {
  const blocks: (Uint16Array | undefined)[] = new Array(0x400).fill(undefined);
  return (high, low) => {
    const index = high - 0xd800;
    let block = blocks[index];
    if (block === undefined) {
      block = new Uint16Array(0x400);
      markFlags(block, 0x10000 + index * 0x400, 0x400);
      blocks[index] = block;
    }
    return block[low - 0xdc00]!;
  };
}
