import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { readPatterns } from "../../src/tokenizer/patterns.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { tokenizerConfig } from "../../src/tokenizer/write-json.ts";
import { sharedData } from "../helpers/paths.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { settledText } from "./texts.ts";

interface Answer {
  readonly ids: number[][];
  readonly texts: string[];
  readonly autoIds: number[][];
  readonly autoTexts: string[];
  readonly bos: string | null;
  readonly eos: string | null;
  readonly maxLength: number;
}

function askPython(tokenizer: Tokenizer, texts: readonly string[]): Answer {
  const folder = mkdtempSync(path.join(tmpdir(), "ownlm-tokenizer-"));
  try {
    writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
    const config = tokenizerConfig(tokenizer, { modelMaxLength: 2 ** 24 });
    writeFileSync(path.join(folder, "tokenizer_config.json"), JSON.stringify(config));
    return runPython("../tokenizer/interop.py", [folder], JSON.stringify(texts)) as Answer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function agree(tokenizer: Tokenizer, texts: readonly string[]): Answer {
  const answer = askPython(tokenizer, texts);
  texts.forEach((text, i) => {
    const ids = tokenizer.encode(text);
    assert.deepEqual(answer.ids[i], ids);
    assert.deepEqual(answer.autoIds[i], ids);
    const decoded = tokenizer.decode(ids);
    assert.ok(answer.texts[i] === decoded && answer.autoTexts[i] === decoded, "decoded text differs");
  });
  return answer;
}

describe("tokenizers and transformers read what ownlm writes", () => {
  const file = sharedData("text", "tinyshakespeare.txt");
  const skip = skipWithoutPython || (file === undefined && "the shared test data has no text/tinyshakespeare.txt");
  for (const preTokenizer of ["gpt2", "llama3", "qwen2"] as const) {
    test(`a trained vocabulary gives equal ids (${preTokenizer})`, { skip }, () => {
      const shakespeare = readFileSync(file!, "utf8");
      const tokenizer = trainBpe([shakespeare], { vocabSize: 1024, preTokenizer });
      const random = fc.sample(settledText, { numRuns: 500, seed: 7 });
      const answer = agree(tokenizer, [shakespeare, "", "<|endoftext|> as text", ...random]);
      assert.deepEqual([answer.bos, answer.eos, answer.maxLength], ["<|endoftext|>", "<|endoftext|>", 2 ** 24]);
    });
  }

  test("other pre-tokenizers give equal ids, and so do ignored merges", { skip }, () => {
    const shakespeare = readFileSync(file!, "utf8").slice(0, 200_000);
    const json = trainBpe([shakespeare, "漢字漢字 मा मा 'll'll"], { vocabSize: 1024 }).toJSON();
    const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
    const split = (Regex: string) => ({ type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false });
    const stages: object[][] = [
      [split(readPatterns.o200k), { ...byteLevel, use_regex: false }],
      [split(readPatterns.tekken), { ...byteLevel, use_regex: false }],
      [{ type: "Digits", individual_digits: true }, byteLevel],
      [
        { type: "Punctuation", behavior: "Contiguous" },
        byteLevel,
        { type: "Digits", individual_digits: false },
        split(readPatterns.threeDigits),
      ],
      [{ ...byteLevel, add_prefix_space: true }],
    ];
    const random = fc.sample(settledText, { numRuns: 300, seed: 8 });
    for (const ignore_merges of [false, true]) {
      for (const pretokenizers of stages) {
        const { model } = json as { model: object };
        const pre_tokenizer = { type: "Sequence", pretokenizers };
        const tokenizer = tokenizerFromJson({ ...json, pre_tokenizer, model: { ...model, ignore_merges } }, "test");
        const { ids } = askPython(tokenizer, [shakespeare, ...random]);
        assert.deepEqual(tokenizer.encode(shakespeare), ids[0]);
        random.forEach((text, i) => {
          assert.deepEqual(tokenizer.encode(text), ids[i + 1], JSON.stringify(text));
        });
      }
    }
  });

  test("a vocabulary of characters gives equal ids", { skip }, () => {
    const shakespeare = readFileSync(file!, "utf8");
    const answer = agree(trainChar([shakespeare]), [shakespeare, " ", "\n", "  a\n\n b .", ""]);
    assert.deepEqual([answer.bos, answer.eos], [null, null]);
    const wide = "\n\t a漢字🙂é\u0301\u0085\u2028\ufeff";
    const withEnd = trainChar([wide], { specialTokens: ["<|endoftext|>"] });
    assert.equal(agree(withEnd, [wide, `${wide}${wide}`]).eos, "<|endoftext|>");
  });
});
