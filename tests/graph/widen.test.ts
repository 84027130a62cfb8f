import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { apply, createGraph, input, output, storedParameter } from "../../src/graph/build.ts";
import { mul, reduceSum, reshape } from "../../src/graph/functions.ts";
import { peakBytes } from "../../src/graph/memory.ts";
import { prune } from "../../src/graph/passes.ts";
import type { Graph } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { widenProducts } from "../../src/graph/widen.ts";
import { packRows } from "../../src/weights/pack.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";
import { bindGraph, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

interface Sizes {
  readonly bits: 4 | 8;
  readonly N: number;
  readonly K: number;
  readonly blockSize: number;
  readonly bias?: boolean;
  readonly exact?: boolean;
}

/** y = x W^T over two rows in each of two texts, and dx of its weighted sum. */
function product({ bits, N, K, blockSize, bias = false, exact = true }: Sizes): Graph {
  const graph = createGraph("product");
  const blocks = Math.ceil(K / blockSize);
  const x = input(graph, "x", "float32", [2, 2, K]);
  const weights = input(graph, "weights", "float32", [2, 2, N]);
  const quants = storedParameter(graph, "w_packed", "uint8", [N, blocks, (blockSize * bits) / 8]);
  const scales = storedParameter(graph, "w_scale", "float32", [N, blocks]);
  const c = bias ? [input(graph, "bias", "float32", [N])] : [];
  const y = apply("MatMulNBits", [x, quants, scales, ...c], { K, N, bits, blockSize, exact })[0];
  output(graph, "y", y);
  output(graph, "dx", gradients(reshape(reduceSum(mul(y, weights)), []), [x])[0]!);
  return prune(graph);
}

function feedsOf({ bits, N, K, blockSize }: Sizes): Map<string, NdArray> {
  const random = rng(N);
  const noise = (...shape: number[]) => fill(shape, () => Math.fround(random.normal()));
  const blocks = Math.ceil(K / blockSize);
  const rows = Float32Array.from({ length: N * K }, (_, i) => Math.sin(i * 1.7) + ((i * 7919) % 13) / 13);
  const packed = packRows(rows, K, { bits, block: blockSize }, { rounding: "nearest" });
  return new Map([
    ["x", noise(2, 2, K)],
    ["weights", noise(2, 2, N)],
    ["bias", noise(N)],
    ["w_packed", ndArray([N, blocks, (blockSize * bits) / 8], packed.quants)],
    ["w_scale", ndArray([N, blocks], packed.scales)],
  ]);
}

const SMALL = [
  { bits: 8, N: 7, K: 32, blockSize: 16 },
  { bits: 8, N: 5, K: 41, blockSize: 16, bias: true },
] as const;

describe("widened products", () => {
  for (const sizes of SMALL)
    test(`are the products of the blocks, for ${JSON.stringify(sizes)}`, () => {
      const widened = verifyGraph(widenProducts(product(sizes)));
      assert.ok(widened.nodes.every(({ op }) => op !== "MatMulNBits"));
      const [got, expected] = [evaluate(widened, feedsOf(sizes)), evaluate(product(sizes), feedsOf(sizes))];
      for (const [name, array] of expected) assert.ok(distance(got.get(name)!, array) < 1e-12, name);
    });

  test("are not made of 4 bits, which the runtime multiplies well, nor of what rounds its activations", () => {
    for (const changes of [{ bits: 4 }, { exact: false }] as const) {
      const sizes = { ...SMALL[0], ...changes };
      const ops = (graph: Graph) => graph.nodes.map(({ op }) => op);
      assert.deepEqual(ops(widenProducts(product(sizes))), ops(product(sizes)));
    }
  });
});

// A slab and a part of a second.
const LARGE = { N: 4501, K: 4090, blockSize: 128 } as const;

describe("weights of more elements than are widened at a time", { skip: skipWithoutRuntime }, () => {
  for (const bits of [4, 8] as const)
    test(`of ${bits} bits give the same forwards and backwards`, async () => {
      const sizes = { ...LARGE, bits, bias: true };
      const graph = verifyGraph(widenProducts(product(sizes)));
      const slabs = graph.nodes.filter(({ op }) => op === "DequantizeLinear");
      assert.deepEqual(
        slabs.slice(-2).map(({ outputs }) => outputs[0]!.shape),
        [
          [4096, 4096],
          [405, 4096],
        ],
      );
      const feeds = feedsOf(sizes);
      using bound = await bindGraph(graph, feeds, 2);
      await bound.run();
      const results = bound.results();
      const { x, weights, bias, w_packed, w_scale } = Object.fromEntries(feeds) as Record<string, NdArray>;
      const at = (n: number, k: number) => {
        const i = n * 4096 + k;
        const byte = w_packed!.data[bits === 8 ? i : i >> 1]!;
        const quant = bits === 8 ? byte - 128 : ((byte >> (4 * (i & 1))) & 15) - 8;
        return quant * w_scale!.data[Math.floor(i / 128)]!;
      };
      for (const row of [0, 3]) {
        for (const n of [0, 4095, 4096, 4500]) {
          let sum = bias!.data[n]!;
          for (let k = 0; k < LARGE.K; k++) sum += x!.data[row * LARGE.K + k]! * at(n, k);
          const got = results.get("y")!.data[row * LARGE.N + n]!;
          assert.ok(Math.abs(got - sum) < 1e-4 * (1 + Math.abs(sum)), `y[${row}, ${n}]: got ${got}, expected ${sum}`);
        }
        for (const k of [0, 1, 4089]) {
          let sum = 0;
          for (let n = 0; n < LARGE.N; n++) sum += weights!.data[row * LARGE.N + n]! * at(n, k);
          const got = results.get("dx")!.data[row * LARGE.K + k]!;
          assert.ok(Math.abs(got - sum) < 1e-4 * (1 + Math.abs(sum)), `dx[${row}, ${k}]: got ${got}, expected ${sum}`);
        }
      }
    });

  test("are floats one slab at a time, by the lives of values", () => {
    const graph = widenProducts(product({ ...LARGE, bits: 8 }));
    assert.ok(peakBytes(graph) < 4 * 4096 * 4096 + 4 * 4 * (3 * LARGE.N + 3 * 4096) + 4 * 3 * 32 * 4096);
  });
});
