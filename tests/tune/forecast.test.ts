import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import { examineTuning } from "../../src/inspect/tuning.ts";
import type { TuneStartEvent } from "../../src/tune/events.ts";
import { forecastTune } from "../../src/tune/forecast.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { baseModel, chats, newOut, pairs, tuned } from "./tuning.ts";

/** The base's config and tokenizer, and none of its weights. */
async function withoutWeights(): Promise<string> {
  const [base, bare] = [await baseModel(), newOut()];
  mkdirSync(bare);
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json"])
    cpSync(path.join(base, name), path.join(bare, name));
  return bare;
}

const PLENTY = 2 ** 40;

describe("a forecast of tuning", { skip: skipWithoutRuntime }, () => {
  test("needs no weights, and says what runs then do", async () => {
    const folder = await withoutWeights();
    const operands = { name: "base", folder, data: [pairs], availableBytes: PLENTY };
    const { ways, trainExamples, valExamples } = await forecastTune(host, operands, { threads: 2, epochs: 1 });
    assert.deepEqual(ways.map(({ method, quantize }) => [method, quantize]), [["full", undefined], ["lora", undefined], ["lora", 8], ["lora", 4]]); // biome-ignore format: one line
    for (const method of ["full", "lora"] as const) {
      const options = { method, epochs: 1, steps: undefined, batch: undefined, samples: 0 };
      const { events } = await tuned(newOut(), options);
      const start = events.find((event): event is TuneStartEvent => event.event === "start")!;
      const way = ways.find((each) => each.method === method && !each.quantize)!;
      assert.deepEqual(
        [way.steps, way.batch, way.rowTokens, way.trainedParameters],
        [start.steps, start.batch, start.rowTokens, start.trainedParameters],
      );
      assert.ok(way.bytes <= start.plannedBytes && way.bytes > 0.5 * start.plannedBytes, `${way.bytes}`);
      const data = events.find((event) => event.event === "data")!;
      assert.deepEqual([data.trainExamples, data.valExamples], [trainExamples, valExamples]);
    }
    assert.ok(ways.every(({ fits, settings, flops }) => fits && settings === "" && flops > 0));
  });

  test("finds settings that fit, and says where there are none", async () => {
    const folder = await withoutWeights();
    const operands = { name: "base", folder, data: [pairs] };
    const options = { batch: 16, threads: 2 };
    const free = (await forecastTune(host, { ...operands, availableBytes: PLENTY }, options)).ways[0]!;
    const tight = await forecastTune(host, { ...operands, availableBytes: free.bytes - 1 }, options, (name) => `--${name}`);
    const [full] = tight.ways;
    assert.ok(full!.fits && full!.bytes < free.bytes);
    assert.match(full!.settings, /^(--batch \d+ --accumulation \d+)? ?(--checkpointing)?$/);
    assert.equal(full!.batch * full!.accumulation, 16);
    const none = await forecastTune(host, { ...operands, availableBytes: 1e6 }, options);
    assert.ok(none.ways.every(({ fits }) => !fits));
  }); // biome-ignore format: a table

  test("tells of templates that are missing, and refuses what it cannot know", async () => {
    const folder = await withoutWeights();
    const operands = { name: "base", folder, data: [chats], availableBytes: PLENTY };
    assert.equal((await forecastTune(host, operands, {})).objective, "sft");
    await assert.rejects(forecastTune(host, { ...operands, data: [pairs] }, { objective: "dpo" }), {
      code: "BAD_DATA",
    });
    await assert.rejects(forecastTune(host, operands, { objective: "grpo" }), { code: "UNSUPPORTED" });
    await assert.rejects(forecastTune(host, operands, { maxLength: 5000 }), { code: "BAD_OPTION", message: /64 positions/ }); // biome-ignore format: one line
    const config = path.join(folder, "config.json");
    const json = JSON.parse(readFileSync(config, "utf8"));
    writeFileSync(config, JSON.stringify({ ...json, quantization_config: { quant_method: "mxfp4" } }));
    await assert.rejects(forecastTune(host, operands, {}), { code: "UNSUPPORTED" });
  });

  test("has a time from the machine's measured speed", async () => {
    const folder = await withoutWeights();
    const found = await examineTuning(host, "base", { data: [pairs], threads: 2, epochs: 1 }, { folder, runtime: async () => runtime! }); // biome-ignore format: one line
    assert.ok(found.gflopsPerSecond > 0 && found.share > 0 && found.ways.every(({ minutes }) => minutes > 0));
  });
});
