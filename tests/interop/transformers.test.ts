import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig, newConfig } from "../../src/models/registry.ts";
import type { ModelSizes } from "../../src/models/types.ts";
import { tokenizerFromJson } from "../../src/tokenizer/json.ts";
import { trainBpe } from "../../src/tokenizer/train-bpe.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import type { Tokenizer } from "../../src/tokenizer/types.ts";
import { tokenizerConfig } from "../../src/tokenizer/write-json.ts";
import { publishModel, readJson } from "../../src/weights/folder.ts";
import { ndArray } from "../helpers/reference-array.ts";
import { continuationOf, logitsOf, openFolder, shapesOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES } from "../helpers/reference-families.ts";
import { distance, readArrays } from "../helpers/reference-models.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** The folders that make_folder.py can write; it writes one for each golden family as well. */
const FOLDERS = [
  "gpt2",
  "gpt2-exact-gelu",
  "gpt2-base-names",
  "gpt2-float16",
  "llama",
  "llama-sharded",
  "llama-bf16",
  "llama-bf16-sharded",
  "llama-tied-scaled",
  "llama-old-config",
  "llama-biased",
  ...GOLDEN_FAMILIES.filter((name) => name !== "llama"),
];

interface Expected {
  readonly texts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly bareIds: readonly number[];
    readonly decoded: string;
  }[];
  readonly prompt: readonly number[];
  readonly continuation: readonly number[];
}

let root = "";
before(() => {
  root = mkdtempSync(path.join(tmpdir(), "ownlm-interop-"));
});
after(() => rmSync(root, { recursive: true, force: true }));

describe("folders that transformers wrote", { skip: skipWithoutPython || skipWithoutRuntime }, () => {
  before(() => assert.deepEqual(runPython("make_folder.py", [root, ...FOLDERS]), FOLDERS));

  for (const name of FOLDERS) {
    const folder = () => path.join(root, name);
    const expected = () => JSON.parse(readFileSync(path.join(folder(), "expected.json"), "utf8")) as Expected;

    test(`${name}: give transformers' ids and texts`, () => {
      const file = (part: string) => readJson(host, path.join(folder(), part));
      const tokenizer = tokenizerFromJson(file("tokenizer.json"), "tokenizer.json", file("tokenizer_config.json"));
      for (const { text, ids, bareIds, decoded } of expected().texts) {
        assert.deepEqual(tokenizer.encode(text), ids);
        assert.deepEqual(tokenizer.encode(text, { addSpecialTokens: false }), bareIds);
        assert.equal(tokenizer.decode(bareIds), decoded);
      }
    });

    test(`${name}: give transformers' logits and greedy continuation`, async () => {
      const { texts, prompt, continuation } = expected();
      const logits = readArrays(path.join(folder(), "expected.safetensors"));
      using engine = await openFolder(folder());
      for (const [i, { ids }] of texts.entries()) {
        const known = logits.get(`logits.${i}`)!;
        const error = distance(ndArray(known.shape, (await logitsOf(engine, ids)).flat()), known);
        const largest = known.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        assert.ok(error < Math.max(1e-4, 1e-5 * largest), `text ${i}: the logits differ by ${error}`);
      }
      assert.deepEqual(await continuationOf(engine, prompt, continuation.length), continuation);
    });
  }
});

const TEXTS = [
  "Once upon a time, in 1984, there was a café -- wasn't there?",
  "  spaces,\ttabs\r\n\nand lines \n",
  "naïve 日本語 текст 🙂👩‍👧 e\u0301",
];

type Sizes = Omit<ModelSizes, "vocabSize">;
const SIZES: Sizes = { layers: 2, heads: 4, kvHeads: 4, dim: 48, context: 128 };

/** What ownlm makes: a family, its sizes, and a tokenizer trained on the texts. */
const WRITTEN: readonly { says: string; family: string; sizes: Sizes; tokenizer: () => Tokenizer }[] = [
  {
    says: "GPT-2 with a byte-level vocabulary",
    family: "gpt2",
    sizes: SIZES,
    tokenizer: () => trainBpe(TEXTS, { vocabSize: 300 }),
  },
  {
    says: "GPT-2 over characters, with a feed-forward width of its own",
    family: "gpt2",
    sizes: { ...SIZES, feedForward: 88 },
    tokenizer: () => trainChar(TEXTS, { specialTokens: ["<|endoftext|>"] }),
  },
  {
    says: "Llama with Llama 3's splitting",
    family: "llama",
    sizes: { ...SIZES, kvHeads: 2, tied: false },
    tokenizer: () => trainBpe(TEXTS, { vocabSize: 310, preTokenizer: "llama3" }),
  },
  {
    says: "Llama with one key head and tied embeddings",
    family: "llama",
    sizes: { ...SIZES, kvHeads: 1, tied: true },
    tokenizer: () => trainBpe(TEXTS, { vocabSize: 290, specialTokens: ["<|endoftext|>", "<|user|>"] }),
  },
];

/** A folder with random weights far from a neutral start. Returns the number of its elements. */
function writeFolder(folder: string, family: string, sizes: Sizes, tokenizer: Tokenizer, seed: number): number {
  const { vocabSize, eosId } = tokenizer;
  const config = newConfig(family, {
    ...sizes,
    vocabSize,
    ...(eosId === undefined ? {} : { eosTokenId: eosId }),
  });
  const random = rng(seed);
  const tensors = [...shapesOf(modelFromConfig(config, "config.json"))].map(([name, shape]) => {
    const size = shape.reduce((n, dim) => n * dim, 1);
    const centre = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
    const data = Float32Array.from({ length: size }, () => centre + 0.25 * random.normal());
    return { name, dtype: "float32", shape, data } as const;
  });
  const files = {
    "config.json": config,
    "tokenizer.json": tokenizer.toJSON(),
    "tokenizer_config.json": tokenizerConfig(tokenizer, { modelMaxLength: sizes.context }),
  };
  publishModel(host, folder, files, tensors);
  return tensors.reduce((sum, { data }) => sum + data.length, 0);
}

describe("folders that ownlm wrote", { skip: skipWithoutPython || skipWithoutRuntime }, () => {
  for (const [i, { says, family, sizes, tokenizer: train }] of WRITTEN.entries())
    test(`${says}: load in transformers with every weight, equal ids, logits and continuation`, async () => {
      const folder = path.join(root, `written-${i}`);
      const tokenizer = train();
      const parameters = writeFolder(folder, family, sizes, tokenizer, i);
      using engine = await openFolder(folder);
      const texts = [];
      for (const text of TEXTS) {
        const ids = tokenizer.encode(text);
        texts.push({ text, ids, decoded: tokenizer.decode(ids), logits: await logitsOf(engine, ids) });
      }
      const prompt = texts[0]!.ids;
      const claims = { texts, prompt, continuation: await continuationOf(engine, prompt, 16), tolerance: 1e-4 };
      const result = runPython("check_folder.py", [folder], JSON.stringify(claims)) as Record<string, unknown>;
      assert.deepEqual(result.problems, []);
      assert.equal(result.parameters, parameters);
    });
});
