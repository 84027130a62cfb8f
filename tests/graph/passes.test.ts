import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constant, createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { add, exp, log, mul, reshape, split } from "../../src/graph/functions.ts";
import { peakBytes } from "../../src/graph/memory.ts";
import { prune } from "../../src/graph/passes.ts";
import { verifyGraph } from "../../src/graph/verify.ts";

describe("pruning", () => {
  test("drops nodes and constants that no output needs, and keeps inputs and parameters", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2]);
    parameter(graph, "unused", [3], { kind: "zeros" });
    const dead = mul(x, constant(graph, "float32", [2], Float32Array.of(1, 2), "dead"));
    exp(dead);
    output(graph, "y", log(add(x, 1)));
    verifyGraph(prune(graph));
    assert.deepEqual(
      graph.nodes.map(({ name }) => name),
      ["Add", "Log"],
    );
    assert.deepEqual(
      graph.constants.map(({ value }) => value.name),
      ["const"],
    );
    assert.deepEqual([graph.inputs.length, graph.parameters.length], [1, 1]);
  });

  test("takes graphs of more nodes than a call takes arguments", () => {
    const graph = createGraph("g");
    let x = input(graph, "x", "float32", [1]);
    for (let i = 0; i < 200_000; i++) x = exp(x);
    output(graph, "y", x);
    assert.equal(prune(graph).nodes.length, 200_000);
  });

  test("keeps a node for any one of its outputs", () => {
    const graph = createGraph("g");
    output(graph, "y", split(input(graph, "x", "float32", [4]), 0, [1, 3])[1]!);
    assert.equal(prune(graph).nodes.length, 1);
  });

  test("changes nothing the second time", () => {
    const graph = createGraph("g");
    output(graph, "y", exp(input(graph, "x", "float32", [4])));
    exp(graph.inputs[0]!);
    const once = [...prune(graph).nodes];
    assert.deepEqual(prune(graph).nodes, once);
  });
});

describe("the peak of live memory", () => {
  /** x (100 floats) -> exp -> log -> ... -> y */
  const chain = (length: number) => {
    const graph = createGraph("g");
    let value = input(graph, "x", "float32", [100]);
    for (let i = 0; i < length; i++) value = i % 2 ? exp(value) : log(value);
    output(graph, "y", add(value, 1));
    return graph;
  };

  test("of a chain does not grow with its length", () => {
    assert.equal(peakBytes(chain(4)), peakBytes(chain(40)));
    assert.ok(peakBytes(chain(40)) <= 800);
  });

  test("counts what a later node still needs", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [100]);
    const kept = [log(x), log(x), log(x)];
    output(
      graph,
      "y",
      kept.reduce((sum, value) => add(sum, value)),
    );
    assert.equal(peakBytes(graph), 1200);
  });

  test("does not count views twice", () => {
    const graph = createGraph("g");
    const big = log(input(graph, "x", "float32", [100]));
    output(graph, "y", add(reshape(big, [10, 10]), reshape(log(big), [10, 10])));
    assert.ok(peakBytes(graph) <= 800);
  });

  test("is refused for graphs with named axes", () => {
    const graph = createGraph("g");
    output(graph, "y", exp(log(input(graph, "x", "float32", ["T"]))));
    assert.throws(() => peakBytes(graph), { code: "BAD_SHAPE", message: /^Log: got the named axis T/ });
  });
});
