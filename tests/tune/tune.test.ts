import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { chats, losses, newOut, stopAt, tuned, warnings, weights } from "./tuning.ts";

describe("fine-tuning", { skip: skipWithoutRuntime }, () => {
  test("leaves a PEFT adapter, and tells of data, steps, validations and answers", async () => {
    const out = newOut();
    const { done, events } = await tuned(out);
    assert.deepEqual(readdirSync(out).sort(), [
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
      "best",
      "checkpoints",
      "log.jsonl",
      "report.html",
      "report.json",
      "tokenizer.json",
      "tokenizer_config.json",
      "tune.json",
    ]);
    const kinds = new Set(events.map(({ event }) => event));
    for (const kind of ["data", "start", "step", "eval", "samples", "checkpoint", "done"])
      assert.ok(kinds.has(kind as never), kind);
    assert.deepEqual(
      events.flatMap((event) => (event.event === "eval" ? [event.step] : [])),
      [0, 4, 8],
    );
    const names = [...readSafetensors(host, path.join(out, "adapter_model.safetensors")).tensors.keys()];
    assert.ok(names.includes("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight"));
    const config = JSON.parse(readFileSync(path.join(out, "adapter_config.json"), "utf8"));
    assert.deepEqual(config.target_modules, [
      ...["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    ]);
    assert.ok(done.valLoss! < done.valLossBefore!);
  });

  test("learns a small set by heart: answers become exact", async () => {
    for (const method of ["full", "lora"] as const) {
      const lr = 0.006;
      const options = { method, steps: 120, batch: 4, lr, valFraction: 0, evalEvery: 0, samples: 20 };
      const { done } = await tuned(newOut(), options);
      assert.equal(done.exactMatchBefore, 0);
      assert.ok(done.exactMatch! > 0.9, `${method}: ${done.exactMatch}`);
    }
  });

  const variants: readonly [says: string, options: TuneOptions][] = [
    ["adapters", {}],
    ["all weights", { method: "full" }],
    ["padded rows", { packing: "padded" }],
    ["accumulated gradients", { accumulation: 3 }],
    ["DoRA, dropout and an embedding", { dora: true, dropout: 0.2, modulesToSave: ["embed_tokens"] }],
    ["recomputed activations", { checkpointing: true }],
    ["frozen weights of 4 bits", { quantize: 4 }],
  ];
  for (const [says, options] of variants)
    test(`goes on after Ctrl-C as if nothing had been: ${says}`, async () => {
      const [whole, broken] = [newOut(), newOut()];
      const { events } = await tuned(whole, options);
      await stopAt(broken, (event) => event.event === "step" && event.step === 3, options);
      await stopAt(broken, (event) => event.event === "eval" && event.step === 4, { resume: true });
      await tune(host, runtime!, {}, { out: broken, resume: true });
      assert.deepEqual(weights(broken), weights(whole));
      const logged = (out: string) => {
        const all = readFileSync(path.join(out, "log.jsonl"), "utf8").trim().split("\n");
        return all.map((line) => JSON.parse(line));
      };
      assert.deepEqual(losses(logged(broken)), losses(events));
      const evals = (out: string) => logged(out).filter(({ event }) => event === "eval");
      assert.deepEqual(evals(broken), evals(whole));
    });

  test("goes on when it was stopped before its first step", async () => {
    const [whole, broken] = [newOut(), newOut()];
    await tuned(whole);
    for (const when of ["data", "start", "samples", "eval"])
      await stopAt(broken, ({ event }) => event === when, { resume: true });
    await tuned(broken, { resume: true });
    assert.deepEqual(weights(broken), weights(whole));
  });

  test("gives a model without a chat template a simple one, says so, and keeps it with the result", async () => {
    const out = newOut();
    const { events } = await tuned(out, { method: "full" }, {}, [chats]);
    assert.match(warnings(events).join("\n"), /no chat template: a simple one is used/);
    assert.match(readFileSync(path.join(out, "chat_template.jinja"), "utf8"), /### assistant/);
    const data = events.find((event) => event.event === "data");
    assert.ok(data?.event === "data");
    const marked = data.example.parts.map(({ text, loss }) => (loss ? `[${text}]` : text)).join("");
    assert.match(marked, /^### user:\n\w+ \d\n### assistant:\n\[ \d\d<\|endoftext\|>\]$/);
  });
});
