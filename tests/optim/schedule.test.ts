import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { learningRate, type ScheduleOptions } from "../../src/optim/schedule.ts";

const base: ScheduleOptions = { schedule: "cosine", lr: 1, minLr: 0.1, warmupSteps: 10, steps: 110 };

describe("learning-rate schedules", () => {
  test("warm-up rises linearly to the peak in every schedule", () => {
    for (const schedule of ["cosine", "wsd", "constant"] as const) {
      assert.equal(learningRate(1, { ...base, schedule }), 0.1);
      assert.equal(learningRate(10, { ...base, schedule }), 1);
    }
  });

  test("cosine passes the middle half-way and ends at the minimum", () => {
    assert.ok(Math.abs(learningRate(60, base) - 0.55) < 1e-12);
    assert.ok(Math.abs(learningRate(110, base) - 0.1) < 1e-12);
  });

  test("wsd stays at the peak and falls linearly over the last fifth", () => {
    const wsd = { ...base, schedule: "wsd" as const };
    assert.equal(learningRate(88, wsd), 1);
    assert.ok(Math.abs(learningRate(99, wsd) - 0.55) < 1e-12);
    assert.ok(Math.abs(learningRate(110, wsd) - 0.1) < 1e-12);
  });

  test("no warm-up starts at once", () => {
    assert.ok(learningRate(1, { ...base, warmupSteps: 0 }) > 0.99);
    assert.equal(learningRate(1, { ...base, warmupSteps: 0, schedule: "constant" }), 1);
  });
});
