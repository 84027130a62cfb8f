/** Finds the scales of an 8-bit cache from the keys and values that a model makes of a text. Runs no token itself. */
import type { Graph, OpAttributes } from "../graph/types.ts";
import type { CacheScales, KvCache } from "./kv-cache.ts";

/** Keys and values may grow to this many times the largest that were seen. Twice the steps cost little: docs/log.md. */
const HEADROOM = 2;

/** The largest integer of an 8-bit cache. */
const LARGEST = 127;

/** A channel that was zero throughout may not stay so. */
const SMALLEST_SCALE = 1e-6;

/** The other element of the pair that channel d of a key is rotated in; d itself where it is not rotated. */
export type PartnerOf = (d: number) => number;

/** How a graph pairs the channels of its keys: all of a model's layers do it alike. */
export function partnersIn(graph: Graph): PartnerOf {
  for (const { op, attributes, inputs } of graph.nodes) {
    if (op === "RotaryEmbedding") {
      const { interleaved } = attributes as OpAttributes["RotaryEmbedding"];
      return partner(inputs[2]!.shape[1] as number, interleaved);
    }
    const { doRotary, rotaryInterleaved = false } = attributes as OpAttributes["GroupQueryAttention"];
    if (op === "GroupQueryAttention" && doRotary) return partner(inputs[7]!.shape[1] as number, rotaryInterleaved);
  }
  return (d) => d;
}

const partner =
  (half: number, interleaved: boolean): PartnerOf =>
  (d) => {
    if (d >= 2 * half) return d;
    if (interleaved) return d ^ 1;
    return d < half ? d + half : d - half;
  };

/**
 * A scale for each channel of a float32 cache that holds `tokens` tokens: its largest element, with headroom, is 127. A
 * key's pair turns with its position, so both of its channels get the pair's length: they hold at positions not seen.
 */
export function scalesOf(cache: KvCache, tokens: number, partnerOf: PartnerOf): CacheScales {
  const scales = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, { data }] of cache.tensors) {
    const sizes = largestOf(cache, data, tokens, name.endsWith(".key") ? partnerOf : (d) => d);
    const scale = sizes.map((size) => Math.max(SMALLEST_SCALE, (HEADROOM * size) / LARGEST));
    scales.set(`past_key_values.${name}_scale`, scale);
  }
  return scales;
}

/** The largest length of each channel's pair, (KV, D), over the tokens of data (1, KV, P, D). */
function largestOf(
  { shape: { kvHeads, headDim }, capacity }: KvCache,
  data: ArrayLike<number>,
  tokens: number,
  partnerOf: PartnerOf,
): Float32Array<ArrayBuffer> {
  const largest = new Float32Array(kvHeads * headDim);
  for (let head = 0; head < kvHeads; head++)
    for (let d = 0; d < headDim; d++) {
      const other = partnerOf(d);
      for (let t = 0; t < tokens; t++) {
        const row = (head * capacity + t) * headDim;
        const size = other === d ? Math.abs(data[row + d]!) : Math.hypot(data[row + d]!, data[row + other]!);
        largest[head * headDim + d] = Math.max(largest[head * headDim + d]!, size);
      }
    }
  return largest;
}
