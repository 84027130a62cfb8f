import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { host } from "../../src/host/node.ts";
import { train } from "../../src/train/train.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { tune } from "../../src/tune/tune.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { baseModel, file, lines, newOut, PAIRS, pairs, stopAt, tuned, warnings, weights } from "./tuning.ts";

const DISTILL: TuneOptions = { objective: "distill", answerTokens: 8, steps: 4, samples: 0 };

let taught: Promise<string> | undefined;
/** A model that answers the pairs, and ends its answers. */
function answering(): Promise<string> {
  taught ??= (async () => {
    const out = newOut();
    await tuned(out, { method: "full", steps: 60, batch: 8, lr: 3e-3, valFraction: 0, samples: 0 });
    return out;
  })();
  return taught;
}

let other: Promise<string> | undefined;
/** A model of the same words in other tokens. */
function otherModel(): Promise<string> {
  other ??= (async () => {
    const words = PAIRS.map(({ prompt, completion }) => `${prompt}${completion}`).join("\n");
    const out = newOut();
    const sizes = { vocab: 270, layers: 1, heads: 2, dim: 16, context: 32, batch: 4, threads: 2 };
    const texts = [file("other.txt", words), file("other-more.txt", `${words}\n`)];
    await train(host, runtime!, texts, { ...sizes, steps: 20, evalEvery: 0, out });
    return out;
  })();
  return other;
}

const written = (out: string) =>
  readFileSync(path.join(out, "teacher.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const prompts = file("asked.jsonl", lines(PAIRS.map(({ prompt }) => ({ prompt }))));

describe("distillation", { skip: skipWithoutRuntime }, () => {
  test("from logits lowers the divergence from the teacher, where both have the same tokens", async () => {
    const options = { ...DISTILL, teacher: await answering(), method: "full", steps: 20, lr: 3e-3 } as const;
    const { events } = await tuned(newOut(), options);
    const divergences = events.flatMap((event) => (event.event === "step" ? [event.metrics!.kl!] : []));
    assert.ok(divergences.at(-1)! < divergences[0]! / 2, `kl: ${divergences[0]} first, ${divergences.at(-1)} last`);
  });

  test("from texts that the teacher writes, where its tokens are others, also of prompts alone", async () => {
    const [student, teacher] = [await otherModel(), await answering()];
    const out = newOut();
    const options = { ...DISTILL, out, teacher, batch: 2, threads: 2 };
    await tune(host, runtime!, { name: student, folder: student, data: [prompts] }, options);
    const records = written(out);
    const asked = new Set(PAIRS.map(({ prompt }) => prompt));
    assert.ok(records.length > 0 && records.every(({ prompt, completion }) => asked.has(prompt) && completion !== ""));
  });

  test("from texts leaves out answers that did not end, and says how many", async () => {
    const [out, teacher] = [newOut(), await answering()];
    const { events } = await tuned(out, { ...DISTILL, teacher, lessons: "text", answerTokens: 3 }, {}, [pairs]);
    const left = PAIRS.length - written(out).length;
    if (left > 0) assert.match(warnings(events).join("\n"), new RegExp(`^${left} answers of .* left out`, "m"));
    await assert.rejects(tuned(newOut(), { ...DISTILL, teacher, lessons: "text", answerTokens: 1 }, {}, [pairs]), {
      code: "BAD_DATA",
      message: /no answer that ended within 1 tokens/,
    });
  });

  for (const lessons of ["logits", "text"] as const)
    test(`from ${lessons} goes on to the last bit after it was broken off`, async () => {
      const [whole, broken] = [newOut(), newOut()];
      const options = { ...DISTILL, teacher: await answering(), lessons, steps: 6, checkpointEvery: 2 };
      await tuned(whole, options);
      await stopAt(broken, (event) => event.event === "step" && event.step === 3, options);
      await tune(host, runtime!, {}, { out: broken, resume: true });
      assert.deepEqual(weights(broken), weights(whole));
    });

  test("refuses logits of other tokens, and a run without a teacher", async () => {
    const teacher = await otherModel();
    await assert.rejects(tuned(newOut(), { ...DISTILL, teacher, lessons: "logits" }), { code: "BAD_OPTION" });
    await assert.rejects(tuned(newOut(), DISTILL), { code: "BAD_OPTION", message: /^teacher: got nothing/ });
    assert.ok(await baseModel());
  });

  test("of texts refuses data that ask nothing", async () => {
    const texts = file("texts.jsonl", lines(PAIRS.map(({ prompt }) => ({ text: prompt }))));
    const options = { ...DISTILL, teacher: await answering(), lessons: "text" } as const;
    await assert.rejects(tuned(newOut(), options, {}, [texts]), {
      code: "BAD_DATA",
      message: /texts\.jsonl: line 1: got a text, expected a prompt/,
    });
  });
});
