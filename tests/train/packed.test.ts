import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import type { Placement } from "../../src/graph/types.ts";
import { packPlan } from "../../src/models/pack-plan.ts";
import { addLora, isLoraParameter } from "../../src/nn/lora.ts";
import { evaluationGraph, stepGraph } from "../../src/train/graphs.ts";
import { causalLmObjective, changedObjective, type Objective, packedObjective } from "../../src/train/objective.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { evaluate, ndArray } from "../helpers/reference.ts";
import { GOLDEN_FAMILIES, goldenFamily } from "../helpers/reference-families.ts";
import { distance, GOLDEN_MODELS, type GoldenModel, goldenFeeds, goldenModel } from "../helpers/reference-models.ts";
import { packedModel } from "../helpers/reference-packed-model.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const [BATCH, TOKENS, STEPS] = [2, 11, 10];
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const LORA = { rank: 3, alpha: 6, targets: "all-linear" } as const;
const STEP = { adamw: ADAMW, clipNorm: 1 };

/** The model's loss with adapters, which alone are trained. */
function withAdapters({ model }: GoldenModel): Objective {
  return changedObjective(causalLmObjective(model, BATCH, TOKENS), isLoraParameter, (graph) =>
    addLora(graph, LORA, model.vocabSize),
  );
}

/** Adapters that change something already: B is not zero. */
function adapters(objective: Objective) {
  const { graph } = objective.write();
  const trained = graph.parameters.filter(({ value }) => objective.isTrained(value.name));
  return trained.map(({ value: { name, shape } }) => {
    const random = rng(5, name);
    const [rows, columns] = shape as [number, number];
    return [
      name,
      ndArray(
        [rows, columns],
        Array.from({ length: rows * columns }, () => Math.fround(0.2 * random.normal())),
      ),
    ] as const;
  });
}

/** Losses, norms and adapters of ten steps on the golden batch. */
async function train(
  known: GoldenModel,
  objective: Objective,
  frozen: (name: string) => Placement,
  checkpointing: boolean,
) {
  const options = { ...STEP, checkpointing, accumulation: 1, seed: 1, session: { threads: 2 }, frozen };
  using stepper = await createStepper(runtime!, objective, options);
  for (const [name, array] of adapters(objective))
    stepper
      .tensors()
      .get(name)!
      .data.set(elements("float32", array) as Float32Array);
  const feeds = goldenFeeds(known);
  const [results, losses]: [number[], number[]] = [[], []];
  for (let step = 1; step <= STEPS; step++) {
    const { loss, gradNorm } = await stepper.step(step, 3e-3, () => {
      for (const [name, tensor] of Object.entries(stepper.inputs))
        (tensor.data as Float32Array).set(elements(tensor.dtype, feeds.get(name)!) as Float32Array);
    });
    results.push(loss, gradNorm);
    losses.push(loss);
  }
  const final = stepper.parameters.flatMap((name) => [...stepper.tensors().get(name)!.data]);
  return {
    losses: ndArray([STEPS], losses),
    results: ndArray([results.length], results),
    final: ndArray([final.length], final),
  };
}

for (const name of GOLDEN_MODELS)
  for (const bits of [4, 8] as const)
    describe(`${name} with frozen weights of ${bits} bits`, () => {
      const known = goldenModel(name);
      const packed = packedModel(known, bits);
      const plain = withAdapters(known);
      const objective = packedObjective(plain, packed.groups);
      const frozenFloats = (parameter: string): Placement => {
        const { data } = packed.floats.get(parameter)!;
        return { kind: "memory", data: Float32Array.from(data) };
      };
      const frozenBlocks = (parameter: string) => packed.places.get(parameter)!;

      test("steps as the float model of the blocks' numbers does, by the reference", () => {
        const state = (graph: ReturnType<typeof stepGraph>) =>
          graph.inputs
            .filter(({ name: input }) => !goldenFeeds(known).has(input))
            .map(({ name: input, shape }) => {
              const size = shape.reduce<number>((n, dim) => n * Number(dim), 1);
              return [
                input,
                ndArray(shape as number[], Array<number>(size).fill(input === "learning_rate" ? 1e-3 : 0.1)),
              ] as const;
            });
        const results = [plain, objective].map((each, i) => {
          const graph = stepGraph(each, { ...STEP, checkpointing: i === 1 });
          const feeds = [
            ...goldenFeeds(known),
            ...(i === 0 ? packed.floats : packed.arrays),
            ...adapters(each),
            ...state(graph),
          ];
          return evaluate(graph, new Map(feeds));
        });
        for (const [output, array] of results[0]!)
          assert.ok(
            distance(results[1]!.get(output)!, array) < 1e-6,
            `${output}: off by ${distance(results[1]!.get(output)!, array)}`,
          );
      });

      test("trains as the float model of the blocks' numbers does, ten steps within 1e-4", {
        skip: skipWithoutRuntime,
      }, async () => {
        const expected = await train(known, plain, frozenFloats, false);
        for (const checkpointing of [false, true]) {
          const got = await train(known, objective, frozenBlocks, checkpointing);
          for (const part of ["results", "final"] as const) {
            const error = distance(got[part], expected[part]);
            assert.ok(error < 1e-4, `${part}, checkpointing ${checkpointing}: off by ${error}`);
          }
        }
      });

      test("trains to nearly the same with the activations of inference, of 8 bits", {
        skip: skipWithoutRuntime,
      }, async () => {
        const exact = await train(known, objective, frozenBlocks, false);
        const rounded = await train(
          known,
          packedObjective(plain, packed.groups, { rounded: true }),
          frozenBlocks,
          false,
        );
        const error = distance(rounded.losses, exact.losses);
        assert.ok(error > 0 && error < 0.05, `off by ${error}`);
      });

      test("has gradients of adapters alone, and floats of a weight for one product and no longer", () => {
        const graph = stepGraph(objective, { ...STEP, checkpointing: true });
        const trained = graph.parameters
          .filter(({ value }) => objective.isTrained(value.name))
          .map(({ value }) => `new.${value.name}`);
        const moved = graph.outputs.map(({ name: output }) => output).filter((output) => /^new\.(?!adam)/.test(output));
        assert.deepEqual(moved.sort(), trained.sort());
        const widened = graph.nodes.filter(({ op }) => op === "DequantizeLinear");
        assert.ok(widened.length > 0);
        for (const { outputs } of widened)
          assert.equal(graph.nodes.filter(({ inputs }) => inputs.includes(outputs[0])).length, 1);
      });

      test("is evaluated over the same blocks", () => {
        const { nodes, parameters } = evaluationGraph(objective);
        const blocks = parameters.map(({ value }) => value.name).filter((each) => each.endsWith("_packed"));
        assert.ok(blocks.length > 0 && blocks.every((each) => packed.places.has(each)));
        assert.ok(nodes.every(({ op }) => op !== (bits === 8 ? "MatMulNBits" : "DequantizeLinear")));
      });
    });

describe("steps beside packed weights", () => {
  test("are written for every family, each product widened once and none of its floats kept", () => {
    for (const family of GOLDEN_FAMILIES.filter((name) => !name.startsWith("gpt_oss"))) {
      const { model } = goldenFamily(family);
      const format = { bits: 4, block: 16, headBits: 8, embeddingBits: 8 } as const;
      const plan = packPlan(model, format).flat();
      const groups = plan.map(({ name, rows, width, format: { bits, block } }) => [
        { name, rows, width, bits, blockSize: block },
      ]);
      const whole = changedObjective(causalLmObjective(model, 1, 8), isLoraParameter, (graph) =>
        addLora(graph, LORA, model.vocabSize),
      );
      const graph = stepGraph(packedObjective(whole, groups), { ...STEP, checkpointing: true });
      const left = new Set(graph.parameters.map(({ value }) => value.name));
      assert.ok(plan.length > 5 && plan.every(({ name }) => !left.has(name)), family);
      const widened = graph.nodes.filter(({ op }) => op === "DequantizeLinear").map(({ outputs }) => outputs[0]!);
      assert.ok(widened.length > 5, family);
      for (const floats of widened)
        assert.equal(graph.nodes.filter(({ inputs }) => inputs.includes(floats)).length, 1, family);
    }
  });
});
