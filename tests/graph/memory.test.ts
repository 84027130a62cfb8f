import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { apply, createGraph, input, output, parameter, storedParameter } from "../../src/graph/build.ts";
import { gemm } from "../../src/graph/functions.ts";
import { blockBytes } from "../../src/graph/memory.ts";

describe("bytes of weights in blocks", () => {
  test("count what products have packed anew and what is read from files, and no tables and floats", () => {
    const graph = createGraph("g");
    const x = input(graph, "x", "float32", [2, 64]);
    const quants = storedParameter(graph, "w_packed", "uint8", [8, 2, 16]);
    const scales = storedParameter(graph, "w_scale", "float32", [8, 2]);
    const table = storedParameter(graph, "t_table", "uint8", [8, 32]);
    const format = { bits: 4, blockSize: 32 } as const;
    output(graph, "y", apply("MatMulNBits", [x, quants, scales], { ...format, K: 64, N: 8, exact: true })[0]);
    assert.equal(blockBytes(graph), 256 + 64);
    output(graph, "w", apply("DequantizeLinear", [quants, scales], { ...format, start: 0 })[0]);
    assert.equal(blockBytes(graph), 2 * (256 + 64));
    const ids = input(graph, "ids", "int64", [3]);
    output(graph, "t", apply("GatherBlockQuantized", [table, ids, scales], format)[0]);
    output(graph, "z", gemm(x, parameter(graph, "f", [64, 4], { kind: "zeros" })));
    assert.equal(blockBytes(graph), 2 * (256 + 64));
  });
});
