import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, input, output } from "../../src/graph/build.ts";
import { gemm, reduceSum, scatterAdd } from "../../src/graph/functions.ts";
import type { Graph, OpName } from "../../src/graph/types.ts";
import { evaluate, type NdArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { bindGraph, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { allSamples, type Sample, sampleGraph } from "../helpers/reference-samples.ts";

/** A float32 sum of k terms may be off by about k times 6e-8 of their size. */
async function checkAgainstReference(op: OpName, sample: Sample): Promise<void> {
  const { graph, feeds, outputs } = sampleGraph(op, sample, "float32");
  for (const [i, value] of outputs.entries()) output(graph, `y${i}`, value);
  if (op === "GroupQueryAttention") graph.aliases.push(["x3", "y1"], ["x4", "y2"]);
  const expected = evaluate(graph, feeds);
  using bound = await bindGraph(graph, feeds, 2);
  await bound.run();
  for (const [name, { data }] of expected) {
    const got = bound.outputs[name]!.data;
    assert.equal(got.length, data.length);
    for (const [i, x] of data.entries())
      if (isMeant(op, sample, name, i, expected))
        assert.ok(
          Math.abs(Number(got[i]) - x) <= 2e-6 + 1e-5 * Math.abs(x),
          `${name}[${i}]: got ${got[i]}, expected ${x}`,
        );
  }
}

/** False for what cached attention leaves open: results of padding, and the cache beyond each row's length. */
function isMeant(op: OpName, sample: Sample, name: string, i: number, results: ReadonlyMap<string, NdArray>): boolean {
  if (op !== "GroupQueryAttention") return true;
  const seqlens = sample.operands[5]!.data!;
  const { shape } = results.get(name)!;
  const inner = (axis: number) => shape.slice(axis).reduce((n, dim) => n * dim, 1);
  const row = Math.floor(i / inner(1));
  if (name !== "y0") return Math.floor(i / inner(3)) % shape[2]! <= seqlens[row]!;
  const total = sample.operands[6]!.data![0]!;
  return shape[1] !== total || Math.floor(i / inner(2)) % shape[1]! <= seqlens[row]!;
}

describe("the runtime computes what the reference does", { skip: skipWithoutRuntime }, () => {
  for (const [op, sample] of allSamples) test(`${op} ${sample.says}`, () => checkAgainstReference(op, sample));
});

const random = rng(9);
const noise = (...shape: number[]) => fill(shape, () => random.normal());

/** Graphs whose results are long sums, with something to feed them. */
const SUMS: Readonly<Record<string, () => { graph: Graph; feeds: Map<string, NdArray> }>> = {
  "scattered addition with indices that repeat"() {
    const graph = createGraph("scatter");
    const [x, updates] = [input(graph, "x", "float32", [64, 32]), input(graph, "updates", "float32", [4096, 32])];
    const at = input(graph, "at", "int64", [4096, 32]);
    output(graph, "y", scatterAdd(x, at, updates, 0));
    const rows = Array.from({ length: 4096 }, () => random.below(64));
    const feeds = new Map([
      ["x", noise(64, 32)],
      ["updates", noise(4096, 32)],
      ["at", fill([4096, 32], ([n]) => rows[n!]!)],
    ]);
    return { graph, feeds };
  },
  "a sum over rows"() {
    const graph = createGraph("sum");
    output(graph, "y", reduceSum(input(graph, "x", "float32", [4096, 96]), [0]));
    return { graph, feeds: new Map([["x", noise(4096, 96)]]) };
  },
  "a sum over everything"() {
    const graph = createGraph("total");
    output(graph, "y", reduceSum(input(graph, "x", "float32", [512, 301])));
    return { graph, feeds: new Map([["x", noise(512, 301)]]) };
  },
  "a product with a long inner axis"() {
    const graph = createGraph("product");
    const [a, b] = [input(graph, "a", "float32", [4096, 24]), input(graph, "b", "float32", [4096, 17])];
    output(graph, "y", gemm(a, b, { transA: true }));
    return {
      graph,
      feeds: new Map([
        ["a", noise(4096, 24)],
        ["b", noise(4096, 17)],
      ]),
    };
  },
};

describe("long sums on two threads", { skip: skipWithoutRuntime }, () => {
  for (const [says, make] of Object.entries(SUMS))
    test(`${says} is right and the same to the last bit, run after run`, async () => {
      const { graph, feeds } = make();
      using bound = await bindGraph(graph, feeds, 2);
      await bound.run();
      const first = Float32Array.from(bound.outputs.y!.data as Float32Array);
      for (let i = 0; i < 20; i++) {
        await bound.run();
        assert.deepEqual(bound.outputs.y!.data, first);
      }
      const scale = 1e-4 * Math.sqrt(4096);
      for (const [i, x] of evaluate(graph, feeds).get("y")!.data.entries())
        assert.ok(Math.abs(first[i]! - x) < scale, `${i}: got ${first[i]}, expected ${x}`);
    });
});
