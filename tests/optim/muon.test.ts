import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, input, output, parameter } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/types.ts";
import { isMuons, muonUpdate, orthogonalised } from "../../src/optim/muon.ts";
import { evaluate, type NdArray, ndArray } from "../helpers/reference.ts";
import { map, product, swapLast, zip } from "../helpers/reference-array.ts";
import { shapesOf } from "../helpers/reference-engine.ts";
import { distance, goldenModel } from "../helpers/reference-models.ts";
import { bindGraph, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const OPTIONS = { rateRatio: 5, momentum: 0.95, weightDecay: 0.1 };
const SHAPES = [
  [4, 4],
  [3, 7],
  [7, 3],
  [1, 5],
] as const;

function random(shape: readonly number[], name: string): NdArray {
  const draw = rng(7, name);
  return ndArray(
    shape,
    Array.from({ length: shape.reduce((n, dim) => n * dim, 1) }, () => draw.normal()),
  );
}

const scaled = (x: NdArray, factor: number) => map(x, (a) => factor * a);
const plus = (a: NdArray, b: NdArray) => zip(a, b, (p, q) => p + q);
const turned = (x: NdArray) => swapLast(x, true);

const TURNS = [
  [8.2987, -24.4305, 18.0903],
  [3.9152, -2.9211, 0.5592],
  [3.1746, -2.3804, 0.4978],
] as const;

/** The iteration as its authors write it: X <- a X + (b A + c A^2) X with A = X X^T, of the transpose where X is tall. */
function newtonSchulz(x: NdArray): NdArray {
  const [rows, columns] = x.shape as [number, number];
  if (rows > columns) return turned(newtonSchulz(turned(x)));
  let y = scaled(x, 1 / (1.01 * Math.hypot(...x.data) + 1e-7));
  for (const [a, b, c] of TURNS) {
    const square = product(y, turned(y));
    const factor = plus(scaled(square, b), scaled(product(square, square), c));
    y = plus(scaled(y, a), product(factor, y));
  }
  return y;
}

function update(shape: readonly number[]): Graph {
  const graph = createGraph("muon");
  const weight = parameter(graph, "w", shape, { kind: "zeros" });
  muonUpdate(weight, input(graph, "grad", "float32", shape), input(graph, "learning_rate", "float32", []), OPTIONS);
  return graph;
}

function orthogonalise(x: NdArray): NdArray {
  const graph = createGraph("orthogonalised");
  output(graph, "y", orthogonalised(input(graph, "x", "float32", x.shape)));
  return evaluate(graph, new Map([["x", x]])).get("y")!;
}

/** An orthogonal matrix: the reflection I - 2 v v^T / v^T v. */
function reflection(size: number): NdArray {
  const v = random([size, 1], `reflection ${size}`);
  const norm = product(turned(v), v).data[0]!;
  const outer = product(v, turned(v));
  return ndArray(
    [size, size],
    outer.data.map((x, i) => (i % (size + 1) === 0 ? 1 : 0) - (2 * x) / norm),
  );
}

describe("Muon", () => {
  test("steps as the published algorithm does, three times over", () => {
    for (const shape of SHAPES) {
      const graph = update(shape);
      let [weight, m] = [random(shape, "w"), scaled(random(shape, "m"), 0.1)];
      let state: ReadonlyMap<string, NdArray> = new Map([
        ["w", weight],
        ["muon.m.w", m],
      ]);
      for (let step = 1; step <= 3; step++) {
        const grad = random(shape, `grad ${step}`);
        const fed = new Map([...state, ["grad", grad], ["learning_rate", ndArray([], [0.002])]] as const);
        const results = evaluate(graph, fed);
        m = plus(scaled(m, 0.95), scaled(grad, 0.05));
        const change = newtonSchulz(plus(scaled(grad, 0.05), scaled(m, 0.95)));
        const size = 0.01 * 0.2 * Math.sqrt(Math.max(...shape));
        weight = plus(scaled(weight, 1 - 0.01 * 0.1), scaled(change, -size));
        assert.ok(distance(results.get("new.w")!, weight) < 1e-6, `weights [${shape}] at step ${step}`);
        assert.ok(distance(results.get("new.muon.m.w")!, m) < 1e-6, `momentum [${shape}] at step ${step}`);
        state = new Map(["w", "muon.m.w"].map((name) => [name, results.get(`new.${name}`)!] as const));
      }
    }
  });

  test("keeps the singular vectors of the momentum and makes all singular values about 1", () => {
    const [u, v] = [reflection(4), reflection(6)];
    const values = [3, 1, 0.3, 0.02];
    const s = ndArray(
      [4, 6],
      Array.from({ length: 24 }, (_, i) => (i % 6 === Math.floor(i / 6) ? values[i % 6]! : 0)),
    );
    for (const scale of [1, 1e-4, 1e4]) {
      const made = orthogonalise(scaled(product(product(u, s), v), scale));
      const inner = product(product(turned(u), made), turned(v));
      for (const [i, x] of inner.data.entries()) {
        if (i % 6 !== Math.floor(i / 6)) assert.ok(Math.abs(x) < 1e-6, `${x} beside the diagonal`);
        else assert.ok(x > 0.5 && x < 1.5, `the singular value ${x}`);
      }
    }
  });

  test("stays in bounds on the runtime for a matrix of rank one", { skip: skipWithoutRuntime }, async () => {
    for (const shape of [[300, 200] as const, [64, 512] as const]) {
      const [rows, columns] = shape;
      const x = product(random([rows, 1], "column"), random([1, columns], "row"));
      const graph = createGraph("orthogonalised");
      output(graph, "y", orthogonalised(input(graph, "x", "float32", shape)));
      using bound = await bindGraph(graph, new Map([["x", x]]), 2);
      await bound.run();
      const length = Math.hypot(...bound.results().get("y")!.data);
      assert.ok(length > 0.5 && length < 1.5, `the one singular value of [${shape}]: ${length}`);
    }
  });

  test("makes nothing of nothing", () => {
    assert.deepEqual([...orthogonalise(ndArray([2, 3], new Float64Array(6))).data], [0, 0, 0, 0, 0, 0]);
  });

  test("treats GPT-2's matrices, stored (in, out), as it would their transposes", () => {
    const x = random([3, 7], "x");
    assert.ok(distance(turned(orthogonalise(x)), orthogonalise(turned(x))) < 1e-12);
    const step = (shape: readonly number[], turn: boolean) => {
      const feeds = ["w", "grad", "muon.m.w"].map((name) => [name, random([3, 7], name)] as const);
      const fed = feeds.map(([name, array]) => [name, turn ? turned(array) : array] as const);
      return evaluate(update(shape), new Map([...fed, ["learning_rate", ndArray([], [0.002])]])).get("new.w")!;
    };
    assert.ok(distance(turned(step([3, 7], false)), step([7, 3], true)) < 1e-12);
  });

  test("takes the matrices inside blocks, and leaves embeddings, heads and vectors to AdamW", () => {
    const taken = (name: "gpt2-tiny" | "llama-tiny") =>
      [...shapesOf(goldenModel(name).model)]
        .filter(([parameterName, shape]) => isMuons({ name: parameterName, shape }))
        .map(([parameterName]) => parameterName.replace(/\d+/, "0"));
    const distinct = (names: readonly string[]) => [...new Set(names)].sort();
    assert.deepEqual(
      distinct(taken("gpt2-tiny")),
      ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"].map((each) => `transformer.h.0.${each}.weight`),
    );
    const attention = ["k_proj", "o_proj", "q_proj", "v_proj"].map((each) => `self_attn.${each}`);
    const mlp = ["down_proj", "gate_proj", "up_proj"].map((each) => `mlp.${each}`);
    assert.deepEqual(
      distinct(taken("llama-tiny")),
      [...mlp, ...attention].map((each) => `model.layers.0.${each}.weight`),
    );
  });

  test("comes out of the runtime as out of the reference", { skip: skipWithoutRuntime }, async () => {
    assert.ok(runtime);
    for (const shape of [...SHAPES, [48, 40] as const]) {
      const graph = update(shape);
      const feeds = new Map(["w", "grad", "muon.m.w"].map((name) => [name, random(shape, name)] as const));
      feeds.set("learning_rate", ndArray([], [0.002]));
      using bound = await bindGraph(graph, feeds, 2);
      await bound.run();
      const results = bound.results();
      for (const [name, expected] of evaluate(graph, feeds)) {
        const error = distance(results.get(name)!, expected);
        assert.ok(error < 2e-5, `${name} [${shape}]: off by ${error}`);
      }
    }
  });
});
