import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { merge } from "../../src/generate/merge.ts";
import { host } from "../../src/host/node.ts";
import { trainChar } from "../../src/tokenizer/train-char.ts";
import { tokenizerConfig } from "../../src/tokenizer/write-json.ts";
import type { TuneEvent } from "../../src/tune/events.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { writeSafetensors } from "../../src/weights/safetensors.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { file, lines, newOut } from "./tuning.ts";

const words = ["sun", "mon", "tue"];
const records = words.flatMap((word, w) =>
  [0, 1, 2, 3, 4].map((n) => ({ prompt: `${word}${n}`, completion: `${w}${n}` })),
);
const data = file("family.jsonl", lines(records));
const tokenizer = trainChar([JSON.stringify(records)], { specialTokens: ["<end>"] });

/** A folder of a family's golden model, with a tokenizer of characters. */
function folderOf(name: string): string {
  const { config, model } = goldenFamily(name);
  const folder = newOut();
  mkdirSync(folder);
  const json = (file: string, value: unknown) => writeFileSync(path.join(folder, file), JSON.stringify(value));
  json("config.json", config);
  json("tokenizer.json", tokenizer.toJSON());
  json("tokenizer_config.json", tokenizerConfig(tokenizer, { modelMaxLength: model.maxPositions }));
  const tensors = [...patternWeights(model)].map(([each, { shape, data: values }]) => ({
    name: each,
    dtype: "float32" as const,
    shape,
    data: Float32Array.from(values),
  }));
  writeSafetensors(host, path.join(folder, "model.safetensors"), tensors);
  return folder;
}

async function lossesOf(
  folder: string,
  out: string,
  options: TuneOptions,
): Promise<{ readonly evals: number[]; readonly steps: number[] }> {
  const events: TuneEvent[] = [];
  const common = {
    steps: 6,
    batch: 10,
    evalEvery: 100,
    samples: 1,
    sampleTokens: 3,
    threads: 2,
    valFraction: 0.3,
    rank: 4,
  };
  const { rank, ...rest } = common;
  const given = { ...rest, ...(options.method === "lora" && { rank }), ...options, out };
  const operands = { name: folder, folder, data: [data] };
  await tune(host, runtime!, operands, given, { onEvent: (event) => events.push(event) });
  return {
    evals: events.flatMap((event) => (event.event === "eval" ? [event.valLoss] : [])),
    steps: events.flatMap((event) => (event.event === "step" ? [event.loss] : [])),
  };
}

describe("every family is tuned", { skip: skipWithoutRuntime }, () => {
  for (const name of GOLDEN_FAMILIES)
    test(`${name}: adapters and all weights, packed rows as padded ones, and the result opens`, async () => {
      const folder = folderOf(name);
      const [adapter, padded, full, merged] = [newOut(), newOut(), newOut(), newOut()];
      const lora = await lossesOf(folder, adapter, { method: "lora", lr: 0.003 });
      assert.ok(lora.steps.at(-1)! < lora.steps[0]!, `adapters: ${lora.steps}`);
      const others = await lossesOf(folder, padded, { method: "lora", lr: 0, steps: 1, packing: "padded" });
      const [start, same] = [lora.evals[0]!, others.evals[0]!];
      assert.ok(Math.abs(same - start) < 1e-4 * start, `padded ${same}, packed ${start}`);
      const all = await lossesOf(folder, full, { method: "full", lr: 0.003 });
      assert.ok(all.steps.at(-1)! < all.steps[0]!, `all weights: ${all.steps}`);
      await merge(host, folder, [adapter], { out: merged });
      for (const result of [full, merged]) (await openModel(host, runtime!, result))[Symbol.dispose]();
    });
});
