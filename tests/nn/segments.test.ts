import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { gradients } from "../../src/grad/backward.ts";
import { input, output, parameter } from "../../src/graph/build.ts";
import { mul, reduceSum, reshape } from "../../src/graph/functions.ts";
import type { Value } from "../../src/graph/types.ts";
import { trainingGraph } from "../../src/models/heads.ts";
import { type AttentionOptions, attention } from "../../src/nn/attention.ts";
import { trainingBuilder } from "../../src/nn/builder.ts";
import { crossEntropy } from "../../src/nn/losses.ts";
import { evaluate, type Feeds, type NdArray, ndArray } from "../helpers/reference.ts";
import { fill } from "../helpers/reference-array.ts";
import { GOLDEN_FAMILIES, goldenFamily, patternWeights } from "../helpers/reference-families.ts";
import { distance } from "../helpers/reference-models.ts";

/** A text's place in rows of texts. */
interface Text {
  readonly row: number;
  readonly start: number;
  readonly length: number;
}

/** (B, T) of what `of` says of the tokens of each text by its number from 1, and 0 behind them. */
function rowsOf(
  texts: readonly Text[],
  [rows, tokens]: readonly [number, number],
  of: (text: number, at: number) => number,
) {
  const made = ndArray([rows, tokens], new Float64Array(rows * tokens));
  for (const [i, { row, start, length }] of texts.entries())
    for (let at = 0; at < length; at++) made.data[row * tokens + start + at] = of(i + 1, at);
  return made;
}

const sum = (a: NdArray, b: NdArray | undefined) =>
  ndArray(
    a.shape,
    a.data.map((x, i) => x + (b?.data[i] ?? 0)),
  );

describe("rows of several texts", () => {
  const texts = [
    { row: 0, start: 0, length: 5 },
    { row: 0, start: 5, length: 4 },
    { row: 1, start: 0, length: 3 },
    { row: 1, start: 3, length: 7 },
  ];

  for (const name of GOLDEN_FAMILIES)
    test(`give ${name} each text's own loss and gradients`, () => {
      const { model, differentiated } = goldenFamily(name);
      const weights = patternWeights(model);
      const id = (text: number, at: number) => (7 * text + 3 * at) % model.vocabSize;
      const run = (of: readonly Text[], shape: readonly [number, number], segments: boolean, first: number) => {
        const { graph, logits } = trainingGraph(model, { batch: shape[0], tokens: shape[1], segments });
        const each = (each: string) => input(graph, each, "int64", shape);
        const loss = crossEntropy(logits, each("targets"), input(graph, "weights", "float32", shape));
        output(graph, "loss", loss);
        const named = new Map(graph.parameters.map(({ value }) => [value.name, value]));
        const wanted = differentiated.map((parameter) => named.get(parameter)!);
        const grads = wanted.length > 0 ? gradients(loss, wanted) : [];
        for (const [i, grad] of grads.entries()) output(graph, `grad.${i}`, grad);
        const feeds: Feeds = new Map([
          ...weights,
          ["input_ids", rowsOf(of, shape, (text, at) => id(text + first, at))] as const,
          ["position_ids", rowsOf(of, shape, (_, at) => at)] as const,
          ["segment_ids", rowsOf(of, shape, (text) => text)] as const,
          ["targets", rowsOf(of, shape, (text, at) => id(text + first, at + 1))] as const,
          ["weights", rowsOf(of, shape, (text, at) => 1 + ((text + first + at) % 3))] as const,
        ]);
        return evaluate(graph, feeds);
      };
      const packed = run(texts, [2, 11], true, 0);
      const alone = new Map<string, NdArray>();
      // Rotations that change with a row's length are those of the whole row.
      const rowOf = (length: number) => (model.longAfter === undefined ? length : 11);
      for (const [i, { length }] of texts.entries())
        for (const [key, array] of run([{ row: 0, start: 0, length }], [1, rowOf(length)], false, i))
          alone.set(key, sum(array, alone.get(key)));
      for (const [key, array] of packed) {
        const error = distance(array, alone.get(key)!);
        assert.ok(error < 1e-9, `${key} is off by ${error}`);
      }
    });

  const [HEADS, KV_HEADS, DIM] = [4, 2, 2];
  const lengths = [130, 200, 50];
  const TOKENS = 391;

  /** Attention over tokens that are parameters, and their gradients. */
  function attended(tokens: number, segments: boolean, options: Partial<AttentionOptions>, withSinks: boolean) {
    const b = trainingBuilder("attention", 1, tokens, segments);
    const kv = KV_HEADS * DIM;
    const [query, key, value] = Object.entries({ query: HEADS * DIM, key: kv, value: kv }).map(([name, width]) =>
      parameter(b.graph, name, [tokens, width], { kind: "zeros" }),
    ) as [Value, Value, Value];
    const sinks = withSinks ? { sinks: parameter(b.graph, "sinks", [HEADS], { kind: "zeros" }) } : {};
    const shape = { layer: 0, heads: HEADS, kvHeads: KV_HEADS, headDim: DIM };
    const made = attention(b, query, key, value, { ...shape, ...options, ...sinks });
    const probe = input(b.graph, "probe", "float32", made.shape);
    output(b.graph, "attended", made);
    const grads = gradients(reshape(reduceSum(mul(made, probe)), []), [query, key, value]);
    for (const [i, grad] of grads.entries()) output(b.graph, `grad.${i}`, grad);
    return b.graph;
  }

  /** Inputs of every builder that attention without rotations does not read. */
  const unread = (tokens: number) =>
    ["input_ids", "position_ids"].map((name) => [name, fill([1, tokens], () => 0)] as const);

  for (const [says, options, withSinks] of [
    ["all before", {}, false],
    ["a window", { window: 37 }, false],
    ["capped scores", { softcap: 2 }, false],
    ["sinks", {}, true],
    ["a window, capped scores and sinks", { window: 150, softcap: 2 }, true],
  ] as const)
    test(`attend within each text in blocks of queries, with ${says}`, () => {
      const random = rng(1, says);
      const widths = { query: HEADS * DIM, key: KV_HEADS * DIM, value: KV_HEADS * DIM, probe: HEADS * DIM };
      const whole = new Map(
        Object.entries(widths).map(([name, width]) => [name, fill([TOKENS, width], () => random.normal())] as const),
      );
      const sinks = ["sinks", fill([HEADS], ([h]) => h! / 3)] as const;
      const startOf = (i: number) => lengths.slice(0, i).reduce((all, length) => all + length, 0);
      const texts = lengths.map((length, i) => ({ row: 0, start: startOf(i), length }));
      const segmentIds = rowsOf(texts, [1, TOKENS], (text) => text);
      const packed = evaluate(
        attended(TOKENS, true, options, withSinks),
        new Map([...whole, ...unread(TOKENS), sinks, ["segment_ids", segmentIds] as const]),
      );
      for (const { start, length } of texts) {
        const part = (x: NdArray) =>
          ndArray([length, x.shape[1]!], x.data.slice(start * x.shape[1]!, (start + length) * x.shape[1]!));
        const own = new Map([...whole].map(([name, x]) => [name, part(x)] as const));
        const alone = evaluate(
          attended(length, false, options, withSinks),
          new Map([...own, ...unread(length), sinks]),
        );
        for (const [key, array] of alone) {
          const error = distance(part(packed.get(key)!), array);
          assert.ok(error < 1e-9, `${key} of the text from ${start} is off by ${error}`);
        }
      }
    });
});
