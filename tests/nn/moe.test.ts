import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { openEngine } from "../../src/generate/engine.ts";
import { apart, createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { cast, gemm, mul, silu } from "../../src/graph/functions.ts";
import { lowerGraph } from "../../src/graph/lower.ts";
import type { Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { cachedGraph, lossGraph } from "../../src/models/heads.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import {
  denseMixture,
  type Experts,
  groupedMixture,
  type Routing,
  routeByLogit,
  routeByProbability,
} from "../../src/nn/moe.ts";
import { evaluate, type Feeds, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { patternWeights } from "../helpers/reference-families.ts";
import { distance } from "../helpers/reference-models.ts";
import { bindGraph, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { RUNTIMES } from "../runtime/runtimes.ts";

const [WIDTH, INNER] = [6, 5];

interface Case {
  readonly tokens: number;
  readonly experts: number;
  readonly k: number;
}

/** Both forms of one layer over the same random weights; `axis` is the number of tokens or a name for it. */
function layers({ tokens, experts: count, k }: Case, route: (logits: Value, k: number) => Routing, axis: "T" | number) {
  const graph = createGraph("moe");
  const x = input(graph, "x", "float32", [axis, WIDTH]);
  const logits = input(graph, "logits", "float32", [axis, count]);
  const weight = (name: string, ...shape: number[]) => parameter(graph, name, shape, { kind: "zeros" });
  const experts: Experts = {
    count,
    rise: (e, rows) => ["gate", "up"].map((part) => gemm(rows, weight(`${e}.${part}`, INNER, WIDTH), { transB: true })),
    activate: ([gate, up]) => mul(silu(gate!), up!),
    fall: (e, rows) => gemm(rows, weight(`${e}.down`, WIDTH, INNER), { transB: true }),
  };
  const routing = route(logits, k);
  output(graph, "grouped", groupedMixture(x, routing, experts));
  const always = cast(input(graph, "tokens", "int32", []), "bool");
  output(
    graph,
    "apart",
    mul(
      apart(always, x, () => groupedMixture(x, routing, experts)),
      2,
    ),
  );
  if (axis !== "T") output(graph, "dense", denseMixture(x, routing, experts));
  const random = rng(3, `${tokens} ${count} ${k}`);
  const drawn = (shape: readonly number[]): NdArray => fill(shape, () => random.normal());
  const feeds: Feeds = new Map([
    ["x", drawn([tokens, WIDTH])],
    ["logits", drawn([tokens, count])],
    ["tokens", ndArray([], [tokens])],
    ...graph.parameters.map(({ value }) => [value.name, drawn(value.shape as number[])] as const),
  ]);
  return { graph: verifyGraph(graph), feeds };
}

const CASES: readonly Case[] = [
  { tokens: 1, experts: 4, k: 2 },
  { tokens: 9, experts: 5, k: 3 },
  { tokens: 3, experts: 11, k: 1 },
  { tokens: 4, experts: 3, k: 3 },
  { tokens: 5, experts: 1, k: 1 },
];
const ROUTES = {
  "by probability": (logits: Value, k: number) => routeByProbability(logits, k, { normalise: false }),
  "by probabilities made to sum to 1": (logits: Value, k: number) => routeByProbability(logits, k, { normalise: true }),
  "by logits": routeByLogit,
};

describe("a mixture of experts over the rows of each is the sum over all experts", () => {
  for (const [says, route] of Object.entries(ROUTES))
    for (const each of CASES)
      test(`${says}: ${each.k} of ${each.experts} for ${each.tokens} tokens`, () => {
        const { graph, feeds } = layers(each, route, each.tokens);
        const results = evaluate(graph, feeds);
        assert.ok(distance(results.get("grouped")!, results.get("dense")!) < 1e-12);
      });

  test("when all tokens choose the same experts, because all logits are equal", () => {
    const { graph, feeds } = layers({ tokens: 4, experts: 5, k: 2 }, routeByLogit, 4);
    const results = evaluate(graph, new Map(feeds).set("logits", ndArray([4, 5], Array(20).fill(0.5))));
    assert.ok(distance(results.get("grouped")!, results.get("dense")!) < 1e-12);
  });
});

describe("the runtime computes mixtures of experts", { skip: skipWithoutRuntime }, () => {
  for (const each of CASES)
    test(`${each.k} of ${each.experts} for ${each.tokens} tokens, in both forms, and without knowing the number of tokens`, async () => {
      const fixed = layers(each, routeByLogit, each.tokens);
      const expected = evaluate(fixed.graph, fixed.feeds).get("dense")!;
      using bound = await bindGraph(fixed.graph, fixed.feeds, 2);
      await bound.run();
      const results = bound.results();
      for (const form of ["dense", "grouped"]) assert.ok(distance(results.get(form)!, expected) < 1e-5, form);
      const { graph, feeds } = layers(each, routeByLogit, "T");
      const named = evaluate(graph, feeds).get("grouped")!;
      assert.ok(distance(named, expected) < 1e-12);
      using any = await bindGraph(graph, feeds, 2);
      await any.run();
      assert.ok(distance(any.results().get("grouped")!, expected) < 1e-5);
      const doubled = ndArray(
        expected.shape,
        any
          .results()
          .get("apart")!
          .data.map((y) => y / 2),
      );
      assert.ok(distance(doubled, expected) < 1e-5, "in a branch");
    });
});

describe("scores that are no numbers", { skip: skipWithoutRuntime }, () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    test(`leave the other tokens as they are: ${bad}`, async () => {
      const each = { tokens: 4, experts: 5, k: 2 };
      for (const route of Object.values(ROUTES)) {
        const { graph, feeds } = layers(each, route, 4);
        const expected = evaluate(graph, feeds).get("grouped")!;
        const logits = feeds.get("logits")!.data.map((x, i) => (i >= 5 && i < 10 ? bad : x));
        using bound = await bindGraph(graph, new Map(feeds).set("logits", ndArray([4, 5], logits)), 2);
        await bound.run();
        const got = bound.results().get("grouped")!;
        const others = (x: NdArray) =>
          ndArray(
            [3, WIDTH],
            x.data.filter((_, i) => i < WIDTH || i >= 2 * WIDTH),
          );
        assert.ok(distance(others(got), others(expected)) < 1e-5);
      }
    });
});

describe("a mixture of many experts in an inference graph", () => {
  const config = {
    model_type: "mixtral",
    vocab_size: 11,
    hidden_size: 8,
    intermediate_size: 6,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    num_local_experts: 33,
    max_position_embeddings: 16,
  };
  const model = modelFromConfig(config, "config.json");
  const weights = patternWeights(model);
  const ids = [3, 1, 4, 1, 5, 9, 2];

  test("is a branch of its own, which no other node looks into", () => {
    const graph = cachedGraph(model, 1, 16);
    assert.equal(graph.regions.length, 2);
    const { nodes } = lowerGraph(graph, () => ({ kind: "input" }));
    const branches = nodes.filter(({ opType }) => opType === "If");
    assert.equal(branches.length, 2);
    assert.ok(!nodes.some(({ opType }) => opType === "Split"));
    const then = branches[0]!.attributes.then_branch!;
    assert.ok(then.kind === "graph" && then.value.nodes.filter(({ opType }) => opType === "Gemm").length === 3 * 33);
  });

  for (const { name, runtime, skip } of RUNTIMES)
    test(`gives the training graph's logits on ${name}, at once and one by one`, { skip }, async () => {
      const { graph, logits } = lossGraph(model, 1, ids.length);
      output(graph, "logits", logits);
      const expected = evaluate(
        graph,
        new Map([
          ...weights,
          ["input_ids", ndArray([1, ids.length], ids)],
          ["position_ids", ndArray([1, ids.length], [...ids.keys()])],
          ["targets", ndArray([1, ids.length], ids)],
          ["weights", ndArray([1, ids.length], Array(ids.length).fill(0))],
        ]),
      ).get("logits")!;
      const place = (each: string) => ({ kind: "memory", data: Float32Array.from(weights.get(each)!.data) }) as const;
      for (const chunk of [8, 1]) {
        using engine = await openEngine(runtime, model, { place }, { chunk, session: { threads: 2 } });
        const got = ndArray(expected.shape, (await logitsOf(engine, ids)).flat());
        assert.ok(distance(got, expected) < 1e-4, `in pieces of ${chunk}`);
      }
    });
});
