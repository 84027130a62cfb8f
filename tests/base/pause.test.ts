import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createTurn, inTurns } from "../../src/base/pause.ts";

describe("long computations in turns", () => {
  function* work(steps: number): Generator<number, string> {
    for (let i = 0; i < steps; i++) yield i;
    return "done";
  }

  test("give what they give at once, and tell of each step", async () => {
    const steps: number[] = [];
    assert.equal(await inTurns(work(3), createTurn(undefined, ""), (step) => steps.push(step)), "done");
    assert.deepEqual(steps, [0, 1, 2]);
  });

  test("let timers come through, and stop where a signal says so", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 5);
    let now = 0;
    const turn = createTurn(controller.signal, "stopped: nothing was made", () => (now += 20));
    await assert.rejects(inTurns(work(1e9), turn), { code: "ABORTED", message: "stopped: nothing was made" });
  });
});
