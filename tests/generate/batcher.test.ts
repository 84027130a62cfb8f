import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BatchEngine } from "../../src/generate/batch-types.ts";
import { createBatcher } from "../../src/generate/batcher.ts";
import type { Engines } from "../../src/generate/engine.ts";
import { type GeneratedToken, generateIds } from "../../src/generate/generate.ts";
import { finish } from "../../src/generate/library.ts";
import { openFamily } from "../helpers/reference-decoding.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

async function alone(engines: Engines, promptIds: readonly number[], maxNewTokens: number): Promise<number[]> {
  using engine = engines.open();
  const ids: number[] = [];
  for await (const id of generateIds(engine, promptIds, { maxNewTokens })) ids.push(id);
  return ids;
}

/** An engine that notes which slots take part in each step. */
function watched(engine: BatchEngine): { engine: BatchEngine; steps: number[][]; reads: number[] } {
  const [steps, reads]: [number[][], number[]] = [[], []];
  return {
    steps,
    reads,
    engine: {
      ...engine,
      step(slots, ids, signal) {
        steps.push([...slots].sort());
        return engine.step(slots, ids, signal);
      },
      append(slot, ids, signal) {
        reads.push(ids.length);
        return engine.append(slot, ids, signal);
      },
    },
  };
}

describe("a batcher", { skip: skipWithoutRuntime }, () => {
  test("lets texts join while others are in the making, each what it is alone", async () => {
    using engines = await openFamily("llama");
    using engine = engines.openBatch!(3, 32);
    const { engine: seen, steps } = watched(engine);
    const batcher = createBatcher(seen, undefined);
    const first = batcher.submit({ promptIds: [1, 2, 3], settings: { maxNewTokens: 12 } });
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push(((await first.next()).value as GeneratedToken).id!);
    const others = [
      [4, 5],
      [1, 2, 3, 9],
      [7, 7, 7, 7, 7, 7],
    ].map((promptIds) => ({ promptIds, stream: batcher.submit({ promptIds, settings: { maxNewTokens: 5 } }) }));
    for (const { promptIds, stream } of others)
      assert.deepEqual((await finish(stream)).ids, await alone(engines, promptIds, 5));
    const made = await finish(first);
    assert.deepEqual(made.ids, await alone(engines, [1, 2, 3], 12));
    assert.deepEqual(ids, made.ids.slice(0, 3));
    assert.ok(steps.some((slots) => slots.length === 3) && steps.some((slots) => slots.length === 1));
    assert.deepEqual([batcher.active, batcher.waiting], [0, 0]);
    await batcher.close();
  });

  test("reads long prompts a piece at a time where it is told to, between steps of the others", async () => {
    using engines = await openFamily("llama");
    using engine = engines.openBatch!(2, 64);
    const { engine: seen, reads, steps } = watched(engine);
    const batcher = createBatcher(seen, undefined, { promptTokens: 4 });
    const long = Array.from({ length: 18 }, (_, i) => (5 * i) % 61);
    const streams = [[1, 2], long].map((promptIds) => batcher.submit({ promptIds, settings: { maxNewTokens: 9 } }));
    const made = await Promise.all(streams.map(finish));
    assert.deepEqual(made[1]!.ids, await alone(engines, long, 9));
    assert.deepEqual(reads, [2, 2, 4, 4, 4, 4]);
    assert.ok(steps.filter((slots) => slots.length === 1).length >= 4);
    await batcher.close();
  });

  test("goes on when one text is stopped, left, or fails, and gives its slot to the next", async () => {
    using engines = await openFamily("llama");
    using engine = engines.openBatch!(1, 64);
    const batcher = createBatcher(engine, undefined);
    const stop = new AbortController();
    const settings = { maxNewTokens: 40 };
    const stopped = batcher.submit({ promptIds: [1], settings: { ...settings, signal: stop.signal } });
    const waiting = batcher.submit({ promptIds: [2], settings: { ...settings, signal: stop.signal } });
    const wrong = batcher.submit({ promptIds: [3, 99], settings });
    const banned = batcher.submit({ promptIds: [3], settings: { ...settings, prefixIds: [2], constraint: NOTHING } });
    const left = batcher.submit({ promptIds: [4], settings });
    const neverBegun = batcher.submit({ promptIds: [4], settings });
    assert.equal(batcher.waiting, 6);
    const ended = neverBegun.return(undefined as never);
    assert.equal(batcher.waiting, 5);
    await ended;
    const last = batcher.submit({ promptIds: [5], settings: { maxNewTokens: 3 } });
    await stopped.next();
    stop.abort();
    await assert.rejects(finish(stopped), { code: "ABORTED" });
    await assert.rejects(finish(waiting), { code: "ABORTED" });
    await assert.rejects(finish(wrong), { code: "BAD_TOKEN_ID" });
    await assert.rejects(finish(banned), { code: "BAD_OPTION" });
    await left.next();
    await left.return(undefined as never);
    assert.deepEqual((await finish(last)).ids, await alone(engines, [5], 3));
    const late = batcher.submit({ promptIds: [6], settings });
    await late.next();
    await batcher.close();
    await assert.rejects(finish(late), { code: "DISPOSED" });
    assert.throws(() => batcher.submit({ promptIds: [6], settings }), { code: "DISPOSED" });
  });

  test("refuses prompts without tokens or room", async () => {
    using engines = await openFamily("llama");
    using engine = engines.openBatch!(1, 8);
    const batcher = createBatcher(engine, undefined);
    assert.throws(() => batcher.submit({ promptIds: [], settings: {} }), { code: "BAD_TEXT" });
    const full = new Array<number>(8).fill(1);
    assert.throws(() => batcher.submit({ promptIds: full, settings: {} }), { code: "CONTEXT_OVERFLOW" });
    assert.equal((await finish(batcher.submit({ promptIds: full.slice(1), settings: {} }))).ids.length, 1);
    await batcher.close();
  });
});

const NOTHING = {
  process: (logits: Float32Array) => void logits.fill(Number.NEGATIVE_INFINITY),
  isFinished: () => false,
  isWhole: () => false,
  check: () => {},
};
