import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { createGraph, input, output, parameter } from "../../src/graph/build.ts";
import type { Graph, Value } from "../../src/graph/types.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { type AttentionOptions, attention, cacheHeadDim } from "../../src/nn/attention.ts";
import { type ModelBuilder, trainingBuilder } from "../../src/nn/builder.ts";
import { ropeTables } from "../../src/nn/rope.ts";
import { evaluate, type Feeds, type NdArray, ndArray } from "../helpers/reference.ts";
import { at, fill } from "../helpers/reference-array.ts";
import { distance } from "../helpers/reference-models.ts";
import { bindGraph, skipWithoutRuntime } from "../helpers/reference-runtime.ts";

const [HEADS, KV_HEADS, TOKENS, CAPACITY] = [4, 2, 300, 320];

interface Case {
  readonly headDim: number;
  readonly rotaryDim?: number;
  readonly interleaved?: boolean;
  readonly hasSinks?: boolean;
  readonly options?: Pick<AttentionOptions, "window" | "softcap" | "scale">;
}

const CASES: Readonly<Record<string, Case>> = {
  "a window of 5": { headDim: 16, options: { window: 5 } },
  "a window of 200, wider than a block of queries": { headDim: 16, options: { window: 200 } },
  "a window of as many tokens as there are": { headDim: 16, options: { window: TOKENS } },
  "a window of 1": { headDim: 16, options: { window: 1 } },
  "capped scores and a scale": { headDim: 16, options: { softcap: 1.5, scale: 0.7 } },
  sinks: { headDim: 16, hasSinks: true },
  "sinks and a window": { headDim: 16, hasSinks: true, options: { window: 33 } },
  "rotation of neighbours": { headDim: 32, rotaryDim: 32, interleaved: true },
  "rotation of half of each head": { headDim: 32, rotaryDim: 16 },
  "rotation of a quarter of each head, by neighbours": { headDim: 32, rotaryDim: 8, interleaved: true },
  "rotation of 6 of 10 elements": { headDim: 10, rotaryDim: 6 },
  "rotation of 6 of 10 elements by neighbours, sinks, a cap and a window": {
    headDim: 10,
    rotaryDim: 6,
    interleaved: true,
    hasSinks: true,
    options: { window: 130, softcap: 2 },
  },
};

/** Attention over inputs `query`, `key`, `value` of one row a token, with the sinks as a parameter. */
function written(b: ModelBuilder, { headDim, rotaryDim, interleaved = false, hasSinks, options }: Case): Graph {
  const [query, key, value] = Object.entries({ query: HEADS, key: KV_HEADS, value: KV_HEADS }).map(([name, heads]) =>
    input(b.graph, name, "float32", [b.tokens, heads * headDim]),
  ) as [Value, Value, Value];
  const rope = rotaryDim ? { ...ropeTables(b, rotaryDim, { theta: 100 }), interleaved } : undefined;
  const sinks = hasSinks ? parameter(b.graph, "sinks", [HEADS], { kind: "zeros" }) : undefined;
  const shape = { layer: 0, heads: HEADS, kvHeads: KV_HEADS, headDim };
  output(b.graph, "attended", attention(b, query, key, value, { ...shape, ...options, rope, sinks }));
  return verifyGraph(b.graph);
}

/** The graph of a piece of `size` tokens over a cache. */
function piece(c: Case, size: number): Graph {
  const graph = createGraph("piece");
  const ids = input(graph, "input_ids", "int64", [1, size]);
  const positionIds = input(graph, "position_ids", "int64", [1, size]);
  const seqlensK = input(graph, "seqlens_k", "int32", [1]);
  const totalSequenceLength = input(graph, "total_sequence_length", "int32", []);
  const cache = { seqlensK, totalSequenceLength, type: "f32" } as const;
  return written({ graph, mode: "infer", batch: 1, tokens: size, positions: CAPACITY, ids, positionIds, cache }, c);
}

const random = rng(3);
const noise = (...shape: number[]) => fill(shape, () => Math.fround(random.normal()));
const rowsOf = (x: NdArray, from: number, to: number) =>
  fill([to - from, x.shape[1]!], ([i, j]) => at(x, [from + i!, j!]));
const counting = (from: number, to: number) => fill([1, to - from], ([, i]) => from + i!);

const feedsOf = ({ headDim }: Case) =>
  new Map([
    ["query", noise(TOKENS, HEADS * headDim)],
    ["key", noise(TOKENS, KV_HEADS * headDim)],
    ["value", noise(TOKENS, KV_HEADS * headDim)],
    ["sinks", noise(HEADS)],
    ["input_ids", counting(0, TOKENS)],
    ["position_ids", counting(0, TOKENS)],
  ]);

type Run = (graph: Graph, feeds: Feeds) => Promise<Map<string, NdArray>>;

/** What the fused attention gives when tokens come in pieces of the given sizes. */
async function inPieces(c: Case, feeds: Feeds, sizes: readonly number[], run: Run): Promise<NdArray> {
  const shape = [1, KV_HEADS, CAPACITY, cacheHeadDim(c.headDim)];
  // Rows that nothing was written to must not matter.
  let past = ["key", "value"].map((part): [string, NdArray] => [part, fill(shape, () => 1e3)]);
  const rows: number[] = [];
  let start = 0;
  for (const size of sizes) {
    const end = start + size;
    const own = ["query", "key", "value"].map((name) => [name, rowsOf(feeds.get(name)!, start, end)] as const);
    const fed = new Map<string, NdArray>([
      ...past.map(([part, array]) => [`past_key_values.0.${part}`, array] as const),
      ...own,
      ["sinks", feeds.get("sinks")!],
      ["input_ids", counting(0, size)],
      ["position_ids", counting(start, end)],
      ["seqlens_k", ndArray([1], [end - 1])],
      ["total_sequence_length", ndArray([], [end])],
    ]);
    const results = await run(piece(c, size), fed);
    rows.push(...results.get("attended")!.data);
    past = past.map(([part]) => [part, results.get(`present.0.${part}`)!]);
    start = end;
  }
  return ndArray([TOKENS, HEADS * c.headDim], rows);
}

const onRuntime: Run = async (graph, feeds) => {
  using bound = await bindGraph(graph, feeds, 2);
  await bound.run();
  return bound.results();
};

for (const [says, c] of Object.entries(CASES)) {
  describe(`attention with ${says}`, () => {
    const feeds = feedsOf(c);
    const composed = evaluate(written(trainingBuilder("whole", 1, TOKENS), c), feeds).get("attended")!;

    test("is the same composed and fused, in float64, when tokens come in pieces", async () => {
      const fused = await inPieces(c, feeds, [270, 1, 29], async (graph, fed) => evaluate(graph, fed));
      assert.ok(distance(fused, composed) < 1e-12, `off by ${distance(fused, composed)}`);
    });

    for (const sizes of [[TOKENS], [260, 1, 1, 38]])
      test(`is the same on the runtime in pieces of ${sizes}`, { skip: skipWithoutRuntime }, async () => {
        const fused = await inPieces(c, feeds, sizes, onRuntime);
        assert.ok(distance(fused, composed) < 2e-5, `off by ${distance(fused, composed)}`);
      });
  });
}
