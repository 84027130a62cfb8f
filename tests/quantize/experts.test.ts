import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { openEngine } from "../../src/generate/engine.ts";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { quantize } from "../../src/quantize/quantize.ts";
import { publishModel } from "../../src/weights/folder.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { randomTensors, smallTokenizer, temporaryFolder } from "../generate/folders.ts";
import { gptOssFolders } from "../helpers/gpt-oss.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { unpacked } from "../helpers/unpacked.ts";

const IDS = [5, 9, 200, 33, 7, 7, 120, 64, 11, 250, 3];
const anything = { maxKl: 100, maxPerplexityRatio: 1e6 };
const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));

/** A mixture of experts of which every token takes all. */
function mixtureFolder(modelType: "mixtral" | "qwen3_moe"): string {
  const config = {
    model_type: modelType,
    vocab_size: 290,
    hidden_size: 32,
    intermediate_size: 32,
    moe_intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    num_local_experts: 4,
    num_experts: 4,
    num_experts_per_tok: 4,
    max_position_embeddings: 64,
  };
  const folder = path.join(temporaryFolder(), modelType);
  const files = { "config.json": config, "tokenizer.json": smallTokenizer().toJSON() };
  publishModel(host, folder, files, randomTensors(modelFromConfig(config, "test"), 1, 4));
  return folder;
}

describe("a mixture of experts, quantised", { skip: skipWithoutRuntime }, () => {
  const { mxfp4, floats } = gptOssFolders();
  const models = {
    mixtral: mixtureFolder("mixtral"),
    qwen3_moe: mixtureFolder("qwen3_moe"),
    "gpt_oss of floats": floats,
    "gpt_oss in MXFP4": mxfp4,
  };
  for (const [name, model] of Object.entries(models))
    for (const bits of [4, 8] as const)
      test(`${name} at ${bits} bits computes with what it holds, and holds each expert packed`, async () => {
        const out = path.join(temporaryFolder(), "out");
        await quantize(host, runtime!, model, { out, bits, rounding: "search", noMeasure: true });
        const config = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8"));
        assert.equal(config.quantization_config.quant_method, "ownlm");
        const { tensors } = readSafetensors(host, path.join(out, "model.safetensors"));
        const experts = [...tensors].filter(([each]) => /experts/.test(each) && !/bias/.test(each));
        assert.ok(experts.length > 0 && experts.every(([each]) => /_(packed|scale)$/.test(each)));
        assert.ok(
          [...tensors.keys()].some((each) => /(gate|router)\.weight$/.test(each)),
          "the router stays float32",
        );
        using opened = await openModel(host, runtime!, out, { threads: 1 });
        using loan = opened.borrow();
        const packed = (await logitsOf(loan.engine, IDS)).flat();
        const weights = unpacked(out);
        const place = (each: string) => ({ kind: "memory", data: weights.get(each)! }) as const;
        using engine = await openEngine(runtime!, opened.model, { place });
        const expected = (await logitsOf(engine, IDS)).flat();
        const error = norm(expected.map((x, i) => x - packed[i]!)) / norm(expected);
        assert.ok(error < 0.03, `off by ${error} of the logits' size`);
      });

  test("is compared with what it was made of, and learns feedback where its experts have matrices of their own", async () => {
    const out = path.join(temporaryFolder(), "out");
    const result = await quantize(host, runtime!, models.mixtral, { out, tokens: 64, ...anything });
    assert.ok(result.comparison!.meanKl > 0);
    assert.ok(result.bytes < result.bytesBefore / 2);
  });
});
