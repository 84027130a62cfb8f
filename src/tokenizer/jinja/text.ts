/** Python's view of text: code points, its white space, its spelling of strings and floats. */

const WHITE = "\\t-\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const whiteOnly = new RegExp(`^[${WHITE}]+$`);
const titleCuts = new RegExp(`([-${WHITE}({[<]+)`);
const whiteRuns = new RegExp(`[${WHITE}]+`, "g");

/** `str.isspace()`. */
export function isSpace(text: string): boolean {
  return whiteOnly.test(text);
}

/** White space and other stretches, in turn, cut at white space, hyphens and opening brackets as Jinja cuts for titles. */
export function titleParts(text: string): string[] {
  return text.split(titleCuts);
}

/** Words between runs of white space: what `str.split()` gives. */
export function wordsOf(text: string): string[] {
  return text.split(whiteRuns).filter((word) => word !== "");
}

/** `str.split(None, limit)`, or `rsplit`; a limit below 0 is none. */
export function splitWhite(text: string, limit: number, fromEnd: boolean): string[] {
  if (limit < 0) return wordsOf(text);
  const words: string[] = [];
  let rest = fromEnd ? stripEnd(text) : stripStart(text);
  while (rest !== "" && words.length < limit) {
    let at = fromEnd ? rest.length : 0;
    if (fromEnd) while (at > 0 && !isWhiteUnit(rest, at - 1)) at--;
    else while (at < rest.length && !isWhiteUnit(rest, at)) at++;
    words.push(fromEnd ? rest.slice(at) : rest.slice(0, at));
    rest = fromEnd ? stripEnd(rest.slice(0, at)) : stripStart(rest.slice(at));
  }
  if (rest !== "") words.push(rest);
  return fromEnd ? words.reverse() : words;
}

function isWhiteUnit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < 0x80) return unit === 32 || (unit >= 9 && unit <= 13) || (unit >= 28 && unit <= 31);
  return whiteOnly.test(text[at]!);
}

/** `str.lstrip(chars)`, white space where there are no chars. */
export function stripStart(text: string, chars?: ReadonlySet<string>): string {
  let at = 0;
  if (chars === undefined) while (at < text.length && isWhiteUnit(text, at)) at++;
  else
    for (let point = pointAt(text, 0); point !== "" && chars.has(point); point = pointAt(text, at)) at += point.length;
  return text.slice(at);
}

/** `str.rstrip(chars)`. */
export function stripEnd(text: string, chars?: ReadonlySet<string>): string {
  let end = text.length;
  if (chars === undefined) while (end > 0 && isWhiteUnit(text, end - 1)) end--;
  else
    for (let point = pointBefore(text, end); point !== "" && chars.has(point); point = pointBefore(text, end))
      end -= point.length;
  return text.slice(0, end);
}

function pointAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? "" : String.fromCodePoint(code);
}

function pointBefore(text: string, end: number): string {
  if (end === 0) return "";
  const pair = end > 1 ? text.slice(end - 2, end) : "";
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(pair) ? pair : text[end - 1]!;
}

/** Code points, as strings. */
export function pointsOf(text: string): string[] {
  return Array.from(text);
}

/** The number of code points. */
export function lengthOf(text: string): number {
  let pairs = 0;
  for (let i = 1; i < text.length; i++)
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) pairs++;
  return text.length - pairs;
}

/** Order by code points; JavaScript's own is by UTF-16 units. */
export function comparePoints(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && i < b.length && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i > 0 && (a.charCodeAt(i) & 0xfc00) === 0xdc00 && (b.charCodeAt(i) & 0xfc00) === 0xdc00) i--;
  return (a.codePointAt(i) ?? -1) - (b.codePointAt(i) ?? -1);
}

const BREAKS = "\\n\\v\\f\\r\\x1c-\\x1e\\x85\\u2028\\u2029";
const lineWithEnd = new RegExp(`[^${BREAKS}]*(?:\\r\\n|[${BREAKS}]|$)`, "g");
const lineEnd = new RegExp(`(?:\\r\\n|[${BREAKS}])$`);

/** `str.splitlines()`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines = text.match(lineWithEnd) ?? [];
  if (lines.at(-1) === "") lines.pop();
  return keepEnds ? lines : lines.map((line) => line.replace(lineEnd, ""));
}

/** `str.capitalize()`. */
export function capitalize(text: string): string {
  const first = pointAt(text, 0);
  return titlePoint(first) + text.slice(first.length).toLowerCase();
}

/** A character as the first of a title: its capital, of which only the first letter is large (ß gives Ss). */
export function titlePoint(point: string): string {
  if (/[\u01c4-\u01cc\u01f1-\u01f3]/.test(point)) {
    const trio = [0x1c5, 0x1c8, 0x1cb, 0x1f2].find((code) => Math.abs(code - point.charCodeAt(0)) <= 1)!;
    return String.fromCharCode(trio);
  }
  if (/[\u10d0-\u10ff]/.test(point)) return point;
  const [first = "", ...rest] = pointsOf(point.toUpperCase());
  return first + (/\p{Lu}/u.test(first) ? rest.join("").toLowerCase() : rest.join(""));
}

/** `str.title()`: letters that follow no letter are large, the others small. */
export function titleCase(text: string): string {
  return text.replace(/[\p{L}\p{M}\p{Nl}]+/gu, (run) => {
    const first = pointAt(run, 0);
    return titlePoint(first) + run.slice(first.length).toLowerCase();
  });
}

/** `repr(text)`. */
export function showString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\\'"]|[^ -~]/gu, (point) => {
    if (point === "\\") return "\\\\";
    if (point === "'" || point === '"') return point === quote ? `\\${point}` : point;
    return showPoint(point);
  });
  return quote + inside + quote;
}

function showPoint(point: string): string {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[point];
  if (short !== undefined) return short;
  if (/[^\p{C}\p{Z}]/u.test(point)) return point;
  const code = point.codePointAt(0)!;
  const hex = (digits: number) => code.toString(16).padStart(digits, "0");
  if (code <= 0xff) return `\\x${hex(2)}`;
  return code <= 0xffff ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

/** `repr(value)` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on. */
export function showFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0.0";
  if (value === 0) return "0.0";
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power < -4 || power >= 16) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const plain = String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
