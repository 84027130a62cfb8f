/** Oniguruma patterns of `tokenizer.json` as JavaScript ones. Refuses what it cannot translate exactly or run in bounded time. */
import { fail } from "../base/errors.ts";

/** Longer patterns are refused; the longest published ones have some 400 characters. */
const MAX_PATTERN_LENGTH = 4096;
const MAX_DEPTH = 32;

/**
 * A JavaScript regular expression (flags `gu`) equal to an Oniguruma pattern. Differences written out: `\s` is
 * `\p{White_Space}`, `\d` is `\p{Nd}`, `.` is all but a line feed, `$` and `^` are line ends, `(?i:...)` lists both cases
 * of ASCII letters with their Unicode partners. Throws UNSUPPORTED or BAD_TOKENIZER, naming `where` and the construct.
 */
export function translateRegex(pattern: string, where: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    fail(
      "UNSUPPORTED",
      `${where}: got a pattern of ${pattern.length} characters, expected at most ${MAX_PATTERN_LENGTH}`,
    );
  }
  const reader = { pattern, where, at: 0 };
  const { source } = alternatives(reader, false, 0);
  if (reader.at < pattern.length) refuse(reader, "an unmatched )");
  try {
    return new RegExp(source, "gu");
  } catch (cause) {
    return fail("BAD_TOKENIZER", `${where}: not a regular expression: got ${JSON.stringify(pattern)}`, cause);
  }
}

/** A splitting pattern for a plain string. */
export function literalRegex(text: string): RegExp {
  return new RegExp([...text].map((character) => literal(character, false, false)).join(""), "gu");
}

/** The beginning of the text, or what follows a line feed and is not the end of the text. */
const LINE_START = "(?:(?<![^])|(?<=\\n)(?=[^]))";

interface Reader {
  readonly pattern: string;
  readonly where: string;
  at: number;
}

/** A translated part, and whether it repeats without bound: such a part must not be repeated again. */
interface Part {
  readonly source: string;
  readonly unbounded: boolean;
}

function refuse(reader: Reader, what: string): never {
  const near = reader.pattern.slice(Math.max(0, reader.at - 8), reader.at + 12);
  return fail("UNSUPPORTED", `${reader.where}: this pattern cannot be used: got ${what} near ${JSON.stringify(near)}`);
}

function alternatives(reader: Reader, anyCase: boolean, depth: number): Part {
  if (depth > MAX_DEPTH) refuse(reader, `groups nested deeper than ${MAX_DEPTH}`);
  let source = "";
  let unbounded = false;
  while (reader.at < reader.pattern.length && reader.pattern[reader.at] !== ")") {
    if (reader.pattern[reader.at] === "|") {
      source += "|";
      reader.at++;
      continue;
    }
    const atom = readAtom(reader, anyCase, depth);
    const quantifier = readQuantifier(reader);
    const repeats = /^(?:[*+]|\{\d*,\})/.test(quantifier);
    if (quantifier && atom.unbounded && !quantifier.startsWith("?")) refuse(reader, "a repetition inside a repetition");
    source += atom.source + quantifier;
    unbounded ||= atom.unbounded || repeats;
  }
  return { source, unbounded };
}

function readQuantifier(reader: Reader): string {
  const rest = reader.pattern.slice(reader.at, reader.at + 24);
  const quantifier = /^(?:[*+?]|\{(?:\d+(?:,\d*)?|,\d+)\})/.exec(rest)?.[0] ?? "";
  reader.at += quantifier.length;
  const following = reader.pattern[reader.at];
  if (quantifier && following === "?" && !quantifier.startsWith("{")) {
    reader.at++;
    return `${quantifier}?`;
  }
  if (quantifier && following !== undefined && "*+?{".includes(following)) refuse(reader, "a repeated quantifier");
  return quantifier.replace("{,", "{0,");
}

function readAtom(reader: Reader, anyCase: boolean, depth: number): Part {
  const c = String.fromCodePoint(reader.pattern.codePointAt(reader.at)!);
  if (c === "(") return readGroup(reader, anyCase, depth);
  if (c === "[") return { source: readClass(reader, anyCase), unbounded: false };
  if (c === "\\") return { source: readEscape(reader, anyCase, false), unbounded: false };
  if ("*+?{".includes(c)) refuse(reader, "a quantifier with nothing before it");
  reader.at += c.length;
  const special: Readonly<Record<string, string>> = { ".": "[^\\n]", $: "(?![^\\n])", "^": LINE_START };
  return { source: special[c] ?? literal(c, anyCase, false), unbounded: false };
}

function readGroup(reader: Reader, anyCase: boolean, depth: number): Part {
  const rest = reader.pattern.slice(reader.at, reader.at + 4);
  const open = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?i:"].find((start) => rest.startsWith(start)) ?? "(";
  reader.at += open.length;
  if (open === "(" && reader.pattern[reader.at] === "?") refuse(reader, "an unknown kind of group");
  const inner = alternatives(reader, anyCase || open === "(?i:", depth + 1);
  if (reader.pattern[reader.at] !== ")") refuse(reader, "a group that does not end");
  reader.at++;
  const jsOpen = open === "(" || open === "(?i:" ? "(?:" : open;
  return { source: `${jsOpen}${inner.source})`, unbounded: inner.unbounded };
}

function readClass(reader: Reader, anyCase: boolean): string {
  reader.at++;
  let source = "[";
  if (reader.pattern[reader.at] === "^") {
    source += "^";
    reader.at++;
  }
  for (let first = true; ; first = false) {
    const code = reader.pattern.codePointAt(reader.at);
    if (code === undefined) return refuse(reader, "a class that does not end");
    const c = String.fromCodePoint(code);
    if (c === "]" && !first) {
      reader.at++;
      return `${source}]`;
    }
    if (c === "]" || c === "[" || reader.pattern.startsWith("&&", reader.at)) refuse(reader, "a nested class");
    if (c === "\\") {
      source += readEscape(reader, anyCase, true);
      continue;
    }
    reader.at += c.length;
    const isRange = c === "-" && !first && reader.pattern[reader.at] !== "]";
    if (anyCase && isRange) refuse(reader, "a range without regard to case");
    source += isRange ? "-" : literal(c, anyCase, true);
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  n: "\\n",
  r: "\\r",
  t: "\\t",
  f: "\\f",
  v: "\\v",
};

function readEscape(reader: Reader, anyCase: boolean, inClass: boolean): string {
  const rest = reader.pattern.slice(reader.at, reader.at + 48);
  const property = /^\\[pP]\{(\^?)([A-Za-z_]+)\}/.exec(rest);
  if (property) return readProperty(reader, property);
  const code = /^\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\})/.exec(rest);
  if (code) {
    const value = Number.parseInt((code[1] ?? code[2] ?? code[3])!, 16);
    if (value > 0x10ffff || (code[2] !== undefined && value > 0x7f)) refuse(reader, "a character code out of range");
    reader.at += code[0].length;
    return literal(String.fromCodePoint(value), anyCase, inClass);
  }
  const c = rest[1] ?? refuse(reader, "a backslash at the end");
  const known = Object.hasOwn(simpleEscapes, c) ? simpleEscapes[c]! : undefined;
  if (known === undefined && /[A-Za-z0-9]/.test(c)) refuse(reader, `the escape \\${c}`);
  const character = String.fromCodePoint(rest.codePointAt(1)!);
  reader.at += 1 + character.length;
  return known ?? literal(character, false, inClass);
}

/** General categories and scripts, whichever JavaScript knows. */
function readProperty(reader: Reader, match: RegExpExecArray): string {
  const [whole, negated, name] = match as unknown as [string, string, string];
  const letter = (whole[1] === "P") !== (negated === "^") ? "P" : "p";
  for (const property of [name, `Script=${name}`]) {
    const source = `\\${letter}{${property}}`;
    if (isRegex(source)) {
      reader.at += whole.length;
      return source;
    }
  }
  return refuse(reader, `the unknown property ${whole}`);
}

function isRegex(source: string): boolean {
  try {
    new RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}

/** Characters outside ASCII whose simple case folding is an ASCII letter (Unicode CaseFolding.txt). */
const foldsToAscii: Readonly<Record<string, string>> = { s: "\u017f", k: "\u212a" };

function literal(character: string, anyCase: boolean, inClass: boolean): string {
  if (anyCase && /^\p{L}$/u.test(character)) {
    const lower = character.toLowerCase();
    const both = lower + character.toUpperCase() + (foldsToAscii[lower] ?? "");
    return inClass ? both : `[${both}]`;
  }
  return /[\^$\\.*+?()[\]{}|/-]/.test(character) ? `\\u{${character.codePointAt(0)!.toString(16)}}` : character;
}
