import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { sampleText } from "../../src/data/sample.ts";
import { modelFolder, temporaryFolder } from "../generate/folders.ts";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const main = path.join(repoRoot, "dist/src/cli/main.js");

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface ProgramOptions {
  readonly stdin?: string;
  /** Called with what stdout has so far: may close it or send signals. */
  readonly act?: (child: ReturnType<typeof spawn>, stdout: string) => void;
  /** Called when something comes on stderr. */
  readonly onStderr?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs the real program. */
function program(args: readonly string[], { stdin = "", act, onStderr }: ProgramOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { timeout: 60_000 });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (piece) => {
    stdout += piece;
    act?.(child, stdout);
  });
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    stderr += piece;
    onStderr?.(child);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

describe("the program in a pipe", { skip: skipWithoutRuntime }, () => {
  const folder = modelFolder("llama", { context: 2048 });

  test("writes text and nothing else to standard output", async () => {
    const args = ["generate", folder, "the cat", "-n", "5", "--seed", "1"];
    const { status, stdout, stderr } = await program(args);
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal((await program([...args, "--json"])).stdout, (await program([...args, "--json"])).stdout);
    assert.equal(`${JSON.parse((await program([...args, "--json"])).stdout).text}\n`, stdout);
  });

  test("reads standard input", async () => {
    const { stdout } = await program(["tokenize", folder, "--stdin", "--json"], { stdin: "the cat" });
    assert.deepEqual(JSON.parse(stdout), { ids: [259, 263], tokens: ["the", "Ġcat"] });
  });

  test("ends quietly when its reader goes away", async () => {
    const act = (child: ReturnType<typeof spawn>) => void child.stdout!.destroy();
    const { status, signal, stderr } = await program(["generate", folder, "the", "-n", "2000"], { act });
    assert.deepEqual([status, signal, stderr], [0, null, ""]);
  });

  test("ends by Ctrl-C with what it has made, and exit status 130", async () => {
    let asked = false;
    const act = (child: ReturnType<typeof spawn>, stdout: string) => {
      if (asked || stdout.length < 20) return;
      asked = child.kill("SIGINT");
    };
    const { status, stdout, stderr } = await program(["generate", folder, "the", "-n", "2000", "--seed", "1"], { act });
    assert.equal(status, 130, stderr);
    assert.match(stdout, /\n$/);
    assert.match(stderr, /^ownlm: stopped/);
    assert.doesNotMatch(stderr, /\n.*at /);
  });

  test("tells errors by exit status, in a line or as JSON", async () => {
    const failed = await program(["score", `${folder}x`, "a"]);
    assert.deepEqual([failed.status, failed.stdout], [1, ""]);
    assert.equal(failed.stderr.trimEnd().split("\n").length, 1);
    const json = await program(["score", `${folder}x`, "a", "--json"]);
    assert.deepEqual([json.status, json.stderr], [1, ""]);
    assert.equal(JSON.parse(json.stdout).error.code, "NOT_FOUND");
    const usage = await program(["generate", "--json", "--no-such-option"]);
    assert.equal(usage.status, 2);
    assert.equal(JSON.parse(usage.stdout).error.code, "BAD_OPTION");
    assert.equal((await program(["no-such-verb"])).status, 2);
    assert.equal((await program([])).status, 0);
  });
});

describe("training in a pipe", { skip: skipWithoutRuntime }, () => {
  const SIZES = "--tokenizer char --layers 1 --heads 2 --dim 16 --context 16 --batch 2 --steps 1000000".split(" ");

  function training(): { args: string[]; out: string } {
    const folder = temporaryFolder();
    const [text, out] = [path.join(folder, "stories.txt"), path.join(folder, "out")];
    writeFileSync(text, sampleText({ characters: 5000 }));
    return { args: ["train", text, "--out", out, "--json", ...SIZES], out };
  }

  const stops: readonly [says: string, act: (child: ReturnType<typeof spawn>) => void][] = [
    ["Ctrl-C", (child) => void child.kill("SIGINT")],
    ["a polite kill", (child) => void child.kill("SIGTERM")],
    ["a closed terminal", (child) => void child.kill("SIGHUP")],
    ["a reader that goes away", (child) => void child.stdout!.destroy()],
  ];
  for (const [says, stop] of stops)
    test(`leaves a checkpoint and no lock after ${says}, and never status 0`, async () => {
      const { args, out } = training();
      let asked = false;
      const act = (child: ReturnType<typeof spawn>, stdout: string) => {
        if (!asked && stdout.includes('"step":3')) stop(child);
        asked ||= stdout.includes('"step":3');
      };
      const { status, signal, stderr } = await program(args, { act });
      assert.deepEqual([status, signal], [130, null], stderr);
      assert.doesNotMatch(stderr, /\n.*at /);
      assert.equal(readdirSync(path.join(out, "checkpoints")).length, 1);
      assert.ok(!readdirSync(out).includes("train.lock"));
    });
});

test("learning a tokenizer stops at once by Ctrl-C, and leaves nothing", async () => {
  const folder = temporaryFolder();
  const [text, out] = [path.join(folder, "numbers.txt"), path.join(folder, "out")];
  // No word comes twice: there are merges to learn for a long time.
  writeFileSync(text, Array.from({ length: 300_000 }, (_, i) => (i * 7919).toString(36)).join(" "));
  const args = ["tokenizer", "train", text, "--out", out, "--vocab", "200000"];
  const act = (child: ReturnType<typeof spawn>) => void child.kill("SIGINT");
  const { status, stdout, stderr } = await program(args, { onStderr: act });
  assert.deepEqual([status, stdout], [130, ""], stderr);
  assert.match(stderr, /ownlm: stopped: no tokenizer was written\n$/);
  assert.ok(!existsSync(out));
});

describe("devices in place of files", { skip: process.platform !== "linux" || skipWithoutRuntime }, () => {
  const folder = modelFolder("llama");
  const run = (device: string, place: 0 | 1, ...args: string[]) => {
    const fd = openSync(device, place === 0 ? "r" : "w");
    const stdio = (["ignore", "pipe", "pipe"] as ("ignore" | "pipe" | number)[]).with(place, fd);
    const ended = spawnSync(process.execPath, [main, ...args], { stdio, encoding: "utf8", timeout: 60_000 });
    closeSync(fd);
    return ended;
  };

  test("are an error where they take nothing", () => {
    const { status, stderr } = run("/dev/full", 1, "generate", folder, "the cat", "-n", "5");
    assert.equal(status, 1);
    assert.match(stderr, /^(ownlm: stopped.*\n)?ownlm: output: ENOSPC.*\n$/);
  });

  test("are an error where they never end", () => {
    const { status, stdout } = run("/dev/zero", 0, "tokenize", folder, "-", "--json");
    assert.equal(status, 1);
    assert.equal(JSON.parse(stdout).error.code, "BAD_TEXT");
    assert.match(stdout, /standard input: got more than \d+ bytes/);
  });
});

test("help and version are JSON, too", async () => {
  for (const args of [["--json"], ["--help", "--json"], ["train", "--help", "--json"]])
    assert.match(JSON.parse((await program(args)).stdout).help, /ownlm train/);
  assert.match(JSON.parse((await program(["--version", "--json"])).stdout).version, /^\d+\./);
});
