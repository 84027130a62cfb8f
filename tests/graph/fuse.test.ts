import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fuseGraph } from "../../src/graph/fuse.ts";
import type { OpName } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { cachedGraph } from "../../src/models/heads.ts";
import { modelFromConfig, newConfig } from "../../src/models/registry.ts";
import { distance, GOLDEN_MODELS, goldenModel, positions } from "../helpers/reference-models.ts";
import { steppedCache } from "../helpers/reference-steps.ts";

const CAPACITY = 22;

describe("a fused graph", () => {
  for (const name of GOLDEN_MODELS)
    test(`of ${name} computes what it did`, () => {
      const { model, weights, golden } = goldenModel(name);
      const ids = golden.get("input_ids")!;
      const [batch, tokens] = ids.shape as [number, number];
      const plain = cachedGraph(model, batch, CAPACITY);
      const fused = verifyGraph(fuseGraph(cachedGraph(model, batch, CAPACITY)));
      const logits = (graph: typeof plain) =>
        steppedCache(graph, weights, batch, CAPACITY)(ids, positions(batch, tokens), Array(batch).fill(tokens));
      assert.ok(distance(logits(fused), logits(plain)) < 1e-12);
      const count = (op: OpName) => fused.nodes.filter((node) => node.op === op).length;
      const { layers } = model.cache;
      // Two sums of each layer are normalised, the last by the norm after all layers; gpt2 has norms of another kind.
      assert.equal(count("SkipSimplifiedLayerNormalization"), model.modelType === "llama" ? 2 * layers : 0);
    });

  test("hands a product that holds queries, keys and values to the attention as it is", () => {
    const sizes = { vocabSize: 50, layers: 3, heads: 2, kvHeads: 2, dim: 32, context: CAPACITY };
    const graph = fuseGraph(cachedGraph(modelFromConfig(newConfig("gpt2", sizes), "test"), 1, CAPACITY));
    verifyGraph(graph);
    const packed = graph.nodes.filter(({ op, inputs }) => op === "GroupQueryAttention" && !inputs[1] && !inputs[2]);
    assert.equal(packed.length, sizes.layers);
    assert.ok(!graph.nodes.some(({ op }) => op === "Split"));
  });
});
