import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { publishModel } from "../../src/weights/folder.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { FAMILIES, modelFolder, randomTensors, temporaryFolder } from "./folders.ts";

const IDS = [5, 9, 200, 33, 7, 7, 120, 64, 11];
/** How far the logits may be from those of float32, in their own size: of 8 and 4 bits a weight, 8 an activation. */
const BOUNDS = { 8: 0.02, 4: 0.2 } as const;

async function logits(folder: string, quantize?: 4 | 8, ids: readonly number[] = IDS): Promise<number[]> {
  using opened = await openModel(host, runtime!, folder, { threads: 1, ...(quantize && { quantize }) });
  if (quantize) assert.ok(opened.packed.length > 0);
  using loan = opened.borrow();
  return (await logitsOf(loan.engine, ids)).flat();
}

/** A folder of a Mixtral whose tokens choose three of few experts, or all of many: rounding flips choices among many. */
function expertsFolder(experts: number): string {
  const config = {
    model_type: "mixtral",
    vocab_size: 290,
    hidden_size: 32,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    num_local_experts: experts,
    num_experts_per_tok: experts < 8 ? 3 : experts,
    max_position_embeddings: 64,
  };
  const folder = path.join(temporaryFolder(), "mixtral");
  publishModel(host, folder, { "config.json": config }, randomTensors(modelFromConfig(config, "test"), 1, 4));
  return folder;
}

const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, a) => sum + a * a, 0));

describe("a model packed as it is opened", { skip: skipWithoutRuntime }, () => {
  for (const family of FAMILIES)
    for (const bits of [4, 8] as const)
      test(`${family} at ${bits} bits gives nearly the logits of float32, and leaves no scratch file`, async () => {
        const folder = modelFolder(family, { scale: 2 });
        const [plain, packed] = [await logits(folder), await logits(folder, bits)];
        const error = norm(plain.map((x, i) => x - packed[i]!)) / norm(plain);
        assert.ok(error > 0 && error < BOUNDS[bits], `off by ${error} of the logits' size`);
        const left = readdirSync(os.tmpdir()).filter((name) => name.startsWith(`ownlm-${process.pid}-`));
        assert.deepEqual(left, []);
      });

  for (const name of GOLDEN_FAMILIES)
    test(`${name} at 8 bits gives nearly the logits of float32`, async () => {
      const { model } = goldenFamily(name);
      const tensors = [...patternWeights(model)].map(([each, { shape, data }]) => ({
        name: each,
        dtype: "float32" as const,
        shape: [...shape],
        data: Float32Array.from(data),
      }));
      const folder = path.join(temporaryFolder(), name);
      publishModel(host, folder, { "config.json": model.config }, tensors);
      const ids = IDS.map((id) => id % model.vocabSize);
      const [plain, packed] = [await logits(folder, undefined, ids), await logits(folder, 8, ids)];
      // Of the middle token: where an expert's part is as good as another's, rounding may choose the other.
      const errors = ids.map((_, t) => {
        const row = (all: readonly number[]) => all.slice(t * model.vocabSize, (t + 1) * model.vocabSize);
        return norm(row(plain).map((x, i) => x - row(packed)[i]!)) / norm(row(plain));
      });
      const error = errors.toSorted((a, b) => a - b)[ids.length >> 1]!;
      assert.ok(error > 0 && error < 0.1, `off by ${errors} of the logits' size`);
    });

  for (const experts of [4, 33])
    test(`${experts} experts at 8 bits give nearly the logits of float32, each a matrix of its own`, async () => {
      const folder = expertsFolder(experts);
      const [plain, packed] = [await logits(folder), await logits(folder, 8)];
      const error = norm(plain.map((x, i) => x - packed[i]!)) / norm(plain);
      assert.ok(error > 0 && error < BOUNDS[8], `off by ${error} of the logits' size`);
      using opened = await openModel(host, runtime!, folder, { quantize: 8 });
      const names = opened.packed.flat().map(({ name }) => name);
      assert.equal(names.filter((name) => name.includes(".experts.")).length, 2 * 3 * experts);
      assert.ok(!names.some((name) => name.includes(".gate.")));
    });

  test("reads q, k and v as one matrix, and gate and up", async () => {
    using opened = await openModel(host, runtime!, modelFolder("llama"), { quantize: 4 });
    const sizes = opened.packed.map((group) =>
      group.map(({ name }) => name.replace(/.*\.(\w+)\.weight$/, "$1")).join(),
    );
    assert.deepEqual(
      new Set(sizes),
      new Set(["embed_tokens", "q_proj,k_proj,v_proj", "o_proj", "gate_proj,up_proj", "down_proj"]),
    );
  });
});
