import assert from "node:assert/strict";
import path from "node:path";
import { describe, test } from "node:test";
import { tableLines } from "../../src/cli/table.ts";
import * as library from "../../src/index.ts";
import { modelFolder } from "../generate/folders.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { ownlm } from "./world.ts";

const plan = (...args: string[]) => ownlm(["plan", ...args, "--gflops", "100"]);

describe("ownlm plan", () => {
  test("has the JSON that tools rely on", async () => {
    const got = (await plan("gpt3-175b", "--json")).json();
    assert.ok(Math.abs((got.parameters as number) / 175e9 - 1) < 0.05);
    assert.ok(Math.abs((got.trainingFlops as number) / 3.14e23 - 1) < 0.05);
    assert.deepEqual(await library.plan("gpt3-175b", { gflops: 100 }), {
      ...got,
      machine: { ...(got.machine as object), fits: false },
    });
    for (const key of ["tokens", "gpuHours", "cost", "utilisation", "training", "inference", "cluster", "budgets"])
      assert.ok(key in got, key);
  });

  test("reads a config.json, a folder, and a name in any case", async () => {
    const folder = modelFolder("llama");
    const byFolder = (await plan(folder, "--json")).json();
    const byFile = (await plan(path.join(folder, "config.json"), "--json")).json();
    assert.deepEqual(byFile.parts, byFolder.parts);
    assert.equal((await plan("GPT2", "--json")).json().parameters, 124_439_808);
  });

  test("shows operations, hours, memory and inference", async () => {
    const { stdout } = await plan("llama3-70b", "--gpu", "h100");
    assert.match(stdout, /^llama3-70b: llama, 70\.6B parameters\n {2}embedding 1\.1B, /);
    assert.match(stdout, /Training: 6\.35e\+24 FLOPs \(6 x parameters x tokens\), 73\.5K petaflop\/s-days/);
    assert.match(stdout, /planned +15\.0T +213 +6\.35e\+24 +6\.4M +\$19\.2M/);
    assert.match(stdout, /24 x h100: 30\.4 years, the fewest that fit/);
    assert.match(stdout, /this machine: 100 GFLOP\/s/);
    assert.match(stdout, /\n {2}full fine-tuning +24 /);
    assert.match(stdout, /\n {2}4 bits +37\.\d GiB +2\.5 GiB /);
    for (const line of stdout.split("\n")) assert.equal(line, line.trimEnd());
  });

  test("leaves this machine out on request", async () => {
    const { stdout } = await ownlm(["plan", "gpt2", "--gflops", "0"]);
    assert.doesNotMatch(stdout, /machine/);
  });

  test("says which names there are, what was meant, and what an option takes", async () => {
    const { status, stderr } = await plan("lama3-8b");
    assert.equal(status, 1);
    assert.match(stderr, /Did you mean llama3-8b\? Known: gpt2, .*llama3-405b/);
    assert.match((await plan("gpt2", "--gpu", "tpu")).stderr, /--gpu: got "tpu", expected b200, h200, .* or mi300x/);
    assert.match((await plan("gpt2", "--context", "4096")).stderr, /--context: got 4096.*1024 positions/);
  });

  test("measures this machine where nobody says how fast it is", { skip: skipWithoutRuntime }, async () => {
    const { machine } = (await ownlm(["plan", "gpt2", "--json"])).json();
    assert.ok((machine as { gflopsPerSecond: number }).gflopsPerSecond > 0);
  });
});

describe("a table", () => {
  test("has its first column to the left and the others to the right", () => {
    assert.deepEqual(
      tableLines(
        ["", "n"],
        [
          ["a", "10"],
          ["bcd", "5"],
        ],
      ),
      ["        n", "  a    10", "  bcd   5"],
    );
  });
});
