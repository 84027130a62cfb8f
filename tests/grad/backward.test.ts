import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { constant, createGraph, input, output, scope } from "../../src/graph/build.ts";
import { add, cast, exp, gather, mul, reduceSum, reshape, slice } from "../../src/graph/functions.ts";
import { prune } from "../../src/graph/passes.ts";
import type { Graph, Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { lossGraph } from "../../src/models/heads.ts";
import { evaluate, evaluateValues, ndArray } from "../helpers/reference.ts";
import { goldenFeeds, goldenModel } from "../helpers/reference-models.ts";

const sum = (x: Value) => reshape(reduceSum(x), []);
const numbers = (value: Value, feeds: Record<string, readonly number[]>) => {
  const arrays = value.graph.inputs.map((x) => [x.name, ndArray(x.shape as number[], feeds[x.name]!)] as const);
  return [...evaluateValues(value.graph, new Map(arrays)).get(value)!.data];
};

describe("gradients", () => {
  test("of a value used several times are the sum over its uses", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float64", [3]);
    const [grad] = gradients(sum(add(mul(x, x), mul(x, 5))), [x]);
    assert.deepEqual(numbers(grad!, { x: [1, -2, 3] }), [7, 1, 11]);
  });

  test("of a graph's middle are given beside those of its start", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float64", [2]);
    const middle = mul(x, 3);
    const [forX, forMiddle] = gradients(sum(mul(middle, middle)), [x, middle]);
    assert.deepEqual(numbers(forMiddle!, { x: [1, 2] }), [6, 12]);
    assert.deepEqual(numbers(forX!, { x: [1, 2] }), [18, 36]);
  });

  test("of the loss itself are one", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float64", []);
    const loss = exp(x);
    assert.deepEqual(numbers(gradients(loss, [loss])[0]!, { x: [1] }), [1]);
  });

  test("are written only for what lies between targets and loss", () => {
    const graph = createGraph("g");
    const [x, y] = [input(graph, "x", "float64", [2]), input(graph, "y", "float64", [2])];
    // A cast has no gradient, and none is asked for: y is no target.
    const loss = sum(mul(x, cast(cast(y, "int64"), "float64")));
    assert.deepEqual(numbers(gradients(loss, [x])[0]!, { x: [1, 2], y: [3.5, 4] }), [3, 4]);
  });

  test("of a part of a tensor are zero elsewhere", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float64", [2, 4]);
    const [grad] = gradients(sum(mul(slice(x, 1, -3, -1), 2)), [x]);
    assert.deepEqual(numbers(grad!, { x: Array(8).fill(1) }), [0, 2, 2, 0, 0, 2, 2, 0]);
  });

  test("are refused for a loss that is no scalar, naming it and its shape", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [3]);
    assert.throws(() => gradients(exp(x), [x]), { code: "BAD_SHAPE", message: "Exp: got [3], expected a scalar loss" });
  });

  test("are refused for targets that the loss does not depend on, naming them", () => {
    const graph = createGraph("g");
    const [x, y] = [input(graph, "x", "float32", []), input(graph, "y", "float32", [])];
    const loss = exp(x);
    assert.throws(() => gradients(loss, [x, y]), { code: "NO_GRADIENT", message: /^y: the loss Exp does not depend/ });
    assert.throws(() => gradients(loss, [y]), { code: "NO_GRADIENT", message: /depends on none of the 1 targets/ });
  });

  test("of a table looked up along another axis than its rows are refused by the node's name", () => {
    const graph = createGraph("g");
    const table = input(graph, "table", "float32", [3, 4]);
    const picked = scope(graph, "emb", () => gather(table, constant(graph, "int64", [1], BigInt64Array.of(2n)), 1));
    assert.throws(() => gradients(sum(picked), [table]), {
      code: "NO_GRADIENT",
      message: "emb/Gather: Gather: got axis 1 of [3,4], expected rows of a matrix",
    });
  });
});

const isWithin = (name: string, home: string) => name === home || name.startsWith(`${home}.`);

/** The loss and all gradients of a golden model, with the given scopes recomputed. */
function differentiated(name: Parameters<typeof goldenModel>[0], recompute: readonly string[]): Graph {
  const { model } = goldenModel(name);
  const { graph, loss } = lossGraph(model, 2, 11);
  const parameters = graph.parameters.map(({ value }) => value);
  const grads = gradients(loss, parameters, { recompute });
  output(graph, "loss", loss);
  for (const [i, grad] of grads.entries()) output(graph, `grad.${parameters[i]!.name}`, grad);
  return verifyGraph(prune(graph));
}

for (const [name, blocks] of [
  ["gpt2-tiny", ["transformer.h.0", "transformer.h.1"]],
  ["llama-tiny", ["model.layers.0", "model.layers.1"]],
] as const) {
  describe(`gradients of ${name} with recomputed blocks`, () => {
    const kept = differentiated(name, []);
    const recomputed = differentiated(name, blocks);

    test("are equal to the last bit", () => {
      const feeds = goldenFeeds(goldenModel(name));
      const [a, b] = [evaluate(kept, feeds), evaluate(recomputed, feeds)];
      assert.deepEqual([...a.keys()], [...b.keys()]);
      for (const [key, { data }] of a) assert.deepEqual(b.get(key)!.data, data, key);
    });

    test("read no activation from inside a block: only its twin's, the residual stream's, and parameters", () => {
      const home = new Map<Value, string>();
      for (const node of recomputed.nodes)
        for (const block of blocks)
          if (isWithin(node.scope, block)) for (const value of node.outputs) home.set(value, block);
      const isRead = (value: Value, block: string) =>
        recomputed.nodes.some(
          (n) => !isWithin(n.scope, block) && !n.scope.startsWith("grad:") && n.inputs.includes(value),
        );
      const readBack = recomputed.nodes.filter((node) => node.scope.startsWith("grad:")).flatMap((node) => node.inputs);
      for (const value of readBack) {
        const block = value && home.get(value);
        assert.ok(!block || isRead(value, block), `${value?.name} is kept for the backward pass`);
      }
    });

    test("write the heavy products of each block once more", () => {
      const gemms = (graph: Graph) => graph.nodes.filter((node) => node.op === "Gemm").length;
      const inBlocks = kept.nodes.filter((n) => n.op === "Gemm" && blocks.some((b) => isWithin(n.scope, b))).length;
      assert.ok(inBlocks >= 8);
      const extra = gemms(recomputed) - gemms(kept);
      // The product that ends a block is not needed again, and is pruned.
      assert.equal(extra, inBlocks - blocks.length);
    });
  });
}
