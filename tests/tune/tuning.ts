/** Short fine-tuning runs for tests: the smallest of models, trained on a few lines, and data that it can learn. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { host } from "../../src/host/node.ts";
import { train } from "../../src/train/train.ts";
import type { TuneEvent } from "../../src/tune/events.ts";
import type { TuneOptions } from "../../src/tune/options.ts";
import { type TuneHooks, tune } from "../../src/tune/tune.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { runtime } from "../helpers/reference-runtime.ts";

const folder = temporaryFolder();
let count = 0;

/** A new file. */
export function file(name: string, content: string | Uint8Array): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}

/** A folder that is not there yet. */
export const newOut = () => path.join(folder, `out-${count++}`);

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/** Questions of two words and answers of two digits. */
export const PAIRS = DAYS.flatMap((day, d) =>
  Array.from({ length: 10 }, (_, hour) => ({ prompt: `${day} ${hour}`, completion: ` ${d}${hour}` })),
);
export const lines = (records: readonly unknown[]) => records.map((record) => `${JSON.stringify(record)}\n`).join("");
export const pairs = file("pairs.jsonl", lines(PAIRS));
const turns = PAIRS.map(({ prompt, completion }) => ({
  messages: [
    { role: "user", content: prompt },
    { role: "assistant", content: completion },
  ],
}));
export const chats = file("chats.jsonl", lines(turns));

let base: Promise<string> | undefined;
/** A model of the tests' alphabet, trained for a moment. */
export function baseModel(): Promise<string> {
  base ??= (async () => {
    const words = PAIRS.map(({ prompt, completion }) => `${prompt}${completion} # user: assistant:`).join("\n");
    const texts = [file("words.txt", words), file("more.txt", `${words}\n`)];
    const out = newOut();
    const sizes = { vocab: 280, layers: 2, heads: 2, dim: 32, context: 64, batch: 8, threads: 2 };
    await train(host, runtime!, texts, { ...sizes, steps: 300, evalEvery: 0, out });
    return out;
  })();
  return base;
}

/** What a test's run is told where it says nothing else. */
export const FEW: TuneOptions = { steps: 8, batch: 2, threads: 2, evalEvery: 4, samples: 2, sampleTokens: 4 };

/** Tunes, and keeps what it tells. */
export async function tuned(out: string, options: TuneOptions = {}, hooks: TuneHooks = {}, data = [pairs]) {
  const events: TuneEvent[] = [];
  const onEvent = (event: TuneEvent) => {
    events.push(event);
    hooks.onEvent?.(event);
  };
  const model = await baseModel();
  const operands = { name: model, folder: model, data };
  const done = await tune(host, runtime!, operands, { ...FEW, out, ...options }, { ...hooks, onEvent });
  return { done, events };
}

/** Tunes until an event that `when` picks, and stops there as Ctrl-C does. */
export async function stopAt(
  out: string,
  when: (event: TuneEvent) => boolean,
  options: TuneOptions = {},
  hooks: TuneHooks = {},
  data = [pairs],
): Promise<void> {
  const controller = new AbortController();
  const onEvent = (event: TuneEvent) => {
    if (when(event)) controller.abort();
  };
  await assert.rejects(tuned(out, options, { ...hooks, onEvent, signal: controller.signal }, data), {
    code: "ABORTED",
  });
}

/** The bytes of a result's weights. */
export function weights(out: string): Buffer {
  const names = readdirSync(out);
  return readFileSync(path.join(out, names.find((name) => /^(adapter_)?model\.safetensors$/.test(name))!));
}
export const losses = (events: readonly TuneEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
export const warnings = (events: readonly TuneEvent[]) =>
  events.flatMap((event) => (event.event === "warning" ? [event.message] : []));
