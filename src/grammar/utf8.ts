/** Ranges of code points as ranges of the bytes that spell them. Knows no graph. */
import { normalRanges, type Ranges, type Spelling } from "./nodes.ts";

/** Bytes one after the other, each from one value to another: flat pairs. */
export type ByteRanges = readonly number[];

const SURROGATES = [0xd800, 0xdfff] as const;
/** Last code points of one, two, three and four bytes. */
const LAST_OF_WIDTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** The UTF-8 of ranges; surrogates have none. As few sequences as their borders allow (R. Cox, "Regular expression matching in the wild", 2010). */
export function utf8Ranges(ranges: Ranges): ByteRanges[] {
  const found: ByteRanges[] = [];
  for (const [first, last] of ranges) {
    addRange(first, Math.min(last, SURROGATES[0] - 1), found);
    addRange(Math.max(first, SURROGATES[1] + 1), last, found);
  }
  return found;
}

function addRange(first: number, last: number, found: ByteRanges[]): void {
  if (first > last) return;
  const width = LAST_OF_WIDTH.findIndex((border) => first <= border);
  const border = cutOf(first, last, width);
  if (border !== undefined) {
    addRange(first, border, found);
    addRange(border + 1, last, found);
    return;
  }
  const [from, to] = [encode(first, width), encode(last, width)];
  found.push(from.flatMap((byte, i) => [byte, to[i]!]));
}

/** The last code point of a range that has to be apart from those behind it; undefined for a range whose bytes are ranges too. */
function cutOf(first: number, last: number, width: number): number | undefined {
  if (last > LAST_OF_WIDTH[width]!) return LAST_OF_WIDTH[width]!;
  for (let i = 1; i <= width; i++) {
    const low = 2 ** (6 * i) - 1;
    if ((first & ~low) === (last & ~low)) continue;
    if ((first & low) !== 0) return first | low;
    if ((last & low) !== low) return (last & ~low) - 1;
  }
  return undefined;
}

/** UTF-8 of a code point that needs `more` bytes after the first. */
function encode(point: number, more: number): number[] {
  if (more === 0) return [point];
  const lead = [0, 0xc0, 0xe0, 0xf0][more]!;
  const bytes = [lead | (point >> (6 * more))];
  for (let i = more - 1; i >= 0; i--) bytes.push(0x80 | ((point >> (6 * i)) & 0x3f));
  return bytes;
}

/** Code points that a JSON string spells with two characters, and the second of them. */
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, "\\"],
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
]);

/** What stands for characters: themselves, as ranges, and texts for those that are escaped. */
export interface Spelled {
  readonly ranges: Ranges;
  readonly escapes: readonly string[];
}

/** Splits characters into those that are spelled as they are and those that a JSON string escapes. */
export function spell(ranges: Ranges, spelling: Spelling): Spelled {
  if (spelling === "plain") return { ranges, escapes: [] };
  const plain: [number, number][] = [];
  const escapes: string[] = [];
  for (const [first, last] of ranges) {
    for (let point = first; point <= Math.min(last, 0x1f); point++) escapes.push(escapeOf(point));
    for (const quoted of [0x22, 0x5c]) if (first <= quoted && quoted <= last) escapes.push(escapeOf(quoted));
    for (const [from, to] of PLAIN_IN_JSON)
      if (Math.max(first, from) <= Math.min(last, to)) plain.push([Math.max(first, from), Math.min(last, to)]);
  }
  return { ranges: normalRanges(plain), escapes };
}

/** Characters that a JSON string may hold as they are (RFC 8259, section 7). */
export const PLAIN_IN_JSON: Ranges = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x10ffff],
];

function escapeOf(point: number): string {
  const short = SHORT_ESCAPES.get(point);
  return short === undefined ? `\\u${point.toString(16).padStart(4, "0")}` : `\\${short}`;
}
