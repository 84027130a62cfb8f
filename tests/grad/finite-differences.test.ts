import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { GRADIENTS } from "../../src/grad/rules.ts";
import { apply, createGraph, input } from "../../src/graph/build.ts";
import { add, mul, reduceSum, reshape } from "../../src/graph/functions.ts";
import type { Graph, OpName, Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluateValues, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { allSamples, floats, type Sample, sampleGraph } from "../helpers/reference-samples.ts";

type FloatType = "float32" | "float64";

/** A graph of one node whose loss is the sum of the outputs read, each weighted element by element by random numbers. */
function lossOf(op: OpName, sample: Sample, dtype: FloatType) {
  const { graph, feeds, operands, outputs } = sampleGraph(op, sample, dtype);
  const random = rng(2, op);
  const terms = (sample.reads ?? [0]).map((i) => {
    const shape = outputs[i]!.shape as number[];
    const weights = fill(shape, () => random.normal()).data;
    return reduceSum(mul(outputs[i]!, floats(graph, dtype, shape, weights, `weights${i}`)));
  });
  const loss = terms.map((term) => reshape(term, [])).reduce((sum, term) => add(sum, term));
  const moving = operands.filter((value, i): value is Value => value?.dtype === dtype && !sample.operands[i]!.still);
  return { graph, feeds, loss, moving };
}

/** d loss / d value by central differences of fourth order (step h, error h^4 / 30 times the fifth derivative). */
function slopes(graph: Graph, feeds: ReadonlyMap<string, NdArray>, loss: Value, value: Value): Float64Array {
  const { shape, data } = feeds.get(value.name)!;
  const h = 1e-3;
  const lossAt = (i: number, change: number) => {
    const moved = ndArray(shape, data.with(i, data[i]! + change));
    return evaluateValues(graph, new Map(feeds).set(value.name, moved)).get(loss)!.data[0]!;
  };
  return data.map((_, i) => (8 * (lossAt(i, h) - lossAt(i, -h)) - (lossAt(i, 2 * h) - lossAt(i, -2 * h))) / (12 * h));
}

function checkGradients(op: OpName, sample: Sample, dtype: FloatType): void {
  const { graph, feeds, loss, moving } = lossOf(op, sample, dtype);
  const forward = { ...graph, nodes: graph.nodes.slice() };
  const grads = gradients(loss, moving);
  verifyGraph(graph);
  const values = evaluateValues(graph, feeds);
  for (const [k, value] of moving.entries()) {
    const got = values.get(grads[k]!)!;
    const expected = slopes(forward, feeds, loss, value);
    assert.deepEqual(got.shape, value.shape);
    const scale = Math.max(1e-3, ...expected.map(Math.abs));
    for (const [i, x] of expected.entries())
      assert.ok(
        Math.abs(got.data[i]! - x) <= 1e-8 * scale,
        `${value.name}[${i}]: got ${got.data[i]}, the slope is ${x}`,
      );
  }
}

/** Operators that must have no gradient. */
const REFUSED: readonly OpName[] = [
  "Equal",
  "Sign",
  "Floor",
  "Size",
  "Cast",
  "SkipSimplifiedLayerNormalization",
  "GatherBlockQuantized",
  "DequantizeLinear",
  "GroupQueryAttention",
];

describe("gradients agree with finite differences", () => {
  for (const [op, sample] of allSamples) {
    if (op === "MatMulNBits" && !(sample.attributes as { exact?: boolean }).exact) continue;
    if (op === "StopGradient" || REFUSED.includes(op) || sample.operands.every((operand) => operand?.data)) continue;
    // Constants may be folded by a rule, and are then float32 in a graph of float32.
    const dtype = sample.operands.some((operand) => operand?.still === "constant") ? "float32" : "float64";
    test(`${op} ${sample.says}`, () => checkGradients(op, sample, dtype));
  }
});

describe("operators without a gradient", () => {
  test("are exactly those that the table of rules refuses with a reason", () => {
    const without = (Object.keys(GRADIENTS) as OpName[]).filter((op) => "refused" in GRADIENTS[op]);
    assert.deepEqual(without, REFUSED);
  });

  test("are named with the node and the reason when a loss depends on them", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [3]);
    const cut = apply("Cast", [x], { to: "float32" })[0];
    assert.throws(() => gradients(reshape(reduceSum(cut), []), [x]), {
      code: "NO_GRADIENT",
      message: /^Cast: Cast has no gradient: piecewise constant/,
    });
  });

  test("include the means and deviations that normalisations give beside their result", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2, 3]);
    const scale = input(graph, "scale", "float32", [3]);
    for (const op of ["LayerNormalization", "SimplifiedLayerNormalization"] as const) {
      const second = apply(op, [x, scale], { epsilon: 1e-5 })[1]!;
      assert.throws(() => gradients(reshape(reduceSum(second), []), [x]), {
        code: "NO_GRADIENT",
        message: new RegExp(`^${op}: the loss reads ${op}:1, and only the first output has a gradient`),
      });
    }
  });
});
