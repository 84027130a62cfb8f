/** The kinds of `pre_tokenizer` of `tokenizer.json`: they cut text, and some change it. Refuses unknown kinds. */
import { fail } from "../base/errors.ts";
import { booleanField, describe, type JsonRecord, recordAt, stringField } from "./json-fields.ts";
import { matchesOf } from "./matches.ts";
import { byteLevel, readPattern, replaceUnits } from "./normalizers.ts";
import { patterns, scannerOf } from "./patterns.ts";
import type { Scanner } from "./scan.ts";
import { stepsOf } from "./sequence.ts";
import { type Behavior, type Cut, cutAt, readBehavior } from "./split-behavior.ts";
import { prefixed, sliceOf, widthAt } from "./stretch.ts";
import { punctuationPattern } from "./unicode-classes.ts";

/** A pre-tokenizer. */
export interface PreTokenizer {
  readonly cut: Cut;
  /** Whether it asks if a piece is the first of the text. */
  readonly asksForOrigin: boolean;
}

const MAX_STAGES = 16;

type Reader = (record: JsonRecord, at: string) => Cut;

/** Kinds by name; a new one is a row. */
const READERS: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ["ByteLevel", readByteLevel],
  ["Split", readSplit],
  ["Digits", readDigits],
  [
    "Punctuation",
    (record, at) => cutAt(each(punctuation), readBehavior(record.behavior ?? "Isolated", `${at}.behavior`)),
  ],
  ["Whitespace", () => cutAt(every(words), "Removed", true)],
  ["WhitespaceSplit", () => cutAt(every(/\p{White_Space}+/gu), "Removed")],
  [
    "BertPreTokenizer",
    () => inTurn(cutAt(every(/\p{White_Space}+/gu), "Removed"), cutAt(each(punctuation), "Isolated")),
  ],
  ["Metaspace", readMetaspace],
  ["CharDelimiterSplit", readDelimiter],
  ["FixedLength", readFixedLength],
]);

/** The pre-tokenizer of a file; null cuts nothing. Throws BAD_TOKENIZER or UNSUPPORTED, naming `at`. */
export function readPreTokenizer(json: unknown, at: string): PreTokenizer {
  const stages = (json ?? null) === null ? [] : stepsOf(json, at, READERS, "pretokenizers");
  if (stages.length > MAX_STAGES)
    fail("UNSUPPORTED", `${at}: got ${stages.length} stages, expected at most ${MAX_STAGES}`);
  const asksForOrigin = stages.some(({ record }) => record.type === "Metaspace" && record.prepend_scheme === "first");
  const cuts = stages.map((stage) => READERS.get(stage.record.type)!(stage.record, stage.at));
  return { cut: cuts.length === 0 ? whole : cuts.reduce(inTurn), asksForOrigin };
}

const whole: Cut = (stretch, take) => {
  if (stretch.text !== "") take(stretch);
};

function inTurn(first: Cut, second: Cut): Cut {
  return (stretch, take) => first(stretch, (piece) => second(piece, take));
}

/** What Rust's `regex` calls words, and runs of other characters that are not white. */
const words = (() => {
  const word = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;
  return new RegExp(`[${word}]+|[^${word}\\p{White_Space}]+`, "gu");
})();
const punctuation = new RegExp(punctuationPattern, "gu");

const every = (pattern: RegExp) => (text: string) => matchesOf(pattern, text);
/** One delimiter a character. */
const each = every;

/** The ranges of a scanner, which covers all text. */
function scanned(scan: Scanner): (text: string) => number[] {
  return (text) => {
    const units = new Uint16Array(text.length);
    for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
    const ranges: number[] = [];
    for (let at = 0; at < text.length; ) {
      const next = scan(units, at, text.length);
      ranges.push(at, next);
      at = next;
    }
    return ranges;
  };
}

function readByteLevel(record: JsonRecord, at: string): Cut {
  const addPrefix = booleanField(record, "add_prefix_space", at, true);
  const cut = booleanField(record, "use_regex", at, true)
    ? cutAt(scanned(scannerOf(patterns.gpt2)!), "Isolated")
    : whole;
  return (stretch, take) => {
    const spaced = addPrefix && !stretch.text.startsWith(" ") ? prefixed(stretch, " ") : stretch;
    cut(spaced, (piece) => take(byteLevel(piece)));
  };
}

function readSplit(record: JsonRecord, at: string): Cut {
  const behavior = readBehavior(record.behavior, `${at}.behavior`);
  const invert = booleanField(record, "invert", at, false);
  const pattern = recordAt(record.pattern, `${at}.pattern`);
  // The published patterns match every character, so nothing lies between the pieces of a scanner.
  const scanner =
    pattern.String === undefined && typeof pattern.Regex === "string" ? scannerOf(pattern.Regex) : undefined;
  const covers = scanner !== undefined && pattern.Regex !== THREE_DIGITS;
  return cutAt(covers ? scanned(scanner) : readPattern(record, at), behavior, invert);
}

/** A scanner that makes pieces of what it does not match. */
const THREE_DIGITS = "[0-9][0-9][0-9]";

function readDigits(record: JsonRecord, at: string): Cut {
  const behavior: Behavior = booleanField(record, "individual_digits", at, false) ? "Isolated" : "Contiguous";
  return cutAt(each(/\p{N}/gu), behavior);
}

const SCHEMES = ["always", "first", "never"];

function readMetaspace(record: JsonRecord, at: string): Cut {
  const replacement = characterField(record, "replacement", at);
  const scheme = readScheme(record, at);
  const cut = booleanField(record, "split", at, true) ? cutBefore(replacement) : whole;
  return (stretch, take) => {
    const marked = replaceUnits(stretch, " ", replacement);
    const isPrefixed = scheme === "always" || (scheme === "first" && stretch.origin === 0);
    cut(isPrefixed && !marked.text.startsWith(replacement) ? prefixed(marked, replacement) : marked, take);
  };
}

/** `prepend_scheme`, with which the older `add_prefix_space` must agree. */
export function readScheme(record: JsonRecord, at: string): string {
  const scheme = record.prepend_scheme ?? "always";
  if (typeof scheme !== "string" || !SCHEMES.includes(scheme))
    return fail(
      "BAD_TOKENIZER",
      `${at}.prepend_scheme: got ${describe(scheme)}, expected one of ${SCHEMES.join(", ")}`,
    );
  if (booleanField(record, "add_prefix_space", at, true)) return scheme;
  if (record.prepend_scheme !== undefined && scheme !== "never")
    fail(
      "BAD_TOKENIZER",
      `${at}.add_prefix_space: got false, expected true with the prepend_scheme ${describe(scheme)}`,
    );
  return "never";
}

/** A piece before each delimiter. */
function cutBefore(delimiter: string): Cut {
  return (stretch, take) => {
    const { text } = stretch;
    for (let at = 0; at < text.length; ) {
      const next = text.indexOf(delimiter, at + 1);
      const end = next < 0 ? text.length : next;
      take(sliceOf(stretch, at, end));
      at = end;
    }
  };
}

function readDelimiter(record: JsonRecord, at: string): Cut {
  const delimiter = characterField(record, "delimiter", at);
  return (stretch, take) => {
    const { text } = stretch;
    for (let at = 0; at < text.length; ) {
      const next = text.indexOf(delimiter, at);
      const end = next < 0 ? text.length : next;
      if (end > at) take(sliceOf(stretch, at, end));
      at = end + delimiter.length;
    }
  };
}

function readFixedLength(record: JsonRecord, at: string): Cut {
  const length = record.length ?? 5;
  if (typeof length !== "number" || !Number.isSafeInteger(length) || length < 1)
    return fail("BAD_TOKENIZER", `${at}.length: got ${describe(length)}, expected an integer of at least 1`);
  return (stretch, take) => {
    const { text } = stretch;
    for (let at = 0; at < text.length; ) {
      let end = at;
      for (let i = 0; i < length && end < text.length; i++) end += widthAt(text, end);
      take(sliceOf(stretch, at, end));
      at = end;
    }
  };
}

/** A field of one character, or BAD_TOKENIZER. */
export function characterField(record: JsonRecord, key: string, at: string): string {
  const text = stringField(record, key, at);
  if (text !== "" && text.length === widthAt(text, 0)) return text;
  return fail("BAD_TOKENIZER", `${at}.${key}: got ${describe(text)}, expected one character`);
}
