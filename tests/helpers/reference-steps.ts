/** Steps a cached graph as an engine would, in float64: rows of new ids in, logits of all new tokens out. */
import type { Graph } from "../../src/graph/types.ts";
import { evaluate, type NdArray, ndArray } from "./reference.ts";
import { fill } from "./reference-array.ts";

/** One step: ids and positions (B, S), the length of each row after it; gives (B*S, V). */
export type Step = (ids: NdArray, positionIds: NdArray, lengths: readonly number[]) => NdArray;

/** A cache of the given capacity, with nothing in it. */
export function steppedCache(
  graph: Graph,
  weights: ReadonlyMap<string, NdArray>,
  batch: number,
  capacity: number,
): Step {
  const pasts = graph.inputs.filter(({ name }) => name.startsWith("past_key_values."));
  // Rows that nothing was written to must not matter.
  let cache = pasts.map(({ name, shape }): [string, NdArray] => [
    name,
    fill(shape.with(2, capacity) as number[], () => 1e3),
  ]);
  return (ids, positionIds, lengths) => {
    const rows = batch * ids.shape[1]!;
    const ends = lengths.map((length) => length - 1);
    const feeds = new Map([
      ...weights,
      ...cache,
      ["input_ids", ids],
      ["position_ids", positionIds],
      ["seqlens_k", ndArray([batch], ends)],
      ["total_sequence_length", ndArray([], [Math.max(...lengths)])],
      ["logit_rows", ndArray([rows], [...Array(rows).keys()])],
    ] as const);
    const results = evaluate(graph, feeds);
    const presentOf = new Map(graph.aliases);
    cache = cache.map(([name]) => [name, results.get(presentOf.get(name)!)!]);
    return results.get("logits")!;
  };
}
