/** float32 made plain floats and blocks, rounding as llama.cpp's reference quantisers (ggml-quants.c) do. */
import { float32ToBfloat16, float32ToFloat16 } from "../base/dtypes.ts";

const f32 = Math.fround;

export function toFloat32(values: Float32Array, out: Uint8Array): void {
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

export function toFloat16(values: Float32Array, out: Uint8Array): void {
  for (let i = 0; i < values.length; i++) put16(out, 2 * i, float32ToFloat16(values[i]!));
}

export function toBfloat16(values: Float32Array, out: Uint8Array): void {
  for (let i = 0; i < values.length; i++) put16(out, 2 * i, float32ToBfloat16(values[i]!));
}

/** d = max |x| / 127, q = x / d rounded, halves away from zero. */
export function toQ8_0(values: Float32Array, out: Uint8Array): void {
  for (let from = 0, at = 0; from < values.length; from += 32, at += 34) {
    let most = 0;
    for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(values[from + i]!));
    const d = f32(most / 127);
    const inverse = d === 0 ? 0 : f32(1 / d);
    put16(out, at, float32ToFloat16(d));
    for (let i = 0; i < 32; i++) {
      const x = f32(values[from + i]! * inverse);
      out[at + 2 + i] = x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5);
    }
  }
}

/** d = the x of largest |x|, with its sign, over -8: that one is exact, and the codes reach one further on its side. */
export function toQ4_0(values: Float32Array, out: Uint8Array): void {
  for (let from = 0, at = 0; from < values.length; from += 32, at += 18) {
    let widest = values[from]!;
    for (let i = 1; i < 32; i++) if (Math.abs(values[from + i]!) > Math.abs(widest)) widest = values[from + i]!;
    const d = f32(widest / -8);
    const inverse = d === 0 ? 0 : f32(1 / d);
    const code = (x: number) => Math.min(15, Math.trunc(f32(f32(x * inverse) + 8.5)));
    put16(out, at, float32ToFloat16(d));
    for (let i = 0; i < 16; i++) out[at + 2 + i] = code(values[from + i]!) | (code(values[from + 16 + i]!) << 4);
  }
}

function put16(out: Uint8Array, at: number, bits: number): void {
  out[at] = bits & 0xff;
  out[at + 1] = bits >>> 8;
}
