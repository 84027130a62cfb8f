import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { gather, gemm } from "../../src/graph/functions.ts";
import { groupNames, packGraph } from "../../src/graph/pack.ts";
import type { Graph } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { packRows, unpackRows } from "../../src/weights/pack.ts";
import { evaluate, type NdArray } from "../helpers/reference.ts";
import { fill, ndArray } from "../helpers/reference-array.ts";

const [WIDTH, VOCAB, BLOCK] = [40, 9, 16];
const ONES = { kind: "ones" } as const;
const ROWS = { q: 6, k: 3, v: 3, head: VOCAB };

/** A table, three products of one input of which some have a bias, and the table again as a head. */
function sample(biased: string): Graph {
  const graph = createGraph("sample");
  const ids = input(graph, "ids", "int64", ["T"]);
  const table = parameter(graph, "head", [VOCAB, WIDTH], ONES);
  const x = gather(table, ids);
  for (const name of ["q", "k", "v"] as const) {
    const weight = parameter(graph, name, [ROWS[name], WIDTH], ONES);
    const c = biased.includes(name) ? { c: parameter(graph, `${name}.bias`, [ROWS[name]], ONES) } : {};
    output(graph, `${name}.out`, gemm(x, weight, { transB: true, ...c }));
  }
  output(graph, "logits", gemm(x, table, { transB: true }));
  return graph;
}

const random = rng(3);
const weights = new Map(
  Object.entries(ROWS).map(([name, rows]) => [
    name,
    Float32Array.from({ length: rows * WIDTH }, () => random.normal()),
  ]),
);
const format = { bits: 4, block: BLOCK } as const;
const packed = new Map([...weights].map(([name, data]) => [name, packRows(data, WIDTH, format)]));
const weight = (name: keyof typeof ROWS) =>
  ({ name, rows: ROWS[name], width: WIDTH, bits: 4, blockSize: BLOCK }) as const;
const joined = (arrays: readonly ArrayLike<number>[]) => arrays.flatMap((array) => [...Array.from(array)]);

function feedsOf(graph: Graph, groups: readonly (readonly { readonly name: string }[])[]): Map<string, NdArray> {
  const feeds = new Map<string, NdArray>([["ids", ndArray([4], [3, 0, 8, 3])]]);
  const shapes = new Map(graph.parameters.map(({ value }) => [value.name, value.shape as number[]]));
  const feed = (name: string, data: readonly number[]) => {
    const shape = shapes.get(name);
    if (shape) feeds.set(name, ndArray(shape, data));
  };
  for (const [name, part] of packed) feed(name, [...unpackRows(part, WIDTH, format)]);
  for (const name of ["q.bias", "k.bias", "v.bias"])
    feed(name, [...fill([ROWS[name[0] as "q"]], ([i]) => i! + 1).data]);
  for (const group of groups) {
    const names = groupNames(group as never);
    const parts = group.map(({ name }) => packed.get(name)!);
    feed(names.quants, joined(parts.map(({ quants }) => quants)));
    feed(names.table, joined(parts.map(({ quants }) => quants)));
    feed(names.scales, joined(parts.map(({ scales }) => scales)));
  }
  return feeds;
}

describe("a graph with packed weights computes what it did with their numbers", () => {
  const cases = {
    "a group that shares its input is one product": [[weight("q"), weight("k"), weight("v")], [weight("head")]],
    "weights apart": [[weight("q")], [weight("v")], [weight("head")]],
    "a group of which one has no place in the graph's order": [[weight("v"), weight("q")], [weight("head")]],
  } as const;
  for (const [name, groups] of Object.entries(cases))
    for (const biased of ["", "qkv", "k"])
      test(`${name}, biases: ${biased || "none"}`, () => {
        const plain = sample(biased);
        const rewritten = verifyGraph(packGraph(sample(biased), groups));
        const products = rewritten.nodes.filter(({ op }) => op === "MatMulNBits");
        const uneven = biased === "k" && groups[0].length === 3;
        const members = groups.flat().length;
        assert.equal(products.length, uneven ? members : groups.length);
        const expected = evaluate(plain, feedsOf(plain, []));
        const got = evaluate(rewritten, feedsOf(rewritten, [...groups, ...groups.flat().map((each) => [each])]));
        assert.deepEqual([...got.keys()], [...expected.keys()]);
        for (const [key, { data }] of expected)
          for (const [i, x] of data.entries())
            assert.ok(Math.abs(x - got.get(key)!.data[i]!) < 1e-6 * (1 + Math.abs(x)), `${key}[${i}]`);
      });

  test("other uses of a packed weight are refused", () => {
    const graph = createGraph("sample");
    const x = input(graph, "x", "float32", [WIDTH, 2]);
    output(graph, "y", gemm(parameter(graph, "q", [6, WIDTH], ONES), x));
    assert.throws(() => packGraph(graph, [[weight("q")]]), { code: "BUG" });
  });
});
