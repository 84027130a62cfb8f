import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Engine, openEngine } from "../../src/generate/engine.ts";
import { ndArray } from "../helpers/reference.ts";
import { continuationOf, logitsOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { distance } from "../helpers/reference-models.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const PROMPT = 4;

for (const name of GOLDEN_FAMILIES) {
  describe(`${name} on the runtime`, { skip: skipWithoutRuntime }, () => {
    const { model, golden } = goldenFamily(name);
    const weights = new Map([...patternWeights(model)].map(([each, { data }]) => [each, Float32Array.from(data)]));
    const place = (each: string) => ({ kind: "memory", data: weights.get(each)! }) as const;
    const open = (chunk: number, capacity = model.maxPositions): Promise<Engine> =>
      openEngine(runtime!, model, { place }, { chunk, capacity, session: { threads: 1 } });
    const ids = golden.get("input_ids")!;
    const [batch, tokens] = ids.shape as [number, number];

    test("gives transformers' logits whether tokens come at once, in threes or one by one", async () => {
      const known = golden.get("logits")!;
      for (const chunk of [512, 3, 1]) {
        using engine = await open(chunk);
        const rows: number[][] = [];
        for (let b = 0; b < batch; b++)
          rows.push(...(await logitsOf(engine, [...ids.data.slice(b * tokens, (b + 1) * tokens)])));
        const error = distance(ndArray(known.shape, rows.flat()), known);
        assert.ok(error < 1e-4, `in pieces of ${chunk}: off by ${error}`);
      }
    });

    test("continues a prompt as transformers does, again and again on one engine", async () => {
      using engine = await open(3);
      const greedy = [...golden.get("greedy")!.data];
      for (let round = 0; round < 2; round++)
        assert.deepEqual(
          await continuationOf(engine, greedy.slice(0, PROMPT), greedy.length - PROMPT),
          greedy.slice(PROMPT),
        );
    });
  });
}
