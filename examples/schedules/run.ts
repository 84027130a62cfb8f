/**
 * The whole example, from nothing: `node dist/examples/schedules/run.js [FOLDER] [THREADS] [full|lora]`. Makes the data, trains a base model on
 * plain prose, tunes it with all weights and with LoRA (or one of them), and scores each on sentences said in ways that no training sentence is.
 * Finished parts are kept.
 */
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { merge, train, tune } from "../../src/index.ts"; // in your own program: from "ownlm"
import { makeFiles } from "./make.ts";
import { scoreModel } from "./score.ts";

const [folder = "schedules", threadsText, only] = process.argv.slice(2);
const threads = threadsText ? { threads: Number(threadsText) } : {};
const at = (name: string) => path.join(folder, name);
const log = (line: string) => process.stderr.write(`${line}\n`);

/** What was measured of a part. */
interface Measured {
  readonly minutes: number;
  /** Of all threads together: on two cores with nothing else to do it takes half of this. */
  readonly processorMinutes: number;
}

/** Does a part, or reads what was measured when it was done. */
async function part(name: string, action: () => Promise<unknown>): Promise<Measured> {
  const file = at(`${name}.measured.json`);
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, "utf8")) as Measured;
  log(`${name} ...`);
  const [start, before] = [performance.now(), process.cpuUsage()];
  await action();
  const { user, system } = process.cpuUsage(before);
  const measured = { minutes: (performance.now() - start) / 60_000, processorMinutes: (user + system) / 60e6 };
  fs.writeFileSync(file, JSON.stringify(measured));
  return measured;
}

const watch = {
  onEvent(event: { readonly event: string; readonly step?: number; readonly valLoss?: number }) {
    if (event.event === "eval") log(`  step ${event.step}: validation loss ${event.valLoss?.toFixed(3)}`);
  },
};

fs.mkdirSync(folder, { recursive: true });
await part("data", async () => makeFiles(folder));
const data = at("train.jsonl");
const shared = { batch: 16, samples: 100, sampleTokens: 24, resume: true, ...threads } as const;
const LORA = { method: "lora", rank: 32, lr: 0.003, epochs: 4 } as const;
const FULL = { method: "full", lr: 0.003, epochs: 2 } as const;

const base = at("base");
const sizes = { preset: "nano", optimizer: "muon", steps: 400, resume: true, ...threads } as const;
const parts: [string, string, Measured][] = [];
parts.push(["base", base, await part("base", () => train(at("prose.jsonl"), { out: base, ...sizes }, watch))]);
if (only !== "lora") {
  const out = at("full");
  const measured = await part("full", () => tune(base, data, { out, ...shared, ...FULL }, watch));
  parts.push(["all weights", out, measured]);
}
if (only !== "full") {
  const [out, merged] = [at("lora"), at("lora-merged")];
  const measured = await part("lora", () => tune(base, data, { out, ...shared, ...LORA }, watch));
  await part("merge", () => merge(base, [out], { out: merged }));
  parts.push(["LoRA, rank 32", merged, measured]);
}

process.stdout.write("| | exact | valid cron | minutes | of the processor |\n|---|---|---|---|---|\n");
for (const [name, model, { minutes, processorMinutes }] of parts) {
  const { count, correct, valid } = await scoreModel(model, at("test.jsonl"));
  const share = (of: number) => `${((100 * of) / count).toFixed(1)} %`;
  process.stdout.write(`| ${name} | ${share(correct)} | ${share(valid)} | ${minutes.toFixed(1)} | ${processorMinutes.toFixed(1)} |\n`); // biome-ignore format: one line
}
