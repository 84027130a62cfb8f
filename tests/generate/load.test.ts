import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { float32ToBfloat16 } from "../../src/base/dtypes.ts";
import { finish } from "../../src/generate/library.ts";
import { type OpenModelOptions, openModel, openTokenizer } from "../../src/generate/load.ts";
import { scoreIds } from "../../src/generate/score-text.ts";
import { nextAfter, streamAfter } from "../../src/generate/text.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import type { ExternalData } from "../../src/onnx/model.ts";
import { openRuntime } from "../../src/runtime/open.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import { saveCheckpoint } from "../../src/weights/checkpoint.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder, randomTensors, temporaryFolder } from "./folders.ts";

const openTest = (folder: string, options: OpenModelOptions = {}) =>
  openModel(host, runtime!, folder, { threads: 1, ...options });

const readConfigFile = (folder: string) => JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8"));

/** Opens a folder after a change to one of its JSON files. */
function changed(folder: string, file: string, change: (json: Record<string, unknown>) => void): string {
  const json = JSON.parse(readFileSync(path.join(folder, file), "utf8"));
  change(json);
  writeFileSync(path.join(folder, file), JSON.stringify(json));
  return folder;
}

describe("opening a model folder", { skip: skipWithoutRuntime }, () => {
  test("gives the model, its tokenizer, its context and its end tokens", async () => {
    using opened = await openTest(modelFolder("llama"));
    assert.equal(opened.model.modelType, "llama");
    assert.equal(opened.context, 64);
    assert.equal(opened.threads, 1);
    assert.deepEqual(opened.defaults, { eosTokenIds: [opened.tokenizer!.eosId!], options: {} });
  });

  test("needs no tokenizer for ids", async () => {
    using opened = await openTest(modelFolder("gpt2", { tokenizer: undefined }));
    assert.equal(opened.tokenizer, undefined);
    const made = await finish(streamAfter(opened, [1, 2], { maxNewTokens: 3 }, 0));
    assert.equal(made.ids.length, 3);
    assert.equal(made.text, "");
    await assert.rejects(finish(streamAfter(opened, [1], { stop: ["x"] }, 0)), {
      code: "NOT_FOUND",
      message: /tokenizer\.json/,
    });
  });

  test("reads weights from shards as from one file", async () => {
    const folder = modelFolder("gpt2");
    using whole = await openTest(folder);
    const expected = await scoreIds(whole, [1, 2, 3, 4]);
    const tensors = randomTensors(whole.model, 1, 8);
    rmSync(path.join(folder, "model.safetensors"));
    const map: Record<string, string> = {};
    for (const [i, part] of [tensors.slice(0, 9), tensors.slice(9)].entries()) {
      const name = `model-0000${i + 1}-of-00002.safetensors`;
      writeSafetensors(host, path.join(folder, name), part);
      for (const tensor of part) map[tensor.name] = name;
    }
    writeFileSync(path.join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
    using sharded = await openTest(folder);
    assert.deepEqual(await scoreIds(sharded, [1, 2, 3, 4]), expected);
  });

  test("computes with 16-bit weights", async () => {
    const folder = modelFolder("llama");
    using exact = await openTest(folder);
    const expected = await nextAfter(exact, [1, 2, 3], 3);
    const tensors = randomTensors(exact.model, 1, 8).map((tensor) => {
      const data = Uint16Array.from(tensor.data as Float32Array, float32ToBfloat16);
      return { ...tensor, dtype: "bfloat16" as const, data };
    });
    writeSafetensors(host, path.join(folder, "model.safetensors"), tensors);
    using rounded = await openTest(folder);
    const got = await nextAfter(rounded, [1, 2, 3], 3);
    for (const [i, { logprob }] of got.entries()) assert.ok(Math.abs(logprob - expected[i]!.logprob) < 0.3);
  });

  test("gives the same distribution on the web's runtime", async () => {
    const readBytes = async ({ file, offset, length }: ExternalData) => host.readBytes(file, offset, length);
    const web = await openRuntime("web", { readBytes });
    for (const family of FAMILIES) {
      const folder = modelFolder(family);
      using native = await openTest(folder);
      using other = await openModel(host, web, folder, { threads: 1 });
      const expected = await scoreIds(native, [1, 2, 3, 4, 5]);
      const { logprobs } = await scoreIds(other, [1, 2, 3, 4, 5]);
      for (const [i, logprob] of logprobs.slice(1).entries())
        assert.ok(Math.abs(logprob! - expected.logprobs[i + 1]!) < 1e-4, `${family}: ${logprob}`);
      const texts = [1, 2].map((seed) => finish(streamAfter(other, [seed], { seed, maxNewTokens: 5 }, 1)));
      for (const { ids } of await Promise.all(texts)) assert.equal(ids.length, 5);
    }
  });

  test("of a run in training takes the newest whole checkpoint, and says so", async () => {
    const folder = modelFolder("gpt2");
    using finished = await openTest(folder);
    const expected = await scoreIds(finished, [4, 5, 6]);
    renameSync(path.join(folder, "model.safetensors"), path.join(folder, "gone"));
    for (const [step, seed] of [
      [10, 1],
      [20, 2],
    ] as const)
      saveCheckpoint(host, folder, step, {
        tensors: { params: randomTensors(finished.model, seed, 8) },
        state: { step },
      });
    const warnings: string[] = [];
    using newest = await openTest(folder, { onWarning: (message) => warnings.push(message) });
    assert.notDeepEqual(await scoreIds(newest, [4, 5, 6]), expected);
    assert.match(warnings.join("\n"), /checkpoint of step 20/);
    const damaged = path.join(folder, "checkpoints/step-00000020/params.safetensors");
    writeFileSync(damaged, readFileSync(damaged).subarray(0, 1000));
    using older = await openTest(folder, { onWarning: (message) => warnings.push(message) });
    assert.deepEqual(await scoreIds(older, [4, 5, 6]), expected);
    assert.match(warnings.join("\n"), /step-00000020.*expected[\s\S]*step 10/);
    rmSync(path.join(folder, "checkpoints"), { recursive: true });
    mkdirSync(path.join(folder, "checkpoints"));
    await assert.rejects(openTest(folder), { code: "BAD_CHECKPOINT" });
  });

  test("ends with every text that borrowed from it", async () => {
    const opened = await openTest(modelFolder("gpt2"));
    const stream = streamAfter(opened, [1], {}, 1);
    await stream.next();
    opened.dispose();
    await assert.rejects(stream.next(), { code: "DISPOSED" });
    assert.throws(() => opened.borrow(), { code: "DISPOSED" });
    opened.dispose();
  });
});

describe("a folder that is no model", { skip: skipWithoutRuntime }, () => {
  const cases: readonly [what: string, break_: (folder: string) => string, code: string, message: RegExp][] = [
    ["does not exist", (folder) => `${folder}-not`, "NOT_FOUND", /gpt2-not: there is no such folder/],
    ["is a file", (folder) => path.join(folder, "config.json"), "NOT_FOUND", /config\.json: is a file/],
    [
      "is a GGUF file cut short",
      (folder) => {
        writeFileSync(path.join(folder, "x.gguf"), "GGUF");
        return path.join(folder, "x.gguf");
      },
      "BAD_WEIGHTS",
      /x\.gguf: version: at byte 4: got a length of 4 bytes, expected at most the 0 left/,
    ],
    ["has no config", (folder) => removed(folder, "config.json"), "NOT_FOUND", /gpt2: no config\.json/],
    ["has no weights", (folder) => removed(folder, "model.safetensors"), "NOT_FOUND", /no model\.safetensors/],
    [
      "has a tokenizer with more tokens than the embedding",
      (folder) => {
        const big = trainChar([Array.from({ length: 900 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("")]);
        writeFileSync(path.join(folder, "tokenizer.json"), JSON.stringify(big));
        return removed(folder, "tokenizer_config.json");
      },
      "BAD_TOKENIZER",
      /tokenizer\.json: got 900 tokens, expected at most vocab_size \d+/,
    ],
    [
      "lacks a weight",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { tie_word_embeddings: false })),
      "BAD_WEIGHTS",
      /lm_head\.weight is missing/,
    ],
    [
      "has weights of other shapes",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { n_inner: 96 })),
      "BAD_WEIGHTS",
      /c_fc\.weight: got shape \[32,128\], expected \[32,96\]/,
    ],
    [
      "has two billion layers",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { n_layer: 2 ** 31 - 1 })),
      "BAD_CONFIG",
      /config\.json: n_layer: got 2147483647/,
    ],
    [
      "has more layers than weights",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { n_layer: 4096 })),
      "BAD_CONFIG",
      /config\.json: got layers of 4096/,
    ],
    [
      "has a width that no weight has",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { n_embd: 2 ** 28, n_head: 1 })),
      "BAD_CONFIG",
      /config\.json: got a width of 268435456/,
    ],
    [
      "is of a family that is not known",
      (folder) => changed(folder, "config.json", (json) => Object.assign(json, { model_type: "mamba" })),
      "UNSUPPORTED",
      /model_type: got "mamba"/,
    ],
    [
      "has weights of whole numbers",
      (folder) => {
        const model = modelFromConfig(readConfigFile(folder), "test");
        const tensors = randomTensors(model, 1, 1).map((tensor) => {
          return { ...tensor, dtype: "int8" as const, data: new Int8Array(tensor.data.length) };
        });
        writeSafetensors(host, path.join(folder, "model.safetensors"), tensors);
        return folder;
      },
      "UNSUPPORTED",
      /got int8/,
    ],
    [
      "asks for sampling that is none",
      (folder) => {
        writeFileSync(path.join(folder, "generation_config.json"), '{"temperature": "hot"}');
        return folder;
      },
      "BAD_CONFIG",
      /generation_config\.json: temperature: got "hot", expected a number/,
    ],
    [
      "names end tokens that are none",
      (folder) => {
        writeFileSync(path.join(folder, "generation_config.json"), '{"eos_token_id": [1, "x"]}');
        return folder;
      },
      "BAD_CONFIG",
      /generation_config\.json: eos_token_id/,
    ],
  ];
  const whole = modelFolder("gpt2");
  for (const [what, damage, code, message] of cases)
    test(`because it ${what} is refused by name`, async () => {
      const folder = path.join(temporaryFolder(), "gpt2");
      cpSync(whole, folder, { recursive: true });
      await assert.rejects(openTest(damage(folder)), { code, message });
    });

  test("is refused for a context that the model does not have", async () => {
    await assert.rejects(openTest(whole, { context: 65 }), { code: "BAD_OPTION", message: /65.*64/ });
    await assert.rejects(openTest(whole, { context: 0 }), { code: "BAD_OPTION" });
  });
});

function removed(folder: string, name: string): string {
  rmSync(path.join(folder, name));
  return folder;
}

describe("what the files say of generation", { skip: skipWithoutRuntime }, () => {
  const defaultsOf = async (generationConfig: object) => {
    using opened = await openTest(modelFolder("gpt2", { generationConfig }));
    return opened.defaults;
  };

  test("is read by Hugging Face's keys", async () => {
    const { eosTokenIds, ...rest } = await defaultsOf({
      do_sample: true,
      temperature: 0.6,
      top_k: 20,
      top_p: 0.9,
      min_p: null,
      repetition_penalty: 1.1,
      max_new_tokens: 9,
      eos_token_id: [7, 8],
      transformers_version: "5",
    });
    assert.deepEqual(eosTokenIds, [7, 8, 0]);
    assert.deepEqual(rest, {
      doSample: true,
      options: { temperature: 0.6, topK: 20, topP: 0.9, repetitionPenalty: 1.1, maxNewTokens: 9 },
    });
  });

  test("may name end tokens beyond the vocabulary, which never come", async () => {
    assert.deepEqual((await defaultsOf({ eos_token_id: 50256 })).eosTokenIds, [0]);
  });
});

describe("opening a tokenizer", () => {
  test("takes a folder or the file itself", () => {
    const folder = modelFolder("gpt2");
    const ids = openTokenizer(host, folder).encode("the cat");
    assert.deepEqual(openTokenizer(host, path.join(folder, "tokenizer.json")).encode("the cat"), ids);
  });

  test("says what is missing", () => {
    const folder = temporaryFolder();
    assert.throws(() => openTokenizer(host, folder), { code: "NOT_FOUND", message: /no tokenizer\.json/ });
    assert.throws(() => openTokenizer(host, `${folder}/x`), { code: "NOT_FOUND", message: /no such file/ });
    writeFileSync(path.join(folder, "tokenizer.json"), "{");
    assert.throws(() => openTokenizer(host, folder), { code: "BAD_CONFIG", message: /tokenizer\.json: no JSON/ });
  });
});
