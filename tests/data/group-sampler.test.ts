import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { TokenExample } from "../../src/data/example-tokens.ts";
import { type Groups, groupBatches, groupSampler } from "../../src/data/group-sampler.ts";
import type { RowArrays, RowSamplerState } from "../../src/data/row-sampler.ts";

const T = 6;

/** A pair whose tokens tell its number and its side: 100 n + 10 side + i. */
function pairs(lengths: readonly number[]): Groups {
  const sequence = (n: number, side: number, length: number): TokenExample => ({
    ids: Int32Array.from({ length }, (_, i) => 100 * n + 10 * side + i),
    mask: new Uint8Array(length).fill(1),
    cut: 0,
  });
  return { context: T, groups: lengths.map((length, n) => [sequence(n, 1, length), sequence(n, 2, 2 + (length % 5))]) };
}

function arrays(rows: number): RowArrays {
  const ids = () => new Int32Array(rows * T).fill(77);
  return {
    inputIds: ids(),
    targets: ids(),
    weights: new Float32Array(rows * T),
    positionIds: ids(),
    segmentIds: ids(),
  };
}

const cases = fc.record({
  lengths: fc.array(fc.integer({ min: 2, max: T + 1 }), { minLength: 1, maxLength: 9 }),
  batch: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(999),
});

describe("batches of groups", () => {
  test("have all first sequences, then all second ones in the same order, each group once an epoch", () => {
    fc.assert(
      fc.property(cases, ({ lengths, batch, seed }) => {
        const set = pairs(lengths);
        const sampler = groupSampler(set, { batch, seed });
        const to = arrays(2 * batch);
        const seen = new Map<number, number>();
        for (let step = 0; step < lengths.length; step++)
          sampler.next(to).forEach((number, b) => {
            seen.set(number, (seen.get(number) ?? 0) + 1);
            for (const side of [0, 1]) {
              const { ids } = set.groups[number]![side]!;
              const row = to.inputIds.subarray((side * batch + b) * T, (side * batch + b + 1) * T);
              assert.deepEqual([...row].map(Number), [
                ...ids.subarray(0, -1),
                ...new Array<number>(T + 1 - ids.length).fill(0),
              ]);
            }
          });
        assert.deepEqual(
          [...seen.values()],
          lengths.map(() => batch),
        );
      }),
    );
  });

  test("go on exactly from a state", () => {
    fc.assert(
      fc.property(cases, fc.nat(9), ({ lengths, batch, seed }, before) => {
        const [set, to] = [pairs(lengths), arrays(2 * batch)];
        const unbroken = groupSampler(set, { batch, seed });
        for (let i = 0; i < before; i++) unbroken.next(to);
        const saved = JSON.parse(JSON.stringify(unbroken.state())) as RowSamplerState;
        const resumed = groupSampler(set, { batch, seed: 12345 }, saved);
        for (let i = 0; i < 4; i++) assert.deepEqual(unbroken.next(to), resumed.next(to));
      }),
    );
  });

  test("of a validation end in empty rows, and sets that do not fit are refused", () => {
    const batches = groupBatches(pairs([3, 4, 5]), 2);
    const to = arrays(4);
    assert.equal(batches.batches, 2);
    assert.deepEqual(batches.write(1, to), [2]);
    const used = [0, 1, 2, 3].map((row) => Number(to.segmentIds[row * T]));
    assert.deepEqual(used, [1, 0, 1, 0]);
    assert.throws(() => groupBatches(pairs([T + 2]), 1), { code: "BAD_DATA", message: /8 tokens, expected 2 to 7/ });
    assert.throws(() => groupBatches({ context: T, groups: [] }, 1), { code: "BAD_DATA" });
    assert.throws(() => groupBatches({ context: T, groups: [...pairs([3]).groups, []] }, 1), { code: "BAD_DATA" });
  });
});
