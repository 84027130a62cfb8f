import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Engine, openEngine } from "../../src/generate/engine.ts";
import { ndArray } from "../helpers/reference.ts";
import { continuationOf, logitsOf } from "../helpers/reference-engine.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { distance } from "../helpers/reference-models.ts";
import { runtime, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { RUNTIMES } from "../runtime/runtimes.ts";

const PROMPT = 4;

for (const { name: where, runtime, skip } of RUNTIMES)
  for (const name of GOLDEN_FAMILIES) {
    describe(`${name} on ${where}`, { skip }, () => {
      const { model, golden } = goldenFamily(name);
      const weights = new Map([...patternWeights(model)].map(([each, { data }]) => [each, Float32Array.from(data)]));
      const place = (each: string) => ({ kind: "memory", data: weights.get(each)! }) as const;
      const open = (chunk: number): Promise<Engine> =>
        openEngine(runtime, model, { place }, { chunk, session: { threads: 1 } });
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

describe("a text that crosses the border of long ones", { skip: skipWithoutRuntime }, () => {
  const { model } = goldenFamily("phi3-long");
  const weights = patternWeights(model);
  const place = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;
  const open = () => openEngine(runtime!, model, { place }, { chunk: 4, session: { threads: 1 } });
  const text = Array.from({ length: 2 * model.longAfter! }, (_, i) => (7 * i) % model.vocabSize);
  const after = async (engine: Engine, ids: readonly number[]) => {
    const logits = await engine.append(ids);
    return ndArray([logits.length], logits);
  };
  const wholeOf = async (length: number) => {
    using engine = await open();
    return await after(engine, text.slice(0, length));
  };

  test("gives the logits of one read at once, growing, cut back and grown again", async () => {
    using engine = await open();
    const border = model.longAfter!;
    for (const [from, to] of [
      [0, border - 1],
      [border - 1, border],
      [border, border + 1],
      [border + 1, 2 * border],
      [3, border],
      [border - 2, border + 3],
    ] as const) {
      engine.truncate(from);
      const error = distance(await after(engine, text.slice(from, to)), await wholeOf(to));
      assert.ok(error < 1e-5, `tokens ${from} to ${to}: off by ${error}`);
      assert.equal(engine.length, to);
    }
  });

  test("is whole again after a step over the border was broken off", async () => {
    using engine = await open();
    const border = model.longAfter!;
    await engine.append(text.slice(0, border));
    const broken = engine.append(text.slice(border, border + 1), AbortSignal.abort());
    await assert.rejects(broken, { code: "ABORTED" });
    await assert.rejects(engine.append([model.vocabSize]), { code: "BAD_TOKEN_ID" });
    assert.equal(engine.length, border);
    engine.truncate(border - 1);
    assert.throws(() => engine.truncate(border), { code: "BAD_OPTION" });
    const error = distance(await after(engine, text.slice(border - 1, border)), await wholeOf(border));
    assert.ok(error < 1e-5, `off by ${error}`);
  });
});
