import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../../src/grad/backward.ts";
import { output } from "../../src/graph/build.ts";
import { lossGraph } from "../../src/models/heads.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { corrections } from "../../src/optim/adamw.ts";
import { stepGraph } from "../../src/train/graphs.ts";
import { causalLmObjective } from "../../src/train/objective.ts";
import { evaluate, type Feeds, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { distance, GOLDEN_MODELS, goldenFeeds, goldenModel, relativeDistance } from "../helpers/reference-models.ts";

const [BATCH, TOKENS, STEPS] = [2, 11, 10];
const zeros = (shape: readonly number[]) => fill(shape, () => 0);
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

for (const name of GOLDEN_MODELS) {
  describe(`${name}, evaluated in float64, agrees with PyTorch`, () => {
    const known = goldenModel(name);
    const { model, golden } = known;

    test("in logits, loss and the gradient of every parameter", () => {
      const { graph, loss, logits } = lossGraph(model, BATCH, TOKENS);
      const names = graph.parameters.map(({ value }) => value.name);
      const grads = gradients(
        loss,
        graph.parameters.map(({ value }) => value),
      );
      output(graph, "logits", logits);
      output(graph, "loss", loss);
      for (const [i, grad] of grads.entries()) output(graph, `grad.${names[i]}`, grad);
      const results = evaluate(graph, goldenFeeds(known));
      assert.ok(distance(results.get("logits")!, golden.get("logits")!) < 1e-5);
      assert.ok(distance(results.get("loss")!, golden.get("loss")!) < 1e-6);
      assert.deepEqual(names.toSorted(), [...known.weights.keys()].toSorted());
      for (const each of names) {
        const error = relativeDistance(results.get(`grad.${each}`)!, golden.get(`grad.${each}`)!);
        assert.ok(error < 4e-6, `${each}: the gradient is off by ${error} of its norm`);
      }
    });

    test("at positions that do not start at zero", () => {
      const builder = { ...trainingBuilder(name, BATCH, TOKENS), positions: model.maxPositions };
      output(builder.graph, "logits", model.head(builder, model.hidden(builder)));
      const fed = new Map([...goldenFeeds(known), ["position_ids", golden.get("shifted.position_ids")!] as const]);
      const error = distance(evaluate(builder.graph, fed).get("logits")!, golden.get("shifted.logits")!);
      assert.ok(error < 2e-5, `off by ${error}`);
    });

    test("over ten steps of AdamW with clipping", () => {
      const options = { adamw: ADAMW, clipNorm: 1, checkpointing: false };
      const graph = stepGraph(causalLmObjective(model, BATCH, TOKENS), options);
      let state: Feeds = new Map(graph.inputs.map(({ name: each, shape }) => [each, zeros(shape as number[])]));
      for (let step = 1; step <= STEPS; step++) {
        const { correction1, correction2 } = corrections(step, ADAMW);
        const scalars = { learning_rate: 3e-3, correction1, correction2 };
        const fed = Object.entries(scalars).map(([key, x]) => [key, ndArray([], [x])] as const);
        const base = step === 1 ? new Map([...state, ...goldenFeeds(known)]) : state;
        const results = evaluate(graph, new Map([...base, ...fed]));
        assert.ok(
          Math.abs(results.get("loss")!.data[0]! - golden.get("losses")!.data[step - 1]!) < 5e-6,
          `step ${step}`,
        );
        assert.ok(Math.abs(results.get("grad_norm")!.data[0]! / golden.get("norms")!.data[step - 1]! - 1) < 1e-4);
        state = new Map([...base].map(([key, array]) => [key, results.get(`new.${key}`) ?? array]));
      }
      for (const { value } of graph.parameters) {
        // A key's bias has no gradient, so AdamW makes steps of rounding noise; see the golden folder's README.
        const tolerance = value.name.endsWith("c_attn.bias") ? 1e-2 : 3e-4;
        const error = distance(state.get(value.name)!, golden.get(`final.${value.name}`)!);
        assert.ok(error < tolerance, `${value.name}: off by ${error} after ${STEPS} steps`);
      }
    });
  });
}
