/** float32 made plain floats and blocks, rounding as llama.cpp's reference quantisers (ggml-quants.c) do. */
import { float32ToBfloat16, float32ToFloat16 } from "../base/dtypes.ts";

const f32 = Math.fround;

export function toFloat32(values: Float32Array, out: Uint8Array): void {
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

export function toFloat16(values: Float32Array, out: Uint8Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    // Between 2^-14 and 65504 a float16 is the float32 with fewer bits, as float32ToFloat16 says.
    if (magnitude >= 0x38800000 && magnitude < 0x477fe000) {
      const rebiased = magnitude - (112 << 23);
      put16(out, 2 * i, ((bits[i]! >>> 16) & 0x8000) | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13));
    } else put16(out, 2 * i, float32ToFloat16(values[i]!));
  }
}

export function toBfloat16(values: Float32Array, out: Uint8Array): void {
  for (let i = 0; i < values.length; i++) put16(out, 2 * i, float32ToBfloat16(values[i]!));
}

/** What is added before a number is cut, by its sign: a table, since processors guess half of the signs wrong. */
const HALVES = Float64Array.of(0.5, -0.5);

/** d = max |x| / 127, q = x / d rounded, halves away from zero. */
export function toQ8_0(values: Float32Array, out: Uint8Array): void {
  const scaled = new Float32Array(32);
  const bits = new Uint32Array(scaled.buffer);
  for (let from = 0, at = 0; from < values.length; from += 32, at += 34) {
    let most = 0;
    for (let i = from; i < from + 32; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > most) most = magnitude;
    }
    const d = f32(most / 127);
    const inverse = d === 0 ? 0 : f32(1 / d);
    put16(out, at, float32ToFloat16(d));
    for (let i = 0; i < 32; i++) scaled[i] = values[from + i]! * inverse;
    for (let i = 0; i < 32; i++) out[at + 2 + i] = (scaled[i]! + HALVES[bits[i]! >>> 31]!) | 0;
  }
}

/** d = the x of largest |x|, with its sign, over -8: that one is exact, and the codes reach one further on its side. */
export function toQ4_0(values: Float32Array, out: Uint8Array): void {
  for (let from = 0, at = 0; from < values.length; from += 32, at += 18) {
    let most = -1;
    let widest = 0;
    for (let i = from; i < from + 32; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > most) {
        most = magnitude;
        widest = values[i]!;
      }
    }
    const d = f32(widest / -8);
    const inverse = d === 0 ? 0 : f32(1 / d);
    put16(out, at, float32ToFloat16(d));
    for (let i = 0; i < 16; i++) {
      // At most 16.5, and 15 is the last code.
      const low = Math.min(15, f32(f32(values[from + i]! * inverse) + 8.5)) | 0;
      const high = Math.min(15, f32(f32(values[from + 16 + i]! * inverse) + 8.5)) | 0;
      out[at + 2 + i] = low | (high << 4);
    }
  }
}

function put16(out: Uint8Array, at: number, bits: number): void {
  out[at] = bits & 0xff;
  out[at + 1] = bits >>> 8;
}
