import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import type { PatternName } from "../../src/tokenizer/patterns.ts";
import { tokenizerJsonOfGguf } from "../helpers/gguf-vocab.ts";
import { sharedData } from "../helpers/paths.ts";

const vocabularies: readonly [file: string, family: PatternName, size: number][] = [
  ["ggml-vocab-gpt-2.gguf", "gpt2", 50257],
  ["ggml-vocab-llama-bpe.gguf", "llama3", 128256],
  ["ggml-vocab-qwen2.gguf", "qwen2", 151936],
];

describe("published vocabularies", () => {
  for (const [name, family, size] of vocabularies) {
    const file = sharedData("tokenizers", name);
    const skip = file === undefined && `the shared test data has no tokenizers/${name}`;
    test(`${name} gives the published ids and takes them back to the text`, { skip }, () => {
      const tokenizer = tokenizerFromJson(tokenizerJsonOfGguf(file!, family), name);
      assert.equal(tokenizer.vocabSize, size);
      const inputs = readFileSync(`${file}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
      const outputs = readFileSync(`${file}.out`, "utf8").split("\n");
      assert.ok(inputs.length > 40);
      inputs.forEach((input, i) => {
        const text = i === inputs.length - 1 ? input.replace(/\n$/, "") : input;
        const expected = (outputs[i] ?? "").split(" ").filter(Boolean).map(Number);
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), expected, JSON.stringify(text));
        assert.equal(tokenizer.decode(expected), family === "qwen2" ? text.normalize("NFC") : text);
      });
    });
  }
});
