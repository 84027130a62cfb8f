/** Where bytes are no UTF-8, and how texts are counted and cut. Knows nothing of files. */

/** What a look over bytes found. */
export interface Utf8Report {
  /** Bytes that belong to no well-formed sequence. */
  readonly invalidBytes: number;
  /** The first of them, or -1. */
  readonly firstInvalid: number;
  /** Where a sequence begins that the end cuts off while it is still well formed; the length when there is none. */
  readonly incompleteFrom: number;
}

/**
 * The length of the longest prefix of a well-formed sequence at `at`, and the length it should have
 * (The Unicode Standard 15.0, table 3-7). `[0, 0]` when the byte can begin none.
 */
function sequenceAt(bytes: Uint8Array, at: number): readonly [got: number, wanted: number] {
  const lead = bytes[at]!;
  if (lead < 0x80) return [1, 1];
  const wanted = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (wanted === 0) return [0, 0];
  let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  let got = 1;
  while (got < wanted && at + got < bytes.length) {
    const byte = bytes[at + got]!;
    if (byte < low || byte > high) break;
    low = 0x80;
    high = 0xbf;
    got++;
  }
  return [got, wanted];
}

/** Counts the bytes that are no UTF-8. A sequence cut off by the end is not counted, but told. */
export function inspectUtf8(bytes: Uint8Array): Utf8Report {
  let invalidBytes = 0;
  let firstInvalid = -1;
  for (let at = 0; at < bytes.length; ) {
    const [got, wanted] = sequenceAt(bytes, at);
    if (got === wanted && wanted > 0) {
      at += wanted;
      continue;
    }
    if (got > 0 && at + got === bytes.length) return { invalidBytes, firstInvalid, incompleteFrom: at };
    if (firstInvalid < 0) firstInvalid = at;
    invalidBytes += Math.max(got, 1);
    at += Math.max(got, 1);
  }
  return { invalidBytes, firstInvalid, incompleteFrom: bytes.length };
}

/** How many bytes from the end may belong to a sequence that goes on behind it: 0 to 3. */
export function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const [got, wanted] = sequenceAt(bytes, bytes.length - back);
    return got === back && got < wanted ? back : 0;
  }
  return 0;
}

/** Unicode code points of a text, as Python's `len` counts; a lone surrogate is one. */
export function countCodePoints(text: string): number {
  let pairs = 0;
  for (let i = 0; i + 1 < text.length; i++) if (isPair(text, i)) pairs++;
  return text.length - pairs;
}

/** The index in code units of the code point number `count`. */
export function codePointIndex(text: string, count: number): number {
  let at = 0;
  for (let left = count; left > 0; left--) at += isPair(text, at) ? 2 : 1;
  return at;
}

function isPair(text: string, at: number): boolean {
  if ((text.charCodeAt(at) & 0xfc00) !== 0xd800 || at + 1 >= text.length) return false;
  return (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
}

const BLANK = 0x20;

/**
 * Where a long text may be cut with no effect on its tokens: the last lone space between two characters that are no
 * white space, because pre-tokens of GPT-2's and Llama's kind begin there. Where there is none in the last half: behind
 * the last line, behind the last white space, or at the end.
 */
export function safeCut(text: string): number {
  const from = Math.floor(text.length / 2);
  let line = -1;
  let white = -1;
  for (let at = text.length - 1; at > from; at--) {
    const c = text.charCodeAt(at);
    if (!isWhite(c)) continue;
    const inside = at + 1 < text.length && !isWhite(text.charCodeAt(at - 1)) && !isWhite(text.charCodeAt(at + 1));
    if (c === BLANK && inside) return at;
    if (c === 0x0a && line < 0) line = at + 1;
    if (white < 0) white = at + 1;
  }
  return line > 0 ? line : white > 0 ? white : text.length;
}

function isWhite(c: number): boolean {
  return (
    c === BLANK || (c >= 9 && c <= 13) || c === 0x85 || c === 0xa0 || (c > 0x1000 && /\s/.test(String.fromCharCode(c)))
  );
}
