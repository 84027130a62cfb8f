import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { TokenExample } from "../../src/data/example-tokens.ts";
import { type RowArrays, type RowSamplerState, rowBatches, rowSampler } from "../../src/data/row-sampler.ts";
import { mostLossTokens, packRows, type RowOptions } from "../../src/data/rows.ts";

/** Examples whose tokens are all different: 1000 e + i + 1 is token i of example e. */
function examplesOf(lengths: readonly number[], seed: number): TokenExample[] {
  return lengths.map((length, e) => ({
    ids: Int32Array.from({ length }, (_, i) => 1000 * e + i + 1),
    mask: Uint8Array.from({ length }, (_, i) => (seed >> ((e + i) % 8)) & 1),
    cut: 0,
  }));
}

function arrays(length: number, wide = true): RowArrays {
  const ids = () => (wide ? new BigInt64Array(length).fill(77n) : new Int32Array(length).fill(77));
  const weights = new Float32Array(length).fill(7);
  return { inputIds: ids(), targets: ids(), weights, positionIds: ids(), segmentIds: ids() };
}

const cases = fc.record({
  context: fc.integer({ min: 1, max: 24 }),
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 }),
  mode: fc.constantFrom<RowOptions["mode"]>("packed", "padded"),
  batch: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(1000),
});
const lengthsOf = (shares: readonly number[], context: number) =>
  shares.map((share) => 2 + Math.floor(share * (context - 1)));

/** The simplest reader of a row: each segment, as its inputs, targets, weights and positions. */
function segmentsOf(to: RowArrays, row: number, T: number) {
  const segments = new Map<number, { inputs: number[]; targets: number[]; weights: number[]; positions: number[] }>();
  for (let i = row * T; i < (row + 1) * T; i++) {
    const segment = Number(to.segmentIds[i]);
    const at = segments.get(segment) ?? { inputs: [], targets: [], weights: [], positions: [] };
    segments.set(segment, at);
    at.inputs.push(Number(to.inputIds[i]));
    at.targets.push(Number(to.targets[i]));
    at.weights.push(to.weights[i]!);
    at.positions.push(Number(to.positionIds[i]));
  }
  return segments;
}

describe("rows of examples", () => {
  test("carry no more loss in a batch than their plan says, over epochs", () => {
    fc.assert(
      fc.property(cases, ({ context, shares, mode, batch, seed }) => {
        const examples = examplesOf(lengthsOf(shares, context), seed);
        const plan = packRows(examples, { context, mode });
        const most = mostLossTokens(plan, batch);
        assert.ok(most <= batch * context);
        const sampler = rowSampler(plan, { batch, seed });
        const to = arrays(batch * context);
        for (let i = 0; i < 3 + (3 * plan.rows.length) / batch; i++) assert.ok(sampler.next(to) <= most);
        const fixed = rowBatches(plan, batch);
        for (let i = 0; i < fixed.batches; i++) assert.ok(fixed.write(i, to) <= most);
      }),
    );
  });

  test("hold every example whole and once an epoch, apart from the others, with its own positions and loss", () => {
    fc.assert(
      fc.property(cases, ({ context, shares, mode, batch, seed }) => {
        const examples = examplesOf(lengthsOf(shares, context), seed);
        const plan = packRows(examples, { context, mode });
        const sampler = rowSampler(plan, { batch, seed });
        const to = arrays(batch * context);
        for (let epoch = 0; epoch < 2; epoch++) {
          const seen = new Set<number>();
          let [row, loss] = [batch, 0];
          // The epoch may begin in the middle of a batch, so that it is read row by row through a sampler of one.
          const single = rowSampler(plan, { batch: 1, seed }, { seed, epoch, index: 0 });
          const one = arrays(context);
          for (row = 0; row < plan.rows.length; row++) {
            loss += single.next(one);
            for (const [segment, { inputs, targets, weights, positions }] of segmentsOf(one, 0, context)) {
              if (segment === 0) {
                assert.ok([...inputs, ...targets, ...weights, ...positions].every((value) => value === 0));
                continue;
              }
              const e = Math.floor(inputs[0]! / 1000);
              assert.ok(!seen.has(e));
              seen.add(e);
              const { ids, mask } = examples[e]!;
              assert.deepEqual(inputs, [...ids.subarray(0, -1)]);
              assert.deepEqual(targets, [...ids.subarray(1)]);
              assert.deepEqual(weights, [...mask.subarray(1)]);
              assert.deepEqual(
                positions,
                inputs.map((_, i) => i),
              );
            }
          }
          assert.equal(seen.size, examples.length);
          assert.equal(loss, plan.lossTokens);
        }
        sampler.next(to);
        const state = sampler.state();
        assert.equal(state.epoch * plan.rows.length + state.index, batch);
      }),
    );
  });

  test("are no fuller than they can be, and packing needs no more of them than padding", () => {
    fc.assert(
      fc.property(cases, ({ context, shares, seed }) => {
        const examples = examplesOf(lengthsOf(shares, context), seed);
        const packed = packRows(examples, { context, mode: "packed" });
        const used = packed.rows.map((lengths) => lengths.reduce((a, b) => a + b, 0));
        assert.ok(used.every((length) => length <= context));
        assert.ok(packed.rows.length <= examples.length);
        // Best fit decreasing leaves at most one row that is not more than half full.
        assert.ok(used.filter((length) => length * 2 <= context).length <= 1);
        assert.equal(packRows(examples, { context, mode: "padded" }).rows.length, examples.length);
      }),
    );
  });

  test("a sampler made from a state goes on exactly", () => {
    fc.assert(
      fc.property(cases, fc.nat(12), ({ context, shares, mode, batch, seed }, before) => {
        const plan = packRows(examplesOf(lengthsOf(shares, context), seed), { context, mode });
        const unbroken = rowSampler(plan, { batch, seed });
        const [a, b] = [arrays(batch * context), arrays(batch * context)];
        for (let i = 0; i < before; i++) unbroken.next(a);
        const saved = JSON.parse(JSON.stringify(unbroken.state())) as RowSamplerState;
        const resumed = rowSampler(plan, { batch, seed: 999_999 }, saved);
        for (let i = 0; i < 5; i++) {
          assert.equal(unbroken.next(a), resumed.next(b));
          assert.deepEqual(a, b);
        }
        assert.deepEqual(unbroken.state(), resumed.state());
      }),
    );
  });

  test("epochs differ, and equal seeds do not", () => {
    const plan = packRows(examplesOf([5, 4, 5, 6, 3, 5, 4, 3, 2, 2], 255), { context: 8, mode: "packed" });
    const epoch = (seed: number, number: number) => {
      const to = arrays(plan.rows.length * 8);
      rowSampler(plan, { batch: plan.rows.length, seed }, { seed, epoch: number, index: 0 }).next(to);
      return to;
    };
    assert.deepEqual(epoch(1, 0), epoch(1, 0));
    assert.notDeepEqual(epoch(1, 0), epoch(1, 1));
    assert.notDeepEqual(epoch(1, 0), epoch(2, 0));
  });

  test("of a validation come in order, the last batch filled with empty ones", () => {
    const plan = packRows(examplesOf([3, 3, 3], 255), { context: 2, mode: "packed" });
    const batches = rowBatches(plan, 2);
    assert.equal(batches.batches, 2);
    const [wide, narrow] = [arrays(4), arrays(4, false)];
    assert.equal(batches.write(1, wide), 2);
    assert.deepEqual([...wide.segmentIds].map(Number), [1, 1, 0, 0]);
    assert.deepEqual([...wide.weights], [1, 1, 0, 0]);
    batches.write(1, narrow);
    for (const name of ["inputIds", "targets", "positionIds", "segmentIds"] as const)
      assert.deepEqual(Array.from(wide[name], Number), Array.from(narrow[name], Number));
  });

  test("refuse what does not fit, and states of another set", () => {
    const [example] = examplesOf([5], 255);
    assert.throws(() => packRows([example!], { context: 3, mode: "packed" }), {
      code: "BAD_DATA",
      message: /5 tokens, expected 2 to 4/,
    });
    assert.throws(() => packRows([], { context: 3, mode: "packed" }), { code: "BAD_DATA" });
    assert.throws(() => packRows([example!], { context: 0, mode: "packed" }), { code: "BAD_OPTION" });
    const plan = packRows([example!], { context: 4, mode: "packed" });
    assert.throws(() => rowSampler(plan, { batch: 0, seed: 0 }), { code: "BAD_OPTION" });
    for (const state of [
      { seed: 0, epoch: -1, index: 0 },
      { seed: 0, epoch: 0, index: 2 },
      { seed: 0, epoch: 0.5, index: 0 },
      { seed: "x" },
    ])
      assert.throws(() => rowSampler(plan, { batch: 1, seed: 0 }, state as RowSamplerState), {
        code: "BAD_CHECKPOINT",
      });
    assert.throws(() => rowSampler(plan, { batch: 1, seed: 0 }).next(arrays(3)), { code: "BAD_SHAPE" });
  });
});
