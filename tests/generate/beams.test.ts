import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rng } from "../../src/base/rng.ts";
import { logSumExp } from "../../src/generate/arithmetic.ts";
import { beamSearch } from "../../src/generate/beams.ts";
import type { Engines } from "../../src/generate/engine.ts";
import { golden } from "../helpers/paths.ts";
import { checkDecoding, type DecodingRow, openFamily } from "../helpers/reference-decoding.ts";
import { skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const ROWS = JSON.parse(readFileSync(golden("decoding", "beams.json"), "utf8")) as DecodingRow[];

describe("greedy and beam search with rules", { skip: skipWithoutRuntime }, () => {
  const families = [...new Set(ROWS.map(({ family }) => family))];
  for (const family of families)
    test(`${family} gives transformers' ids and scores`, async () => {
      using engines: Engines = await openFamily(family, 3);
      for (const row of ROWS) if (row.family === family) await checkDecoding(engines, row);
    });
});

/** A language of four tokens in which the next depends on the last alone; 3 ends a text. */
const TABLE = [
  [0.1, 0.4, 0.35, 0.15],
  [0.3, 0.1, 0.3, 0.3],
  [0.05, 0.55, 0.1, 0.3],
  [0.25, 0.25, 0.25, 0.25],
].map((row) => Float32Array.from(row, Math.log));
const END = 3;

/** All texts of up to `most` tokens with their log probabilities, by trying every one. */
function everyText(most: number): { ids: number[]; sum: number }[] {
  const texts: { ids: number[]; sum: number }[] = [];
  const walk = (ids: number[], sum: number) => {
    for (const [id, logprob] of TABLE[ids.at(-1) ?? 0]!.entries()) {
      const next = { ids: [...ids, id], sum: sum + logprob };
      if (id === END || next.ids.length === most) texts.push(next);
      else walk(next.ids, next.sum);
    }
  };
  walk([], 0);
  return texts;
}

function searched(numBeams: number, most: number, lengthPenalty: number, seed?: number) {
  const random = seed === undefined ? undefined : rng(seed, "test");
  const search = beamSearch({
    numBeams,
    lengthPenalty,
    earlyStopping: "never",
    maxNewTokens: most,
    endTokens: 1,
    random,
  });
  while (!search.done)
    search.advance(
      search.running.map(({ ids }) => TABLE[ids.at(-1) ?? 0]!),
      (ids) => ids.at(-1) === END,
    );
  return search.finished;
}

describe("beams", () => {
  test("as many as there are texts find the best of all, for any length penalty", () => {
    for (const most of [1, 2, 4])
      for (const lengthPenalty of [0, 1, 2]) {
        const [best] = searched(3 ** most, most, lengthPenalty);
        const scores = everyText(most).map(({ ids, sum }) => sum / ids.length ** lengthPenalty);
        assert.ok(Math.abs(best!.score - Math.max(...scores)) < 1e-5);
      }
  });

  test("come best first, are different texts, and have the score that their ids say", () => {
    const beams = fc.integer({ min: 2, max: 8 });
    const penalties = fc.constantFrom(-1, 0, 0.7, 1, 2);
    const seeds = fc.option(fc.integer({ min: 0, max: 99 }), { nil: undefined });
    fc.assert(
      fc.property(beams, fc.integer({ min: 2, max: 7 }), penalties, seeds, (count, most, lengthPenalty, seed) => {
        const finished = searched(count, most, lengthPenalty, seed);
        assert.ok(finished.length > 0);
        assert.equal(new Set(finished.map(({ ids }) => ids.join())).size, finished.length);
        for (const [i, { ids, score }] of finished.entries()) {
          assert.ok(i === 0 || score <= finished[i - 1]!.score);
          const sum = ids.reduce((total, id, at) => total + TABLE[ids[at - 1] ?? 0]![id]!, 0);
          assert.ok(Math.abs(score - sum / ids.length ** lengthPenalty) < 1e-4);
        }
      }),
    );
  });

  test("drawn with equal seeds are equal, and a single one's first token comes as often as its probability says", () => {
    assert.deepEqual(searched(3, 4, 1, 7), searched(3, 4, 1, 7));
    const counts = [0, 0, 0, 0];
    const draws = 4000;
    for (let seed = 0; seed < draws; seed++) {
      const search = beamSearch({
        numBeams: 1,
        lengthPenalty: 1,
        earlyStopping: false,
        maxNewTokens: 9,
        endTokens: 0,
        random: rng(seed, "test"),
      });
      search.advance([TABLE[0]!], () => false);
      counts[search.running[0]!.ids[0]!]!++;
    }
    // Of two drawn without replacement the better goes on.
    const p = [...TABLE[0]!].map(Math.exp);
    for (const [id, count] of counts.entries()) {
      const expected = p.reduce((sum, q, other) => {
        if (other === id || q > p[id]!) return sum;
        return sum + p[id]! * (q / (1 - p[id]!)) + q * (p[id]! / (1 - q));
      }, 0);
      assert.ok(Math.abs(count / draws - expected) < 0.03, `token ${id}: ${count / draws}, expected ${expected}`);
    }
    assert.ok(Math.abs(logSumExp(TABLE[0]!)) < 1e-6);
  });
});
