import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { output } from "../../src/graph/build.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { cachedGraph, lossGraph } from "../../src/models/heads.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { at, fill } from "../helpers/reference-array.ts";
import { distance, GOLDEN_MODELS, goldenFeeds, goldenModel, positions } from "../helpers/reference-models.ts";
import { steppedCache } from "../helpers/reference-steps.ts";

const CAPACITY = 22;

const columns = (x: NdArray, from: number, to: number) =>
  fill([x.shape[0]!, to - from], ([b, t]) => at(x, [b!, from + t!]));
const row = (x: NdArray, b: number) => fill([1, ...x.shape.slice(1)], ([, ...rest]) => at(x, [b, ...rest]));
/** Rows of (B*S, V) that hold token t of row b. */
const logitsAt = (logits: NdArray, tokens: number, b: number, t: number) =>
  fill([1, logits.shape[1]!], ([, v]) => at(logits, [b * tokens + t, v!]));

for (const name of GOLDEN_MODELS) {
  describe(`${name} over a cache, evaluated in float64`, () => {
    const known = goldenModel(name);
    const { model, weights, golden } = known;
    const ids = golden.get("input_ids")!;
    const [batch, tokens] = ids.shape as [number, number];
    const training = lossGraph(model, batch, tokens);
    output(training.graph, "logits", training.logits);
    const expected = evaluate(training.graph, goldenFeeds(known)).get("logits")!;
    const single = verifyGraph(cachedGraph(model, 1, CAPACITY));
    const pair = verifyGraph(cachedGraph(model, batch, CAPACITY));

    test("gives the training graph's logits when a batch is prefilled at once", () => {
      const logits = steppedCache(pair, weights, batch, CAPACITY)(ids, positions(batch, tokens), [tokens, tokens]);
      assert.ok(distance(logits, expected) < 1e-12);
    });

    test("gives the same logits when tokens come in chunks of 4, 1, 1 and 5", () => {
      const step = steppedCache(single, weights, 1, CAPACITY);
      let start = 0;
      for (const size of [4, 1, 1, 5]) {
        const logits = step(columns(row(ids, 1), start, start + size), positions(1, size, start), [start + size]);
        for (let s = 0; s < size; s++)
          assert.ok(
            distance(logitsAt(logits, size, 0, s), logitsAt(expected, tokens, 1, start + s)) < 1e-12,
            `token ${start + s}`,
          );
        start += size;
      }
    });

    test("gives a row padded at its end the logits it has alone, and continues each row from its own length", () => {
      const lengths = [7, 4];
      const step = steppedCache(pair, weights, batch, CAPACITY);
      const prefill = step(columns(ids, 0, 7), positions(batch, 7), lengths);
      const next = fill([batch, 1], ([b]) => at(ids, [b!, lengths[b!]!]));
      const nextPositions = fill([batch, 1], ([b]) => lengths[b!]!);
      const decoded = step(
        next,
        nextPositions,
        lengths.map((length) => length + 1),
      );
      for (const [b, length] of lengths.entries()) {
        const last = logitsAt(prefill, 7, b, length - 1);
        assert.ok(distance(last, logitsAt(expected, tokens, b, length - 1)) < 1e-12);
        assert.ok(distance(logitsAt(decoded, 1, b, 0), logitsAt(expected, tokens, b, length)) < 1e-12);
      }
    });

    test("continues a prompt as PyTorch does when it takes the most probable id each time", () => {
      const greedy = [...golden.get("greedy")!.data];
      const step = steppedCache(single, weights, 1, CAPACITY);
      const made = greedy.slice(0, 5);
      let logits = step(ndArray([1, 5], made), positions(1, 5), [5]);
      while (made.length < greedy.length) {
        const last = logits.data.slice(-logits.shape[1]!);
        made.push(last.indexOf(Math.max(...last)));
        logits = step(ndArray([1, 1], made.slice(-1)), positions(1, 1, made.length - 1), [made.length]);
      }
      assert.deepEqual(made, greedy);
    });
  });
}
