import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { createGraph, input, output, parameter } from "../../src/graph/build.ts";
import { div, reduceSum, reshape, slice, topK } from "../../src/graph/functions.ts";
import type { Graph, Value } from "../../src/graph/types.ts";
import { distillation, softened } from "../../src/nn/distillation.ts";
import { crossEntropy, type Scored, sequenceLogProbs, tokenLogProbs } from "../../src/nn/losses.ts";
import { policyGradient } from "../../src/nn/policy-gradient.ts";
import { dpo, kto, ktoDivergence, orpo, pairwiseReward, simpo } from "../../src/nn/preference.ts";
import { golden } from "../helpers/paths.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";

/** What one of TRL's loss functions read and gave; tests/golden/tune/objectives.py made it. */
interface Case {
  readonly options: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, NdArray>>;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly grads: Readonly<Record<string, NdArray>>;
}

const cases = JSON.parse(readFileSync(golden("tune", "objectives.json"), "utf8")) as Record<string, Case>;

/** The inputs of a case as values of a graph, and the weights of a mean over its rows. */
interface Given {
  readonly graph: Graph;
  readonly of: (name: string) => Value;
  /** Weights (N) that add up to 1, fed under a name. */
  readonly mean: (rows: number, name?: string) => Value;
}

/** An objective of a case. */
type Write = (given: Given, options: never) => Scored;

const rowsOf = (x: Value) => x.shape[0] as number;
const flat = (x: Value) => reshape(x, [rowsOf(x) * (x.shape[1] as number), x.shape[2]!]); // (N, V)

const logProbs = ({ of }: Given) => tokenLogProbs(flat(of("logits")), of("targets"));
const answers = (given: Given, mean = false) => sequenceLogProbs(logProbs(given), given.of("mask"), { mean });

const OBJECTIVES: Readonly<Record<string, Write>> = {
  dpo: (g, options) => dpo(answers(g), g.of("reference"), g.mean(3), options),
  simpo: (g, options) => simpo(answers(g, true), g.mean(3), options),
  orpo: (g, options) => {
    const [logits, targets] = [slice(g.of("logits"), 0, 0, 3), slice(g.of("targets"), 0, 0, 3)];
    const nll = crossEntropy(flat(logits), targets, g.mean(15, "tokens"));
    return orpo(answers(g, true), nll, g.mean(3), options);
  },
  kto: (g, options) => {
    const kl = ktoDivergence(g.of("kl_policy"), g.of("kl_reference"), g.mean(6, "kl_weights"));
    const scored = kto(
      {
        policy: answers(g),
        reference: g.of("reference"),
        labels: g.of("labels"),
        weights: g.mean(6),
        labelWeights: g.of("labelWeights"),
        kl,
      },
      options,
    );
    return { ...scored, metrics: { ...scored.metrics, kl } };
  },
  reward: (g, options) => pairwiseReward(reshape(g.of("scores"), [6]), g.mean(3), options),
  distillation: (g, options) => {
    const weights = div(g.of("mask"), reduceSum(g.of("mask")));
    return distillation(flat(g.of("logits")), { logits: flat(g.of("teacher")) }, g.of("targets"), weights, options);
  },
  grpo: (g, options) =>
    policyGradient(
      {
        policy: logProbs(g),
        old: g.of("old"),
        reference: g.of("reference"),
        advantages: g.of("advantages"),
        weights: g.of("weights"),
      },
      options,
    ),
};

/** Everything that a case's objective gives, by TRL's names, evaluated in float64. */
function resultsOf(name: string, write: Write) {
  const { inputs, options, grads } = cases[name]!;
  const graph = createGraph(name);
  const feeds = new Map(Object.entries(inputs).map(([key, x]) => [key, ndArray(x.shape, x.data)]));
  const labels = inputs.labels?.data;
  if (labels)
    feeds.set(
      "labelWeights",
      ndArray(
        [6],
        Array.from(labels, (a) => 1 / labels.filter((b) => a === b).length),
      ),
    );
  const values = new Map([...feeds].map(([key, x]) => [key, declared(graph, key, x, key in grads)]));
  const mean = (rows: number, key = "row_weights") => {
    feeds.set(
      key,
      fill([rows], () => 1 / rows),
    );
    return input(graph, key, "float32", [rows]);
  };
  const { loss, metrics } = write({ graph, of: (key) => values.get(key)!, mean }, options as never);
  const moving = Object.keys(grads);
  const slopes = gradients(
    loss,
    moving.map((key) => values.get(key)!),
  );
  output(graph, "loss", loss);
  for (const [key, value] of Object.entries(metrics)) output(graph, `metric ${key}`, value);
  for (const [i, key] of moving.entries()) output(graph, `grad ${key}`, slopes[i]!);
  return evaluate(graph, feeds);
}

function declared(graph: Graph, name: string, { shape }: NdArray, isMoving: boolean): Value {
  if (isMoving) return parameter(graph, name, shape, { kind: "zeros" });
  return input(graph, name, name === "targets" || name === "ids" ? "int64" : "float32", shape);
}

describe("objectives equal TRL's loss functions in loss, metrics and gradients", () => {
  for (const [name, { loss, metrics, grads }] of Object.entries(cases))
    test(name, () => {
      const results = resultsOf(name, OBJECTIVES[name.split(" ")[0]!]!);
      const told = (key: string) => results.get(key)?.data[0] ?? Number.NaN;
      assert.ok(Math.abs(told("loss") - loss) < 1e-6, `loss: got ${told("loss")}, expected ${loss}`);
      for (const [key, x] of Object.entries(metrics))
        assert.ok(Math.abs(told(`metric ${key}`) - x) < 1e-6, `${key}: got ${told(`metric ${key}`)}, expected ${x}`);
      for (const [key, grad] of Object.entries(grads))
        assert.ok(distance(results.get(`grad ${key}`)!, grad) < 1e-6, `the gradient of ${key}`);
    });
});

describe("distillation from a teacher's most probable tokens", () => {
  const { logits, teacher, targets, mask } = cases.distillation!.inputs as Record<string, NdArray>;
  const [N, V] = [30, 7];
  const options = { temperature: 2, alpha: 0.6 };

  /** Losses and divergences from all tokens and from the first K of each row's order, and a gradient of the latter. */
  function distilled(K: number, from: NdArray, student: NdArray) {
    const graph = createGraph("kinds");
    const given = (name: string, shape: number[], dtype: "float32" | "int64" = "float32") =>
      input(graph, name, dtype, shape);
    const x = parameter(graph, "logits", [N, V], { kind: "zeros" });
    const [y, w, all] = [given("targets", [6, 5], "int64"), given("mask", [6, 5]), given("teacher", [N, V])];
    const [logProbs, ids] = topK(softened(all, options.temperature), 1, K);
    const dense = distillation(x, { logits: all }, y, w, options);
    const picked = distillation(x, { logProbs, ids }, y, w, options);
    output(graph, "dense", dense.metrics.kl!);
    output(graph, "picked", picked.metrics.kl!);
    output(graph, "grad", gradients(picked.metrics.kl!, [x])[0]!);
    return evaluate(
      graph,
      new Map([
        ["logits", ndArray([N, V], student.data)],
        ["teacher", ndArray([N, V], from.data)],
        ["targets", ndArray([6, 5], targets!.data)],
        ["mask", ndArray([6, 5], mask!.data)],
      ]),
    );
  }

  test("is distillation from all of them when they are all there", () => {
    const results = distilled(V, teacher!, logits!);
    assert.ok(distance(results.get("dense")!, results.get("picked")!) < 1e-12);
  });

  test("comes from below to that of all, the more tokens are told apart", () => {
    const found = [1, 3, 5].map((K) => distilled(K, teacher!, logits!));
    const [one, three, five] = found.map((results) => results.get("picked")!.data[0]!);
    const dense = found[0]!.get("dense")!.data[0]!;
    assert.ok(0 < one! && one! < three! && three! < five! && five! < dense, `${[one, three, five, dense]}`);
  });

  test("asks nothing of a student that is its teacher", () => {
    const results = distilled(3, teacher!, teacher!);
    for (const name of ["picked", "grad"])
      assert.ok(
        results.get(name)!.data.every((value) => Math.abs(value) < 1e-12),
        name,
      );
  });
});

describe("preference losses at their edges", () => {
  test("have the slope of a half where the model is still its reference", () => {
    const graph = createGraph("start");
    const policy = parameter(graph, "policy", [2], { kind: "zeros" });
    const { loss } = dpo(policy, input(graph, "reference", "float32", [2]), input(graph, "weights", "float32", [1]), {
      beta: 1,
      labelSmoothing: 0,
    });
    output(graph, "grad", gradients(loss, [policy])[0]!);
    const same = ndArray([2], [-3, -4]);
    const feeds = new Map([
      ["policy", same],
      ["reference", same],
      ["weights", ndArray([1], [1])],
    ]);
    assert.deepEqual([...evaluate(graph, feeds).get("grad")!.data], [-0.5, 0.5]);
  });

  test("of odds stay finite for an answer that is certain and for one that is impossible", () => {
    const graph = createGraph("odds");
    const policy = parameter(graph, "policy", [2], { kind: "zeros" });
    const nll = input(graph, "nll", "float32", []);
    const { loss } = orpo(policy, nll, input(graph, "weights", "float32", [1]), { beta: 1 });
    output(graph, "loss", loss);
    output(graph, "grad", gradients(loss, [policy])[0]!);
    for (const logps of [
      [0, -700],
      [-700, 0],
      [-1e-9, -1e-9],
    ]) {
      const feeds = new Map([
        ["policy", ndArray([2], logps)],
        ["nll", ndArray([], [0])],
        ["weights", ndArray([1], [1])],
      ]);
      for (const { data } of evaluate(graph, feeds).values())
        assert.ok(data.every(Number.isFinite), `${logps}: got ${data}`);
    }
  });

  test("refuse a number of rows that has no halves", () => {
    const graph = createGraph("odd");
    const policy = input(graph, "policy", "float32", [3]);
    assert.throws(() => simpo(policy, policy, { beta: 1, gamma: 0 }), {
      code: "BAD_SHAPE",
      message: /got 3 rows, expected chosen answers/,
    });
  });
});
