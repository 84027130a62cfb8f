import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { cutPieces } from "../../src/tokenizer/encode-bpe.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import type { PatternName } from "../../src/tokenizer/patterns.ts";
import { patterns } from "../../src/tokenizer/patterns.ts";
import { byteLevelCutter } from "../../src/tokenizer/pre-tokenize.ts";
import type { Scanner } from "../../src/tokenizer/scan.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { golden } from "../helpers/paths.ts";

function read<T>(name: string): T {
  return JSON.parse(readFileSync(golden("tokenizer", name), "utf8")) as T;
}

interface Pieces {
  readonly texts: string[];
  readonly named: Record<PatternName | "digits" | "digit runs", string[][]>;
  readonly splits: { pattern: string; behavior: string; invert: boolean; pieces: string[][] }[];
}

interface Training {
  readonly preTokenizer: PatternName;
  readonly texts: string[];
  readonly vocabSize: number;
  readonly specialTokens: string[];
  readonly minFrequency: number;
  readonly learned: string[];
  readonly merges: string[];
  readonly samples: { text: string; ids: number[] }[];
}

interface Added {
  readonly json: object;
  readonly samples: { text: string; allowed: number[]; plain: number[]; skipped: string }[];
}

const wholeBytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

function scanned(scanners: readonly Scanner[], text: string): string[] {
  const units = Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  const pieces: string[] = [];
  cutPieces(scanners, 0, units, 0, units.length, (_, start, end) => pieces.push(text.slice(start, end)), undefined);
  return pieces;
}

function cut(stage: object, texts: readonly string[]): string[][] {
  const { splitter, scanners } = byteLevelCutter({ type: "Sequence", pretokenizers: [stage, wholeBytes] }, "test");
  return texts.map((text) => {
    const pieces: string[] = [];
    splitter(text, 0, text.length, (whole, start, end) => pieces.push(whole.slice(start, end)));
    if (scanners) assert.deepEqual(scanned(scanners, text), pieces, "as code units");
    return pieces;
  });
}

describe("pre-tokens of random Unicode are those of Python's tokenizers", () => {
  const { texts, named, splits } = read<Pieces>("pieces.json");
  for (const name of ["gpt2", "llama3", "qwen2"] as const) {
    test(`the ${name} pattern cuts at the same places`, () => {
      const split = { type: "Split", pattern: { Regex: patterns[name] }, behavior: "Isolated", invert: false };
      assert.deepEqual(cut(split, texts), named[name]);
    });
  }

  test("digits stand alone, or in runs", () => {
    assert.deepEqual(cut({ type: "Digits", individual_digits: true }, texts), named.digits);
    assert.deepEqual(cut({ type: "Digits", individual_digits: false }, texts), named["digit runs"]);
  });

  for (const { pattern, behavior, invert, pieces } of splits) {
    test(`the translated pattern ${JSON.stringify(pattern)} cuts at the same places`, () => {
      const split = { type: "Split", pattern: { Regex: pattern }, behavior, invert };
      assert.deepEqual(cut(split, texts.slice(0, pieces.length)), pieces);
    });
  }
});

describe("trained vocabularies are those of Python's BpeTrainer", () => {
  read<Training[]>("training.json").forEach(({ texts, learned, merges, samples, ...options }, i) => {
    const { preTokenizer, vocabSize, specialTokens } = options;
    test(`case ${i}: ${preTokenizer}, ${vocabSize} tokens, ${specialTokens.length} special`, () => {
      const tokenizer = trainBpe(texts, options);
      const first = tokenizer.vocabSize - learned.length;
      assert.deepEqual(
        learned.map((_, k) => tokenizer.tokenOf(first + k)),
        learned,
      );
      const { model } = tokenizer.toJSON() as { model: { merges: string[] } };
      assert.deepEqual(model.merges, merges);
      specialTokens.forEach((token, id) => {
        assert.equal(tokenizer.idOf(token), id);
      });
      for (const { text, ids } of samples) assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
    });
  });
});

describe("added tokens, templates and normalizers act as in Python's tokenizers", () => {
  const { json, samples } = read<Added>("added.json");
  const tokenizer = tokenizerFromJson(json, "added.json");

  test("special tokens are found where they are allowed", () => {
    for (const { text, allowed } of samples) {
      assert.deepEqual(tokenizer.encode(text, { allowSpecial: true }), allowed, JSON.stringify(text));
    }
  });

  test("special tokens are text where they are not allowed", () => {
    for (const { text, plain } of samples) {
      assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), plain, JSON.stringify(text));
    }
  });

  test("the text begins and ends with what the template adds", () => {
    assert.deepEqual(tokenizer.encode("x").slice(0, 1), [tokenizer.bosId]);
    assert.deepEqual(tokenizer.encode("x").slice(-1), [tokenizer.eosId]);
  });

  test("special tokens are left out of decoded text on request", () => {
    // Python spells added tokens through the byte alphabet, so only texts of ASCII ones come back whole there.
    const ascii = samples.filter(({ allowed }) => !allowed.includes(tokenizer.idOf("caf\u00e9")!));
    assert.ok(ascii.length > 20);
    for (const { allowed, skipped } of ascii) {
      assert.equal(tokenizer.decode(allowed, { skipSpecialTokens: true }), skipped);
    }
  });
});
