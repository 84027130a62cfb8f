import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { constant, input, output, parameter } from "../../src/graph/build.ts";
import {
  add,
  concat,
  fusedMatMul,
  matMul,
  mul,
  reduceSum,
  reshape,
  slice,
  softmax,
} from "../../src/graph/functions.ts";
import type { Value } from "../../src/graph/types.ts";
import { attention } from "../../src/nn/attention.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { evaluate } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";

const [HEADS, KV_HEADS, DIM] = [4, 2, 2];
const INIT = { kind: "zeros" } as const;

type Attend = (query: Value, key: Value, value: Value, tokens: number) => Value;

/** One head at a time, every score of all T x T. */
function plain(query: Value, key: Value, value: Value, tokens: number): Value {
  const mask = Float32Array.from({ length: tokens ** 2 }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e30 : 0));
  const masked = (scores: Value) => add(scores, constant(query.graph, "float32", [tokens, tokens], mask));
  const head = (x: Value, i: number) => slice(x, 1, i * DIM, (i + 1) * DIM); // (T, D)
  const attended = Array.from({ length: HEADS }, (_, h) => {
    const shared = Math.floor((h * KV_HEADS) / HEADS);
    const scores = fusedMatMul(head(query, h), head(key, shared), { transB: true, alpha: DIM ** -0.5 });
    return matMul(softmax(masked(scores), -1), head(value, shared));
  });
  return concat(attended, 1); // (T, H*D)
}

/** A loss over attention, and its gradients. */
function graphOf(tokens: number, attend: Attend | undefined) {
  const b = trainingBuilder("attention", 1, tokens);
  const kv = KV_HEADS * DIM;
  const widths = { query: HEADS * DIM, key: kv, value: kv };
  const [query, key, value] = Object.entries(widths).map(([name, width]) =>
    parameter(b.graph, name, [tokens, width], INIT),
  );
  const probe = input(b.graph, "probe", "float32", [tokens, HEADS * DIM]);
  const options = { layer: 0, heads: HEADS, kvHeads: KV_HEADS, headDim: DIM };
  const attended = attend?.(query!, key!, value!, tokens) ?? attention(b, query!, key!, value!, options);
  const loss = reshape(reduceSum(mul(attended, probe)), []);
  output(b.graph, "attended", attended);
  for (const [i, grad] of gradients(loss, [query!, key!, value!]).entries()) output(b.graph, `grad.${i}`, grad);
  return b.graph;
}

describe("attention in blocks of queries", () => {
  for (const tokens of [255, 256, 391])
    test(`gives the outputs and gradients of the whole matrix at ${tokens} tokens, in float64`, () => {
      const [blocks, whole] = [graphOf(tokens, undefined), graphOf(tokens, plain)];
      const random = rng(tokens);
      const inputs = [...whole.parameters.map(({ value }) => value), ...whole.inputs];
      const feeds = new Map(inputs.map(({ name, shape }) => [name, fill(shape as number[], () => random.normal())]));
      const expected = evaluate(whole, feeds);
      for (const [name, got] of evaluate(blocks, feeds)) assert.ok(distance(got, expected.get(name)!) < 1e-12, name);
    });
});
