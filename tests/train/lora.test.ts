import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LoraOptions } from "../../src/nn/lora.ts";
import type { Tensor } from "../../src/runtime/types.ts";
import { startMagnitudes } from "../../src/train/magnitudes.ts";
import { causalLmBatch } from "../../src/train/objective.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { ndArray } from "../helpers/reference.ts";
import { LORA_CASES, type LoraCase, loraCase, loraObjective, loraStart } from "../helpers/reference-lora.ts";
import { distance, positions, relativeDistance } from "../helpers/reference-models.ts";
import { elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const STEPS = 10;
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

/** peft's ten steps, done here. */
async function train(known: LoraCase, { accumulation = 1, checkpointing = false } = {}) {
  const { model, lora, golden, weights } = known;
  const [batch, tokens] = golden.get("input_ids")!.shape as [number, number];
  const rows = batch / accumulation;
  const objective = loraObjective(model, lora, rows, tokens);
  const frozen = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;
  const options = { adamw: ADAMW, clipNorm: 1, checkpointing, accumulation, seed: 1, session: { threads: 2 }, frozen };
  using stepper = await createStepper(runtime!, objective, options);
  await startMagnitudes(runtime!, objective, stepper);
  for (const name of stepper.parameters) {
    const { data, shape } = stepper.tensors().get(name)!;
    const start = loraStart(known, name, shape);
    if (start) data.set(elements("float32", start) as Float32Array);
  }
  const feeds = new Map([...golden, ["position_ids", positions(batch, tokens)] as const]);
  const fillWith = (step: number) => (micro: number) => {
    for (const [name, { data, dtype }] of Object.entries(stepper.inputs)) {
      const whole = elements(dtype, feeds.get(name)!);
      const at = name.startsWith("dropout") ? step : micro;
      data.set(whole.subarray(at * data.length, (at + 1) * data.length) as never);
    }
  };
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 1; step <= STEPS; step++) {
    const { loss, gradNorm } = await stepper.step(step, 3e-3, fillWith(step - 1));
    losses.push(loss);
    norms.push(gradNorm);
  }
  const arrays = (tensor: Tensor<"float32">) => ndArray(tensor.shape, Float32Array.from(tensor.data));
  const final = new Map(stepper.parameters.map((name) => [name, arrays(stepper.tensors().get(name)!)]));
  return { losses: ndArray([STEPS], losses), norms: ndArray([STEPS], norms), final };
}

function follows(known: LoraCase, { losses, norms, final }: Awaited<ReturnType<typeof train>>): void {
  const { golden } = known;
  const off = distance(losses, golden.get("losses")!);
  assert.ok(off < 1e-4, `losses are off by ${off}`);
  const normsOff = relativeDistance(norms, golden.get("norms")!);
  assert.ok(normsOff < 1e-4, `norms are off by ${normsOff}`);
  const trained = [...golden.keys()].filter((name) => name.startsWith("final.")).map((name) => name.slice(6));
  assert.deepEqual([...final.keys()].sort(), trained.sort());
  for (const [name, array] of final) {
    const error = distance(array, golden.get(`final.${name}`)!);
    assert.ok(error < 1e-3, `${name} is off by ${error}`);
  }
}

describe("adapters follow peft over ten steps of AdamW", { skip: skipWithoutRuntime }, () => {
  for (const name of LORA_CASES) test(name, async () => follows(loraCase(name), await train(loraCase(name))));
});

describe("adapters in micro-batches, with blocks computed twice", { skip: skipWithoutRuntime }, () => {
  for (const name of LORA_CASES.filter((each) => !each.endsWith("dropout")))
    test(name, async () =>
      follows(loraCase(name), await train(loraCase(name), { accumulation: 2, checkpointing: true })),
    );
});

describe("dropout of adapters", { skip: skipWithoutRuntime }, () => {
  const { model, weights } = loraCase("llama-dropout");
  const lora: LoraOptions = { rank: 4, alpha: 8, dropout: 0.3, targets: ["q_proj", "v_proj", "down_proj"] };
  const frozen = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;

  /** Losses of three steps, and the masks' inputs of each. */
  async function losses(seed: number, accumulation = 1) {
    const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false, accumulation, seed, session: { threads: 2 } };
    using stepper = await createStepper(runtime!, loraObjective(model, lora, 2, 9), { ...options, frozen });
    const { inputIds, targets, weights: each } = causalLmBatch(stepper.inputs);
    inputIds.data.forEach((_, i) => {
      inputIds.data[i] = BigInt((5 * i) % model.vocabSize);
      targets.data[i] = BigInt((5 * i + 5) % model.vocabSize);
    });
    each.data.fill(1 / each.data.length / accumulation);
    for (const name of stepper.parameters) if (name.includes("lora_B")) stepper.tensors().get(name)!.data.fill(0.1);
    const made: number[] = [];
    for (const step of [1, 2, 3]) made.push((await stepper.step(step, 0, () => {})).loss);
    return made;
  }

  test("is the same again for the same seed and step, and another one at every step", async () => {
    const [first, again, other] = [await losses(1), await losses(1), await losses(2)];
    assert.deepEqual(first, again);
    assert.equal(new Set([...first, ...other]).size, 6);
  });

  test("is another one in every micro-batch", async () => {
    const [whole, halves] = [await losses(1), await losses(1, 2)];
    assert.ok(whole.every((loss, i) => Math.abs(loss - halves[i]!) > 1e-6));
  });
});
