import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, output } from "../../src/graph/build.ts";
import { adapterBase } from "../../src/models/adapted.ts";
import { trainingGraph } from "../../src/models/heads.ts";
import { modelFromConfig, newConfig } from "../../src/models/registry.ts";
import { drawDropouts, dropouts } from "../../src/nn/dropout.ts";
import { addLora, type LoraOptions, loraScale, trainedWith } from "../../src/nn/lora.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { evaluate, ndArray } from "../helpers/reference.ts";
import { goldenFamily } from "../helpers/reference-families.ts";
import { loraObjective } from "../helpers/reference-lora.ts";
import { goldenModel } from "../helpers/reference-models.ts";

const LORA: LoraOptions = { rank: 2, alpha: 4, targets: "all-linear" };
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

/** Modules that get adapters. */
function modulesOf(model: ReturnType<typeof goldenModel>["model"], options: Partial<LoraOptions>): string[] {
  const { graph, logits } = trainingGraph(model, { batch: 1, tokens: 4 });
  output(graph, "logits", logits);
  return addLora(graph, { ...LORA, ...options }, model.vocabSize, adapterBase(model).tied);
}

describe("targets of adapters", () => {
  const llama = goldenModel("llama-tiny").model;
  const layer = (i: number, ...names: string[]) => names.map((name) => `model.layers.${i}.${name}`);

  test("are every linear layer but the head, tied or not", () => {
    const each = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"];
    const all = [...each, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];
    const expected = [...layer(0, ...all), ...layer(1, ...all)].sort();
    for (const model of [llama, goldenModel("llama-tied").model])
      assert.deepEqual(modulesOf(model, {}).sort(), expected);
  });

  test("leave out experts and what chooses them, as PEFT's do", () => {
    const modules = modulesOf(goldenFamily("qwen3_moe").model, {});
    assert.ok(modules.length > 0 && modules.every((name) => name.includes("self_attn") || /mlp\.\w+_proj$/.test(name)));
  });

  test("are the ends of names, or a pattern of whole names", () => {
    assert.deepEqual(modulesOf(llama, { targets: ["v_proj"] }), [
      ...layer(0, "self_attn.v_proj"),
      ...layer(1, "self_attn.v_proj"),
    ]);
    assert.deepEqual(modulesOf(llama, { targets: [".*\\.1\\..*\\.(q|v)_proj"].join("") }), [
      ...layer(1, "self_attn.q_proj", "self_attn.v_proj"),
    ]);
    assert.deepEqual(modulesOf(llama, { targets: ["lm_head"] }), ["lm_head"]);
  });

  test("are refused by name where they are no linear layers", () => {
    for (const [options, says] of [
      [{ targets: ["v_proj", "embed_tokens"] }, /targets: got embed_tokens, expected the end of a linear layer's name/],
      [{ targets: ["proj"] }, /targets: got proj/],
      [{ targets: [] }, /targets: got none/],
      [{ targets: "v_proj" }, /targets: got v_proj/],
      [{ targets: "(" }, /targets: got \(: Invalid regular expression/],
      [{ modulesToSave: ["heads"] }, /modulesToSave: got heads, expected the end of a module's name/],
    ] as const)
      assert.throws(() => modulesOf(llama, options), { code: "BAD_OPTION", message: says });
    const tied = goldenModel("llama-tied").model;
    assert.throws(() => modulesOf(tied, { targets: ["embed_tokens"] }), {
      code: "BAD_OPTION",
      message: /embed_tokens/,
    });
  });

  test("get no adapter where they are trained whole", () => {
    const options = { targets: ["o_proj"], modulesToSave: ["1.self_attn.o_proj"] };
    assert.deepEqual(modulesOf(llama, options), layer(0, "self_attn.o_proj"));
  });
});

describe("what is trained", () => {
  test("are adapters and the modules named, and a tied head with its embedding", () => {
    const tied = { head: "lm_head", table: "model.embed_tokens.weight" };
    const names = ["model.embed_tokens.weight", "model.norm.weight", "model.layers.0.mlp.up_proj.lora_A.weight"];
    const trained = (modulesToSave: string[], of = tied) => names.filter(trainedWith({ ...LORA, modulesToSave }, of));
    assert.deepEqual(trained([]), [names[2]]);
    assert.deepEqual(trained(["lm_head"]), [names[0], names[2]]);
    assert.deepEqual(trained(["embed_tokens"]), [names[0], names[2]]);
    assert.deepEqual(trained(["norm"]), [names[1], names[2]]);
  });

  test("alone has gradients and state, and the backward pass ends at the first of it", () => {
    const sizes = { vocabSize: 32, layers: 3, heads: 2, kvHeads: 1, dim: 16, feedForward: 24, context: 8 };
    const model = modelFromConfig(newConfig("llama", { ...sizes, tied: true }), "config.json");
    const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false };
    const lora = { ...LORA, targets: ".*\\.[12]\\.self_attn\\.(q|v)_proj" };
    const graph = stepGraph(loraObjective(model, lora, 2, 5), options);
    const adapters = ["1", "2"].flatMap((i) =>
      ["q", "v"].flatMap((m) => ["A", "B"].map((part) => `model.layers.${i}.self_attn.${m}_proj.lora_${part}.weight`)),
    );
    const outputs = graph.outputs.map(({ name }) => name).filter((name) => name.startsWith("new."));
    const expected = adapters.flatMap((name) => [name, `adam.m.${name}`, `adam.v.${name}`]);
    assert.deepEqual(outputs.sort(), expected.map((name) => `new.${name}`).sort());
    const frozen = new Set(graph.parameters.map(({ value }) => value).filter(({ name }) => !name.includes("lora")));
    const shapes = new Set([...frozen].map(({ shape }) => shape.join()).filter((shape) => shape.includes(",")));
    const backward = graph.nodes.filter(({ scope }) => scope.startsWith("grad:"));
    assert.ok(backward.length > 0);
    for (const { name, scope, outputs: made } of backward) {
      assert.ok(!scope.includes("layers.0"), `${name}: a block before the first adapter has a backward pass`);
      assert.ok(!scope.includes("embed_tokens"), `${name}: the embedding has a gradient`);
      for (const { shape } of made) assert.ok(!shapes.has(shape.join()), `${name} has the shape of a frozen matrix`);
    }
    const scopes = [...new Set(backward.map(({ scope }) => scope))];
    assert.ok(!scopes.some((scope) => /layers\.1\.(input_layernorm|self_attn\.k_proj)$/.test(scope)), `${scopes}`);
  });
});

describe("scales of adapters", () => {
  test("are alpha / r, or alpha over the root of r", () => {
    assert.equal(loraScale({ ...LORA, rank: 16, alpha: 8 }), 0.5);
    assert.equal(loraScale({ ...LORA, rank: 16, alpha: 8, rsLora: true }), 2);
  });
});

describe("masks of dropout", () => {
  const [rows, widths, rate] = [200, [300, 100], 0.2] as const;

  /** Masks of two matrices for a step. */
  function masks(step: number, seed = 1) {
    const graph = createGraph("masks");
    const next = dropouts(graph, rows, 400, rate);
    for (const width of widths) output(graph, `${width}`, next(width));
    const inputs = Object.fromEntries(
      graph.inputs.map(({ name, shape }) => [
        name,
        { shape: shape as number[], data: new Float32Array((shape[0] as number) * (shape[1] as number)) },
      ]),
    );
    drawDropouts(inputs, { seed, step, microBatch: 0 });
    const feeds = new Map(
      Object.entries(inputs).map(([name, { shape, data }]) => [name, ndArray(shape, data)] as const),
    );
    return widths.map((width) => evaluate(graph, feeds).get(`${width}`)!.data);
  }

  /** How often two masks agree. */
  const agreement = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).filter((x, i) => x === b[i]).length / a.length;
  const byChance = rate ** 2 + (1 - rate) ** 2;

  test("drop the part asked for, of every row and of every column", () => {
    for (const mask of masks(1)) {
      assert.ok(mask.every((x) => x === 0 || x === 1));
      const kept = mask.reduce((sum, x) => sum + x, 0) / mask.length;
      assert.ok(Math.abs(kept - (1 - rate)) < 0.01, `${kept} are kept`);
    }
    const [wide] = masks(1);
    for (let row = 0; row < rows; row++) {
      const kept = wide!.slice(row * 300, (row + 1) * 300).reduce((sum, x) => sum + x, 0) / 300;
      assert.ok(Math.abs(kept - (1 - rate)) < 0.12, `row ${row}: ${kept} are kept`);
    }
  });

  test("are independent of each other: of two steps, two rows, two columns", () => {
    const [first, second] = [masks(1)[0]!, masks(2)[0]!];
    assert.ok(Math.abs(agreement(first, second) - byChance) < 0.02);
    const random = rng(3, "pairs");
    let [far, sum] = [0, 0];
    for (let i = 0; i < 300; i++) {
      const [a, b] = [random.below(rows), random.below(rows)];
      if (a === b) continue;
      const rowOf = (row: number) => first.slice(row * 300, (row + 1) * 300);
      const agreed = agreement(rowOf(a), rowOf(b));
      sum += agreed;
      if (Math.abs(agreed - byChance) > 0.12) far++;
    }
    assert.ok(far < 9, `${far} of 300 pairs of rows are alike`);
    assert.ok(Math.abs(sum / 300 - byChance) < 0.02);
  });
});
