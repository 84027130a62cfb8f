/** A text that is read from left to right, with errors that say where. Knows no syntax. */
import { type ErrorCode, fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";

/** Longest text of a grammar or a pattern, in UTF-16 code units. */
const LONGEST = 2 ** 20;

/** A place in a text. */
export interface Scanner {
  readonly text: string;
  at: number;
  /** How many properties of Unicode have been read. */
  properties: number;
  /** The character here, or "" at the end. */
  peek(): string;
  /** Goes past a text and returns true where it is here. */
  take(text: string): boolean;
  /** Goes past what a sticky expression matches and returns it. */
  match(sticky: RegExp): RegExpExecArray | undefined;
  /** Goes past a character and returns its code point. */
  point(): number;
  fail(message: string, code?: ErrorCode): never;
}

/** A scanner at the beginning of a text. `where` names it in messages. Throws BAD_GRAMMAR for one that is too long. */
export function scannerOf(text: string, where: string): Scanner {
  if (text.length > LONGEST)
    fail("BAD_GRAMMAR", `${where}: got ${text.length} characters, expected at most ${LONGEST}`);
  return {
    text,
    at: 0,
    properties: 0,
    peek() {
      return this.at < text.length ? String.fromCodePoint(text.codePointAt(this.at)!) : "";
    },
    take(wanted) {
      const isHere = text.startsWith(wanted, this.at);
      if (isHere) this.at += wanted.length;
      return isHere;
    },
    match(sticky) {
      sticky.lastIndex = this.at;
      const found = sticky.exec(text) ?? undefined;
      if (found) this.at += found[0].length;
      return found;
    },
    point() {
      const point = text.codePointAt(this.at);
      if (point === undefined) return this.fail("ends in the middle");
      this.at += point > 0xffff ? 2 : 1;
      return point;
    },
    fail(message, code = "BAD_GRAMMAR") {
      const line = text.slice(0, this.at).split("\n").length;
      const place = text.includes("\n") ? `line ${line}` : `character ${this.at + 1}`;
      const near = showJson(text.slice(Math.max(0, this.at - 12), this.at + 12));
      return fail(code, `${where}: ${place}, near ${near}: ${message}`);
    },
  };
}
