/** Packing by its definition, a value at a time: what src/weights/pack.ts is compared with. */
import type { Packed, PackFormat } from "../../src/weights/pack.ts";

/** The heaviest value of each block over -8 (or -128) is its scale, to which every value is rounded. */
export function packPlainly(rows: Float32Array, width: number, { bits, block }: PackFormat): Packed {
  const zero = 2 ** (bits - 1);
  const quants: number[] = [];
  const scales: number[] = [];
  for (let start = 0; start < rows.length; start += width)
    for (let first = 0; first < width; first += block) {
      const values = Array.from({ length: block }, (_, i) => (first + i < width ? rows[start + first + i]! : 0));
      const heaviest = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
      const scale = heaviest === 0 ? 1 : Math.fround(heaviest / -zero);
      scales.push(scale);
      const whole = values.map((x) => Math.min(2 * zero - 1, Math.max(0, Math.floor(x / scale + zero + 0.5))));
      if (bits === 8) quants.push(...whole);
      else for (let i = 0; i < block; i += 2) quants.push(whole[i]! + 16 * whole[i + 1]!);
    }
  return { quants: Uint8Array.from(quants), scales: Float32Array.from(scales) };
}
