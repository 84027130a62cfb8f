import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constant, createGraph, input, output, parameter, scalar, scope, scopedName } from "../../src/graph/build.ts";
import { add, exp, mul, split } from "../../src/graph/functions.ts";

const INIT = { kind: "zeros" } as const;

describe("building a graph", () => {
  test("gives every value a name of its own, under its scope", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [4]);
    const names = scope(graph, "h.0", () => [exp(x), exp(x), add(x, x)].map(({ name }) => name));
    assert.deepEqual(names, ["h.0/Exp", "h.0/Exp_1", "h.0/Add"]);
    assert.deepEqual(
      split(x, 0, [1, 3]).map(({ name }) => name),
      ["Split", "Split:1"],
    );
  });

  test("does not give a node a name that was taken by hand", () => {
    const graph = createGraph("g");
    const x = input(graph, "Exp", "float32", [4]);
    input(graph, "Exp_1", "float32", [4]);
    assert.deepEqual([exp(x).name, exp(x).name], ["Exp_2", "Exp_3"]);
  });

  test("leaves a scope even when its body throws", () => {
    const graph = createGraph("g");
    assert.throws(() =>
      scope(graph, "a", () => {
        throw new Error("inside");
      }),
    );
    assert.equal(scopedName(graph, "w"), "w");
  });

  test("gives one parameter for one name, and refuses two shapes for it", () => {
    const graph = createGraph("g");
    const weight = scope(graph, "wte", () => parameter(graph, "weight", [5, 3], INIT));
    assert.equal(parameter(graph, "wte.weight", [5, 3], INIT), weight);
    assert.equal(graph.parameters.length, 1);
    assert.throws(() => parameter(graph, "wte.weight", [3, 5], INIT), {
      code: "BAD_GRAPH",
      message: "wte.weight: got [3, 5] and [5, 3] for one parameter",
    });
  });

  test("refuses a second input or output of one name", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", []);
    assert.throws(() => input(graph, "x", "float32", []), { code: "BAD_GRAPH", message: /^g: the name x is taken/ });
    output(graph, "y", x);
    assert.throws(() => output(graph, "y", x), { code: "BAD_GRAPH", message: "g: two outputs are named y" });
  });

  test("refuses values of another graph", () => {
    const [a, b] = [createGraph("a"), createGraph("b")];
    const [x, y] = [input(a, "x", "float32", []), input(b, "y", "float32", [])];
    assert.throws(() => add(x, y), { code: "BAD_GRAPH", message: "Add: y belongs to the graph b, not a" });
  });

  test("shares equal scalars and small vectors, and keeps 0 and -0, float32 and float64 apart", () => {
    const graph = createGraph("g");
    assert.equal(scalar(graph, 0.5), scalar(graph, 0.5));
    assert.notEqual(scalar(graph, 0), scalar(graph, -0));
    assert.notEqual(scalar(graph, 1), scalar(graph, 1, "float64"));
    const vector = () => constant(graph, "int64", [2], BigInt64Array.of(3n, 4n));
    assert.equal(vector(), vector());
    const row = constant(graph, "int64", [1, 2], BigInt64Array.of(3n, 4n));
    assert.notEqual(row, vector());
  });

  test("lifts numbers to the other operand's type", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float64", [2]);
    assert.equal(mul(2, x).dtype, "float64");
    assert.equal(graph.constants[0]!.value.dtype, "float64");
  });
});
