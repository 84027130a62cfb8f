import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { argmax, createSampler, GREEDY, logSumExp, penalise, shortlist } from "../../src/generate/sampler.ts";

const logitsOf = (...values: number[]) => Float32Array.from(values);

/** The definition, with a full sort. */
function shortlistBySorting(weights: Float64Array, { topK, topP, minP }: { topK: number; topP: number; minP: number }) {
  const order = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b);
  const top = topK > 0 ? order.slice(0, topK) : order;
  const total = (topK > 0 ? top : [...weights.keys()]).reduce((sum, id) => sum + weights[id]!, 0);
  let sum = 0;
  return top.filter((id, i) => {
    const keep = i === 0 || (sum < topP * total && weights[id]! >= minP * weights[top[0]!]!);
    sum += weights[id]!;
    return keep;
  });
}

describe("sampling", () => {
  test("temperature 0 takes the most probable token, the first of equals", () => {
    assert.equal(createSampler(GREEDY)(logitsOf(1, 3, 3, 2), []), 1);
  });

  test("top-k, top-p and min-p keep what a full sort keeps", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 40 });
    const limits = fc.record({
      topK: fc.integer({ min: 0, max: 45 }),
      topP: fc.constantFrom(0.01, 0.3, 0.5, 0.9, 1),
      minP: fc.constantFrom(0, 0.1, 0.5, 1),
    });
    fc.assert(
      fc.property(weights, limits, (w, l) => {
        const array = Float64Array.from(w);
        assert.deepEqual(shortlist(array, l), shortlistBySorting(array, l));
      }),
    );
  });

  test("equal seeds give equal tokens and other seeds others", () => {
    const run = (seed: number) => {
      const sample = createSampler({ ...GREEDY, temperature: 1, seed });
      return Array.from({ length: 50 }, () => sample(logitsOf(0, 0.5, 1, 0.2, 0.1), []));
    };
    assert.deepEqual(run(1), run(1));
    assert.notDeepEqual(run(1), run(2));
  });

  test("tokens come as often as their probabilities say", () => {
    const sample = createSampler({ ...GREEDY, temperature: 1, seed: 3 });
    const counts = [0, 0, 0];
    for (let i = 0; i < 30000; i++) counts[sample(logitsOf(Math.log(1), Math.log(2), Math.log(7)), [])]!++;
    for (const [i, expected] of [0.1, 0.2, 0.7].entries())
      assert.ok(Math.abs(counts[i]! / 30000 - expected) < 0.01, `token ${i}: ${counts[i]}`);
  });

  test("the repetition penalty counts a token once, and lowers negative logits too", () => {
    const logits = logitsOf(2, -2, 1);
    penalise(logits, [0, 0, 1], 2);
    assert.deepEqual([...logits], [1, -4, 1]);
  });

  test("log sum exp does not overflow", () => {
    assert.ok(Math.abs(logSumExp(logitsOf(1000, 1000)) - (1000 + Math.LN2)) < 1e-9);
    assert.equal(argmax(logitsOf(-5, -1, -3)), 1);
  });
});
