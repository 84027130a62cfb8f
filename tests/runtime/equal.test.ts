import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Engine, openEngine } from "../../src/generate/engine.ts";
import { generateIds } from "../../src/generate/generate.ts";
import type { Runtime, Tensor } from "../../src/runtime/types.ts";
import { causalLmBatch, causalLmObjective } from "../../src/train/objective.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { logitsOf } from "../helpers/reference-engine.ts";
import { goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { type GoldenModel, goldenFeeds, goldenModel } from "../helpers/reference-models.ts";
import { elements, runtime as native, skipWithoutRuntime } from "../helpers/reference-runtime.ts";
import { cached, refuses, web } from "./runtimes.ts";

const [BATCH, TOKENS] = [2, 11];
const ADAMW = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 };
const SESSION = { threads: 2 };

/** The largest distance between the elements of two arrays of one length. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
}

function openStepper(runtime: Runtime, known: GoldenModel, accumulation: number) {
  const shape = { batch: BATCH / accumulation, context: TOKENS };
  const options = {
    adamw: ADAMW,
    clipNorm: 1,
    checkpointing: false,
    accumulation,
    seed: 1,
    session: SESSION,
  };
  return createStepper(runtime, causalLmObjective(known.model, shape.batch, shape.context), options);
}

/** Losses and norms of five steps from the same first weights, on the golden batch. */
async function train(runtime: Runtime, known: GoldenModel, accumulation: number): Promise<number[]> {
  using stepper = await openStepper(runtime, known, accumulation);
  const feeds = goldenFeeds(known);
  const size = (BATCH / accumulation) * TOKENS;
  const { inputIds, targets, weights } = causalLmBatch(stepper.inputs);
  const fill = (micro: number) => {
    const write = ({ data, dtype }: Tensor, name: string) =>
      data.set(elements(dtype, feeds.get(name)!).subarray(micro * size, (micro + 1) * size) as never);
    write(inputIds, "input_ids");
    write(targets, "targets");
    write(weights, "weights");
  };
  const numbers: number[] = [];
  for (let step = 1; step <= 5; step++) {
    const { loss, gradNorm } = await stepper.step(step, 3e-3, fill);
    numbers.push(loss, gradNorm);
  }
  return numbers;
}

function open(runtime: Runtime, { model, weights }: GoldenModel): Promise<Engine> {
  const place = (name: string) => ({ kind: "memory", data: Float32Array.from(weights.get(name)!.data) }) as const;
  return openEngine(runtime, model, { place }, { chunk: 4, session: SESSION });
}

async function rowsOf(engine: Engine, ids: readonly number[]): Promise<number[]> {
  const rows: number[] = [];
  await engine.appendShowing(ids, (logits) => rows.push(...logits));
  return rows;
}

for (const name of ["gpt2-tiny", "llama-tiny"] as const)
  describe(`${name} on both runtimes`, { skip: skipWithoutRuntime }, () => {
    const known = goldenModel(name);
    const ids = [...known.golden.get("input_ids")!.data.slice(0, TOKENS)];

    for (const accumulation of [1, 2])
      test(`trains alike, ${accumulation} micro-batches to a step`, async () => {
        const [a, b] = [await train(native!, known, accumulation), await train(web, known, accumulation)];
        assert.ok(apart(a, b) < 1e-5, `${a} and ${b}`);
      });

    test("gives equal logits, in pieces and one token at a time, and after going back", async () => {
      using first = await open(native!, known);
      using second = await open(web, known);
      assert.ok(apart(await rowsOf(first, ids), await rowsOf(second, ids)) < 1e-5);
      for (const engine of [first, second]) engine.truncate(3);
      for (const id of ids.slice(3)) {
        const [a, b] = [await first.append([id]), await second.append([id])];
        assert.ok(apart(a, b) < 1e-5);
      }
    });

    test("continues alike, two texts at a time on each", async () => {
      const texts = [native!, web, native!, web].map(async (runtime, i) => {
        using engine = await open(runtime, known);
        const made: number[] = [];
        for await (const id of generateIds(engine, ids.slice(i >> 1, 5), { maxNewTokens: 5 })) made.push(id);
        return made;
      });
      const [a, b, c, d] = await Promise.all(texts);
      assert.deepEqual([a, c], [b, d]);
    });

    test("refuses targets and ids outside the vocabulary by name, and trains on", async () => {
      for (const runtime of [native!, web]) {
        using stepper = await openStepper(runtime, known, 1);
        const { inputIds, targets } = causalLmBatch(stepper.inputs);
        for (const { tensor, says } of [
          { tensor: targets, says: /targets: got 1000000 at element 21/ },
          { tensor: inputIds, says: /input_ids: got 1000000 at element 21/ },
        ]) {
          const spoil = () => void tensor.data.set([1000000n], 21);
          await refuses(() => stepper.step(1, 0, spoil), "BAD_DATA", says);
          tensor.data[21] = 0n;
        }
        const { loss } = await stepper.step(1, 0, () => {});
        assert.ok(Number.isFinite(loss));
      }
    });
  });

describe("a cache on both runtimes", { skip: skipWithoutRuntime }, () => {
  /** Attends token after token and returns results and the cache as far as it is filled. */
  async function attend(runtime: Runtime, shared: boolean): Promise<number[][]> {
    using session = await runtime.session(cached(6), SESSION);
    const tensor = ({ dtype, shape }: (typeof session.inputs)[number]) => runtime.tensor(dtype, shape as number[]);
    const inputs = Object.fromEntries(session.inputs.map((info) => [info.name, tensor(info)]));
    const outputs = Object.fromEntries(session.outputs.map((info) => [info.name, tensor(info)]));
    if (shared) Object.assign(outputs, { present_key: inputs.past_key, present_value: inputs.past_value });
    using binding = session.bind(inputs, outputs);
    const results: number[][] = [];
    for (let n = 0; n < 6; n++) {
      for (const name of ["query", "key", "value"])
        for (const i of inputs[name]!.data.keys()) inputs[name]!.data[i] = Math.sin(n + i + name.length);
      inputs.seqlens_k!.data[0] = n;
      inputs.total_sequence_length!.data[0] = n + 1;
      await binding.run();
      const filled = ["present_key", "present_value"].map((name) => [...outputs[name]!.data.subarray(0, 8 * (n + 1))]);
      results.push([...outputs.y!.data, ...filled.flat()].map(Number));
      if (!shared)
        for (const part of ["key", "value"])
          inputs[`past_${part}`]!.data.set(outputs[`present_${part}`]!.data as never);
    }
    return results;
  }

  test("holds the same, shared between past and present or copied", async () => {
    const expected = await attend(native!, true);
    for (const results of [await attend(web, true), await attend(web, false), await attend(native!, false)])
      for (const [n, row] of results.entries()) assert.ok(apart(row, expected[n]!) < 1e-6, `token ${n}`);
  });
});

describe("mixtures of experts on ort-web", () => {
  for (const name of ["mixtral", "qwen3_moe", "gpt_oss"])
    test(`${name} gives transformers' logits at once and one by one`, async () => {
      const { model, golden } = goldenFamily(name);
      const weights = patternWeights(model);
      const place = (each: string) => ({ kind: "memory", data: Float32Array.from(weights.get(each)!.data) }) as const;
      const known = golden.get("logits")!;
      const [, tokens, width] = known.shape as [number, number, number];
      const ids = [...golden.get("input_ids")!.data.slice(0, tokens)];
      for (const chunk of [tokens, 1]) {
        using engine = await openEngine(web, model, { place }, { chunk, session: SESSION });
        const logits = await logitsOf(engine, ids);
        assert.ok(apart(logits.flat(), known.data.slice(0, tokens * width)) < 1e-4, `in pieces of ${chunk}`);
      }
    });
});
