import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { modelFolder } from "../generate/folders.ts";
import { repoRoot } from "../helpers/paths.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const main = path.join(repoRoot, "dist/src/cli/main.js");

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real program. `act` may close its output or send it signals. */
function program(
  args: readonly string[],
  { stdin = "", act }: { stdin?: string; act?: (child: ReturnType<typeof spawn>, stdout: string) => void } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { timeout: 60_000 });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (piece) => {
    stdout += piece;
    act?.(child, stdout);
  });
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    stderr += piece;
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
