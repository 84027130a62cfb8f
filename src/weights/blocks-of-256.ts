/** Blocks of 256 elements whose parts have scales of their own, made float32. The formats are ggml's (ggml-common.h). */
import { codes, half, NON_LINEAR } from "./blocks-of-32.ts";

/** Scale of the i-th of 8 parts: six bits, in 12 bytes at `at` with the offsets of the parts. */
function scaleOf(bytes: Uint8Array, at: number, i: number): number {
  return i < 4 ? bytes[at + i]! & 63 : (bytes[at + i + 4]! & 15) | ((bytes[at + i - 4]! >> 6) << 4);
}

/** Offset of the i-th of 8 parts, beside {@link scaleOf}. */
function offsetOf(bytes: Uint8Array, at: number, i: number): number {
  return i < 4 ? bytes[at + i + 4]! & 63 : (bytes[at + i + 4]! >> 4) | ((bytes[at + i]! >> 6) << 4);
}

/** d and m, 12 bytes of scales, 128 of halves: 32 bytes hold two parts. d * scale * q - m * offset. */
export function q4k(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 144, o += 256) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    for (let pair = 0; pair < 4; pair++) {
      const [d0, m0] = [d * scaleOf(bytes, at + 4, 2 * pair), m * offsetOf(bytes, at + 4, 2 * pair)];
      const [d1, m1] = [d * scaleOf(bytes, at + 4, 2 * pair + 1), m * offsetOf(bytes, at + 4, 2 * pair + 1)];
      const from = at + 16 + 32 * pair;
      const to = o + 64 * pair;
      for (let i = 0; i < 32; i++) {
        const q = bytes[from + i]!;
        out[to + i] = d0 * (q & 15) - m0;
        out[to + 32 + i] = d1 * (q >> 4) - m1;
      }
    }
  }
}

/** As Q4_K, with 32 bytes of fifth bits before the halves: bit p of each is of part p. */
export function q5k(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 176, o += 256) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    for (let pair = 0; pair < 4; pair++) {
      const [d0, m0] = [d * scaleOf(bytes, at + 4, 2 * pair), m * offsetOf(bytes, at + 4, 2 * pair)];
      const [d1, m1] = [d * scaleOf(bytes, at + 4, 2 * pair + 1), m * offsetOf(bytes, at + 4, 2 * pair + 1)];
      const from = at + 48 + 32 * pair;
      const to = o + 64 * pair;
      for (let i = 0; i < 32; i++) {
        const q = bytes[from + i]!;
        const high = (bytes[at + 16 + i]! >> (2 * pair)) << 4;
        out[to + i] = d0 * ((q & 15) | (high & 16)) - m0;
        out[to + 32 + i] = d1 * ((q >> 4) | ((high >> 1) & 16)) - m1;
      }
    }
  }
}

/** 128 bytes of halves, 64 of upper pairs of bits, 16 signed scales, d: d * scale * (q - 32). */
export function q6k(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 210, o += 256) {
    const d = half(bytes, at + 208);
    // A row of 32: a half of the block has four, from two rows of halves and one of upper bits.
    for (let row = 0; row < 8; row++) {
      const low = at + 64 * (row >> 2) + 32 * (row & 1);
      const lowShift = row & 2 ? 4 : 0;
      const high = at + 128 + 32 * (row >> 2);
      const highShift = 2 * (row & 3);
      for (let part = 0; part < 2; part++) {
        const scale = d * ((bytes[at + 192 + 2 * row + part]! << 24) >> 24);
        for (let i = 16 * part; i < 16 * part + 16; i++) {
          const q = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> highShift) & 3) << 4);
          out[o + 32 * row + i] = scale * (q - 32);
        }
      }
    }
  }
}

/** 16 bytes of scales (low) and offsets (high), 64 of pairs of bits, d and m: d * scale * q - m * offset. */
export function q2k(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 84, o += 256) {
    const [d, m] = [half(bytes, at + 80), half(bytes, at + 82)];
    for (let part = 0; part < 16; part++) {
      const s = bytes[at + part]!;
      const [scale, offset] = [d * (s & 15), m * (s >> 4)];
      const from = at + 16 + 32 * (part >> 3) + 16 * (part & 1);
      const shift = part & 6;
      for (let i = 0; i < 16; i++) out[o + 16 * part + i] = scale * ((bytes[from + i]! >> shift) & 3) - offset;
    }
  }
}

/** 32 bytes of third bits, 64 of pairs of bits, 12 of scales, d: d * (scale - 32) * (q - 4). */
export function q3k(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 110, o += 256) {
    const d = half(bytes, at + 108);
    for (let part = 0; part < 16; part++) {
      const low = part < 8 ? bytes[at + 96 + part]! & 15 : bytes[at + 88 + part]! >> 4;
      const high = (bytes[at + 104 + (part & 3)]! >> (2 * (part >> 2))) & 3;
      const scale = d * ((low | (high << 4)) - 32);
      const from = at + 32 + 32 * (part >> 3) + 16 * (part & 1);
      const bit = part >> 1;
      for (let i = 0; i < 16; i++) {
        const third = (bytes[at + 16 * (part & 1) + i]! >> bit) & 1;
        out[o + 16 * part + i] = scale * (((bytes[from + i]! >> (part & 6)) & 3) - (third ? 0 : 4));
      }
    }
  }
}

/** d, 2 and 4 bytes of scales, then 8 parts of 16 bytes of codes: d * (scale - 32) * level. */
export function iq4xs(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 136, o += 256) {
    const d = half(bytes, at);
    const high = bytes[at + 2]! | (bytes[at + 3]! << 8);
    for (let part = 0; part < 8; part++) {
      const low = (bytes[at + 4 + (part >> 1)]! >> (4 * (part & 1))) & 15;
      const scale = d * ((low | (((high >> (2 * part)) & 3) << 4)) - 32);
      codes(bytes, at + 8 + 16 * part, scale, NON_LINEAR, out, o + 32 * part);
    }
  }
}
