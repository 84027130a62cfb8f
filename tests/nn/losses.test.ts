import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, input, output } from "../../src/graph/build.ts";
import { crossEntropy, negativeLogLikelihood } from "../../src/nn/losses.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";

const [B, T, V] = [2, 3, 5];
const random = rng(5);
const logits = fill([B * T, V], () => 3 * random.normal());
const targets = fill([B, T], () => random.below(V));

/** Both losses of the logits above, or of others. */
function losses(weights: NdArray, scores: NdArray = logits) {
  const graph = createGraph("losses");
  const x = input(graph, "logits", "float32", [B * T, V]);
  const y = input(graph, "targets", "int64", [B, T]);
  const w = input(graph, "weights", "float32", [B, T]);
  output(graph, "each", negativeLogLikelihood(x, y));
  output(graph, "sum", crossEntropy(x, y, w));
  return evaluate(
    graph,
    new Map([
      ["logits", scores],
      ["targets", targets],
      ["weights", weights],
    ]),
  );
}

const ones = fill([B, T], () => 1);

describe("losses", () => {
  test("give -log of the probability that softmax gives each target", () => {
    const expected = fill([B * T, 1], ([n]) => {
      const row = [...logits.data.slice(n! * V, (n! + 1) * V)];
      return -Math.log(Math.exp(row[targets.data[n!]!]!) / row.reduce((sum, x) => sum + Math.exp(x), 0));
    });
    assert.ok(distance(losses(ones).get("each")!, expected) < 1e-12);
  });

  test("stay finite for logits of a thousand", () => {
    const large = fill([B * T, V], ([, v]) => (v === 0 ? 1000 : -1000));
    assert.ok(losses(ones, large).get("each")!.data.every(Number.isFinite));
  });

  test("weigh each target, so that a weight of zero leaves it out", () => {
    const weights = ndArray([B, T], [0, 0.5, 1, 2, 0, 1]);
    const results = losses(weights);
    const expected = results.get("each")!.data.reduce((sum, x, i) => sum + x * weights.data[i]!, 0);
    assert.ok(Math.abs(results.get("sum")!.data[0]! - expected) < 1e-12);
    assert.deepEqual(results.get("sum")!.shape, []);
  });

  test("are log V each where the model knows nothing", () => {
    const each = losses(
      ones,
      fill([B * T, V], () => 0.25),
    ).get("each")!;
    assert.ok(each.data.every((x) => Math.abs(x - Math.log(V)) < 1e-12));
  });
});
