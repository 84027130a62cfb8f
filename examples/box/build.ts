/**
 * The model in the box from nothing: `node dist/examples/box/build.js FOLDER [--minutes M] [--seed S] [--threads N]`. Writes the corpus,
 * trains a tokenizer and a model, tunes it on chats, then on pairs, packs it and scores every stage. Finished stages are kept, and a
 * stage that was stopped goes on. `--minutes` makes everything shorter, to see that it works.
 */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { quantize, train, tune } from "../../src/index.ts"; // in your own program: from "ownlm"
import { writeCorpus } from "./corpus.ts";
import { type Evaluation, evaluate, shown } from "./evaluate.ts";

/** How much of everything: the whole, or a share of minutes of it. */
interface Recipe {
  readonly documents: number;
  readonly chats: number;
  readonly pairs: number;
  /** Of the four stages together; the text model takes most. */
  readonly minutes: number;
  readonly sizes: { readonly vocab: number; readonly layers: number; readonly heads: number; readonly dim: number; readonly context: number; readonly batch: number };
  readonly limit: number;
} // biome-ignore format: one line each

const WHOLE: Recipe = {
  documents: 600_000,
  chats: 120_000,
  pairs: 10_000,
  minutes: 600,
  sizes: { vocab: 4096, layers: 8, heads: 8, dim: 256, context: 512, batch: 16 },
  limit: 1000,
};

/** A small model on few texts. */
function shortRecipe(minutes: number): Recipe {
  const documents = Math.round(Math.min(WHOLE.documents, 2000 * Math.max(1, minutes)));
  const sizes = { vocab: 2048, layers: 3, heads: 4, dim: 128, context: 256, batch: 8 };
  return { documents, chats: Math.ceil(documents / 4), pairs: Math.ceil(documents / 20), minutes, sizes, limit: 40 };
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string" }, seed: { type: "string" }, threads: { type: "string" } },
});
const folder = positionals[0] ?? "box";
const seed = Number(values.seed ?? 1);
const recipe = values.minutes === undefined ? WHOLE : shortRecipe(Number(values.minutes));
const shared = { seed, ...(values.threads !== undefined && { threads: Number(values.threads) }) };
const at = (name: string) => path.join(folder, name);
const log = (line: string) => process.stderr.write(`${line}\n`);

/** Does a stage unless it was finished before; `name.json` tells how long it took and what came of it. */
async function stage<T>(name: string, action: () => T | Promise<T>): Promise<T> {
  const file = at(`${name}.json`);
  if (fs.existsSync(file)) return (JSON.parse(fs.readFileSync(file, "utf8")) as { result: T }).result;
  log(`${name} ...`);
  const start = performance.now();
  const result = await action();
  const minutes = (performance.now() - start) / 60_000;
  fs.writeFileSync(file, `${JSON.stringify({ minutes, result }, null, 2)}\n`);
  log(`${name}: ${minutes.toFixed(1)} minutes`);
  return result;
}

const watch = {
  onEvent(event: { readonly event: string; readonly step?: number; readonly valLoss?: number; readonly message?: string }) {
    if (event.event === "eval") log(`  step ${event.step}: validation loss ${event.valLoss?.toFixed(3)}`);
    if (event.event === "warning") log(`  ${event.message}`);
  },
}; // biome-ignore format: one line

fs.mkdirSync(folder, { recursive: true });
const corpus = at("corpus");
await stage("corpus.made", () => {
  fs.rmSync(corpus, { recursive: true, force: true });
  const { documents, chats, pairs } = recipe;
  return writeCorpus({ out: corpus, documents, chats, pairs, seed, tests: 2000 });
});
const share = (part: number) => Math.max(0.02, recipe.minutes * part);
const [base, chat, aligned, packed] = ["base", "chat", "aligned", "packed"].map(at) as [string, string, string, string];
await stage("base.trained", () =>
  train(
    [path.join(corpus, "pretrain")],
    { out: base, ...recipe.sizes, ...shared, optimizer: "muon", valFraction: 0.02, minutes: share(0.7), resume: true },
    watch,
  ),
); // biome-ignore format: one line each
const tuned = { method: "full", samples: 0, ...shared } as const;
await stage("chat.tuned", () =>
  tune(base, path.join(corpus, "tune/chats.jsonl"), { out: chat, ...tuned, epochs: values.minutes === undefined ? 2 : 1, lr: 5e-4, resume: true }, watch),
); // biome-ignore format: one line each
await stage("aligned.tuned", () =>
  tune(chat, path.join(corpus, "tune/pairs.jsonl"), { out: aligned, ...tuned, objective: "dpo", epochs: 1, lr: 2e-5, resume: true }, watch),
); // biome-ignore format: one line each

const score = (name: string, model: string, chats = true) =>
  stage<Evaluation>(`${name}.scored`, () => evaluate(model, corpus, { limit: recipe.limit, chats }));
const scores: [string, string, Evaluation][] = [];
scores.push(["text alone", base, await score("base", base, false)]);
scores.push(["chats", chat, await score("chat", chat)]);
scores.push(["pairs", aligned, await score("aligned", aligned)]);

/** Pairs count only where they help. */
const best = rightOf(scores[2]![2]) >= rightOf(scores[1]![2]) ? aligned : chat;
await stage("packed.written", () =>
  quantize(best, { out: packed, bits: 8, calibration: calibrationFile(), text: calibrationFile() }),
);
scores.push(["8 bits", packed, await score("packed", packed)]);
for (const [name, model, evaluation] of scores) process.stdout.write(`## ${name} (${model})\n${shown(evaluation)}\n`);

function rightOf({ facts, tasks, stories }: Evaluation): number {
  const part = (right = 0, count = 0) => (count ? right / count : 0);
  return part(facts?.all?.right, facts?.all?.count) + part(tasks?.all?.right, tasks?.all?.count) + part(stories?.coherent, stories?.count); // biome-ignore format: one line
}

/** Held-out texts as one plain text, to pack by and to compare on. */
function calibrationFile(): string {
  const file = at("held-out.txt");
  if (fs.existsSync(file)) return file;
  const records = fs.readFileSync(path.join(corpus, "test/text.jsonl"), "utf8").trim().split("\n");
  fs.writeFileSync(file, records.map((line) => (JSON.parse(line) as { text: string }).text).join("\n\n\n"));
  return file;
}
