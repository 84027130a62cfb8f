/** The kinds of `normalizer` of `tokenizer.json`. They change text and keep account of where it came from. Refuses unknown kinds. */
import { fail } from "../base/errors.ts";
import { byteCharacters, utf8Bytes } from "./bytes.ts";
import { booleanField, describe, type JsonRecord, listField, recordAt, stringField } from "./json-fields.ts";
import { matchesOf, placesOf } from "./matches.ts";
import { readPrecompiled } from "./precompiled.ts";
import { translateRegex } from "./regex.ts";
import { filtered, prefixed, type Rewrite, replacedRanges, type Stretch, transformed } from "./stretch.ts";
import { unicodeForm } from "./unicode-forms.ts";

const MAX_DEPTH = 4;

type Reader = (record: JsonRecord, at: string) => Rewrite;

/** Kinds by name; a new one is a row. */
const READERS: ReadonlyMap<unknown, Reader> = new Map<unknown, Reader>([
  ["NFC", () => unicodeForm("NFC")],
  ["NFD", () => unicodeForm("NFD")],
  ["NFKC", () => unicodeForm("NFKC")],
  ["NFKD", () => unicodeForm("NFKD")],
  ["Lowercase", () => lowercase],
  ["Strip", readStrip],
  ["StripAccents", () => stripAccents(/^\p{M}/u)],
  ["Replace", readReplace],
  ["Prepend", readPrepend],
  ["BertNormalizer", readBert],
  ["Nmt", () => nmt],
  ["Precompiled", readPrecompiled],
  ["ByteLevel", () => byteLevel],
]);

/** The normalizer of a file; undefined for null. Throws BAD_TOKENIZER or UNSUPPORTED, naming `at`. */
export function readNormalizer(json: unknown, at: string, depth = 0): Rewrite | undefined {
  if ((json ?? null) === null) return undefined;
  const record = recordAt(json, at);
  const read = READERS.get(record.type);
  if (read) return read(record, at);
  if (record.type !== "Sequence")
    return fail(
      "UNSUPPORTED",
      `${at}.type: got ${describe(record.type)}, expected ${[...READERS.keys()].join(", ")}, Sequence or null`,
    );
  if (depth > MAX_DEPTH) fail("UNSUPPORTED", `${at}: got sequences nested deeper than ${MAX_DEPTH}`);
  const steps = listField(record, "normalizers", at)
    .map((inner, i) => readNormalizer(inner, `${at}.normalizers[${i}]`, depth + 1))
    .filter((step) => step !== undefined);
  return (stretch) => steps.reduce((done, step) => step(done), stretch);
}

/** `text` in place of a stretch whose code units keep their places. */
function sameLength(stretch: Stretch, text: string): Stretch {
  return text === stretch.text ? stretch : { ...stretch, text };
}

/** Character by character, so that no sigma looks at its neighbours. */
const lowercase: Rewrite = (stretch) => {
  const { text, from } = stretch;
  const lower = text.replace(/\u03a3/g, "\u03c3").toLowerCase();
  if (lower === text) return stretch;
  if (!from) return { text: lower, origin: stretch.origin };
  const characters: string[] = [];
  const changes: number[] = [];
  for (const character of text) {
    let change = 0;
    for (const part of character.toLowerCase()) {
      characters.push(part);
      changes.push(change);
      change = 1;
    }
  }
  return transformed(stretch, characters, changes);
};

const WHITE = /^\p{White_Space}/u;

function readStrip(record: JsonRecord, at: string): Rewrite {
  const left = booleanField(record, "strip_left", at, true);
  const right = booleanField(record, "strip_right", at, true);
  return (stretch) => {
    const { text } = stretch;
    let start = 0;
    let end = text.length;
    while (right && end > 0 && WHITE.test(text[end - 1]!)) end--;
    while (left && start < end && WHITE.test(text[start]!)) start++;
    const { from, to, origin } = stretch;
    // The stretch still begins where it began: what is gone belongs to it.
    return {
      text: text.slice(start, end),
      origin,
      ...(from && to && { from: from.subarray(start, end), to: to.subarray(start, end) }),
    };
  };
}

function stripAccents(accents: RegExp): Rewrite {
  const everywhere = new RegExp(accents.source.slice(1), "u");
  return (stretch) => (everywhere.test(stretch.text) ? filtered(stretch, (c) => !accents.test(c)) : stretch);
}

function readReplace(record: JsonRecord, at: string): Rewrite {
  const find = readPattern(record, at);
  const content = stringField(record, "content", at);
  const wanted = recordAt(record.pattern, at).String;
  if (typeof wanted !== "string" || wanted === "")
    return (stretch) => replacedRanges(stretch, find(stretch.text), content);
  const isUnit = wanted.length === 1 && content.length === 1;
  const replacement = content.replaceAll("$", "$$$$");
  return (stretch) =>
    stretch.from && !isUnit
      ? replacedRanges(stretch, find(stretch.text), content)
      : { ...stretch, text: stretch.text.replaceAll(wanted, replacement) };
}

/** What a `pattern` of `tokenizer.json` matches, as flat pairs of start and end. */
export function readPattern(record: JsonRecord, at: string): (text: string) => number[] {
  const pattern = recordAt(record.pattern, `${at}.pattern`);
  if (pattern.String === undefined) {
    const regex = translateRegex(stringField(pattern, "Regex", `${at}.pattern`), `${at}.pattern.Regex`);
    return (text) => matchesOf(regex, text);
  }
  const wanted = stringField(pattern, "String", `${at}.pattern`);
  // Nothing is everywhere: the regular expression counts as Oniguruma does.
  return wanted === "" ? (text) => matchesOf(/(?:)/gu, text) : (text) => placesOf(wanted, text);
}

function readPrepend(record: JsonRecord, at: string): Rewrite {
  const prefix = stringField(record, "prepend", at);
  return (stretch) => prefixed(stretch, prefix);
}

/** What counts as Chinese in BERT's code: CJK ideographs and their extensions A to E, compatibility ideographs. */
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/u;
const CONTROLS = /^[\0\ufffd\p{Cc}\p{Cf}\p{Co}]/u;

function readBert(record: JsonRecord, at: string): Rewrite {
  const lower = booleanField(record, "lowercase", at, true);
  const steps: Rewrite[] = [];
  if (booleanField(record, "clean_text", at, true)) steps.push(cleanText);
  if (booleanField(record, "handle_chinese_chars", at, true)) steps.push(spaceChinese);
  if (booleanField(record, "strip_accents", at, lower)) steps.push(unicodeForm("NFD"), stripAccents(/^\p{Mn}/u));
  if (lower) steps.push(lowercase);
  return (stretch) => steps.reduce((done, step) => step(done), stretch);
}

const cleanText: Rewrite = (stretch) => {
  const isLine = (c: string) => c === "\t" || c === "\n" || c === "\r";
  if (/^[ -~]*$/.test(stretch.text)) return stretch;
  return filtered(
    stretch,
    (c) => isLine(c) || !CONTROLS.test(c),
    (c) => (WHITE.test(c) ? " " : c),
  );
};

const spaceChinese: Rewrite = (stretch) => {
  if (!CHINESE.test(stretch.text)) return stretch;
  if (!stretch.from) return { text: stretch.text.replace(new RegExp(CHINESE, "gu"), " $& "), origin: stretch.origin };
  const characters: string[] = [];
  const changes: number[] = [];
  for (const c of stretch.text) {
    const isChinese = CHINESE.test(c);
    characters.push(...(isChinese ? [" ", c, " "] : [c]));
    changes.push(...(isChinese ? [0, 1, 1] : [0]));
  }
  return transformed(stretch, characters, changes);
};

/** SentencePiece's `nmt` rules: controls vanish, odd spaces become spaces. */
const nmt: Rewrite = (stretch) =>
  filtered(
    stretch,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it is about
    (c) => !/[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/.test(c),
    (c) => (/[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/.test(c) ? " " : c),
  );

/** Each byte of the UTF-8 as a character of the byte alphabet; every one comes from the whole character. */
export const byteLevel: Rewrite = (stretch) => {
  const { text, from } = stretch;
  if (!from)
    return { text: Array.from(utf8Bytes(text), (byte) => byteCharacters[byte]!).join(""), origin: stretch.origin };
  const characters: string[] = [];
  const changes: number[] = [];
  for (const c of text)
    utf8Bytes(c).forEach((byte, i) => {
      characters.push(byteCharacters[byte]!);
      changes.push(i === 0 ? 0 : 1);
    });
  return transformed(stretch, characters, changes);
};

/** A text that replaces another unit by unit. */
export function replaceUnits(stretch: Stretch, unit: string, by: string): Stretch {
  if (unit.length === by.length) return sameLength(stretch, stretch.text.replaceAll(unit, by));
  return replacedRanges(stretch, placesOf(unit, stretch.text), by);
}
