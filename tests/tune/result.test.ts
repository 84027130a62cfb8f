import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { openModel } from "../../src/generate/load.ts";
import { merge } from "../../src/generate/merge.ts";
import { host } from "../../src/host/node.ts";
import type { SamplesEvent, TuneEvalEvent, TuneEvent } from "../../src/tune/events.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { readSafetensors, readTensorInto } from "../../src/weights/safetensors.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { killTuning } from "./kill.ts";
import { baseModel, chats, file, lines, newOut, PAIRS, pairs, tuned, weights } from "./tuning.ts";

const evals = (events: readonly TuneEvent[]) =>
  events.filter((event): event is TuneEvalEvent => event.event === "eval");
const answers = (events: readonly TuneEvent[], when: SamplesEvent["when"]) =>
  events.find((event): event is SamplesEvent => event.event === "samples" && event.when === when)!.samples;

/** Greedy answers of a model folder to texts. */
async function said(folder: string, prompts: readonly string[]): Promise<string[]> {
  using opened = await openModel(host, runtime!, folder);
  const { tokenizer, defaults } = opened;
  const texts: string[] = [];
  for (const prompt of prompts) {
    using loan = opened.borrow([]);
    const ids = tokenizer!.encode(prompt);
    let logits = await loan.engine.append(ids);
    const made: number[] = [];
    for (let i = 0; i < 4; i++) {
      const best = logits.indexOf(Math.max(...logits));
      if (defaults.eosTokenIds.includes(best)) break;
      made.push(best);
      logits = await loan.engine.append([best]);
    }
    texts.push(tokenizer!.decode(made));
  }
  return texts;
}

describe("the result of fine-tuning", { skip: skipWithoutRuntime }, () => {
  const variants: readonly [says: string, options: TuneOptions][] = [
    ["LoRA", { method: "lora", lr: 0.02 }],
    ["DoRA with a module trained whole", { method: "lora", lr: 0.02, dora: true, modulesToSave: ["norm"] }],
    ["all weights", { method: "full", lr: 0.01 }],
  ];
  for (const [says, options] of variants)
    test(`opened anew says what the run's last answers are: ${says}`, async () => {
      const out = newOut();
      const { events } = await tuned(out, { ...options, steps: 30, samples: 4, result: "last" });
      const samples = answers(events, "after");
      let folder = out;
      if (options.method === "lora") {
        folder = newOut();
        await merge(host, await baseModel(), [out], { out: folder });
      }
      const texts = await said(
        folder,
        samples.map(({ prompt }) => prompt),
      );
      assert.deepEqual(
        texts,
        samples.map(({ text }) => text),
      );
      assert.notDeepEqual(
        answers(events, "before").map(({ text }) => text),
        texts,
      );
    });

  test("with a learning rate of 0 is the model as it was", async () => {
    const full = newOut();
    await tuned(full, { method: "full", lr: 0, steps: 2 });
    const [before, after] = [await baseModel(), full].map(
      (folder) => readSafetensors(host, path.join(folder, "model.safetensors")).tensors,
    ) as [ReturnType<typeof readSafetensors>["tensors"], ReturnType<typeof readSafetensors>["tensors"]];
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    for (const [name, entry] of after) {
      const arrays = [entry, before.get(name)!].map((each) => {
        const data = new Float32Array(each.length / 4);
        readTensorInto(host, each, data);
        return data;
      });
      assert.deepEqual(arrays[0], arrays[1], name);
    }
    const { events } = await tuned(newOut(), { lr: 0, steps: 4, evalEvery: 2 });
    const losses = evals(events).map(({ valLoss }) => valLoss);
    assert.equal(new Set(losses).size, 1, `adapters that did not move change nothing: ${losses}`);
  });

  test("is that of the lowest validation, where it rises again, and the run stops when it is told to", async () => {
    const wild: TuneOptions = { method: "full", lr: 0.05, steps: 60, evalEvery: 5, warmup: 0, schedule: "constant" };
    const [best, last] = [newOut(), newOut()];
    const { done, events } = await tuned(best, { ...wild, patience: 3 });
    const seen = evals(events);
    const lowest = seen.slice(1).toSorted((a, b) => a.valLoss - b.valLoss)[0]!;
    assert.equal(done.resultStep, lowest.step);
    assert.equal(done.valLoss, lowest.valLoss);
    if (done.stoppedEarly) assert.equal(seen.at(-1)!.step, lowest.step + 15);
    await tuned(last, { ...wild, steps: done.step, result: "last" });
    if (done.resultStep < done.step) assert.notDeepEqual(weights(best), weights(last));
  });

  test("validates with files of its own, and answers prompts of a file", async () => {
    const val = file("val.jsonl", lines(PAIRS.slice(0, 7)));
    const prompts = file("prompts.txt", "sun 3\n\nmon 4\n");
    const { events } = await tuned(newOut(), { val: [val], prompts, samples: undefined });
    const data = events.find((event) => event.event === "data");
    assert.ok(data?.event === "data");
    assert.deepEqual([data.trainExamples, data.valExamples], [PAIRS.length, 7]);
    assert.deepEqual(
      answers(events, "after").map(({ prompt, expected }) => [prompt, expected]),
      [
        ["sun 3", undefined],
        ["mon 4", undefined],
      ],
    );
    const { events: chatted } = await tuned(newOut(), { prompts, samples: undefined }, {}, [chats]);
    assert.equal(answers(chatted, "after").length, 2);
  });

  test("says in a report how it came about", async () => {
    const out = newOut();
    await tuned(out, { rank: 4 });
    assert.ok(existsSync(path.join(out, "report.html")));
    const card = readFileSync(path.join(out, "README.md"), "utf8");
    assert.match(card, /^---\n/);
    assert.ok(card.includes("ownlm tune ") && card.includes(`${pairs} `) && card.includes("--rank 4"));
  });

  test("is the same after kill -9 at any moment, with adapters and with all weights", async () => {
    for (const options of [
      ["--method", "full"],
      ["--patience", "3"],
    ]) {
      const { kills } = await killTuning(3, 1, options);
      assert.equal(kills, 3);
    }
  });
});
