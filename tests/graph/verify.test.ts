import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { constant, createGraph, input, output } from "../../src/graph/build.ts";
import { add, exp, mul } from "../../src/graph/functions.ts";
import type { Graph, Node, Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";

/** x -> Exp -> Add(Exp, row) -> output y. */
function sound() {
  const graph = createGraph("sound");
  const x = input(graph, "x", "float32", [2, 3]);
  const row = constant(graph, "float32", [3], Float32Array.of(1, 2, 3), "row");
  const middle = exp(x);
  const y = add(middle, row);
  output(graph, "y", y);
  return { graph, x, row, middle, y };
}

type Parts = ReturnType<typeof sound>;
const replace = (graph: Graph, i: number, change: Partial<Node>) => {
  graph.nodes[i] = { ...graph.nodes[i]!, ...change };
};
const like = (value: Value, change: Partial<Value>): Value => ({ ...value, ...change });

/** Ways to break the graph above, and what the message says. */
const BROKEN: readonly [says: string, spoil: (parts: Parts) => void, message: string | RegExp][] = [
  ["a node before what it reads", ({ graph }) => graph.nodes.reverse(), "Add: Add reads Exp before it is made"],
  [
    "a node that reads what nothing makes",
    ({ graph, x, row }) => replace(graph, 1, { inputs: [like(x, { name: "ghost" }), row] }),
    "Add: Add reads ghost before it is made",
  ],
  ["a node written twice", ({ graph }) => graph.nodes.push(graph.nodes[1]!), "Add: the name Add is used twice"],
  [
    "an input that is also a constant's name",
    ({ graph, x }) => graph.inputs.push(like(x, { name: "row" })),
    "constants: the name row is used twice",
  ],
  [
    "a recorded shape that is wrong",
    ({ graph, y }) => replace(graph, 1, { outputs: [like(y, { shape: [3, 2] })] }),
    "Add: Add is recorded as float32[3, 2], but Add makes float32[2, 3]",
  ],
  [
    "a recorded type that is wrong",
    ({ graph, middle }) => replace(graph, 0, { outputs: [like(middle, { dtype: "float64" })] }),
    "Exp: Exp is recorded as float64[2, 3], but Exp makes float32[2, 3]",
  ],
  [
    "operands that do not fit",
    ({ graph, row, x }) => {
      graph.constants[0] = { value: like(row, { shape: [2] }), data: Float32Array.of(1, 2) };
      replace(graph, 1, { inputs: [x, graph.constants[0].value] });
    },
    "Add: Add: got [2, 3] and [2], which do not broadcast",
  ],
  ["too few inputs", ({ graph, x }) => replace(graph, 1, { inputs: [x] }), "Add: Add got 1 inputs, expected 2 to 2"],
  [
    "too many outputs",
    ({ graph, y, middle }) => replace(graph, 1, { outputs: [y, like(middle, { name: "second" })] }),
    "Add: Add has 2 outputs, expected 1",
  ],
  [
    "a constant with too few elements",
    ({ graph, row }) => {
      graph.constants[0] = { value: row, data: Float32Array.of(1) };
    },
    "row: got 1 elements for [3]",
  ],
  [
    "a constant of the wrong kind of elements",
    ({ graph, row }) => {
      graph.constants[0] = { value: row, data: Float64Array.of(1, 2, 3) };
    },
    "row: got elements of 8 bytes for float32",
  ],
  [
    "an output that nothing makes",
    ({ graph, y }) => graph.outputs.push({ name: "z", value: like(y, { name: "ghost" }) }),
    "output z: nothing makes ghost",
  ],
  [
    "an output under another value's name",
    ({ graph, y }) => graph.outputs.push({ name: "Exp", value: y }),
    "output Exp: the name is taken by another value than Add",
  ],
  [
    "an input given back under its own name",
    ({ graph, x }) => graph.outputs.push({ name: "x", value: x }),
    "output x: the name is taken by an input",
  ],
  ["an alias from no input", ({ graph }) => graph.aliases.push(["ghost", "y"]), "alias: there is no input ghost"],
  ["an alias to no output", ({ graph }) => graph.aliases.push(["x", "ghost"]), "alias: there is no output ghost"],
  [
    "an alias of two sizes",
    ({ graph, x }) => {
      graph.inputs.push(like(x, { name: "small", shape: [2] }));
      graph.aliases.push(["small", "y"]);
    },
    "alias: small is float32[2] and y is float32[2, 3], expected one type",
  ],
  [
    "a value of another graph",
    ({ graph }) => graph.inputs.push(input(createGraph("other"), "w", "float32", [])),
    "inputs: w belongs to another graph, other",
  ],
];

describe("verifying a graph", () => {
  test("gives a sound one back", () => {
    const { graph } = sound();
    assert.equal(verifyGraph(graph), graph);
  });

  test("allows one result under two public names, and an alias of one type", () => {
    const { graph, y } = sound();
    output(graph, "again", y);
    graph.aliases.push(["x", "y"]);
    verifyGraph(graph);
  });

  test("allows a node to be named as the output it gives", () => {
    const graph = createGraph("g");
    output(graph, "Mul", mul(input(graph, "x", "float32", []), 2));
    verifyGraph(graph);
  });

  for (const [says, spoil, message] of BROKEN)
    test(`refuses ${says}`, () => {
      const parts = sound();
      spoil(parts);
      assert.throws(() => verifyGraph(parts.graph), { name: "OwnlmError", message });
    });
});
