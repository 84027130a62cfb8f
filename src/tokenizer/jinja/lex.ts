/** Template source to tokens, with the white space control of Jinja under trim_blocks and lstrip_blocks. Knows no grammar. */
import { unsupported, wrong } from "./machine.ts";
import { isSpace, stripEnd } from "./text.ts";

export type TokenType =
  | "text"
  | "open"
  | "close"
  | "print"
  | "endprint"
  | "name"
  | "string"
  | "int"
  | "float"
  | "op"
  | "end";

export interface Token {
  readonly type: TokenType;
  /** A name, an operator, the value of a string, the digits of a number. */
  readonly text: string;
  readonly line: number;
}

const OPERATORS = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}<>=.:|,;]/y;
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INT = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}]*/uy;
const STRING = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y;
const OPENING = /\{[%{#]/g;
const RAW = /\{%[-+]?\s*raw\s*(-?)%\}/y;
const CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Tokens of a template, an `end` at their end. A fault leaves its line in `at.line`. */
export function lex(given: string, at: { line: number }): Token[] {
  const source = given.replace(/\r\n|\r/g, "\n").replace(/\n$/, "");
  const tokens: Token[] = [];
  let place = 0;
  let counted = 0;
  let lineStarts = true;
  const lineOf = (index: number) => {
    for (; counted < index; counted++) if (source.charCodeAt(counted) === 10) at.line++;
    return at.line;
  };
  const push = (type: TokenType, text: string, index: number) => tokens.push({ type, text, line: lineOf(index) });
  const pushText = (text: string) => {
    if (text !== "") push("text", text, place);
  };
  /** Goes on behind a tag's end: "-" eats white space, a block or comment without sign one newline. */
  const leave = (end: number, sign: string, trims: boolean) => {
    place = end;
    if (sign === "-") while (place < source.length && isSpace(source[place]!)) place++;
    else if (sign === "" && trims && source[place] === "\n") place++;
    lineStarts = source[place - 1] === "\n";
  };
  const strip = (text: string, sign: string, isPrint: boolean) => {
    if (sign === "-") return stripEnd(text);
    if (sign === "+" || isPrint) return text;
    const start = text.lastIndexOf("\n") + 1;
    return (start > 0 || lineStarts) && isSpace(text.slice(start)) ? text.slice(0, start) : text;
  };

  const raw = (start: number, sign: string) => {
    const tail = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;
    tail.lastIndex = start;
    const match = tail.exec(source);
    if (!match) return wrong("missing end of raw directive");
    place = start;
    lineStarts = false;
    if (sign === "-") while (place < match.index && isSpace(source[place]!)) place++;
    pushText(strip(source.slice(place, match.index), match[1]!, false));
    leave(match.index + match[0].length, match[2]!, true);
  };
  const comment = (start: number) => {
    const end = source.indexOf("#}", start);
    if (end < 0) wrong("missing end of comment tag");
    const sign = end > start && /[-+]/.test(source[end - 1]!) ? source[end - 1]! : "";
    leave(end + 2, sign, true);
  };
  const inside = (start: number, isPrint: boolean) => {
    const brackets: string[] = [];
    const mark = isPrint ? "}}" : "%}";
    for (let i = start; ; ) {
      while (i < source.length && isSpace(source[i]!)) i++;
      lineOf(i);
      if (i >= source.length) wrong(`unexpected end of template, expected ${mark}`);
      if (brackets.length === 0) {
        const signed = /[-+]/.test(source[i]!) && !(isPrint && source[i] === "+");
        const sign = signed && source.startsWith(mark, i + 1) ? source[i]! : "";
        if (sign !== "" || source.startsWith(mark, i)) {
          push(isPrint ? "endprint" : "close", mark, i);
          return leave(i + sign.length + 2, sign, !isPrint);
        }
      }
      i = word(i, brackets);
    }
  };
  const word = (i: number, brackets: string[]): number => {
    const first = source[i]!;
    for (const [type, pattern] of [
      ["float", FLOAT],
      ["int", INT],
      ["name", NAME],
      ["string", STRING],
      ["op", OPERATORS],
    ] as const) {
      if (type === "float" && (source[i - 1] === "." || !/\d/.test(first))) continue;
      pattern.lastIndex = i;
      const found = pattern.exec(source)?.[0];
      if (found === undefined) continue;
      if (type === "op") balance(found, brackets);
      push(type, type === "string" ? unescapeString(found.slice(1, -1)) : found, i);
      return i + found.length;
    }
    return wrong(`unexpected char ${JSON.stringify(first)}`);
  };

  while (place < source.length) {
    OPENING.lastIndex = place;
    const match = OPENING.exec(source);
    if (!match) break;
    const start = match.index;
    const sign = /[-+]/.test(source[start + 2] ?? "") ? source[start + 2]! : "";
    const isPrint = match[0] === "{{";
    pushText(strip(source.slice(place, start), sign, isPrint));
    lineOf(start);
    const begin = start + 2 + sign.length;
    RAW.lastIndex = start;
    const rawMatch = RAW.exec(source);
    if (rawMatch) raw(start + rawMatch[0].length, rawMatch[1]!);
    else if (match[0] === "{#") comment(begin);
    else {
      push(isPrint ? "print" : "open", match[0], start);
      inside(begin, isPrint);
    }
  }
  pushText(source.slice(place));
  push("end", "", source.length);
  return tokens;
}

function balance(operator: string, brackets: string[]): void {
  const closer = CLOSERS[operator];
  if (closer !== undefined) brackets.push(closer);
  else if (")]}".includes(operator) && brackets.pop() !== operator) wrong(`unexpected '${operator}'`);
}

const SHORT: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The value of a string literal's inside, by Python's rules: unknown escapes stay as they are. */
function unescapeString(inside: string): string {
  if (!inside.includes("\\")) return inside;
  const escaped = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(\n)|([\s\S]))/g;
  return inside.replace(
    escaped,
    (whole, x?: string, u?: string, big?: string, octal?: string, newline?: string, other?: string) => {
      const hex = x ?? u ?? big;
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        return code > 0x10ffff ? wrong(`illegal Unicode character in ${whole}`) : String.fromCodePoint(code);
      }
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      if (newline !== undefined) return "";
      if (other === "N") return unsupported("the escape \\N");
      if (/[xuU]/.test(other!)) return wrong(`truncated escape ${whole}`);
      return SHORT[other!] ?? (/['"\\]/.test(other!) ? other! : whole);
    },
  );
}
