import assert from "node:assert/strict";
import { test } from "node:test";
import { openEmbedder } from "../../src/generate/embed.ts";
import { openModelFiles } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { golden } from "../helpers/paths.ts";
import { goldenModel } from "../helpers/reference-models.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

for (const [name, head] of [
  ["llama-tiny", "lm_head.weight"],
  ["llama-tied", "model.embed_tokens.weight"],
] as const)
  test(`the mean hidden state of ${name} is what its head makes PyTorch's mean logits of, in pieces too`, {
    skip: skipWithoutRuntime,
  }, async () => {
    const known = goldenModel(name);
    const { model, weights } = openModelFiles(host, golden("models", name), { quantize: undefined, onWarning() {} });
    const logits = known.golden.get("logits")!;
    const [, tokens, vocabSize] = logits.shape as [number, number, number];
    const ids = Array.from(known.golden.get("input_ids")!.data.slice(0, tokens), Number);
    const matrix = known.weights.get(head)!.data;
    for (const chunk of [256, 4, 1]) {
      using embedder = await openEmbedder(runtime!, model, await weights(), { capacity: 32, chunk });
      const vector = await embedder.embed(ids);
      assert.equal(vector.length, embedder.width);
      for (let v = 0; v < vocabSize; v++) {
        const mean =
          Array.from({ length: tokens }, (_, t) => logits.data[t * vocabSize + v]!).reduce((a, b) => a + b) / tokens;
        const made = vector.reduce((sum, x, c) => sum + x * matrix[v * embedder.width + c]!, 0);
        assert.ok(Math.abs(made - mean) < 1e-4, `token ${v}: ${made}, expected ${mean}`);
      }
      // A shorter text behind a longer one knows nothing of it.
      const alone = await embedder.embed(ids.slice(0, 3));
      await embedder.embed(ids);
      assert.deepEqual(await embedder.embed(ids.slice(0, 3)), alone);
      await assert.rejects(embedder.embed([]), { code: "BAD_DATA" });
      await assert.rejects(embedder.embed(Array(33).fill(1)), { code: "CONTEXT_OVERFLOW" });
    }
  });
