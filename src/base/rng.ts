/** Seeded random numbers whose whole state is four words, so that a run can be saved and continued. */
import { fail } from "./errors.ts";

/** The state of a generator: four unsigned 32-bit words, as plain JSON. */
export type RngState = readonly [number, number, number, number];

/** A stream of random numbers. Every method advances the same state. */
export interface Rng {
  /** An unsigned 32-bit integer. */
  uint32(): number;
  /** A float in [0, 1) with 53 random bits. */
  uniform(): number;
  /** An integer in [0, n), n from 1 to 2^32, without modulo bias. */
  below(n: number): number;
  /** A standard normal deviate (Box-Muller, one value a call). */
  normal(): number;
  /** A copy of the state, to be passed to {@link rngFrom}. */
  state(): RngState;
}

/**
 * A generator (xoshiro128**, Blackman and Vigna 2018) whose state is filled from the seed by splitmix32.
 * Equal seeds and stream names give equal numbers on every platform.
 */
export function rng(seed: number, stream = ""): Rng {
  if (!Number.isSafeInteger(seed)) fail("BAD_OPTION", `seed: got ${seed}, expected an integer below 2^53`);
  let x = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  for (const character of stream) x = Math.imul(x ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  const next = () => {
    x = (x + 0x9e3779b9) >>> 0;
    let z = x;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return rngFrom([next(), next(), next(), next()]);
}

/** Continues a generator from a saved state. */
export function rngFrom(state: RngState): Rng {
  let [a, b, c, d] = state;
  const uint32 = () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotl(d, 11);
    return result;
  };
  const uniform = () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  return {
    uint32,
    uniform,
    below(n) {
      const limit = 2 ** 32 - (2 ** 32 % n);
      for (;;) {
        const x = uint32();
        if (x < limit) return x % n;
      }
    },
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

function rotl(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
