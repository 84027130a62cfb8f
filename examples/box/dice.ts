/** Choices that differ between runs only by their seed, quick enough for millions of documents. Knows no words. */
import { rng } from "../../src/base/rng.ts";

/** Seeded choices. Every method advances the same state. */
export interface Dice {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  /** `count` different entries, in a random order; the whole list where it is shorter. */
  some<T>(list: readonly T[], count: number): T[];
  /** True so often, from 0 to 1. */
  chance(share: number): boolean;
}

/** Dice for a seed and the name of what they are for. */
export function dice(seed: number, stream: string): Dice {
  const { uint32 } = rng(seed, stream);
  const below = (limit: number) => Math.floor((uint32() / 2 ** 32) * limit);
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    pick: (list) => list[below(list.length)]!,
    some(list, count) {
      const left = [...list];
      const chosen = Math.min(count, left.length);
      for (let i = 0; i < chosen; i++) {
        const j = i + below(left.length - i);
        [left[i], left[j]] = [left[j]!, left[i]!];
      }
      return left.slice(0, chosen);
    },
    chance: (share) => uint32() / 2 ** 32 < share,
  };
}

/** A 53-bit fingerprint of a text: two runs of FNV-1a over its UTF-16 code units, with different beginnings. */
export function fingerprint(text: string): number {
  let [a, b] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ unit, 0x01000193) + i;
  }
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) >>> 11);
}

/** One in ten keys is kept for the test, always the same ones: for what is too many to list. */
export function isHeldOut(key: string): boolean {
  return fingerprint(key) % 10 === 7;
}
