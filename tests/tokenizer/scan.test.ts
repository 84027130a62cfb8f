import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rng } from "../../src/base/rng.ts";
import { byteCharacters } from "../../src/tokenizer/bytes.ts";
import { cutPieces } from "../../src/tokenizer/encode-bpe.ts";
import { patterns, readPatterns, scannerOf } from "../../src/tokenizer/patterns.ts";
import { byteLevelCutter } from "../../src/tokenizer/pre-tokenize.ts";
import { translateRegex } from "../../src/tokenizer/regex.ts";
import { punctuationScanner, type Scanner } from "../../src/tokenizer/scan.ts";
import { punctuationPattern } from "../../src/tokenizer/unicode-classes.ts";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutPython } from "../helpers/reference-python.ts";
import { anyText } from "./texts.ts";

function unitsOf(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

function scanned(scanners: readonly Scanner[], text: string): string[] {
  const pieces: string[] = [];
  cutPieces(
    scanners,
    0,
    unitsOf(text),
    0,
    text.length,
    (_, start, end) => pieces.push(text.slice(start, end)),
    undefined,
  );
  return pieces;
}

/** The obvious way: matches of a regular expression and what lies between them. */
function matched(pattern: RegExp, text: string): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > at) pieces.push(text.slice(at, index));
    pieces.push(match);
    at = index + match.length;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}

const cased = fc.array(
  fc.constantFrom(..."aAbǅʰ中é\u0301 \n/!'sT1", "'ll", "𝐀", "𐐨", "𐐀", "𑄂", "\ud835", "\udc00", "🙂", "\r\n"),
  { maxLength: 30 },
);
const texts = fc.oneof(
  anyText,
  cased.map((pieces) => pieces.join("")),
);

describe("the hand-written scanners cut where the regular expressions do", () => {
  for (const [name, pattern] of Object.entries({ ...patterns, ...readPatterns })) {
    test(name, () => {
      const scanner = scannerOf(pattern)!;
      const regex = translateRegex(pattern, "test");
      fc.assert(
        fc.property(texts, (text) => {
          assert.deepEqual(scanned([scanner], text), matched(regex, text));
        }),
        { numRuns: 1500 },
      );
    });
  }

  for (const [name, individual, pattern] of [
    ["punctuation in runs", false, new RegExp(`${punctuationPattern}+`, "gu")],
    ["punctuation one by one", true, new RegExp(punctuationPattern, "gu")],
  ] as const) {
    test(name, () => {
      fc.assert(
        fc.property(texts, (text) => {
          assert.deepEqual(scanned([punctuationScanner(individual)], text), matched(pattern, text));
        }),
        { numRuns: 500 },
      );
    });
  }

  test("a piece ends where it is told to, whatever follows", () => {
    for (const pattern of Object.values({ ...patterns, ...readPatterns })) {
      const scanner = scannerOf(pattern)!;
      fc.assert(
        fc.property(texts, texts, (text, more) => {
          const pieces: string[] = [];
          const units = unitsOf(text + more);
          const take = (_: Uint16Array, start: number, end: number) => pieces.push((text + more).slice(start, end));
          cutPieces([scanner], 0, units, 0, text.length, take, undefined);
          assert.deepEqual(pieces, scanned([scanner], text));
        }),
      );
    }
  });
});

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const wholeBytes = { ...byteLevel, use_regex: false };
const sequence = (...pretokenizers: object[]) => ({ type: "Sequence", pretokenizers });
const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
const digits = (individual_digits: boolean) => ({ type: "Digits", individual_digits });
const published: Readonly<Record<string, object>> = {
  llama3: sequence(split(patterns.llama3), wholeBytes),
  o200k: sequence(split(readPatterns.o200k), wholeBytes),
  tekken: sequence(split(readPatterns.tekken), wholeBytes),
  "starcoder2, smollm, command-r": sequence(digits(true), byteLevel),
  falcon: sequence(
    { type: "Punctuation", behavior: "Contiguous" },
    byteLevel,
    digits(false),
    split(readPatterns.threeDigits),
  ),
  "punctuation one by one, a space in front": sequence(
    { type: "Punctuation", behavior: "Isolated" },
    { ...byteLevel, add_prefix_space: true },
  ),
};

/** Characters of old Unicode versions, and the shapes that patterns look at. */
function randomText(seed: number): string {
  const random = rng(seed, "texts");
  const common = [
    "a",
    "B",
    "Abc",
    "'s",
    "'LL",
    " ",
    "  ",
    "\n",
    "\r\n",
    "/",
    "!",
    "...",
    "1",
    "2024",
    "é",
    "e\u0301",
    "中文",
    "²",
    "٣",
    "½",
    "🙂",
    "$",
    "ǅ",
  ];
  const rare = () => {
    const block = [0x80, 0x250, 0x600, 0x900, 0x3040, 0x4e00, 0x2000][random.below(7)]!;
    const c = String.fromCodePoint(block + random.below(0x80));
    return /\p{Cn}/u.test(c) ? "x" : c;
  };
  return Array.from({ length: random.below(40) }, () =>
    random.below(5) === 0 ? rare() : common[random.below(common.length)]!,
  ).join("");
}

/** Pieces as the byte alphabet spells them. */
function spelledPieces(json: object, text: string): string[] {
  const { splitter, spelled } = byteLevelCutter(json, "test");
  const pieces: string[] = [];
  splitter(text, 0, text.length, (whole, start, end) => {
    const spelling = [...Buffer.from(whole.slice(start, end))].map((byte) => byteCharacters[byte]!).join("");
    if (!spelled) pieces.push(spelling);
    else spelled.splitter(spelling, 0, spelling.length, (part, from, to) => pieces.push(part.slice(from, to)));
  });
  return pieces;
}

describe("published pre-tokenizers cut as in Python's tokenizers", () => {
  for (const [name, json] of Object.entries(published)) {
    test(name, { skip: skipWithoutPython }, () => {
      const samples = Array.from({ length: 2000 }, (_, seed) => randomText(seed));
      // Characters newer than Unicode 8, where the programs' tables may differ.
      samples.push("a\u061db\u2e43c\u166dd\u{111c9}e", "x\u{1e95e}\u1b7dy");
      const script = path.join(repoRoot, "tests/tokenizer/pieces.py");
      const { stdout, stderr } = spawnSync(process.env.OWNLM_PYTHON!, [script], {
        input: JSON.stringify({ preTokenizer: json, texts: samples }),
        encoding: "utf8",
        maxBuffer: 2 ** 28,
      });
      assert.equal(stderr, "");
      const expected = JSON.parse(stdout) as string[][];
      samples.forEach((text, i) => {
        assert.deepEqual(spelledPieces(json, text), expected[i], JSON.stringify(text));
      });
    });
  }
});
