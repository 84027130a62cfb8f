/** Short training runs for tests: the smallest of models on a few stories. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sampleText } from "../../src/data/sample.ts";
import { host } from "../../src/host/node.ts";
import type { TrainEvent } from "../../src/train/events.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { type TrainHooks, train } from "../../src/train/train.ts";
import { temporaryFolder } from "../generate/folders.ts";
import { runtime } from "../helpers/reference-runtime.ts";

/** A model of the smallest kind. */
export const SIZES: TrainOptions = {
  tokenizer: "char",
  layers: 1,
  heads: 2,
  dim: 16,
  context: 16,
  batch: 4,
  steps: 12,
  evalEvery: 5,
  threads: 2,
};

const folder = temporaryFolder();
let count = 0;

/** A new file. */
export function file(name: string, content: string | Uint8Array): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}

/** What is trained on where a test says no other. */
export const text = file("stories.txt", sampleText({ characters: 5000 }));

/** A folder that is not there yet. */
export const newOut = () => path.join(folder, `out-${count++}`);

/** Trains, and keeps what it tells. */
export async function run(out: string, options: TrainOptions = {}, hooks: TrainHooks = {}, texts = [text]) {
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => {
    events.push(event);
    hooks.onEvent?.(event);
  };
  const done = await train(host, runtime!, texts, { ...SIZES, out, ...options }, { ...hooks, onEvent });
  return { done, events };
}

/** Trains until an event that `when` picks, and stops there as Ctrl-C does. */
export async function stopAt(
  out: string,
  when: (event: TrainEvent) => boolean,
  options: TrainOptions = {},
): Promise<void> {
  const controller = new AbortController();
  const onEvent = (event: TrainEvent) => {
    if (when(event)) controller.abort();
  };
  await assert.rejects(run(out, options, { onEvent, signal: controller.signal }), { code: "ABORTED" });
}

export const weights = (out: string) => readFileSync(path.join(out, "model.safetensors"));
export const checkpoints = (out: string) => readdirSync(path.join(out, "checkpoints")).sort();
export const losses = (events: readonly TrainEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
