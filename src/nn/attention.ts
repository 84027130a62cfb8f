/** Causal grouped-query attention (Ainslie et al. 2023), once: differentiable in training, fused over a cache in inference. */
import { apply, constant, scope } from "../graph/build.ts";
import { add, fusedMatMul, matMul, reshape, slice, softmax, transpose } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";
import { byBatch, byToken, cacheOf, type ModelBuilder, pastOf, presentOf } from "./builder.ts";

/** The shape of an attention layer. `rope` rotates queries and keys by the tables given. */
export interface AttentionOptions {
  readonly layer: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rope?: { readonly cos: Value; readonly sin: Value };
  /** Factor of the scores; default 1/sqrt(D). */
  readonly scale?: number;
}

/** Attends each token to itself and those before it. query (N, H*D), key and value (N, KV*D), result (N, H*D). */
export function attention(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  return scope(b.graph, "attention", () =>
    b.mode === "train" ? composed(b, query, key, value, options) : fused(b, query, key, value, options),
  );
}

function rotated(b: ModelBuilder, x: Value, heads: number, rope: AttentionOptions["rope"]): Value {
  if (!rope) return x;
  return apply("RotaryEmbedding", [x, b.positionIds, rope.cos, rope.sin], { numHeads: heads, interleaved: false })[0];
}

/** Softmax(Q K^T + mask) V from operators that have gradients. Heads that share a key are stacked as its rows. */
function composed(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  const { heads, kvHeads, headDim, rope, scale = headDim ** -0.5 } = options;
  const [B, T] = [b.batch, b.tokens as number];
  const byHead = (x: Value, count: number) => transpose(reshape(x, [B, T, count, headDim]), [0, 2, 1, 3]);
  const q = byHead(rotated(b, byBatch(b, query), heads, rope), heads); // (B, H, T, D)
  const k = byHead(rotated(b, byBatch(b, key), kvHeads, rope), kvHeads); // (B, KV, T, D)
  const v = byHead(value, kvHeads); // (B, KV, T, D)
  const stacked = reshape(q, [B, kvHeads, (heads / kvHeads) * T, headDim]);
  const scores = fusedMatMul(stacked, k, { transB: true, alpha: scale }); // (B, KV, H/KV*T, T)
  const masked = add(reshape(scores, [B, heads, T, T]), causalMask(b.graph, T));
  const weights = reshape(softmax(masked, -1), [B, kvHeads, (heads / kvHeads) * T, T]);
  const attended = reshape(fusedMatMul(weights, v), [B, heads, T, headDim]);
  return reshape(transpose(attended, [0, 2, 1, 3]), [B * T, heads * headDim]); // (N, H*D)
}

/** 0 where a token may look and a very negative number where it may not, (T, T). One for the whole graph. */
function causalMask(graph: Graph, tokens: number): Value {
  const known = graph.constants.find((c) => c.value.name === "causal_mask");
  if (known) return known.value;
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens > Math.floor(i / tokens) ? -1e30 : 0,
  );
  return constant(graph, "float32", [tokens, tokens], mask, "causal_mask");
}

/** The width of a head in the cache: the fused operator takes multiples of 8 only. */
export const cacheHeadDim = (headDim: number): number => 8 * Math.ceil(headDim / 8);

/** The fused operator over a cache. It rotates by itself where its own limit on the table's width allows. */
function fused(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  const { layer, heads, kvHeads, headDim, rope, scale = headDim ** -0.5 } = options;
  const { seqlensK, totalSequenceLength } = cacheOf(b);
  const past = pastOf(b, layer, kvHeads, cacheHeadDim(headDim));
  const inside = rope && headDim % 16 === 0 ? rope : undefined;
  const outside = inside ? undefined : rope;
  const q = widened(b, rotated(b, byBatch(b, query), heads, outside), heads, headDim); // (B, S, H*D)
  const k = widened(b, rotated(b, byBatch(b, key), kvHeads, outside), kvHeads, headDim); // (B, S, KV*D)
  const v = widened(b, byBatch(b, value), kvHeads, headDim); // (B, S, KV*D)
  const inputs = [q, k, v, past.key, past.value, seqlensK, totalSequenceLength];
  const [attended, presentKey, presentValue] = apply(
    "GroupQueryAttention",
    inside ? [...inputs, inside.cos, inside.sin] : inputs,
    { numHeads: heads, kvNumHeads: kvHeads, scale, doRotary: inside !== undefined },
  );
  presentOf(b, layer, presentKey!, presentValue!);
  return byToken(b, narrowed(b, attended, heads, headDim)); // (N, H*D)
}

/** (B, S, H*D) with zeros after each head up to its width in the cache: they change no score and add nothing. */
function widened(b: ModelBuilder, x: Value, heads: number, headDim: number): Value {
  const wide = cacheHeadDim(headDim);
  if (wide === headDim) return x;
  const byHead = reshape(x, [b.batch, b.tokens, heads, headDim]);
  return reshape(matMul(byHead, widening(b.graph, headDim, wide)), [b.batch, b.tokens, heads * wide]);
}

/** The identity with columns of zeros after it. A product pads where the number of tokens has a name and no value. */
function widening(graph: Graph, from: number, to: number): Value {
  const known = graph.constants.find((c) => c.value.name === "head_widening");
  if (known) return known.value;
  const identity = Float32Array.from({ length: from * to }, (_, i) => (i % to === Math.floor(i / to) ? 1 : 0));
  return constant(graph, "float32", [from, to], identity, "head_widening");
}

/** Undoes {@link widened}. */
function narrowed(b: ModelBuilder, x: Value, heads: number, headDim: number): Value {
  const wide = cacheHeadDim(headDim);
  if (wide === headDim) return x;
  const byHead = slice(reshape(x, [b.batch, b.tokens, heads, wide]), 3, 0, headDim);
  return reshape(byHead, [b.batch, b.tokens, heads * headDim]);
}
