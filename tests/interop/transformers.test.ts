import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { host } from "../../src/host/node.ts";
import { familyOf, modelFromConfig } from "../../src/models/registry.ts";
import type { ModelSizes } from "../../src/models/types.ts";
import { publishModel } from "../../src/weights/folder.ts";
import { ndArray } from "../helpers/reference-array.ts";
import { continuationOf, logitsOf, openFolder, shapesOf } from "../helpers/reference-engine.ts";
import { distance, readArrays } from "../helpers/reference-models.ts";
import { runPython, skipWithoutPython } from "../helpers/reference-python.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

/** The folders that make_folder.py can write. */
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
];

interface Expected {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[];
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

  for (const name of FOLDERS)
    test(`${name}: give transformers' logits and greedy continuation`, async () => {
      const folder = path.join(root, name);
      const expected = JSON.parse(readFileSync(path.join(folder, "expected.json"), "utf8")) as Expected;
      const logits = readArrays(path.join(folder, "expected.safetensors"));
      using engine = await openFolder(folder);
      for (const [i, { ids }] of expected.texts.entries()) {
        const known = logits.get(`logits.${i}`)!;
        const error = distance(ndArray(known.shape, (await logitsOf(engine, ids)).flat()), known);
        assert.ok(error < 1e-4, `text ${i}: the logits differ by ${error}`);
      }
      assert.deepEqual(
        await continuationOf(engine, expected.prompt, expected.continuation.length),
        expected.continuation,
      );
    });
});

const SIZES: ModelSizes = { vocabSize: 97, layers: 2, heads: 4, kvHeads: 4, dim: 48, context: 64 };
const WRITTEN: readonly [family: string, says: string, sizes: ModelSizes][] = [
  ["gpt2", "GPT-2", SIZES],
  ["gpt2", "GPT-2 with a feed-forward width of its own", { ...SIZES, feedForward: 88, bosTokenId: 1, eosTokenId: 2 }],
  ["llama", "Llama", { ...SIZES, kvHeads: 2, tied: false }],
  ["llama", "Llama with one key head and tied embeddings", { ...SIZES, kvHeads: 1, tied: true, eosTokenId: 0 }],
];

describe("folders that ownlm wrote", { skip: skipWithoutPython || skipWithoutRuntime }, () => {
  for (const [i, [family, says, sizes]] of WRITTEN.entries())
    test(`${says}: load in transformers with every weight, equal logits and continuation`, async () => {
      const folder = path.join(root, `written-${i}`);
      const config = familyOf(family, "test").newConfig(sizes);
      const random = rng(i);
      const tensors = [...shapesOf(modelFromConfig(config, "config.json"))].map(([name, shape]) => {
        const size = shape.reduce((n, dim) => n * dim, 1);
        const centre = shape.length === 1 && name.endsWith("weight") ? 1 : 0;
        const data = Float32Array.from({ length: size }, () => centre + 0.25 * random.normal());
        return { name, dtype: "float32", shape, data } as const;
      });
      publishModel(host, folder, { "config.json": config }, tensors);
      using engine = await openFolder(folder);
      const texts = [];
      for (const length of [1, 7, 64]) {
        const ids = Array.from({ length }, () => random.below(sizes.vocabSize));
        texts.push({ text: "", ids, logits: await logitsOf(engine, ids) });
      }
      const prompt = texts[1]!.ids;
      const claims = { texts, prompt, continuation: await continuationOf(engine, prompt, 16), tolerance: 1e-4 };
      const result = runPython("check_folder.py", [folder], JSON.stringify(claims)) as Record<string, unknown>;
      assert.deepEqual(result.problems, []);
      assert.equal(
        result.parameters,
        tensors.reduce((sum, { data }) => sum + data.length, 0),
      );
    });
});
