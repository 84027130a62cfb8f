/** Causal grouped-query attention (Ainslie et al. 2023), once: differentiable in training, fused over a cache in inference. */
import { apply, atRoot, constant, scope } from "../graph/build.ts";
import {
  add,
  concat,
  equal,
  expand,
  fusedMatMul,
  matMul,
  mul,
  reshape,
  slice,
  softmax,
  split,
  sub,
  transpose,
} from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";
import { byBatch, byToken, cacheOf, type ModelBuilder, pastOf, presentOf } from "./builder.ts";
import { softcapped } from "./layers.ts";
import type { Rope } from "./rope.ts";

/** The shape of an attention layer. `rope` rotates queries and keys by the tables given; without it they stay. */
export interface AttentionOptions {
  readonly layer: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rope?: Rope | undefined;
  /** Factor of the scores; default 1/sqrt(D). */
  readonly scale?: number | undefined;
  /** Tokens that each one sees, itself and those just before; default all. */
  readonly window?: number | undefined;
  /** c tanh(score / c) in place of each scaled score (Gemma 2). */
  readonly softcap?: number | undefined;
  /** (H): one more score for each head, which takes its share of the softmax and gives nothing (Xiao et al. 2023). */
  readonly sinks?: Value | undefined;
}

/** Attends each token to itself and those before it. query (N, H*D), key and value (N, KV*D), result (N, H*D). */
export function attention(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  return scope(b.graph, "attention", () =>
    b.mode === "train" ? composed(b, query, key, value, options) : fused(b, query, key, value, options),
  );
}

function rotated(b: ModelBuilder, x: Value, heads: number, rope: AttentionOptions["rope"]): Value {
  if (!rope) return x;
  const { cos, sin, interleaved = false } = rope;
  return apply("RotaryEmbedding", [x, b.positionIds, cos, sin], { numHeads: heads, interleaved })[0];
}

/**
 * Softmax(Q K^T + mask) V from operators that have gradients. Queries go in blocks, each against the keys from the
 * beginning of its first window to its own end: what lies outside is masked anyway, and half of a long context's scores
 * are never computed.
 */
function composed(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  const { heads, kvHeads, headDim, rope, window = Number.POSITIVE_INFINITY } = options;
  const [B, T] = [b.batch as number, b.tokens as number];
  const byHead = (x: Value, count: number) => transpose(reshape(x, [B, T, count, headDim]), [0, 2, 1, 3]);
  const q = byHead(rotated(b, byBatch(b, query), heads, rope), heads); // (B, H, T, D)
  const k = byHead(rotated(b, byBatch(b, key), kvHeads, rope), kvHeads); // (B, KV, T, D)
  const v = byHead(value, kvHeads); // (B, KV, T, D)
  const sizes = blockSizes(T);
  const blocks = sizes.length > 1 ? split(q, 2, sizes) : [q];
  const between = (x: Value, start: number, end: number) => (start === 0 && end === T ? x : slice(x, 2, start, end));
  let end = 0;
  const parts = blocks.map((block, i) => {
    const [first, start] = [end, Math.max(0, end + 1 - window)];
    end += sizes[i]!;
    const mask = maskOf(b, { first, start, end }, window);
    return attendBlock(block, between(k, start, end), between(v, start, end), { ...options, mask });
  });
  const attended = parts.length > 1 ? concat(parts, 2) : parts[0]!; // (B, H, T, D)
  return reshape(transpose(attended, [0, 2, 1, 3]), [B * T, heads * headDim]); // (N, H*D)
}

/** Smaller blocks, or more of them, cost more in copies and operator calls than they save. */
const SMALLEST_BLOCK = 128;
const MOST_BLOCKS = 4;

/** Lengths of the blocks of queries, as equal as can be. */
function blockSizes(tokens: number): number[] {
  const count = Math.max(1, Math.min(MOST_BLOCKS, Math.floor(tokens / SMALLEST_BLOCK)));
  const edge = (i: number) => Math.floor((i * tokens) / count);
  return Array.from({ length: count }, (_, i) => edge(i + 1) - edge(i));
}

/**
 * The last S of T tokens attend to themselves and those before: query (B, H, S, D), key and value (B, KV, T, D). Heads
 * that share a key are stacked as its rows.
 */
function attendBlock(
  query: Value,
  key: Value,
  value: Value,
  options: AttentionOptions & { readonly mask: Value },
): Value {
  const { heads, kvHeads, headDim, scale = headDim ** -0.5, softcap, sinks, mask } = options;
  const [B, S, T] = [query.shape[0]!, query.shape[2] as number, key.shape[2] as number];
  const rows = (heads / kvHeads) * S;
  const stacked = reshape(query, [B, kvHeads, rows, headDim]);
  const scores = fusedMatMul(stacked, key, { transB: true, alpha: scale }); // (B, KV, H/KV*S, T)
  const capped = softcapped(reshape(scores, [B, heads, S, T]), softcap);
  const weights = reshape(softmaxBeside(add(capped, mask), sinks), [B, kvHeads, rows, T]);
  return reshape(fusedMatMul(weights, value), [B, heads, S, headDim]);
}

/** Softmax over the last axis of scores (B, H, S, T), each head's sink among them where there are sinks (H). */
function softmaxBeside(scores: Value, sinks: Value | undefined): Value {
  if (!sinks) return softmax(scores, -1);
  const [B, H, S, T] = scores.shape as [number, number, number, number];
  const column = expand(reshape(sinks, [1, H, 1, 1]), [B, H, S, 1]);
  return slice(softmax(concat([scores, column], 3), -1), 3, 0, T); // (B, H, S, T)
}

/** Queries from `first`, keys from `start`, both up to `end`. */
interface Block {
  readonly first: number;
  readonly start: number;
  readonly end: number;
}

/** What is added to a block's scores: (S, T), or (B, 1, S, T) where rows hold several texts. All layers share it. */
function maskOf(b: ModelBuilder, { first, start, end }: Block, window: number): Value {
  const causal = causalMask(b.graph, end - first, end - start, window);
  if (!b.segments) return causal;
  const { ids, masks } = b.segments;
  const name = `${causal.name}:${first}`;
  const known = masks.get(name);
  if (known) return known;
  const among = (from: number, shape: readonly number[]) =>
    reshape(from === 0 && end === b.tokens ? ids : slice(ids, 1, from, end), [b.batch, 1, ...shape]);
  const made = atRoot(b.graph, () => {
    const isOwn = equal(among(first, [end - first, 1]), among(start, [1, end - start])); // (B, 1, S, T)
    return add(mul(sub(isOwn, 1), 1e30), causal);
  });
  masks.set(name, made);
  return made;
}

/** For the last S of T tokens, 0 where one may look and a very negative number where it may not, (S, T). Shared. */
function causalMask(graph: Graph, rows: number, tokens: number, window = Number.POSITIVE_INFINITY): Value {
  const size = rows === tokens ? "" : `:${rows}x${tokens}`;
  const name = `causal_mask${size}${window < tokens ? `:window${window}` : ""}`;
  const known = graph.constants.find((c) => c.value.name === name);
  if (known) return known.value;
  const mask = Float32Array.from({ length: rows * tokens }, (_, i) => {
    const back = tokens - rows + Math.floor(i / tokens) - (i % tokens);
    return back >= 0 && back < window ? 0 : -1e30;
  });
  return constant(graph, "float32", [rows, tokens], mask, name);
}

/** The width of a head in the cache: the fused operator takes multiples of 8 only. */
export const cacheHeadDim = (headDim: number): number => 8 * Math.ceil(headDim / 8);

/**
 * The fused operator over a cache. It rotates by itself where its own limits on widths allow. Its window counts as ours
 * does, though its documentation speaks of tokens to the left: the tests of the operator compare prompts, chunks and
 * single tokens.
 */
function fused(b: ModelBuilder, query: Value, key: Value, value: Value, options: AttentionOptions): Value {
  const { layer, heads, kvHeads, headDim, rope, scale = headDim ** -0.5, window, softcap, sinks } = options;
  const { seqlensK, totalSequenceLength } = cacheOf(b);
  const past = pastOf(b, layer, kvHeads, cacheHeadDim(headDim));
  const fits = headDim % 16 === 0 && rope && (rope.cos.shape[1] as number) % 8 === 0;
  const inside = fits && !rope.isTwofold ? rope : undefined;
  const outside = inside ? undefined : rope;
  const q = widened(b, rotated(b, byBatch(b, query), heads, outside), heads, headDim); // (B, S, H*D)
  const k = widened(b, rotated(b, byBatch(b, key), kvHeads, outside), kvHeads, headDim); // (B, S, KV*D)
  const v = widened(b, byBatch(b, value), kvHeads, headDim); // (B, S, KV*D)
  const inputs: (Value | undefined)[] = [q, k, v, past.key, past.value, seqlensK, totalSequenceLength];
  if (inside || sinks || past.scales) inputs.push(inside?.cos, inside?.sin);
  if (sinks || past.scales) inputs.push(undefined, undefined, sinks);
  if (past.scales) inputs.push(...past.scales);
  const [attended, presentKey, presentValue] = apply("GroupQueryAttention", inputs, {
    numHeads: heads,
    kvNumHeads: kvHeads,
    scale,
    doRotary: inside !== undefined,
    ...(inside?.interleaved ? { rotaryInterleaved: true } : {}),
    ...(window === undefined ? {} : { window }),
    ...(softcap === undefined ? {} : { softcap }),
  });
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
