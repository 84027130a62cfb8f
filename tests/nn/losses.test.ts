import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { createGraph, input, output } from "../../src/graph/build.ts";
import { indexGuards } from "../../src/graph/guards.ts";
import { prune } from "../../src/graph/passes.ts";
import { trainingGraph } from "../../src/models/heads.ts";
import { crossEntropy, lossRows, negativeLogLikelihood } from "../../src/nn/losses.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { distance, positions } from "../helpers/reference-models.ts";

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

  test("need the logits of no other rows than those that carry loss", () => {
    const family = goldenFamily("llama");
    const [batch, tokens, count] = [2, 13, 9];
    const scored = new Set([3, 4, 5, 7, 12, 13, 20, 25]);
    const run = (isFew: boolean) => {
      const { graph, hidden, head, logits: all } = trainingGraph(family.model, { batch, tokens });
      const y = input(graph, "targets", "int64", [batch, tokens]);
      const w = input(graph, "weights", "float32", [batch, tokens]);
      const few = lossRows(hidden, y, w, count);
      const loss = isFew ? crossEntropy(head(few.rows), few.targets, few.weights) : crossEntropy(all, y, w);
      const parameters = graph.parameters.map(({ value }) => value);
      for (const [i, grad] of gradients(loss, parameters).entries()) output(graph, parameters[i]!.name, grad);
      output(graph, "loss", loss);
      const made = prune(graph);
      assert.ok(
        indexGuards(made).some(({ input: name }) => name === "targets"),
        "targets are not looked at",
      );
      const logSoftmax = made.nodes.find(({ op }) => op === "LogSoftmax")!;
      assert.equal(logSoftmax.outputs[0]!.shape[0], isFew ? count : batch * tokens);
      return evaluate(
        made,
        new Map([
          ...patternWeights(family.model),
          ["input_ids", family.golden.get("input_ids")!] as const,
          ["position_ids", positions(batch, tokens)] as const,
          ["targets", family.golden.get("targets")!] as const,
          ["weights", fill([batch, tokens], ([b, t]) => (scored.has(b! * tokens + t!) ? 0.1 + t! / 100 : 0))] as const,
        ]),
      );
    };
    const [whole, few] = [run(false), run(true)];
    for (const [name, array] of few) assert.ok(distance(array, whole.get(name)!) < 1e-9, name);
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
