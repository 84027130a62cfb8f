import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { apart, constant, createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { add, exp, gemm, mul, reduceSum, reshape, split } from "../../src/graph/functions.ts";
import { lowerGraph, type Placement } from "../../src/graph/lower.ts";
import { OPS } from "../../src/graph/ops.ts";
import type { Graph, OpName } from "../../src/graph/types.ts";
import type { OnnxAttribute, OnnxModel } from "../../src/onnx/model.ts";
import { allSamples, SAMPLES, sampleGraph } from "../helpers/reference-samples.ts";
import { matchesGolden } from "../helpers/reference-snapshots.ts";

const nothing = (name: string): never => assert.fail(`asked where ${name} is`);
const lower = (graph: Graph) => lowerGraph(graph, nothing);

/** Bytes of zero for weights in blocks, which are parameters here and nothing else is. */
const zerosFor =
  (graph: Graph) =>
  (name: string): Placement => {
    const { shape } = graph.parameters.find(({ value }) => value.name === name)!.value;
    return { kind: "memory", data: new Uint8Array(shape.reduce<number>((n, dim) => n * Number(dim), 1)) };
  };

const attributeText = ({ kind, value }: OnnxAttribute) => `${kind} ${Array.isArray(value) ? `[${value}]` : value}`;

/** A model's nodes as text: what ONNX is told. */
function modelText({ nodes }: OnnxModel): string {
  return nodes
    .map(({ domain, opType, inputs, outputs, attributes }) => {
      const shown = Object.entries(attributes).map(([key, attribute]) => `${key}=${attributeText(attribute)}`);
      return `${outputs.join(", ")} = ${domain && `${domain}.`}${opType}(${inputs.join(", ")}) ${shown.join(" ")}`.trim();
    })
    .join("\n");
}

const numbers = (model: OnnxModel, name: string) => {
  const { data, dtype } = model.initializers.find((tensor) => tensor.name === name)!;
  const { buffer } = Uint8Array.from(data as Uint8Array);
  return dtype === "int64" ? [...new BigInt64Array(buffer)].map(Number) : [...new Float32Array(buffer)];
};

/** y = x w, with the weight placed as told. */
function withWeight(placement: Placement): OnnxModel {
  const graph = createGraph("g");
  const weight = parameter(graph, "w", [3, 2], { kind: "zeros" });
  output(graph, "y", gemm(input(graph, "x", "float32", ["N", 3]), weight));
  return lowerGraph(graph, () => placement);
}

describe("lowering to ONNX", () => {
  test("spells every operator as ONNX and its com.microsoft domain do", () => {
    const text = allSamples.map(([op, sample]) => {
      const { graph, outputs } = sampleGraph(op, sample, "float32");
      for (const [i, value] of outputs.entries()) output(graph, `y${i}`, value);
      return `# ${op} ${sample.says}\n${modelText(lowerGraph(graph, zerosFor(graph)))}\n`;
    });
    matchesGolden(text.join("\n"), "graph", "lowered-samples.txt");
  });

  test("has a sample of every operator in the table", () => {
    assert.deepEqual(Object.keys(SAMPLES).sort(), (Object.keys(OPS) as OpName[]).sort());
  });

  test("gives results their public names, a second name by a copy, and inputs and constants theirs by a copy", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2]);
    const y = exp(x);
    for (const name of ["first", "second"]) output(graph, name, y);
    output(graph, "same", x);
    output(graph, "sum", add(y, y));
    assert.equal(
      modelText(lower(graph)),
      ["first = Exp(x)", "sum = Add(first, first)", "second = Identity(first)", "same = Identity(x)"].join("\n"),
    );
  });

  test("keeps inputs, named axes, aliases and opsets", () => {
    const graph = createGraph("g");
    output(graph, "y", exp(input(graph, "x", "float32", ["B", 4])));
    graph.aliases.push(["x", "y"]);
    const model = lower(graph);
    assert.deepEqual(model.inputs, [{ name: "x", dtype: "float32", shape: ["B", 4] }]);
    assert.deepEqual(model.outputs, [{ name: "y", dtype: "float32", shape: ["B", 4] }]);
    assert.deepEqual(model.aliases, [["x", "y"]]);
    assert.deepEqual(model.opsets, { "": 21, "com.microsoft": 1 });
  });

  test("writes constants little-endian, and equal shapes and axes once", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2, 6]);
    const row = constant(graph, "float32", [6], Float32Array.of(0, 1, -2, 3.5, 4, 5), "row");
    output(graph, "a", reshape(mul(x, row), [3, 4]));
    output(graph, "b", reshape(exp(x), [3, 4]));
    const model = lower(graph);
    assert.deepEqual(numbers(model, "row"), [0, 1, -2, 3.5, 4, 5]);
    assert.deepEqual(numbers(model, "int64:3,4"), [3, 4]);
    assert.equal(model.initializers.length, 2);
  });

  test("copies named axes of a reshape from their place, and lets ONNX infer one that moved", () => {
    const cases = [
      { from: [2, "S", 6], to: ["2*S", 6], target: "int64:-1,6" },
      { from: ["2*S", 6], to: [2, "S", 6], target: "int64:2,-1,6" },
      { from: ["S", 6], to: ["S", 2, 3], target: "int64:0,2,3" },
      { from: ["B", "S", 6], to: ["B", "S", 2, 3], target: "int64:0,0,2,3" },
    ];
    for (const { from, to, target } of cases) {
      const graph = createGraph("g");
      output(graph, "y", reshape(input(graph, "x", "float32", from), to));
      assert.deepEqual(lower(graph).nodes[0]!.inputs, ["x", target]);
    }
  });

  test("reads the lengths of several named axes off an input, once", () => {
    const graph = createGraph("g");
    input(graph, "ids", "int64", ["B", "S"]);
    const x = input(graph, "x", "float32", ["B*S", 6]);
    output(graph, "y", reshape(exp(reshape(x, ["B", "S", 6])), ["B*S", 6]));
    output(graph, "z", reshape(x, ["B", "S", 6]));
    const { nodes } = lower(graph);
    assert.deepEqual(
      nodes.map(({ opType, inputs }) => [opType, ...inputs]),
      [
        ["Shape", "ids"],
        ["Shape", "ids"],
        ["Concat", "length:B", "length:S", "length:6"],
        ["Reshape", "x", "shape:B,S,6"],
        ["Exp", "Reshape"],
        ["Reshape", "Exp", "int64:-1,6"],
        ["Reshape", "x", "shape:B,S,6"],
      ],
    );
    const missing = createGraph("g");
    output(missing, "y", reshape(input(missing, "x", "float32", ["A*B"]), ["A", "B"]));
    assert.throws(() => lower(missing), { code: "UNSUPPORTED", message: /axis A, expected one that an input has/ });
  });

  test("sums over no axes as nothing, where ONNX by itself would sum over all", () => {
    const graph = createGraph("g");
    output(graph, "y", reduceSum(input(graph, "x", "float32", [2, 3]), []));
    assert.deepEqual(lower(graph).nodes[0]!.attributes.noop_with_empty_axes, { kind: "int", value: 1 });
  });

  test("leaves absent optional inputs and unread outputs in their places", () => {
    const sample = SAMPLES.GroupQueryAttention.find(({ operands }) => operands.includes(undefined))!;
    const { graph, outputs } = sampleGraph("GroupQueryAttention", sample, "float32");
    output(graph, "present", outputs[1]!);
    const [node] = lower(graph).nodes;
    assert.deepEqual(node!.inputs.slice(0, 4), ["x0", "", "", "x3"]);
    assert.deepEqual(node!.outputs, ["GroupQueryAttention", "present", "GroupQueryAttention:2"]);
    const parts = split(input(createGraph("h"), "x", "float32", [4]), 0, [1, 3]);
    assert.equal(parts.length, 2);
  });
});

describe("placing weights", () => {
  const file = { file: "/models/model.safetensors", offset: 1234, length: 24 };

  test("as inputs, fed at every run", () => {
    const { inputs, initializers } = withWeight({ kind: "input" });
    assert.deepEqual(
      inputs.map(({ name }) => name),
      ["x", "w"],
    );
    assert.equal(initializers.length, 0);
  });

  test("in memory, without a copy", () => {
    const data = new Float32Array(new ArrayBuffer(64), 8, 6);
    const [tensor] = withWeight({ kind: "memory", data }).initializers;
    const bytes = tensor!.data as Uint8Array;
    assert.deepEqual([bytes.buffer, bytes.byteOffset, bytes.byteLength], [data.buffer, 8, 24]);
  });

  test("in a file by offset and length", () => {
    const { initializers, nodes } = withWeight({ kind: "file", dtype: "float32", at: file });
    assert.deepEqual(initializers, [{ name: "w", dtype: "float32", shape: [3, 2], data: file }]);
    assert.deepEqual(
      nodes.map(({ opType }) => opType),
      ["Gemm"],
    );
  });

  test("in a file of 16-bit floats, with a cast that the runtime folds", () => {
    for (const dtype of ["bfloat16", "float16"] as const) {
      const { initializers, nodes } = withWeight({ kind: "file", dtype, at: { ...file, length: 12 } });
      assert.deepEqual(
        initializers.map(({ name, dtype }) => [name, dtype]),
        [[`w:${dtype}`, dtype]],
      );
      assert.equal(
        modelText({ nodes } as OnnxModel),
        `w = Cast(w:${dtype}) to=int 1\ny = Gemm(x, w) transA=int 0 transB=int 0 alpha=float 1`,
      );
    }
  });

  test("of the wrong size is refused by the weight's name", () => {
    const wrong: Placement[] = [
      { kind: "memory", data: new Float32Array(5) },
      { kind: "file", dtype: "float32", at: { ...file, length: 12 } },
      { kind: "file", dtype: "bfloat16", at: file },
    ];
    for (const placement of wrong)
      assert.throws(() => withWeight(placement), {
        code: "BAD_WEIGHTS",
        message: /^w: got (20|12|24) bytes for (float32|bfloat16)\[3, 2\], expected (24|12)$/,
      });
  });
});

describe("a region", () => {
  const parts = () => {
    const graph = createGraph("g");
    const [x, always] = [input(graph, "x", "float32", ["N", 2]), input(graph, "always", "bool", [])];
    return { graph, x, always };
  };

  test("becomes one If whose other branch is the stand-in, and may be an output", () => {
    const { graph, x, always } = parts();
    let inside = x;
    const result = apart(always, x, () => {
      inside = exp(x);
      return add(inside, 1);
    });
    output(graph, "y", result);
    output(graph, "z", mul(result, 2));
    const { nodes } = lowerGraph(graph, () => ({ kind: "input" }));
    assert.deepEqual(
      nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs]),
      [
        ["If", ["always"], ["y"]],
        ["Mul", ["y", "const_1"], ["z"]],
      ],
    );
    output(graph, "w", mul(inside, 2));
    assert.throws(() => lowerGraph(graph, () => ({ kind: "input" })), {
      code: "BAD_GRAPH",
      message: /reads Exp, which is inside a region/,
    });
  });

  test("has a stand-in of its result's shape", () => {
    const { x, always } = parts();
    assert.throws(() => apart(always, x, () => reduceSum(x)), {
      code: "BAD_GRAPH",
      message: /got \[1, 1\], expected its stand-in's \[N, 2\]/,
    });
  });
});
