/** Reads little-endian values one after the other, a window of the file at a time. Knows no meaning of them. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";

/** A place in a file that moves forward. Everything throws BAD_WEIGHTS naming file, field and byte past `end`. */
export interface Cursor {
  /** The byte of the file that is read next. */
  readonly at: number;
  /** The first byte that may not be read. */
  readonly end: number;
  /** Makes sure that so many bytes are left before anything is made of them, and gives them back as a number. */
  expect(bytes: number | bigint, what: string): number;
  uint32(what: string): number;
  /** A count or length: refused above 2^53 - 1. */
  uint64(what: string): number;
  /** UTF-8 text after its length. */
  text(what: string): string;
  /** A copy of the next bytes. */
  bytes(length: number, what: string): Uint8Array;
  bad(what: string, problem: string): never;
  readonly file: string;
}

/** Bytes read at a time: a header of a few megabytes takes a few reads, and a small one no more than it has. */
const WINDOW = 2 ** 20;

/** Shorter texts are decoded here: the platform's decoder costs more than they do. */
const SHORT = 24;

/** A cursor at byte `start` of a file that reads up to byte `end`. */
export function openCursor(host: Host, file: string, start: number, end: number): Cursor {
  let window: Uint8Array = new Uint8Array(0);
  let view = new DataView(window.buffer);
  let [base, pos] = [start, 0];
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const bad = (what: string, problem: string): never =>
    fail("BAD_WEIGHTS", `${file}: ${what}: at byte ${base + pos}: ${problem}`);
  const expect = (bytes: number | bigint, what: string): number => {
    const left = end - base - pos;
    return bytes > left
      ? bad(what, `got a length of ${bytes} bytes, expected at most the ${left} left`)
      : Number(bytes);
  };
  /** Moves the window so that it holds the next bytes; the caller has checked that the file does. */
  const load = (bytes: number) => {
    base += pos;
    pos = 0;
    window = host.readBytes(file, base, Math.min(end - base, Math.max(WINDOW, bytes)));
    view = new DataView(window.buffer, window.byteOffset, window.byteLength);
  };
  /** The place in the window of a value of so many bytes; reading goes on after it. */
  const take = (bytes: number, what: string): number => {
    if (pos + bytes > window.length) load(expect(bytes, what));
    pos += bytes;
    return pos - bytes;
  };
  const decode = (from: number, length: number, what: string): string => {
    const short = length <= SHORT ? shortText(window, from, from + length) : undefined;
    if (short !== undefined) return short;
    try {
      return decoder.decode(window.subarray(from, from + length));
    } catch {
      return bad(what, "got text that is no UTF-8");
    }
  };
  const uint64 = (what: string): number => {
    const at = take(8, what);
    const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
    return value > Number.MAX_SAFE_INTEGER
      ? bad(what, `got ${view.getBigUint64(at, true)}, expected a length within the file`)
      : value;
  };
  return {
    get at() {
      return base + pos;
    },
    end,
    file,
    expect,
    bad,
    uint64,
    uint32(what) {
      const at = take(4, what); // before `view` is read: taking may replace it
      return view.getUint32(at, true);
    },
    text(what) {
      const length = expect(uint64(what), what);
      return decode(take(length, what), length, what);
    },
    bytes(length, what) {
      const from = take(length, what);
      return window.slice(from, from + length);
    },
  };
}

/** Text of one- and two-byte characters (all that byte-level vocabularies hold); undefined for any other. */
function shortText(bytes: Uint8Array, from: number, to: number): string | undefined {
  let text = "";
  for (let i = from; i < to; i++) {
    const first = bytes[i]!;
    if (first < 0x80) text += String.fromCharCode(first);
    else {
      const second = i + 1 < to ? bytes[++i]! : 0;
      if (first < 0xc2 || first > 0xdf || second >> 6 !== 2) return undefined;
      text += String.fromCharCode(((first & 0x1f) << 6) | (second & 0x3f));
    }
  }
  return text;
}
