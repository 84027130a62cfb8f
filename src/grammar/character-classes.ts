/** Characters and sets of them as regular expressions of ECMAScript spell them. Knows nothing around them. */
import { MAX_CODE_POINT, normalRanges, otherRanges, type Ranges } from "./nodes.ts";
import type { Scanner } from "./scanner.ts";

const DIGIT: Ranges = [[0x30, 0x39]];
const WORD: Ranges = normalRanges([...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
/** WhiteSpace and LineTerminator of ECMA-262. */
const SPACE: Ranges = normalRanges(
  [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff]
    .map((point): [number, number] => [point, point])
    .concat([[0x2000, 0x200a]]),
);
const LINE_ENDS: Ranges = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
/** What "." stands for. */
export const ANY_BUT_LINE_ENDS = otherRanges(LINE_ENDS);

const SETS: ReadonlyMap<string, Ranges> = new Map([
  ["d", DIGIT],
  ["D", otherRanges(DIGIT)],
  ["w", WORD],
  ["W", otherRanges(WORD)],
  ["s", SPACE],
  ["S", otherRanges(SPACE)],
]);
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["t", 9],
  ["n", 10],
  ["v", 11],
  ["f", 12],
  ["r", 13],
  ["0", 0],
]);

/** Reads what follows a backslash: a set, or one character. Refuses what is neither, such as \b and \1. */
export function readEscape(scan: Scanner): Ranges {
  const property = scan.match(/([pP])\{([A-Za-z_]+(?:=[A-Za-z_0-9]+)?)\}/y);
  if (property) return propertyRanges(scan, property[2]!, property[1] === "P");
  const pair = scan.match(/u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/y);
  if (pair) return single(String.fromCharCode(hex(pair[1]!), hex(pair[2]!)).codePointAt(0)!);
  const coded = scan.match(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})/y);
  if (coded) {
    const point = hex(coded[1] ?? coded[2] ?? coded[3] ?? coded[4]!);
    return point > MAX_CODE_POINT ? scan.fail("there is no such character") : single(point);
  }
  const control = scan.match(/c([A-Za-z])/y);
  if (control) return single(control[1]!.charCodeAt(0) % 32);
  const letter = scan.peek();
  const set = SETS.get(letter);
  if (set || (CONTROLS.has(letter) && !/^0\d/.test(scan.text.slice(scan.at, scan.at + 2)))) {
    scan.at++;
    return set ?? single(CONTROLS.get(letter)!);
  }
  if (/[A-Za-z0-9]/.test(letter)) return scan.fail(`\\${letter} cannot be honoured`, "UNSUPPORTED");
  return single(scan.point());
}

const hex = (digits: string) => Number.parseInt(digits, 16);
const single = (point: number): Ranges => [[point, point]];

/** Stretches of code points without surrogates, which no text holds. */
const STRETCHES: Ranges = [
  [0, 0xd7ff],
  [0xe000, 0xffff],
  ...Array.from({ length: 16 }, (_, i): [number, number] => [(i + 1) << 16, ((i + 1) << 16) + 0xffff]),
];
/** Most properties that one text may name: each takes a look at all characters. */
const MOST_PROPERTIES = 32;

/** Characters with a property of Unicode, as this platform knows it. */
function propertyRanges(scan: Scanner, property: string, isNegated: boolean): Ranges {
  if (++scan.properties > MOST_PROPERTIES) scan.fail(`got more than ${MOST_PROPERTIES} properties of characters`);
  let runs: RegExp;
  try {
    runs = new RegExp(`\\p{${property}}+`, "gu");
  } catch {
    return scan.fail(`there is no property ${property} of characters`);
  }
  const found: [number, number][] = [];
  for (const [first, last] of STRETCHES) {
    const width = first > 0xffff ? 2 : 1;
    for (const run of charactersFrom(first, last).matchAll(runs)) {
      const start = first + run.index / width;
      found.push([start, start + run[0].length / width - 1]);
    }
  }
  const ranges = normalRanges(found);
  return isNegated ? otherRanges(ranges) : ranges;
}

/** Code points from one to another, all of one width, as a text. */
function charactersFrom(first: number, last: number): string {
  const count = last - first + 1;
  if (first <= 0xffff) return UTF16.decode(Uint16Array.from({ length: count }, (_, i) => first + i));
  const units = new Uint16Array(2 * count);
  for (let i = 0; i < count; i++) {
    const beyond = first + i - 0x10000;
    units[2 * i] = 0xd800 | (beyond >> 10);
    units[2 * i + 1] = 0xdc00 | (beyond & 0x3ff);
  }
  return UTF16.decode(units);
}

const UTF16 = new TextDecoder("utf-16le", { ignoreBOM: true });

/** Reads a class behind its "[", with the "]". */
export function readClass(scan: Scanner): Ranges {
  const isNegated = scan.take("^");
  const ranges: (readonly [number, number])[] = [];
  while (!scan.take("]")) {
    if (scan.peek() === "") scan.fail("the class [ has no ] to end it");
    const low = readMember(scan);
    const isRange = scan.peek() === "-" && scan.text[scan.at + 1] !== "]";
    if (!isRange) {
      ranges.push(...low);
      continue;
    }
    scan.at++;
    const high = readMember(scan);
    const [from, to] = [onlyOf(low), onlyOf(high)];
    // As without the flag u, a set beside "-" makes it a character.
    if (from === undefined || to === undefined) ranges.push(...low, [0x2d, 0x2d], ...high);
    else if (from > to) scan.fail("the range of the class is the wrong way round");
    else ranges.push([from, to]);
  }
  const normal = normalRanges(ranges);
  return isNegated ? otherRanges(normal) : normal;
}

function readMember(scan: Scanner): Ranges {
  if (!scan.take("\\")) return single(scan.point());
  return scan.take("b") ? single(8) : readEscape(scan);
}

function onlyOf(ranges: Ranges): number | undefined {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1] ? ranges[0]![0] : undefined;
}
