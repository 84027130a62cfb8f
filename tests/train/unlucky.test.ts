import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import { train } from "../../src/train/train.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { checkpoints, file, newOut, run, stopAt, text, weights } from "./runs.ts";

const atStep = (step: number) => (event: TrainEvent) => event.event === "step" && event.step === step;
const resumed = (out: string) => train(host, runtime!, [], { out, resume: true });

describe("a run and its folder", { skip: skipWithoutRuntime }, () => {
  test("are continued after the folder and the text have moved", async () => {
    const [whole, broken, moved] = [newOut(), newOut(), newOut()];
    const copy = file("copy.txt", readFileSync(text));
    await run(whole);
    const controller = new AbortController();
    const onEvent = (event: TrainEvent) => atStep(4)(event) && controller.abort();
    const stopped = run(broken, {}, { onEvent, signal: controller.signal }, [copy]);
    await assert.rejects(stopped, { code: "ABORTED" });
    renameSync(broken, moved);
    rmSync(copy);
    await assert.rejects(resumed(moved), { code: "NOT_FOUND" });
    const { done } = await run(moved, { resume: true });
    assert.deepEqual([done.out, weights(moved)], [moved, weights(whole)]);
  });

  test("may lie among the texts, and so may other runs: none of them is text", async () => {
    const texts = newOut();
    mkdirSync(texts);
    writeFileSync(path.join(texts, "a.txt"), readFileSync(text));
    const [out, second] = [path.join(texts, "model"), path.join(texts, "second")];
    await run(out, {}, {}, [texts]);
    await resumed(out);
    const { events } = await run(second, {}, {}, [texts]);
    assert.match(JSON.stringify(events), /folders of models are left out: model/);
    assert.deepEqual(weights(second), weights(out));
    await assert.rejects(run(texts, {}, {}, [texts]), { code: "BAD_OPTION", message: /is a folder of texts/ });
  });

  test("are not made by a run that is refused or stopped before it begins", async () => {
    const outs = [newOut(), newOut(), newOut()] as const;
    await assert.rejects(run(outs[0], {}, {}, ["nowhere.txt"]), { code: "NOT_FOUND" });
    await assert.rejects(resumed(outs[1]), { code: "NOT_FOUND", message: /holds no run to continue/ });
    await assert.rejects(run(outs[2], {}, { signal: AbortSignal.abort() }), { code: "ABORTED", message: /before/ });
    assert.deepEqual(outs.filter(existsSync), []);
  });
});

describe("what may change when a run is continued", { skip: skipWithoutRuntime }, () => {
  test("are checkpoints and how gradients are computed, to the same bits", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole, { layers: 2 });
    await stopAt(broken, atStep(4), { layers: 2 });
    await run(broken, { layers: 2, resume: true, checkpointing: true, checkpointEvery: 2, keep: 3 });
    assert.deepEqual(checkpoints(broken), ["step-00000008", "step-00000010", "step-00000012"]);
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("is not advised beyond that when memory has become short", async () => {
    const out = newOut();
    await stopAt(out, atStep(2));
    const small: Host = { ...host, availableMemoryBytes: () => 1e6 };
    await assert.rejects(train(small, runtime!, [], { out, resume: true }), (error: Error & { code: string }) => {
      assert.equal(error.code, "OUT_OF_MEMORY");
      assert.match(error.message, /free some memory/);
      assert.doesNotMatch(error.message, /--batch|--dim|--layers/);
      return true;
    });
  });
});

describe("a train.json that is damaged", { skip: skipWithoutRuntime }, () => {
  const damages: readonly [says: string, message: RegExp, options: Record<string, unknown>][] = [
    ["a width of nothing", /options.dim: got 0/, { dim: 0 }],
    ["no steps", /options.steps is missing/, { steps: undefined }],
    ["a batch that is a text", /options.batch: got "4"/, { batch: "4" }],
    ["half an accumulation", /options.accumulation: got 0.5/, { accumulation: 0.5 }],
    ["a folder that is none", /options.out: got 5/, { out: 5 }],
    ["an option that is none", /options.bacth/, { bacth: 4 }],
  ];
  for (const [says, message, options] of damages)
    test(`is refused with its name: ${says}`, async () => {
      const out = newOut();
      await stopAt(out, atStep(1));
      const json = path.join(out, "train.json");
      const settings = JSON.parse(readFileSync(json, "utf8"));
      writeFileSync(json, JSON.stringify({ ...settings, options: { ...settings.options, ...options } }));
      await assert.rejects(resumed(out), { code: "BAD_CHECKPOINT", message });
      assert.ok(!readdirSync(out).includes("train.lock"));
    });

  test("is refused where its model is not what its options make, however large", async () => {
    const out = newOut();
    await stopAt(out, atStep(1));
    const json = path.join(out, "train.json");
    const settings = JSON.parse(readFileSync(json, "utf8"));
    writeFileSync(json, JSON.stringify({ ...settings, model: { ...settings.model, num_hidden_layers: 1e9 } }));
    const message = /model.num_hidden_layers: got 1000000000, and its options make it 1$/;
    await assert.rejects(resumed(out), { code: "BAD_CHECKPOINT", message });
  });
});

describe("a prompt to watch", { skip: skipWithoutRuntime }, () => {
  test("is refused before training where it could only fail later", async () => {
    const out = newOut();
    await assert.rejects(run(out, { prompt: "☃" }), { code: "BAD_OPTION", message: /^prompt: .*vocabulary/ });
    const long = { prompt: "the the the the the" };
    await assert.rejects(run(out, long), {
      code: "BAD_OPTION",
      message: /prompt: got 19 tokens, expected fewer than the 16/,
    });
    assert.ok(!existsSync(out));
  });

  test("is not continued any more once the run is to stop", async () => {
    const controller = new AbortController();
    let samples = 0;
    const sample = async () => `${samples++}`;
    const onEvent = (event: TrainEvent) => event.event === "eval" && controller.abort();
    const stopped = run(newOut(), { prompt: "Once" }, { sample, onEvent, signal: controller.signal });
    await assert.rejects(stopped, { code: "ABORTED" });
    assert.equal(samples, 0);
  });
});
