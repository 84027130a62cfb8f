/** Plain floats and blocks of 32 elements with one scale, made float32. The formats are ggml's (ggml-common.h). */
import { float16ToFloat32 } from "../base/dtypes.ts";

/** The little-endian binary16 number at a byte. */
export const half = (bytes: Uint8Array, at: number): number => float16ToFloat32(bytes[at]! | (bytes[at + 1]! << 8));

export function fromFloat32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
}

export function fromFloat16(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = half(bytes, 2 * i);
}

export function fromBfloat16(bytes: Uint8Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
}

/** d, then 32 signed bytes: d * q. */
export function q8_0(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 34, o += 32) {
    const d = half(bytes, at);
    for (let i = 0; i < 32; i++) out[o + i] = d * ((bytes[at + 2 + i]! << 24) >> 24);
  }
}

/** d, then 16 bytes whose low halves are the first 16 elements: d * (q - 8). */
export function q4_0(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 18, o += 32) {
    const d = half(bytes, at);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 2 + i]!;
      out[o + i] = d * ((q & 15) - 8);
      out[o + 16 + i] = d * ((q >> 4) - 8);
    }
  }
}

/** d and m, then as Q4_0: d * q + m. */
export function q4_1(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 20, o += 32) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 4 + i]!;
      out[o + i] = d * (q & 15) + m;
      out[o + 16 + i] = d * (q >> 4) + m;
    }
  }
}

/** d, 32 fifth bits, then as Q4_0: d * (q - 16). */
export function q5_0(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 22, o += 32) {
    const d = half(bytes, at);
    const high = word(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 6 + i]!;
      out[o + i] = d * (((q & 15) | (((high >>> i) << 4) & 16)) - 16);
      out[o + 16 + i] = d * (((q >> 4) | ((high >>> (i + 12)) & 16)) - 16);
    }
  }
}

/** d and m, 32 fifth bits, then as Q4_0: d * q + m. */
export function q5_1(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 24, o += 32) {
    const [d, m] = [half(bytes, at), half(bytes, at + 2)];
    const high = word(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const q = bytes[at + 8 + i]!;
      out[o + i] = d * ((q & 15) | (((high >>> i) << 4) & 16)) + m;
      out[o + 16 + i] = d * ((q >> 4) | ((high >>> (i + 12)) & 16)) + m;
    }
  }
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** What the 16 codes of IQ4_NL and IQ4_XS stand for. */
export const NON_LINEAR = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** d, then 16 bytes of codes as in Q4_0: d * level. */
export function iq4nl(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 18, o += 32)
    codes(bytes, at + 2, half(bytes, at), NON_LINEAR, out, o);
}

/** What the 16 codes of a 4-bit float (E2M1) stand for, times two. */
export const E2M1 = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** 2^(e - 128) by e. */
const POWERS = Float32Array.from({ length: 256 }, (_, e) => 2 ** (e - 128));

/** An exponent e, then 16 bytes of codes as in Q4_0: 2^(e - 128) * level (OCP Microscaling, with levels doubled). */
export function mxfp4(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, o = 0; at < bytes.length; at += 17, o += 32) codes(bytes, at + 1, POWERS[bytes[at]!]!, E2M1, out, o);
}

/** 16 bytes of codes, low halves first. */
export function codes(bytes: Uint8Array, at: number, d: number, levels: Int8Array, out: Float32Array, o: number): void {
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + i]!;
    out[o + i] = d * levels[q & 15]!;
    out[o + 16 + i] = d * levels[q >> 4]!;
  }
}
