import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { OwnlmError } from "../../src/base/errors.ts";
import { readGenerationDefaults } from "../../src/generate/generation-config.ts";
import { resolveGeneration } from "../../src/generate/resolve.ts";
import { host } from "../../src/host/node.ts";
import { temporaryFolder } from "./folders.ts";

let count = 0;
const root = temporaryFolder();

function read(json: unknown, warnings: string[] = []) {
  const folder = path.join(root, `${count++}`);
  mkdirSync(folder);
  writeFileSync(path.join(folder, "generation_config.json"), JSON.stringify(json));
  return readGenerationDefaults(host, folder, {}, 100, undefined, (message) => void warnings.push(message));
}

/** What transformers 5 writes for a model with every key set. */
const FULL = {
  do_sample: true,
  temperature: 0.7,
  top_k: 40,
  top_p: 0.9,
  min_p: 0.05,
  top_h: 0.8,
  typical_p: 0.95,
  epsilon_cutoff: 0.0003,
  eta_cutoff: 0.0002,
  repetition_penalty: 1.1,
  encoder_repetition_penalty: 1.2,
  no_repeat_ngram_size: 3,
  encoder_no_repeat_ngram_size: 4,
  sequence_bias: [[[5, 6], -2.5]],
  bad_words_ids: [[1], [2, 3]],
  suppress_tokens: [7],
  begin_suppress_tokens: [8, 9],
  forced_bos_token_id: 10,
  forced_eos_token_id: 11,
  exponential_decay_length_penalty: [5, 1.05],
  renormalize_logits: true,
  remove_invalid_values: true,
  num_return_sequences: 2,
  max_new_tokens: 50,
  min_new_tokens: 5,
  max_time: 30.5,
  stop_strings: "END",
  eos_token_id: [12, 13],
  guidance_scale: 1.0,
  token_healing: false,
  num_beam_groups: 1,
  watermarking_config: null,
};

describe("generation_config.json", () => {
  test("is honoured key by key", () => {
    const warnings: string[] = [];
    const { options, eosTokenIds, doSample, refused } = read(FULL, warnings);
    assert.deepEqual(warnings, []);
    assert.equal(refused, undefined);
    assert.equal(doSample, true);
    assert.deepEqual(eosTokenIds, [12, 13]);
    assert.deepEqual(options, {
      temperature: 0.7,
      topK: 40,
      topP: 0.9,
      minP: 0.05,
      topH: 0.8,
      typicalP: 0.95,
      epsilonCutoff: 0.0003,
      etaCutoff: 0.0002,
      repetitionPenalty: 1.1,
      encoderRepetitionPenalty: 1.2,
      noRepeatNgramSize: 3,
      encoderNoRepeatNgramSize: 4,
      logitBias: [[[5, 6], -2.5]],
      badWordsIds: [[1], [2, 3]],
      suppressTokens: [7],
      beginSuppressTokens: [8, 9],
      forcedBosTokenId: 10,
      forcedEosTokenId: [11],
      exponentialDecayLengthPenalty: [5, 1.05],
      renormalizeLogits: true,
      removeInvalidValues: true,
      numReturnSequences: 2,
      maxNewTokens: 50,
      minNewTokens: 5,
      maxTime: 30.5,
      stop: ["END"],
    });
  });

  test("counts max_length and min_length with the prompt, unless new tokens are counted", () => {
    const files = read({ max_length: 20, min_length: 12 });
    const { maxNewTokens, minNewTokens } = resolveGeneration({}, files, 0, 5);
    assert.deepEqual([maxNewTokens, minNewTokens], [15, 7]);
    assert.equal(resolveGeneration({ maxNewTokens: 3 }, files, 0, 5).maxNewTokens, 3);
    assert.throws(() => resolveGeneration({}, files, 0, 20), { code: "CONTEXT_OVERFLOW" });
    assert.equal(resolveGeneration({}, read({ max_length: 20, max_new_tokens: 30 }), 0, 5).maxNewTokens, 30);
  });

  test("is refused by the key when a text is made, where it asks for what there is not", () => {
    for (const [key, value] of [
      ["guidance_scale", 2],
      ["watermarking_config", { bias: 2 }],
      ["token_healing", true],
      ["num_beam_groups", 2],
      ["penalty_alpha", 0.6],
      ["dola_layers", "low"],
      ["constraints", [1]],
    ] as const) {
      const files = read({ [key]: value });
      assert.throws(
        () => resolveGeneration({}, files, 0, 1),
        (error: OwnlmError) => error.code === "UNSUPPORTED" && error.message.includes(`generation_config.json: ${key}`),
      );
    }
  });

  test("tells of keys that nobody knows", () => {
    const warnings: string[] = [];
    read({ temprature: 0.5, _from_model_config: true, use_cache: true, transformers_version: "4.0" }, warnings);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /temprature/);
  });

  test("of any content is read or refused with the file and the key", () => {
    const values = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom(-1, 0, 1e12, "", [], [[]], [[1, -1]], [null]));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(FULL)), values, (key, value) => {
        try {
          read({ [key]: value });
        } catch (error) {
          assert.ok(error instanceof OwnlmError && error.code === "BAD_CONFIG", `${key}: ${JSON.stringify(value)}`);
          assert.ok(error.message.includes("generation_config.json") && error.message.includes(key));
        }
      }),
    );
  });
});
