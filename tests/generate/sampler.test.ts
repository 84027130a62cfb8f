import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { argmax, logSumExp } from "../../src/generate/arithmetic.ts";
import { type DecodingSettings, processorsOf } from "../../src/generate/process.ts";
import { createSampler, process } from "../../src/generate/sampler.ts";
import * as warpers from "../../src/generate/warpers.ts";
import { golden } from "../helpers/paths.ts";

const logitsOf = (...values: number[]) => Float32Array.from(values);
const SPAN = { promptIds: [0], maxNewTokens: 10 };
const keptOf = (logits: Float32Array) => [...logits.keys()].filter((id) => logits[id] !== Number.NEGATIVE_INFINITY);

interface Row {
  readonly options: DecodingSettings;
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly logits: readonly number[];
  readonly kept: readonly number[];
  readonly made: readonly number[];
  readonly processors: readonly string[];
}
const table = JSON.parse(readFileSync(golden("decoding", "processors.json"), "utf8")) as {
  readonly eosTokenIds: readonly number[];
  readonly rows: readonly Row[];
};

describe("rules on logits", () => {
  for (const { options, ids, promptTokens, logits, kept, made } of table.rows)
    test(`${JSON.stringify(options)} make of random logits what transformers' processors do`, () => {
      const span = { promptIds: ids.slice(0, promptTokens), maxNewTokens: options.maxNewTokens ?? 20 };
      const changed = Float32Array.from(logits);
      process(processorsOf({ ...options, eosTokenIds: table.eosTokenIds }, span), changed, ids);
      assert.deepEqual(keptOf(changed), kept);
      for (const [i, id] of kept.entries())
        assert.ok(Math.abs(changed[id]! - made[i]!) < 2e-5 * Math.max(1, Math.abs(made[i]!)), `id ${id}`);
    });

  test("every one of transformers' processors for decoders has a row", () => {
    const seen = new Set(table.rows.flatMap(({ processors }) => processors));
    assert.equal(seen.size, 21);
  });

  test("presence and frequency penalties count new tokens alone", () => {
    const logits = logitsOf(5, 5, 5, 5);
    const settings = { presencePenalty: 1, frequencyPenalty: 0.5 };
    process(processorsOf(settings, { promptIds: [0, 1], maxNewTokens: 9 }), logits, [0, 1, 1, 2, 2]);
    assert.deepEqual([...logits], [5, 3.5, 3, 5]);
  });

  test("a prefix comes first, whatever the model thinks", () => {
    const sample = createSampler({ prefixIds: [2, 0], temperature: 1, topP: 0.1 }, SPAN);
    assert.equal(sample(logitsOf(9, 0, -9), [0]), 2);
    assert.equal(sample(logitsOf(-9, 0, 9), [0, 2]), 0);
    assert.equal(sample(logitsOf(-9, 0, 9), [0, 2, 0]), 2);
  });

  test("functions of the caller's come after the rules and before sampling's masks", () => {
    const seen: number[][] = [];
    const keep = (logits: Float32Array) => void seen.push(keptOf(logits));
    createSampler({ suppressTokens: [1], topK: 1, temperature: 1, processors: [keep] }, SPAN)(logitsOf(1, 5, 2), [0]);
    assert.deepEqual(seen, [[0, 2]]);
  });

  test("that leave nothing, or give no numbers, are refused", () => {
    const all = { suppressTokens: [0, 1] };
    assert.throws(() => createSampler(all, SPAN)(logitsOf(1, 2), [0]), { code: "BAD_OPTION" });
    const nan = { processors: [(logits: Float32Array) => void logits.fill(Number.NaN)] };
    assert.throws(() => createSampler(nan, SPAN)(logitsOf(1, 2), [0]), { code: "BAD_OPTION" });
    assert.throws(() => createSampler({}, SPAN)(logitsOf(1, Number.NaN), [0]), { code: "BAD_WEIGHTS" });
    assert.equal(createSampler({ removeInvalidValues: true }, SPAN)(logitsOf(-1, Number.NaN), [0]), 1);
  });
});

const MASKS: readonly [string, fc.Arbitrary<warpers.LogitsProcessor>][] = [
  ["top-k", fc.integer({ min: 1, max: 60 }).map((k) => warpers.topK(k))],
  ["top-p", fc.double({ min: 0, max: 1, noNaN: true }).map((p) => warpers.topP(p))],
  ["min-p", fc.double({ min: 0, max: 1, noNaN: true }).map((p) => warpers.minP(p))],
  ["typical", fc.double({ min: 0.001, max: 1, noNaN: true }).map((p) => warpers.typicalP(p))],
  ["top-h", fc.double({ min: 0.001, max: 1, noNaN: true }).map((p) => warpers.topH(p))],
  ["epsilon", fc.double({ min: 1e-9, max: 1, noNaN: true }).map((p) => warpers.epsilonCutoff(p))],
  ["eta", fc.double({ min: 1e-9, max: 1, noNaN: true }).map((p) => warpers.etaCutoff(p))],
];
const rows = fc
  .array(fc.oneof(fc.double({ min: -50, max: 50, noNaN: true }), fc.constant(Number.NEGATIVE_INFINITY)), {
    minLength: 1,
    maxLength: 50,
  })
  .filter((row) => row.some((x) => x > Number.NEGATIVE_INFINITY));

describe("masks", () => {
  for (const [name, masks] of MASKS)
    test(`${name} keep a token at least, change none that they keep, and bring none back`, () => {
      fc.assert(
        fc.property(rows, masks, (row, mask) => {
          const before = Float32Array.from(row);
          const after = before.slice();
          mask(after, []);
          const kept = keptOf(after);
          assert.ok(kept.length > 0);
          for (const id of kept) assert.equal(after[id], before[id]);
        }),
      );
    });

  test("all together keep a token", () => {
    const all = fc.tuple(...MASKS.map(([, masks]) => masks));
    fc.assert(
      fc.property(rows, all, (row, masks) => {
        const logits = Float32Array.from(row);
        process(masks, logits, []);
        assert.ok(keptOf(logits).length > 0);
      }),
    );
  });

  test("top-p keeps what the definition with a full sort keeps", () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(0.01, 0.3, 0.5, 0.9, 0.99), (row, p) => {
        const logits = Float32Array.from(row);
        const best = logits[argmax(logits)]!;
        const weights = [...logits].map((x) => Math.exp(x - best));
        const total = weights.reduce((sum, x) => sum + x, 0);
        const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
        let sum = 0;
        const kept = order.filter((id, rank) => {
          const keep = rank === 0 || (sum < p * total && logits[id] !== Number.NEGATIVE_INFINITY);
          sum += weights[id]!;
          return keep;
        });
        warpers.topP(p)(logits, []);
        assert.deepEqual(
          keptOf(logits),
          kept.sort((a, b) => a - b),
        );
      }),
    );
  });

  test("the k-th largest is that of a sort", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 60 }), (row, k) => {
        const sorted = Float32Array.from(row).sort().reverse();
        assert.ok(warpers.kthLargest(Float32Array.from(row), k) === sorted[Math.min(k, sorted.length) - 1]);
      }),
    );
  });
});

describe("sampling", () => {
  test("temperature 0 takes the most probable token, the first of equals", () => {
    assert.equal(createSampler({ temperature: 0 }, SPAN)(logitsOf(1, 3, 3, 2), []), 1);
  });

  test("equal seeds give equal tokens, and other seeds and continuations others", () => {
    const run = (seed: number, copy = 0) => {
      const sample = createSampler({ temperature: 1, seed }, SPAN, copy);
      return Array.from({ length: 50 }, () => sample(logitsOf(0, 0.5, 1, 0.2, 0.1), []));
    };
    assert.deepEqual(run(1), run(1));
    assert.deepEqual(run(1, 2), run(1, 2));
    assert.notDeepEqual(run(1), run(2));
    assert.notDeepEqual(run(1), run(1, 1));
  });

  const LOGITS = [2, 1.5, 1, 0.3, 0, -0.5, -1, -2, -3, -4];
  const DRAWS = 20_000;
  /** 99.9th percentiles of chi-square for so many degrees of freedom. */
  const CRITICAL = [0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88];
  const settings: DecodingSettings[] = [
    { temperature: 1 },
    { temperature: 0.6 },
    { temperature: 2.5 },
    { temperature: 1, topK: 4 },
    { temperature: 1, topP: 0.8 },
    { temperature: 1.5, minP: 0.1 },
    { temperature: 1, typicalP: 0.7 },
    { temperature: 0.9, topK: 6, topP: 0.9, repetitionPenalty: 1.3, logitBias: [[4, 1]] },
  ];
  for (const setting of settings)
    test(`tokens come as often as ${JSON.stringify(setting)} says, by a chi-square test`, () => {
      const expected = Float32Array.from(LOGITS);
      process(processorsOf(setting, SPAN), expected, [0]);
      const total = logSumExp(expected);
      const probabilities = [...expected].map((x) => Math.exp(x - total));
      const sample = createSampler({ ...setting, seed: 5 }, SPAN);
      const counts = LOGITS.map(() => 0);
      for (let i = 0; i < DRAWS; i++) counts[sample(Float32Array.from(LOGITS), [0])]!++;
      let chiSquare = 0;
      for (const [id, p] of probabilities.entries())
        if (p === 0) assert.equal(counts[id], 0);
        else chiSquare += (counts[id]! - p * DRAWS) ** 2 / (p * DRAWS);
      const freedom = probabilities.filter((p) => p > 0).length - 1;
      assert.ok(chiSquare < CRITICAL[freedom]!, `chi-square ${chiSquare} of ${freedom} degrees of freedom`);
    });

  test("log sum exp does not overflow", () => {
    assert.ok(Math.abs(logSumExp(logitsOf(1000, 1000)) - (1000 + Math.LN2)) < 1e-9);
    assert.equal(argmax(logitsOf(-5, -1, -3)), 1);
  });
});
