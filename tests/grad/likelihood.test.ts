import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { gatherElements, logSoftmax, mul, reduceSum, reshape } from "../../src/graph/functions.ts";
import { prune } from "../../src/graph/passes.ts";
import { evaluate, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";

const [ROWS, CLASSES] = [5, 7];

/** The gradient of a weighted sum of log probabilities at the indices given, (rows, picks), with an axis counted as asked. */
function graphOf(rows: number, picks: number, axis: number) {
  const graph = createGraph("likelihood");
  const x = parameter(graph, "x", [ROWS, CLASSES], { kind: "zeros" });
  const indices = input(graph, "indices", "int64", [rows, picks]);
  const weights = input(graph, "weights", "float32", [rows, picks]);
  const loss = reshape(reduceSum(mul(gatherElements(logSoftmax(x, axis), indices, 1), weights)), []);
  output(graph, "grad", gradients(loss, [x])[0]!);
  return prune(graph);
}

/** Each pick adds its weight at its class and takes the row's probabilities times it. */
function expected(x: readonly number[], indices: readonly number[], weights: readonly number[], picks: number) {
  const grad = new Array<number>(ROWS * CLASSES).fill(0);
  for (const [i, weight] of weights.entries()) {
    const start = Math.floor(i / picks) * CLASSES;
    const exps = x.slice(start, start + CLASSES).map(Math.exp);
    const sum = exps.reduce((a, b) => a + b, 0);
    for (const [c, e] of exps.entries()) grad[start + c]! -= (weight * e) / sum;
    grad[start + indices[i]!]! += weight;
  }
  return ndArray([ROWS, CLASSES], grad);
}

describe("the gradient of log probabilities of a few classes", () => {
  for (const [says, rows, picks, axis] of [
    ["one class of each row", ROWS, 1, -1],
    ["several classes of each row, one of them twice", ROWS, 3, 1],
    ["classes of the first rows only", 3, 1, -1],
  ] as const)
    test(`is right for ${says}, in float64`, () => {
      const random = rng(rows + picks);
      const x = fill([ROWS, CLASSES], () => random.normal());
      const weights = fill([rows, picks], () => random.normal());
      const indices = fill([rows, picks], () => random.below(CLASSES));
      indices.data[picks - 1] = indices.data[0]!;
      const feeds = new Map(Object.entries({ x, weights, indices }));
      const { grad } = Object.fromEntries(evaluate(graphOf(rows, picks, axis), feeds));
      assert.ok(distance(grad!, expected([...x.data], [...indices.data], [...weights.data], picks)) < 1e-14);
    });

  test("holds one tensor as large as the logits less than adding up whole ones would", () => {
    const ops = (rows: number) => graphOf(rows, 1, -1).nodes.map(({ op }) => op);
    assert.ok(!ops(ROWS).includes("Sub"));
    assert.ok(ops(3).includes("Sub"));
  });
});
