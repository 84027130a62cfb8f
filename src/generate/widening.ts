/** An engine whose 8-bit cache never cuts a key or a value off: where one does not fit, scales grow and the text is read again. */
import type { PartnerOf } from "./cache-scales.ts";
import type { Engine } from "./engine-types.ts";
import type { KvCache } from "./kv-cache.ts";

/** How much the scale of a channel grows that had too little room. */
const GROWTH = 2;

/** Pieces up to this size are shown from a copy; of longer ones it is found out first whether all fits. */
const MOST_COPIED = 16;

/** {@link Engine} over one with an 8-bit cache. `scales` are those that further engines begin with: they grow alike. */
export function widening(engine: Engine, scales: ReadonlyMap<string, Float32Array>, partnerOf: PartnerOf): Engine {
  /** True where everything from position `from` on fits; else scales have grown, and the engine holds nothing. */
  const fits = (from: number): boolean => {
    const tight = tightChannels(engine.cache, from, engine.length);
    if (tight.size === 0) return true;
    for (const [name, channels] of tight)
      for (const data of [engine.cache.scales.get(name)!, scales.get(name)!])
        grow(data, channels, engine.cache.shape.headDim, name.endsWith(".key_scale") ? partnerOf : (d) => d);
    engine.truncate(0);
    return false;
  };
  const append = async (ids: ArrayLike<number>, signal: AbortSignal | undefined): Promise<Float32Array> => {
    const before = engine.length;
    let logits = await engine.append(ids, signal);
    const all = [...engine.ids];
    for (let from = before; !fits(from); from = 0) logits = await engine.append(all, signal);
    return logits;
  };
  return {
    ...engine,
    get length() {
      return engine.length;
    },
    append,
    async appendShowing(ids, show, signal) {
      const before = engine.length;
      if (ids.length > MOST_COPIED) {
        await append(ids, signal);
        engine.truncate(before);
        return engine.appendShowing(ids, show, signal);
      }
      const rows: Float32Array[] = [];
      await engine.appendShowing(ids, (logits) => rows.push(Float32Array.from(logits)), signal);
      const all = [...engine.ids];
      if (!fits(before)) {
        await append(all, signal);
        engine.truncate(before);
        rows.length = 0;
        await engine.appendShowing(ids, (logits) => rows.push(Float32Array.from(logits)), signal);
      }
      for (const [i, row] of rows.entries()) show(row, i);
    },
  };
}

/** By the name of their scales, the channels in which an element of positions `from` to before `to` is at the end of its range. */
function tightChannels(cache: KvCache, from: number, to: number): Map<string, Set<number>> {
  const { kvHeads, headDim } = cache.shape;
  const tight = new Map<string, Set<number>>();
  for (const [name, { data }] of cache.tensors)
    for (let head = 0; head < kvHeads; head++) {
      const start = (head * cache.capacity + from) * headDim;
      const end = start + (to - from) * headDim;
      for (let at = start; at < end; at++) {
        const x = data[at]!;
        if (x < 127 && x > -127) continue;
        const scale = `past_key_values.${name}_scale`;
        const channels = tight.get(scale) ?? new Set();
        tight.set(scale, channels.add(head * headDim + ((at - start) % headDim)));
      }
    }
  return tight;
}

/** Grows the scales (KV, D) of channels and of those that they are turned into. */
function grow(scales: Float32Array, channels: ReadonlySet<number>, headDim: number, partnerOf: PartnerOf): void {
  const all = new Set<number>();
  for (const channel of channels) {
    const d = channel % headDim;
    all.add(channel).add(channel - d + partnerOf(d));
  }
  for (const channel of all) scales[channel]! *= GROWTH;
}
