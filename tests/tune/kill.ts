/**
 * Kills fine-tuning runs with SIGKILL at random moments and continues them: `node dist/tests/tune/kill.js [kills] [seed] [options]`. Each
 * ends with the bytes of one that nobody disturbed, or this fails. The last line is JSON.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { repoRoot } from "../helpers/paths.ts";
import { type KilledRuns, type KillReport, killRuns } from "../train/kill.ts";

const PROGRAM = path.join(repoRoot, "dist/src/cli/main.js");
const BASE = "--layers 1 --heads 2 --dim 32 --context 64 --vocab 260 --batch 4 --steps 5 --eval-every 0 --json";
const STEPS = "--steps 30 --batch 2 --eval-every 7 --samples 2 --sample-tokens 4";

/** Kills runs with these options. Throws where one ends otherwise than an undisturbed one. */
export function killTuning(kills: number, seed: number, options: readonly string[]): Promise<KillReport> {
  return killRuns(kills, seed, (folder): KilledRuns => {
    const [model, text, data] = ["base", "text.txt", "data.jsonl"].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    const records = Array.from({ length: 80 }, (_, i) => ({ prompt: `say ${i}`, completion: ` ${i * 7}` }));
    writeFileSync(text, records.map(({ prompt, completion }) => prompt + completion).join("\n"));
    writeFileSync(data, records.map((record) => JSON.stringify(record)).join("\n"));
    const made = spawnSync(process.execPath, [PROGRAM, "train", text, "--out", model, ...BASE.split(" ")]);
    if (made.status !== 0) throw new Error(`no base: ${made.stdout}${made.stderr}`);
    const weights = options.includes("full") ? "model.safetensors" : "adapter_model.safetensors";
    return {
      args: (out) => ["tune", model, data, "--out", out, ...STEPS.split(" "), ...options],
      files: [weights, "checkpoints/step-00000030/optimizer.safetensors"],
    };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kills = "20", seed = "0", ...options] = process.argv.slice(2);
  const report = await killTuning(Number(kills), Number(seed), options);
  process.stdout.write(`${JSON.stringify({ ...report, seed: Number(seed), options, bitEqual: true })}\n`);
}
