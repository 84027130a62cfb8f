import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  type BatchArrays,
  type SamplerOptions,
  type SamplerState,
  trainSampler,
  validationWindows,
} from "../../src/data/batches.ts";
import type { Tokens } from "../../src/data/pack.ts";

function arrays(length: number, wide = true): BatchArrays {
  const make = () => (wide ? new BigInt64Array(length).fill(-1n) : new Int32Array(length).fill(-1));
  return { inputIds: make(), targets: make(), weights: new Float32Array(length).fill(9) };
}

/** The token at position i is i + 7, so that a target tells its place. */
function counting(n: number): Tokens {
  return Uint32Array.from({ length: n }, (_, i) => i + 7);
}

/** Positions of the targets that count, checked against their inputs. */
function positions(batch: BatchArrays): number[] {
  const found: number[] = [];
  for (let i = 0; i < batch.weights.length; i++) {
    if (batch.weights[i] === 0) {
      assert.equal(Number(batch.targets[i]), 0);
      continue;
    }
    assert.equal(Number(batch.targets[i]), Number(batch.inputIds[i]) + 1);
    found.push(Number(batch.targets[i]) - 7);
  }
  return found;
}

const sizes = fc.record({
  n: fc.integer({ min: 2, max: 200 }),
  batch: fc.integer({ min: 1, max: 5 }),
  context: fc.integer({ min: 1, max: 20 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});

describe("training batches", () => {
  test("an epoch has every token after the first as a target exactly once, over and over", () => {
    fc.assert(
      fc.property(sizes, ({ n, batch, context, seed }) => {
        const sampler = trainSampler(counting(n), { mode: "epoch", batch, context, seed });
        const to = arrays(batch * context);
        const seen = new Int32Array(n);
        const epochs = 3;
        const windows = Math.ceil((n - 1) / context);
        const steps = (epochs * windows) / batch;
        for (let step = 0; step < Math.ceil(steps); step++) {
          const counted = sampler.next(to);
          const found = positions(to);
          assert.equal(counted, found.length);
          const rest = epochs * windows - step * batch;
          const kept = rest >= batch ? found : keepRows(to, rest, context);
          for (const position of kept) seen[position]!++;
        }
        assert.equal(seen[0], 0);
        assert.ok(seen.subarray(1).every((times) => times === epochs));
      }),
    );
  });

  test("epochs differ in order", () => {
    const sampler = trainSampler(counting(65), { mode: "epoch", batch: 8, context: 8, seed: 3 });
    const [first, second] = [arrays(64), arrays(64)];
    sampler.next(first);
    sampler.next(second);
    assert.notDeepEqual(first.inputIds, second.inputIds);
  });

  test("a sampler made from a state goes on exactly", () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom("random", "epoch"), fc.nat(12), (size, mode, before) => {
        const options: SamplerOptions = { mode, ...size };
        if (mode === "random" && size.n <= size.context) return;
        const tokens = counting(size.n);
        const unbroken = trainSampler(tokens, options);
        const length = size.batch * size.context;
        const [a, b] = [arrays(length), arrays(length)];
        for (let i = 0; i < before; i++) unbroken.next(a);
        const saved = JSON.parse(JSON.stringify(unbroken.state())) as SamplerState;
        const resumed = trainSampler(tokens, { ...options, seed: 999 }, saved);
        for (let i = 0; i < 5; i++) {
          assert.equal(unbroken.next(a), resumed.next(b));
          assert.deepEqual(a, b);
        }
      }),
    );
  });

  test("random windows reach the first and the last, all with equal weight", () => {
    const sampler = trainSampler(counting(6), { mode: "random", batch: 4, context: 4, seed: 0 });
    const to = arrays(16);
    const firsts = new Set<number>();
    for (let i = 0; i < 20; i++) {
      assert.equal(sampler.next(to), 16);
      for (let row = 0; row < 4; row++) firsts.add(positions(to)[row * 4]!);
      assert.ok(to.weights.every((weight) => weight === 1 / 16));
    }
    assert.deepEqual([...firsts].sort(), [1, 2]);
  });

  test("64-bit and 32-bit arrays get the same ids, also large ones", () => {
    const tokens = Int32Array.from({ length: 50 }, (_, i) => 2 ** 31 - 1 - i);
    const options: SamplerOptions = { mode: "random", batch: 2, context: 5, seed: 1 };
    const [wide, narrow] = [arrays(10), arrays(10, false)];
    trainSampler(tokens, options).next(wide);
    trainSampler(tokens, options).next(narrow);
    assert.deepEqual(Array.from(wide.inputIds, Number), Array.from(narrow.inputIds, Number));
    assert.ok(wide.targets.every((id) => id > 2_000_000_000));
  });

  test("too little text says what would work", () => {
    const random: SamplerOptions = { mode: "random", batch: 2, context: 256, seed: 0 };
    const message = /got 120 tokens, expected more than the context of 256\. Try --context 112 or more text/;
    assert.throws(() => trainSampler(counting(120), random), { code: "BAD_DATA", message });
    assert.doesNotThrow(() => trainSampler(counting(120), { ...random, context: 112 }));
    assert.throws(() => trainSampler(counting(1), random), { code: "BAD_DATA", message: /Try more text/ });
    assert.throws(() => trainSampler(counting(1), { ...random, mode: "epoch" }), { code: "BAD_DATA" });
  });

  test("bad options, arrays and states are refused", () => {
    const options: SamplerOptions = { mode: "epoch", batch: 2, context: 4, seed: 0 };
    const tokens = counting(30);
    for (const bad of [{ batch: 0 }, { batch: 1.5 }, { context: 0 }, { context: Number.NaN }])
      assert.throws(() => trainSampler(tokens, { ...options, ...bad }), { code: "BAD_OPTION" });
    assert.throws(() => trainSampler(tokens, options).next(arrays(7)), { code: "BAD_SHAPE", message: /7.*expected 8/ });
    const states: unknown[] = [
      { mode: "random", rng: [1, 2, 3, 4] },
      { mode: "epoch", seed: 0, epoch: -1, index: 0 },
      { mode: "epoch", seed: 0, epoch: 0, index: 9 },
      { mode: "epoch", seed: "0", epoch: 0, index: 0 },
    ];
    for (const state of states)
      assert.throws(() => trainSampler(tokens, options, state as SamplerState), { code: "BAD_CHECKPOINT" });
    for (const words of [[0, 0, 0, 0], [1, 2, 3], [1, 2, 3, -4], [1, 2, 3, 0.5], "abcd", null])
      assert.throws(
        () => trainSampler(tokens, { ...options, mode: "random" }, { mode: "random", rng: words } as never),
        { code: "BAD_CHECKPOINT" },
      );
  });
});

function keepRows(batch: BatchArrays, rows: number, context: number): number[] {
  const cut = (array: BigInt64Array | Int32Array) => array.slice(0, rows * context);
  return positions({
    inputIds: cut(batch.inputIds),
    targets: cut(batch.targets),
    weights: batch.weights.slice(0, rows * context),
  });
}

describe("validation batches", () => {
  test("every token after the first is a target exactly once, in order, and the weights add up to 1", () => {
    fc.assert(
      fc.property(sizes, ({ n, batch, context }) => {
        const windows = validationWindows(counting(n), { batch, context });
        const to = arrays(batch * context);
        const found: number[] = [];
        let sum = 0;
        for (let i = 0; i < windows.batches; i++) {
          windows.fill(i, to);
          found.push(...positions(to));
          sum += to.weights.reduce((a, b) => a + b, 0);
        }
        assert.deepEqual(
          found,
          Array.from({ length: n - 1 }, (_, i) => i + 1),
        );
        assert.equal(windows.targets, n - 1);
        assert.ok(Math.abs(sum - 1) < 1e-5);
      }),
    );
  });

  test("fewer batches are kept when asked for", () => {
    const windows = validationWindows(counting(100), { batch: 2, context: 5, maxBatches: 3 });
    assert.equal(windows.batches, 3);
    assert.equal(windows.targets, 30);
    assert.throws(() => windows.fill(3, arrays(10)), { code: "BAD_OPTION" });
    assert.throws(() => validationWindows(counting(1), { batch: 2, context: 5 }), { code: "BAD_DATA" });
  });
});
