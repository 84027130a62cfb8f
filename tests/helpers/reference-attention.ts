/** The fused operators of ONNX Runtime's com.microsoft domain, as their documentation defines them, one element at a time. */
import type { OpAttributes } from "../../src/graph/types.ts";
import { at, fill, type NdArray } from "./reference-array.ts";

/** Element `d` of a head rotated by the angles of `position`; `read` gives the head's unrotated elements. */
function rotated(
  read: (d: number) => number,
  d: number,
  position: number,
  cos: NdArray,
  sin: NdArray,
  interleaved: boolean,
): number {
  const half = cos.shape[1]!;
  const [pair, isFirst] = interleaved ? [Math.floor(d / 2), d % 2 === 0] : [d % half, d < half];
  const [first, second] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + half];
  const [c, s] = [at(cos, [position, pair]), at(sin, [position, pair])];
  return isFirst ? read(first) * c - read(second) * s : read(second) * c + read(first) * s;
}

/** x (B, T, H*D) with each head rotated by its token's position (B, T). */
export function rotaryEmbedding(
  x: NdArray,
  positions: NdArray,
  cos: NdArray,
  sin: NdArray,
  { numHeads, interleaved }: OpAttributes["RotaryEmbedding"],
): NdArray {
  const headDim = x.shape[2]! / numHeads;
  return fill(x.shape, ([b, t, c]) => {
    const [head, d] = [c! - (c! % headDim), c! % headDim];
    if (d >= 2 * cos.shape[1]!) return at(x, [b!, t!, c!]);
    const position = at(positions, [b!, t!]);
    return rotated((i) => at(x, [b!, t!, head + i]), d, position, cos, sin, interleaved);
  });
}

/**
 * Causal attention over a cache of capacity P. Row b holds `seqlens[b] + 1` tokens after this step; when all tokens are
 * new (S equals the total length) every row starts at 0 and shorter rows are padded at the end. A window counts the
 * token itself; a head's sink is one more score, which no value belongs to.
 */
export function groupQueryAttention(
  inputs: readonly (NdArray | undefined)[],
  {
    numHeads,
    kvNumHeads,
    scale,
    doRotary,
    rotaryInterleaved = false,
    window,
    softcap,
  }: OpAttributes["GroupQueryAttention"],
): NdArray[] {
  const [query, key, value, pastKey, pastValue, seqlens, total, cos, sin, , , sink, keyScale, valueScale] =
    inputs as NdArray[];
  const [B, S] = query!.shape as [number, number];
  const D = pastKey!.shape[3]!;
  const before = (b: number) => (S === total!.data[0]! ? 0 : seqlens!.data[b]! + 1 - S);
  const positions = fill([B, S], ([b, s]) => before(b!) + s!);
  const turn = (x: NdArray) => {
    const attributes = { numHeads: x.shape[2]! / D, interleaved: rotaryInterleaved };
    return doRotary ? rotaryEmbedding(x, positions, cos!, sin!, attributes) : x;
  };
  // Packed inputs hold query, key and value side by side.
  const part = (from: number, width: number) => fill([B, S, width], ([b, s, c]) => at(query!, [b!, s!, from + c!]));
  const q = turn(key ? query! : part(0, numHeads * D));
  const k = turn(key ?? part(numHeads * D, kvNumHeads * D));
  const v = value ?? part((numHeads + kvNumHeads) * D, kvNumHeads * D);
  const append = (past: NdArray, fresh: NdArray, scale: NdArray | undefined) =>
    fill(past.shape, ([b, h, p, d]) => {
      const s = p! - before(b!);
      if (s < 0 || s >= S) return at(past, [b!, h!, p!, d!]);
      const x = at(fresh, [b!, s, h! * D + d!]);
      return scale ? roundedTo8Bits(x / at(scale, [h!, d!])) : x;
    });
  const [presentKey, presentValue] = [append(pastKey!, k, keyScale), append(pastValue!, v, valueScale)];
  const [keys, values] = [scaled(presentKey, keyScale), scaled(presentValue, valueScale)];
  const out = fill([B, S, numHeads * D], () => 0);
  for (let b = 0; b < B; b++)
    for (let s = 0; s < S; s++)
      for (let h = 0; h < numHeads; h++) {
        const shared = Math.floor((h * kvNumHeads) / numHeads);
        const dot = (p: number) => {
          let sum = 0;
          for (let d = 0; d < D; d++) sum += at(q, [b, s, h * D + d]) * at(keys, [b, shared, p, d]);
          return softcap ? softcap * Math.tanh((scale * sum) / softcap) : scale * sum;
        };
        const last = before(b) + s;
        const isSeen = (p: number) => !window || p > last - window;
        const scores = Array.from({ length: last + 1 }, (_, p) => (isSeen(p) ? dot(p) : Number.NEGATIVE_INFINITY));
        const extra = sink ? at(sink, [h]) : Number.NEGATIVE_INFINITY;
        const top = Math.max(...scores, extra);
        const sum = scores.reduce((total, x) => total + Math.exp(x - top), Math.exp(extra - top));
        for (const [p, score] of scores.entries())
          for (let d = 0; d < D; d++)
            out.data[(b * S + s) * numHeads * D + h * D + d]! +=
              (Math.exp(score - top) / sum) * at(values, [b, shared, p, d]);
      }
  return [out, presentKey, presentValue];
}

/** The nearest integer, the even one of two, between -128 and 127. */
function roundedTo8Bits(x: number): number {
  const below = Math.floor(x);
  const isUp = x - below > 0.5 || (x - below === 0.5 && below % 2 !== 0);
  return Math.max(-128, Math.min(127, below + (isUp ? 1 : 0)));
}

/** A cache (B, KV, P, D) of integers times its scales (KV, D). */
function scaled(cache: NdArray, scale: NdArray | undefined): NdArray {
  return scale ? fill(cache.shape, ([b, h, p, d]) => at(cache, [b!, h!, p!, d!]) * at(scale, [h!, d!])) : cache;
}
