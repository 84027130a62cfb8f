import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { adder, web } from "./runtimes.ts";

const child = path.join(path.dirname(fileURLToPath(import.meta.url)), "stress-child.js");
const STEPS = 5000;

/** What the process may grow by once it has warmed up; see docs/runtime.md for what each thing leaves behind. */
const MAX_GROWTH = 40 * 2 ** 20;

describe("thousands of tensors, sessions, bindings and runs in random order, collected in between", () => {
  for (const seed of [1, 2])
    test(`give right results, leave the process alive and its memory bounded (seed ${seed})`, {
      skip: skipWithoutRuntime,
    }, () => {
      const args = ["--expose-gc", child, String(seed), String(STEPS)];
      const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      assert.deepEqual({ status, signal }, { status: 0, signal: null }, stderr);
      const { runs, memory } = JSON.parse(stdout) as { runs: number; memory: number[] };
      assert.ok(runs > STEPS / 4, `${runs} runs`);
      assert.ok(memory.at(-1)! - memory[2]! < MAX_GROWTH, `resident bytes: ${memory}`);
    });

  test("work on ort-web, where one memory serves them all and does not grow without end", async () => {
    const memory: number[] = [];
    // The first few hundred fill what V8 and the allocator keep; from then on nothing may be added.
    for (let i = 0; i < 1200; i++) {
      using session = await web.session(adder);
      const [a, y] = [web.tensor("float32", [2000, 2]), web.tensor("float32", [2000, 2])];
      a.data.fill(i);
      using binding = session.bind({ a, b: a }, { y });
      await binding.run();
      assert.ok(y.data.every((x) => x === 2 * i));
      if (i % 300 === 299) memory.push(process.memoryUsage.rss());
    }
    assert.ok(memory.at(-1)! - memory[1]! < MAX_GROWTH, `resident bytes: ${memory}`);
  });
});
