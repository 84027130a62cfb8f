import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { partnersIn, scalesOf } from "../../src/generate/cache-scales.ts";
import { openEngine } from "../../src/generate/engine.ts";
import type { KvCache } from "../../src/generate/kv-cache.ts";
import { cachedGraph } from "../../src/models/heads.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

test("the scale of a key's channel holds wherever its pair turns", () => {
  const data = Float32Array.from([3, 1, 4, 0, 0, 2, 0, 0, 100, 100, 100, 100]);
  const tensors = new Map(["0.key", "0.value"].map((name) => [name, { data }]));
  const cache = { shape: { layers: 1, kvHeads: 1, headDim: 4 }, capacity: 3, tensors } as unknown as KvCache;
  const scales = scalesOf(cache, 2, (d) => (d + 2) % 4);
  const sizes = (name: string) => [...scales.get(name)!].map((x) => Math.round((x * 127) / 2));
  assert.deepEqual(sizes("past_key_values.0.key_scale"), [5, 2, 5, 2]);
  assert.deepEqual(sizes("past_key_values.0.value_scale"), [3, 2, 4, 0]);
});

describe("a cache of 8 bits gives nearly the logits of one of floats", { skip: skipWithoutRuntime }, () => {
  for (const name of GOLDEN_FAMILIES)
    test(name, async () => {
      const { model, golden } = goldenFamily(name);
      const weights = patternWeights(model);
      const place = (parameter: string) =>
        ({ kind: "memory", data: Float32Array.from(weights.get(parameter)!.data) }) as const;
      const ids = [...golden.get("input_ids")!.data].slice(0, golden.get("input_ids")!.shape[1]).map(Number);
      const session = { threads: 1 };
      using float = await openEngine(runtime!, model, { place }, { capacity: 24, session });
      const expected = await logitsOf(float, ids);
      const scales = scalesOf(float.cache, ids.length, partnersIn(cachedGraph(model, 1, 24)));
      using small = await openEngine(runtime!, model, { place }, { capacity: 24, scales, session, chunk: 5 });
      const got = await logitsOf(small, ids);
      let [off, size] = [0, 0];
      for (const [t, row] of expected.entries())
        for (const [v, x] of row.entries()) {
          off += (got[t]![v]! - x) ** 2;
          size += x ** 2;
        }
      assert.ok(Math.sqrt(off / size) < 0.03, `off by ${Math.sqrt(off / size)} of their size`);
    });
});

describe("a cache of 8 bits with scales that are too small", { skip: skipWithoutRuntime }, () => {
  test("grows them and reads the text again, however it comes", async () => {
    const { model, golden } = goldenFamily("llama");
    const weights = patternWeights(model);
    const place = (parameter: string) =>
      ({ kind: "memory", data: Float32Array.from(weights.get(parameter)!.data) }) as const;
    const ids = [...golden.get("input_ids")!.data].slice(0, 12).map(Number);
    const session = { threads: 1 };
    using float = await openEngine(runtime!, model, { place }, { capacity: 40, session });
    await float.append(ids);
    const right = scalesOf(float.cache, ids.length, partnersIn(cachedGraph(model, 1, 40)));
    const long = Array.from({ length: 30 }, (_, i) => (i * 7) % model.vocabSize);
    const expected = await logitsOf(float, long);
    for (const pieces of [[30], [5, 25], Array.from({ length: 30 }, () => 1)]) {
      const scales = new Map([...right].map(([name, scale]) => [name, scale.map((x) => x / 50)]));
      using small = await openEngine(runtime!, model, { place }, { capacity: 40, scales, session });
      let at = 0;
      const rows: number[][] = [];
      for (const size of pieces) {
        await small.appendShowing(long.slice(at, at + size), (logits) => rows.push([...logits]));
        at += size;
      }
      assert.deepEqual([...small.ids], long);
      const last = rows.at(-1)!;
      const off = Math.hypot(...last.map((x, v) => x - expected.at(-1)![v]!)) / Math.hypot(...expected.at(-1)!);
      assert.ok(off < 0.03, `${pieces.length} pieces: off by ${off}`);
      small.truncate(0);
      const again = await small.append(long);
      const offAgain =
        Math.hypot(...[...again].map((x, v) => x - expected.at(-1)![v]!)) / Math.hypot(...expected.at(-1)!);
      assert.ok(offAgain < 0.03, `again: off by ${offAgain}`);
    }
  });
});
