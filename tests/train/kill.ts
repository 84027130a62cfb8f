/**
 * Kills training runs with SIGKILL at random moments and continues them: `node dist/tests/train/kill.js [kills] [seed]`.
 * Each run ends with the bytes of one that nobody disturbed, or this fails. The last line is JSON.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Rng, rng } from "../../src/base/rng.ts";
import { sampleText } from "../../src/data/sample.ts";
import { repoRoot } from "../helpers/paths.ts";

const PROGRAM = path.join(repoRoot, "dist/src/cli/main.js");
const SIZES = "--tokenizer char --layers 2 --heads 2 --dim 32 --context 32 --batch 4 --steps 40 --eval-every 7";

/** What became of a number of kills. */
export interface KillReport {
  readonly kills: number;
  /** Runs that were killed and continued until they ended. */
  readonly runs: number;
  /** Kills that came before the first checkpoint of a run, and during or after them. */
  readonly resumedFrom: readonly number[];
}

/** Runs that are killed: a command line for a folder, and the files of a finished one that are compared. */
export interface KilledRuns {
  readonly args: (out: string) => readonly string[];
  readonly files: readonly string[];
}

/** Runs of `train`. */
function trainRuns(folder: string): KilledRuns {
  const text = path.join(folder, "stories.txt");
  writeFileSync(text, sampleText({ characters: 20_000, seed: 1 }));
  return {
    args: (out) => ["train", text, "--out", out, ...SIZES.split(" ")],
    files: ["model.safetensors", "checkpoints/step-00000040/optimizer.safetensors", "tokenizer.json", "config.json"],
  };
}

/** The SHA-256 of files of a finished run. */
function hashesOf(out: string, files: readonly string[]): string {
  const hash = (file: string) =>
    createHash("sha256")
      .update(readFileSync(path.join(out, file)))
      .digest("hex");
  return files.map(hash).join(" ");
}

interface Life {
  readonly killed: boolean;
  readonly resumedFrom: number | undefined;
}

/** Goes on until the end, or until it is killed after `killMs`. */
function live(args: readonly string[], killMs: number): Promise<Life> {
  const all = [...args, "--resume", "--json", "--checkpoint-every", "3"];
  const child = spawn(process.execPath, [PROGRAM, ...all], { stdio: ["ignore", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), killMs);
  let output = "";
  child.stdout.on("data", (piece) => {
    output += piece;
  });
  return new Promise((resolve, reject) => {
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const resumedFrom = /"resumedFrom":(\d+)/.exec(output)?.[1];
      const life = { killed: signal === "SIGKILL", resumedFrom: resumedFrom === undefined ? undefined : +resumedFrom };
      // A program that is rewritten while it starts may be empty and end well.
      const ended = status === 0 && output.includes('"event":"done"');
      if (ended || signal === "SIGKILL") resolve(life);
      else reject(new Error(`the run ended with ${status ?? signal}: ${output.slice(-500)}`));
    });
  });
}

/** Kills runs `kills` times in all and checks that each of them ends as an undisturbed one. */
export async function killRuns(
  kills: number,
  seed: number,
  runsIn: (folder: string) => KilledRuns | Promise<KilledRuns> = trainRuns,
): Promise<KillReport> {
  const folder = mkdtempSync(path.join(tmpdir(), "ownlm-kill-"));
  try {
    const runs = await runsIn(folder);
    const startMs = performance.now();
    await live(runs.args(path.join(folder, "whole")), 1e9);
    const wholeMs = performance.now() - startMs;
    const expected = hashesOf(path.join(folder, "whole"), runs.files);
    return await killUntil(folder, runs, { kills, wholeMs, expected, random: rng(seed, "kills") });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Campaign {
  readonly kills: number;
  readonly wholeMs: number;
  readonly expected: string;
  readonly random: Rng;
}

async function killUntil(folder: string, { args, files }: KilledRuns, { kills, wholeMs, expected, random }: Campaign) {
  let [killed, runs] = [0, 0];
  const resumedFrom: number[] = [];
  while (killed < kills) {
    const out = path.join(folder, `run-${runs}`);
    for (;;) {
      const killMs = killed < kills ? random.uniform() * wholeMs * 1.05 : 1e9;
      const life = await live(args(out), killMs);
      if (life.resumedFrom !== undefined) resumedFrom.push(life.resumedFrom);
      if (!life.killed) break;
      killed++;
    }
    assert.equal(hashesOf(out, files), expected, `run ${runs} did not end as the undisturbed one`);
    rmSync(out, { recursive: true, force: true });
    runs++;
  }
  return { kills: killed, runs, resumedFrom };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kills = 100, seed = 0] = process.argv.slice(2).map(Number);
  const report = await killRuns(kills, seed);
  process.stdout.write(`${JSON.stringify({ ...report, seed, bitEqual: true })}\n`);
}
