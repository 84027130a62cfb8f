import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { ggufTokenizerOf, tokenizerJsonOfGguf } from "../helpers/gguf-vocab.ts";
import { sharedData } from "../helpers/paths.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";

const vocabularies: readonly [name: string, size: number][] = [
  ["gpt-2", 50257],
  ["llama-bpe", 128256],
  ["qwen2", 151936],
  ["llama-spm", 32000],
  ["phi-3", 32064],
];

/** Texts and their published ids. */
function published(file: string): { text: string; ids: number[] }[] {
  const inputs = readFileSync(`${file}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
  const outputs = readFileSync(`${file}.out`, "utf8").split("\n");
  assert.ok(inputs.length > 40);
  return inputs.map((input, i) => {
    const text = i === inputs.length - 1 ? input.replace(/\n$/, "") : input;
    return { text, ids: (outputs[i] ?? "").split(" ").filter(Boolean).map(Number) };
  });
}

describe("published vocabularies", () => {
  for (const [name, size] of vocabularies) {
    const file = sharedData("tokenizers", `ggml-vocab-${name}.gguf`);
    const skip = file === undefined && `the shared test data has no vocabulary ${name}`;
    test(`${name} gives the published ids and takes them back to the text`, { skip }, () => {
      const tokenizer = ggufTokenizerOf(file!);
      assert.equal(tokenizer.vocabSize, size);
      for (const { text, ids } of published(file!)) {
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), ids, JSON.stringify(text));
        assert.equal(tokenizer.decode(ids), name === "qwen2" ? text.normalize("NFC") : text);
      }
    });
  }

  test("the tokenizer.json made of each gives Python's tokenizers the published ids", {
    skip: skipWithoutPython,
  }, () => {
    const files = vocabularies
      .map(([name]) => sharedData("tokenizers", `ggml-vocab-${name}.gguf`))
      .filter((file) => file !== undefined);
    if (files.length === 0) return;
    const folder = mkdtempSync(path.join(tmpdir(), "ownlm-vocabularies-"));
    try {
      const made = files.map((file, i) => {
        const json = path.join(folder, `${i}.json`);
        writeFileSync(json, JSON.stringify(tokenizerJsonOfGguf(file)));
        return json;
      });
      const texts = published(files[0]!).map(({ text }) => text);
      const ids = runPython("../tokenizer/vocabularies.py", made, JSON.stringify(texts)) as number[][][];
      files.forEach((file, i) => {
        assert.deepEqual(
          ids[i],
          published(file).map((sample) => sample.ids),
          file,
        );
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
