/** What a model function is given: the graph, what the graph is for, and where attention finds its past. */
import { fail } from "../base/errors.ts";
import { mulDims } from "../base/shapes.ts";
import { createGraph, input, output } from "../graph/build.ts";
import { reshape } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";

/**
 * A model under construction. Activations are matrices of one row a token, (B*T, C); attention alone sees the batch.
 * `train` writes operators that have gradients, over a fixed (B, T); `infer` writes the fused ones, over a KV cache.
 */
export interface ModelBuilder {
  readonly graph: Graph;
  readonly mode: "train" | "infer";
  /** Rows: fixed in training, a number or the named axis "B" in inference. */
  readonly batch: number | "B";
  /** Tokens of each row of the batch: fixed in training, the named axis "S" in inference. */
  readonly tokens: number | "S";
  /** Positions that rotary and learned position tables must cover. */
  readonly positions: number;
  /** Token ids, int64 (B, T). */
  readonly ids: Value;
  /** The position of each token, int64 (B, T). */
  readonly positionIds: Value;
  /** Which text of its row each token is of, where rows hold several; in training only. */
  readonly segments?: Segments;
  /** The cache, in inference only. */
  readonly cache?: CacheInputs;
}

/** Rows of several texts: tokens of different numbers do not see each other. */
export interface Segments {
  /** int64 (B, T). */
  readonly ids: Value;
  /** Masks that layers share, by name. */
  readonly masks: Map<string, Value>;
}

/** What the fused attention needs to know of a cache of capacity P. */
export interface CacheInputs {
  /** int32 (B): valid positions after this step, minus one. */
  readonly seqlensK: Value;
  /** int32 scalar: the longest of them. */
  readonly totalSequenceLength: Value;
  readonly type: CacheType;
}

/** How a cache holds its elements: as float32, or as int8 with a scale for each channel (llama.cpp's names). */
export type CacheType = "f32" | "q8";

/** A builder of a training graph over (B, T): inputs `input_ids` and `position_ids`, and `segment_ids` on request. */
export function trainingBuilder(name: string, batch: number, tokens: number, segments = false): ModelBuilder {
  const graph = createGraph(name);
  const each = (of: string) => input(graph, of, "int64", [batch, tokens]);
  const [ids, positionIds] = [each("input_ids"), each("position_ids")];
  const builder = { graph, mode: "train", batch, tokens, positions: tokens, ids, positionIds } as const;
  return segments ? { ...builder, segments: { ids: each("segment_ids"), masks: new Map() } } : builder;
}

/**
 * A builder of an inference graph: inputs `input_ids` and `position_ids` (B, S), `seqlens_k` (B),
 * `total_sequence_length`, and for each layer `past_key_values.N.key` and `.value` (B, KV, P, D). A cache of 8 bits has
 * scales as well, `past_key_values.N.key_scale` and `.value_scale` (KV, D).
 */
export function inferenceBuilder(
  name: string,
  batch: number | "B",
  positions: number,
  type: CacheType = "f32",
): ModelBuilder {
  const graph = createGraph(name);
  const ids = input(graph, "input_ids", "int64", [batch, "S"]);
  const positionIds = input(graph, "position_ids", "int64", [batch, "S"]);
  const seqlensK = input(graph, "seqlens_k", "int32", [batch]);
  const totalSequenceLength = input(graph, "total_sequence_length", "int32", []);
  return {
    graph,
    mode: "infer",
    batch,
    tokens: "S",
    positions,
    ids,
    positionIds,
    cache: { seqlensK, totalSequenceLength, type },
  };
}

/** The builder's cache, or an error for training graphs, which have none. */
export function cacheOf(b: ModelBuilder): CacheInputs {
  return b.cache ?? fail("BUG", `${b.graph.name}: a graph for training has no cache`);
}

/** What a layer's attention is given of the past. */
export interface Past {
  readonly key: Value;
  readonly value: Value;
  /** (KV, D) each, in a cache of 8 bits. */
  readonly scales?: readonly [key: Value, value: Value];
}

/** A layer's past as inputs of the graph. */
export function pastOf(b: ModelBuilder, layer: number, kvHeads: number, headDim: number): Past {
  const isScaled = cacheOf(b).type === "q8";
  const part = (name: string) =>
    input(b.graph, `past_key_values.${layer}.${name}`, isScaled ? "int8" : "float32", [b.batch, kvHeads, "P", headDim]);
  const scale = (name: string) =>
    input(b.graph, `past_key_values.${layer}.${name}_scale`, "float32", [kvHeads, headDim]);
  const past = { key: part("key"), value: part("value") };
  return isScaled ? { ...past, scales: [scale("key"), scale("value")] } : past;
}

/** Declares a layer's present key and value as outputs that live in the past's buffers. */
export function presentOf(b: ModelBuilder, layer: number, key: Value, value: Value): void {
  for (const [part, made] of [
    ["key", key],
    ["value", value],
  ] as const) {
    output(b.graph, `present.${layer}.${part}`, made);
    b.graph.aliases.push([`past_key_values.${layer}.${part}`, `present.${layer}.${part}`]);
  }
}

/** (B*T, W) seen as (B, T, W). */
export function byBatch(b: ModelBuilder, x: Value): Value {
  return reshape(x, [b.batch, b.tokens, x.shape[1]!]);
}

/** (B, T, W) seen as (B*T, W). */
export function byToken(b: ModelBuilder, x: Value): Value {
  return reshape(x, [mulDims(b.batch, b.tokens), x.shape[2]!]);
}
