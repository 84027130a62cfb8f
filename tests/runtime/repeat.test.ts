import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { apply, createGraph, input, output } from "../../src/graph/build.ts";
import {
  fusedMatMul,
  gemm,
  logSoftmax,
  matMul,
  reduceMean,
  reduceSum,
  scatterAdd,
  softmax,
  sumSquare,
} from "../../src/graph/functions.ts";
import { lowerGraph } from "../../src/graph/lower.ts";
import { OPS } from "../../src/graph/ops.ts";
import type { Graph, Value } from "../../src/graph/types.ts";
import type { Runtime, Tensor } from "../../src/runtime/types.ts";
import { RUNTIMES } from "./runtimes.ts";

/** Below this an index input's values stay. */
const INDEX_BELOW = 64;

/** Every operator that adds many numbers up, large enough that the engine splits it over threads. */
const SUMS: Readonly<Record<string, (graph: Graph, floats: Floats) => Value>> = {
  "ScatterElements along the first axis": (g, f) =>
    scatterAdd(f(INDEX_BELOW, 128), input(g, "at", "int64", [8192, 128]), f(8192, 128), 0),
  "ScatterElements along the last axis": (g, f) =>
    scatterAdd(f(2048, INDEX_BELOW), input(g, "at", "int64", [2048, 1]), f(2048, 1), 1),
  "ReduceSum over rows": (_, f) => reduceSum(f(8192, 256), [0]),
  "ReduceSum over columns": (_, f) => reduceSum(f(256, 8192), [1]),
  "ReduceSum over the middle": (_, f) => reduceSum(f(16, 512, 64), [1]),
  "ReduceSum over everything": (_, f) => reduceSum(f(1024, 1024)),
  "ReduceMean over columns": (_, f) => reduceMean(f(1024, 1024), [1]),
  "ReduceMean over everything": (_, f) => reduceMean(f(1024, 1024)),
  "ReduceSumSquare over everything": (_, f) => sumSquare(f(1024, 1024)),
  Gemm: (_, f) => gemm(f(512, 1024), f(1024, 384)),
  "Gemm, both transposed": (_, f) => gemm(f(2048, 256), f(384, 2048), { transA: true, transB: true }),
  "Gemm to one column": (_, f) => gemm(f(2048, 1024), f(1024, 1)),
  "Gemm of one row": (_, f) => gemm(f(1, 2048), f(2048, 1024)),
  "Gemm with a long inner axis": (_, f) => gemm(f(65536, 8), f(65536, 5), { transA: true }),
  "MatMul in batches": (_, f) => matMul(f(8, 4, 128, 64), f(8, 4, 64, 128)),
  "FusedMatMul in batches": (_, f) => fusedMatMul(f(8, 4, 128, 64), f(8, 4, 128, 64), { transB: true, alpha: 0.125 }),
  "FusedMatMul of transposed rows": (_, f) => fusedMatMul(f(4096, 128), f(4096, 96), { transA: true }),
  Softmax: (_, f) => softmax(f(512, 4096), -1),
  LogSoftmax: (_, f) => logSoftmax(f(512, 4096), -1),
  LayerNormalization: (_, f) => apply("LayerNormalization", [f(2048, 512), f(512), f(512)], { epsilon: 1e-5 })[0],
  SimplifiedLayerNormalization: (_, f) =>
    apply("SimplifiedLayerNormalization", [f(2048, 512), f(512)], { epsilon: 1e-5 })[0],
};

type Floats = (...shape: number[]) => Value;

function sumGraph(make: (typeof SUMS)[string]): Graph {
  const graph = createGraph("sums");
  output(
    graph,
    "y",
    make(graph, (...shape) => input(graph, `x${graph.inputs.length}`, "float32", shape)),
  );
  return graph;
}

/** Noise by an integer hash, the same at every call. */
function fill({ data, dtype }: Tensor, seed: number): void {
  for (let i = 0; i < data.length; i++) {
    const mixed = Math.imul((i + 7919 * seed) ^ (i >>> 13), 0x9e3779b1);
    const bits = (mixed ^ (mixed >>> 15)) >>> 0;
    data[i] = dtype === "int64" ? BigInt(bits % INDEX_BELOW) : bits / 2 ** 32 - 0.5;
  }
}

/** The bits of the result of each run, over `sessions` sessions with tensors of their own. */
async function runAll(runtime: Runtime, graph: Graph, sessions: number, runs: number): Promise<Uint32Array[]> {
  const results: Uint32Array[] = [];
  for (let i = 0; i < sessions; i++) {
    using session = await runtime.session(
      lowerGraph(graph, () => ({ kind: "input" })),
      { threads: 2 },
    );
    const tensor = ({ dtype, shape }: (typeof session.inputs)[0]) => runtime.tensor(dtype, shape as number[]);
    const inputs = Object.fromEntries(session.inputs.map((info) => [info.name, tensor(info)]));
    for (const [k, each] of Object.values(inputs).entries()) fill(each, k + 1);
    const y = tensor(session.outputs[0]!);
    using binding = session.bind(inputs, { y });
    for (let run = 0; run < runs; run++) {
      y.data.fill(Number.NaN as never);
      await binding.run();
      results.push(new Uint32Array(Float32Array.from(y.data as Float32Array).buffer));
    }
  }
  return results;
}

for (const { name, runtime, skip } of RUNTIMES)
  describe(`sums on two threads of ${name} are the same to the last bit`, { skip }, () => {
    const [sessions, runs] = name === "ort-native" ? [2, 20] : [2, 3];
    for (const [says, make] of Object.entries(SUMS))
      test(says, async () => {
        const [first, ...others] = await runAll(runtime, sumGraph(make), sessions, runs);
        assert.ok(first!.some((bits) => bits !== first![0]) || first!.length === 1);
        for (const bits of others)
          assert.deepEqual(Buffer.compare(new Uint8Array(bits.buffer), new Uint8Array(first!.buffer)), 0);
      });
  });

test("ScatterND, whose additions race where indices repeat, is no operator of a graph", () => {
  assert.ok(!Object.hasOwn(OPS, "ScatterND"));
});
