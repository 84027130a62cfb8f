import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { output } from "../../src/graph/build.ts";
import { lossGraph } from "../../src/models/heads.ts";
import { causalLmBatch, causalLmObjective } from "../../src/train/objective.ts";
import { createStepper, type StepperOptions } from "../../src/train/stepper.ts";
import { golden as goldenPath } from "../helpers/paths.ts";
import { type NdArray, ndArray } from "../helpers/reference.ts";
import { continuationOf, logitsOf, openFolder } from "../helpers/reference-engine.ts";
import {
  distance,
  GOLDEN_MODELS,
  type GoldenModel,
  goldenFeeds,
  goldenModel,
  relativeDistance,
} from "../helpers/reference-models.ts";
import { bindGraph, elements, runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const [BATCH, TOKENS, STEPS] = [2, 11, 10];
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

/** Ten steps of training on the golden batch, split into micro-batches of rows. */
async function train(known: GoldenModel, changes: Partial<StepperOptions> = {}) {
  const accumulation = changes.accumulation ?? 1;
  const batch = BATCH / accumulation;
  const objective = causalLmObjective(known.model, batch, TOKENS);
  const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false, accumulation, seed: 1 };
  using stepper = await createStepper(runtime!, objective, { ...options, session: { threads: 2 }, ...changes });
  for (const name of stepper.parameters)
    stepper
      .tensors()
      .get(name)!
      .data.set(elements("float32", known.weights.get(name)!) as Float32Array);
  const feeds = goldenFeeds(known);
  const rows = (name: string, micro: number): NdArray => {
    const { data } = feeds.get(name)!;
    return ndArray([batch, TOKENS], data.slice(micro * batch * TOKENS, (micro + 1) * batch * TOKENS));
  };
  const fill = (micro: number) => {
    causalLmBatch(stepper.inputs).inputIds.data.set(elements("int64", rows("input_ids", micro)) as BigInt64Array);
    causalLmBatch(stepper.inputs).targets.data.set(elements("int64", rows("targets", micro)) as BigInt64Array);
    causalLmBatch(stepper.inputs).weights.data.set(elements("float32", rows("weights", micro)) as Float32Array);
  };
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 1; step <= STEPS; step++) {
    const { loss, gradNorm } = await stepper.step(step, 3e-3, fill);
    losses.push(loss);
    norms.push(gradNorm);
  }
  const final = new Map(
    stepper.parameters.map((name) => {
      const { shape, data } = stepper.tensors().get(name)!;
      return [name, ndArray(shape, data)] as const;
    }),
  );
  return { losses: ndArray([STEPS], losses), norms: ndArray([STEPS], norms), final };
}

for (const name of GOLDEN_MODELS) {
  describe(`${name} on the runtime`, { skip: skipWithoutRuntime }, () => {
    const known = goldenModel(name);
    const { model, golden } = known;
    const ids = golden.get("input_ids")!;
    const rowIds = (b: number) => [...ids.data.slice(b * TOKENS, (b + 1) * TOKENS)];
    const folder = goldenPath("models", name);

    test("gives PyTorch's logits for each row, whether its tokens come at once or in pieces of 3", async () => {
      for (const chunk of [512, 3]) {
        using engine = await openFolder(folder, chunk);
        const rows = [...(await logitsOf(engine, rowIds(0))), ...(await logitsOf(engine, rowIds(1)))];
        const error = distance(ndArray(golden.get("logits")!.shape, rows.flat()), golden.get("logits")!);
        assert.ok(error < 1e-4, `chunk ${chunk}: off by ${error}`);
      }
    });

    test("continues a prompt as PyTorch does", async () => {
      using engine = await openFolder(folder);
      const greedy = [...golden.get("greedy")!.data];
      assert.deepEqual(await continuationOf(engine, greedy.slice(0, 5), greedy.length - 5), greedy.slice(5));
    });

    test("gives PyTorch's gradient of every parameter", async () => {
      const { graph, loss } = lossGraph(model, BATCH, TOKENS);
      const parameters = graph.parameters.map(({ value }) => value);
      for (const [i, grad] of gradients(loss, parameters).entries()) output(graph, `grad.${parameters[i]!.name}`, grad);
      using bound = await bindGraph(graph, goldenFeeds(known), 2);
      await bound.run();
      for (const [key, grad] of bound.results()) {
        const error = relativeDistance(grad, golden.get(key)!);
        assert.ok(error < 1e-4, `${key}: off by ${error} of its norm`);
      }
    });

    test("follows PyTorch over ten steps of AdamW", async () => {
      const { losses, norms, final } = await train(known);
      assert.ok(distance(losses, golden.get("losses")!) < 1e-4);
      assert.ok(relativeDistance(norms, golden.get("norms")!) < 1e-4);
      for (const [key, array] of final) {
        // A key's bias has no gradient, so AdamW makes steps of rounding noise; see the golden folder's README.
        const error = distance(array, golden.get(`final.${key}`)!);
        assert.ok(error < (key.endsWith("c_attn.bias") ? 6e-2 : 1e-3), `${key}: off by ${error}`);
      }
    });

    test("trains to the same bits when run again, when blocks are computed twice, and with planned memory", async () => {
      const first = await train(known);
      const patterned = { session: { threads: 2, memoryPattern: true } };
      for (const changes of [{}, { checkpointing: true }, patterned]) {
        const again = await train(known, changes);
        assert.deepEqual(again.losses, first.losses);
        assert.deepEqual(again.final, first.final);
      }
    });

    test("trains alike on one batch and on its rows one after the other", async () => {
      const { losses, norms } = await train(known, { accumulation: 2 });
      assert.ok(distance(losses, golden.get("losses")!) < 1e-4);
      assert.ok(relativeDistance(norms, golden.get("norms")!) < 1e-4);
    });
  });
}
