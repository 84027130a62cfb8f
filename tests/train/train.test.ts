import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fail } from "../../src/base/errors.ts";
import { host } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";
import type { StartEvent, TrainEvent } from "../../src/train/events.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { type TrainHooks, train } from "../../src/train/train.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { killRuns } from "./kill.ts";
import { checkpoints, file, losses, newOut, run, SIZES, stopAt, text, weights } from "./runs.ts";

describe("a training run", { skip: skipWithoutRuntime }, () => {
  test("leaves a folder in Hugging Face's layout, and tells of each step", async () => {
    const out = newOut();
    const { done, events } = await run(out);
    assert.deepEqual(readdirSync(out).sort(), [
      "checkpoints",
      "config.json",
      "generation_config.json",
      "log.jsonl",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
      "train.json",
    ]);
    const steps = events.flatMap((event) => (event.event === "step" ? [event.step] : []));
    assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const evals = events.flatMap((event) => (event.event === "eval" ? [event.step] : []));
    assert.deepEqual(evals, [5, 10, 12]);
    assert.equal(done.step, 12);
    assert.ok(done.valLoss! > 1 && done.valLoss! < 5);
    assert.ok(losses(events).at(-1)! < losses(events)[0]!);
    const names = [...readSafetensors(host, path.join(out, "model.safetensors")).tensors.keys()];
    assert.ok(names.includes("model.embed_tokens.weight"));
    const logged = readFileSync(path.join(out, "log.jsonl"), "utf8").trim().split("\n");
    assert.equal(JSON.parse(logged.at(-1)!).event, "done");
  });

  test("keeps one state of a matrix that Muon moves, and two of the others", async () => {
    const out = newOut();
    const { events } = await run(out, { optimizer: "muon" });
    const [last] = checkpoints(out).slice(-1);
    const kept = readSafetensors(host, path.join(out, "checkpoints", last!, "optimizer.safetensors")).tensors;
    const of = (parameter: string) => [...kept.keys()].filter((name) => name.endsWith(parameter)).sort();
    assert.deepEqual(of(".q_proj.weight"), ["muon.m.model.layers.0.self_attn.q_proj.weight"]);
    assert.deepEqual(of(".norm.weight"), ["adam.m.model.norm.weight", "adam.v.model.norm.weight"]);
    const elements = [...kept.values()].reduce((sum, { length }) => sum + length / 4, 0);
    const start = events.find(({ event }) => event === "start") as StartEvent;
    assert.equal(start.plan.checkpointBytes, 4 * (start.plan.parameters + elements));
  });

  test("is the same to the last bit for the same seed, and another for another", async () => {
    const outs = [newOut(), newOut(), newOut()];
    for (const [i, out] of outs.entries()) await run(out, { seed: i === 2 ? 1 : 0 });
    assert.deepEqual(weights(outs[0]!), weights(outs[1]!));
    assert.notDeepEqual(weights(outs[0]!), weights(outs[2]!));
  });

  const variants: readonly [says: string, options: TrainOptions][] = [
    ["random windows", {}],
    ["whole epochs", { steps: undefined, epochs: 1 }],
    ["accumulated gradients", { accumulation: 3 }],
    ["recomputed activations", { checkpointing: true, layers: 2 }],
    ["GPT-2", { arch: "gpt2" }],
    ["byte pairs", { tokenizer: "bpe", vocab: 300 }],
    ["Muon", { optimizer: "muon", layers: 2 }],
    ["Muon with accumulated gradients, of GPT-2", { optimizer: "muon", accumulation: 2, arch: "gpt2" }],
  ];
  for (const [says, options] of variants)
    test(`goes on after Ctrl-C as if nothing had been: ${says}`, async () => {
      const [whole, broken] = [newOut(), newOut()];
      const { events } = await run(whole, options);
      await stopAt(broken, (event) => event.event === "step" && event.step === 4, options);
      await stopAt(broken, (event) => event.event === "step" && event.step === 5, { ...options, resume: true });
      const rest = await run(broken, { ...options, resume: true });
      assert.deepEqual(losses(rest.events), losses(events).slice(5));
      assert.deepEqual(weights(broken), weights(whole));
      const logged = (out: string) => {
        const lines = readFileSync(path.join(out, "log.jsonl"), "utf8").trim().split("\n");
        return losses(lines.map((line) => JSON.parse(line) as TrainEvent));
      };
      assert.deepEqual(logged(broken), logged(whole));
    });

  test("goes on with its own settings when nothing but the folder is named", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole);
    await stopAt(broken, (event) => event.event === "step" && event.step === 3);
    await train(host, runtime!, [], { out: broken, resume: true });
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("goes on when it was stopped before its first step", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole);
    await stopAt(broken, ({ event }) => event === "start");
    assert.deepEqual(checkpoints(broken), ["step-00000000"]);
    await run(broken, { resume: true });
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("starts when there is nothing to continue, and ends again when it had ended", async () => {
    const out = newOut();
    await run(out, { resume: true });
    const before = weights(out);
    const { done, events } = await run(out, { resume: true });
    assert.deepEqual([done.step, losses(events)], [12, []]);
    assert.deepEqual(weights(out), before);
  });

  test("learns its tokenizer again when it was broken off before that was written", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole, { tokenizer: "bpe", vocab: 300 });
    await stopAt(broken, ({ event }) => event === "start", { tokenizer: "bpe", vocab: 300 });
    for (const name of readdirSync(broken))
      if (name !== "train.json") rmSync(path.join(broken, name), { recursive: true });
    await run(broken, { tokenizer: "bpe", vocab: 300, resume: true });
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("falls back to the checkpoint before a damaged one, and says so", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole);
    await stopAt(broken, (event) => event.event === "step" && event.step === 8, { checkpointEvery: 3 });
    assert.deepEqual(checkpoints(broken), ["step-00000006", "step-00000008"]);
    const damaged = path.join(broken, "checkpoints/step-00000008/params.safetensors");
    const bytes = readFileSync(damaged);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(damaged, bytes);
    const { events } = await run(broken, { resume: true });
    const warnings = events.flatMap((event) => (event.event === "warning" ? [event.message] : []));
    assert.match(warnings.join("\n"), /step-00000008.*damaged.*Falling back/);
    assert.equal(losses(events).length, 6);
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("keeps what was saved when the disk is full, and goes on from there", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await run(whole);
    let full = false;
    const createFile: Host["createFile"] = (file) => {
      const writer = host.createFile(file);
      const write = (bytes: Uint8Array) => (full ? fail("DISK", `${file}: the disk is full`) : writer.write(bytes));
      return { ...writer, write };
    };
    const onEvent = (event: TrainEvent) => {
      if (event.event === "checkpoint" && event.step === 6) full = true;
    };
    const options = { ...SIZES, out: broken, checkpointEvery: 3 };
    await assert.rejects(train({ ...host, createFile }, runtime!, [text], options, { onEvent }), { code: "DISK" });
    assert.deepEqual(checkpoints(broken), ["step-00000003", "step-00000006"]);
    await run(broken, { resume: true });
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("shows what the model makes of a prompt on the way", async () => {
    const prompts: string[] = [];
    const sample: TrainHooks["sample"] = async (_model, _tokenizer, live, prompt) => {
      prompts.push(`${prompt} ${Object.keys(live).length > 5}`);
      return "...";
    };
    const { events } = await run(newOut(), { prompt: "Once" }, { sample });
    assert.deepEqual(prompts, ["Once true", "Once true", "Once true"]);
    assert.equal(events.filter(({ event }) => event === "sample").length, 3);
  });

  test("replaces bytes that are no UTF-8 and counts them, or refuses them", async () => {
    const broken = file("broken.txt", Buffer.concat([readFileSync(text), Buffer.from([0xff, 0xfe])]));
    const { events } = await run(newOut(), {}, {}, [broken]);
    assert.match(JSON.stringify(events), /2 bytes are no UTF-8/);
    await assert.rejects(run(newOut(), { strict: true }, {}, [broken]), { code: "BAD_TEXT" });
  });

  test("stops with the last good checkpoint kept when the loss is no number any more", async () => {
    const out = newOut();
    await assert.rejects(run(out, { lr: 10, clip: 0, warmup: 0, steps: 400, checkpointEvery: 1, weightDecay: 10 }), {
      code: "DIVERGED",
    });
    assert.ok(checkpoints(out).length > 0);
    assert.ok(!existsSync(path.join(out, "model.safetensors")));
  });
});

describe("what a training run refuses", { skip: skipWithoutRuntime }, () => {
  const cases: readonly [says: string, code: string, message: RegExp, TrainOptions, texts?: () => string[]][] = [
    ["a text that is not there", "NOT_FOUND", /no-such.txt/, {}, () => ["no-such.txt"]],
    ["an empty text", "BAD_TEXT", /empty/, {}, () => [file("empty.txt", "")]],
    ["a binary file", "BAD_TEXT", /binary/i, {}, () => [file("binary.bin", new Uint8Array(5000))]],
    ["no text at all", "BAD_DATA", /no path/, {}, () => []],
    ["a text shorter than a window", "BAD_DATA", /context/, { context: 8192 }],
    ["a text of one character", "BAD_DATA", /too few/, {}, () => [file("one.txt", "x")]],
    ["heads that do not divide the width", "BAD_OPTION", /heads: got 3, expected a divisor/, { heads: 3 }],
    ["key heads that do not divide the heads", "BAD_OPTION", /kv-heads/, { heads: 4, kvHeads: 3 }],
    ["an odd width of a head", "BAD_OPTION", /even/, { dim: 18, heads: 6 }],
    ["no layers", "BAD_OPTION", /layers: got 0/, { layers: 0 }],
    ["a negative batch", "BAD_OPTION", /batch: got -4/, { batch: -4 }],
    ["a learning rate that is no number", "BAD_OPTION", /lr: got NaN/, { lr: Number.NaN }],
    ["a rate for Muon without Muon", "BAD_OPTION", /muonLr: AdamW has lr alone.*optimizer muon/, { muonLr: 0.01 }],
    ["Muon at a rate of nothing", "BAD_OPTION", /lr: got 0, expected more/, { optimizer: "muon", lr: 0 }],
    ["two lengths at once", "BAD_OPTION", /steps and epochs/, { epochs: 1 }],
    ["a model that cannot fit", "OUT_OF_MEMORY", /[GT]iB/, { dim: 65536, layers: 64, heads: 64 }],
    ["an option that is none", "BAD_OPTION", /Did you mean batch/, { bacth: 3 } as TrainOptions],
    ["GPT-2 with a head of its own", "BAD_OPTION", /untied/, { arch: "gpt2", untied: true }],
    ["GPT-2 with shared keys", "BAD_OPTION", /llama/, { arch: "gpt2", heads: 4, kvHeads: 2 }],
  ];
  for (const [says, code, message, options, texts] of cases)
    test(`is ${says}, and nothing is left behind`, async () => {
      const out = newOut();
      await assert.rejects(run(out, options, {}, texts?.() ?? [text]), { name: "OwnlmError", code, message });
      assert.deepEqual(existsSync(out) ? readdirSync(out) : [], []);
    });

  test("is a folder that holds another run", async () => {
    const out = newOut();
    await run(out);
    const before = weights(out);
    await assert.rejects(run(out), { code: "EXISTS", message: /holds a run already.*--resume/ });
    assert.deepEqual(weights(out), before);
  });

  test("is a folder that holds somebody's model, and a path that is a file", async () => {
    const out = newOut();
    host.makeFolder(out);
    writeFileSync(path.join(out, "config.json"), "{}");
    await assert.rejects(run(out), { code: "EXISTS", message: /config.json/ });
    await assert.rejects(run(text), { code: "EXISTS", message: /is a file/ });
  });

  test("is to continue with other settings or other text", async () => {
    const out = newOut();
    await stopAt(out, (event) => event.event === "step" && event.step === 2);
    await assert.rejects(run(out, { resume: true, batch: 8 }), { code: "BAD_OPTION", message: /batch: got 8.*with 4/ });
    const message = /the text is not the one the run in .* was begun with/;
    const others = ["something else entirely", "☃", readFileSync(text, "utf8").slice(1)];
    for (const [i, content] of others.entries()) {
      const other = file(`other-${i}.txt`, content.repeat(100));
      await assert.rejects(run(out, { resume: true }, {}, [other]), { code: "BAD_DATA", message });
    }
    const changed = file("changed.txt", readFileSync(text));
    const second = newOut();
    await assert.rejects(
      run(second, {}, { onEvent: ({ event }) => event === "step" && assert.fail("enough") }, [changed]),
    );
    writeFileSync(changed, readFileSync(text, "utf8").replaceAll("e", "a"));
    await assert.rejects(train(host, runtime!, [], { out: second, resume: true }), { code: "BAD_DATA" });
  });

  test("is to train where another process does", async () => {
    const out = newOut();
    await stopAt(out, (event) => event.event === "step" && event.step === 2);
    writeFileSync(path.join(out, "train.lock"), `${process.ppid}\n`);
    await assert.rejects(run(out, { resume: true }), { code: "LOCKED" });
  });
});

describe("runs that are killed at any moment", { skip: skipWithoutRuntime }, () => {
  test("are continued to the same last bit", { timeout: 300_000 }, async () => {
    const { kills } = await killRuns(10, 0);
    assert.equal(kills, 10);
  });
});
