import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { peakBytes } from "../../src/graph/memory.ts";
import { modelFromConfig, newConfig } from "../../src/models/registry.ts";
import { accumulationGraph, stepGraph } from "../../src/train/graphs.ts";
import { causalLmObjective } from "../../src/train/objective.ts";
import { runtimeOrder } from "../helpers/reference-order.ts";

const SIZES = { vocabSize: 64, layers: 8, heads: 2, kvHeads: 2, dim: 32, context: 128 };
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };

describe("recomputing blocks", () => {
  for (const family of ["gpt2", "llama"])
    for (const [says, write] of Object.entries({ "a whole step": stepGraph, "a micro-batch": accumulationGraph }))
      test(`cuts the memory of ${says} of ${family} to a third, in the order written and in the runtime's own`, () => {
        const model = modelFromConfig(newConfig(family, SIZES), "config.json");
        const [kept, recomputed] = [false, true].map((checkpointing) =>
          write(causalLmObjective(model, 4, SIZES.context), { adamw: ADAMW, clipNorm: 1, checkpointing }),
        );
        assert.ok(peakBytes(recomputed!) < peakBytes(kept!) / 3);
        assert.ok(peakBytes(runtimeOrder(recomputed!)) < peakBytes(runtimeOrder(kept!)) / 3);
      });
});
