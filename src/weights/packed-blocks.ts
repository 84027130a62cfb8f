/** Packed rows as blocks of GGUF's Q8_0 and Q4_0 that hold the very integers, with scales as float16. Knows no files. */
import { float32ToFloat16 } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { type BlockFormatName, blockFormat } from "./blocks.ts";
import { type Packed, type PackFormat, packedSizes } from "./pack.ts";

/** Elements of a block of either format. */
const BLOCK = 32;

/** The largest scale that a float16 holds. */
const MOST_SCALE = 65504;

/** Whether blocks of `to` can hold the integers of packed rows of `width` as they are: 4 bits fit into 8, and not the other way round. */
export function holdsPacked(to: BlockFormatName, width: number, { bits, block }: PackFormat): to is "Q8_0" | "Q4_0" {
  const fits = to === "Q8_0" || (to === "Q4_0" && bits === 4);
  return fits && block % BLOCK === 0 && width % BLOCK === 0;
}

/**
 * The blocks of packed rows, in the rows' order; {@link holdsPacked} has said that there are such. Throws BAD_WEIGHTS
 * beginning with `where` for a scale that is beyond float16.
 */
export function packedToBlocks(
  { quants, scales }: Packed,
  width: number,
  { bits, block }: PackFormat,
  to: "Q8_0" | "Q4_0",
  where: string,
): Uint8Array {
  const { blocks, blockBytes } = packedSizes(width, { bits, block });
  const own = blockFormat(to).bytes;
  const perRow = width / BLOCK;
  const out = new Uint8Array((scales.length / blocks) * perRow * own);
  const put = bits === 8 ? bytesToQ8 : to === "Q8_0" ? halvesToQ8 : halvesToQ4;
  const parts = block / BLOCK;
  for (let row = 0, at = 0; row < scales.length / blocks; row++)
    for (let part = 0; part < perRow; part++, at += own) {
      const held = row * blocks + Math.floor(part / parts);
      const scale = scales[held]!;
      if (!(Math.abs(scale) <= MOST_SCALE))
        fail("BAD_WEIGHTS", `${where}: row ${row}: got a scale of ${scale}, expected at most ${MOST_SCALE} for ${to}`);
      const half = float32ToFloat16(scale);
      out[at] = half & 0xff;
      out[at + 1] = half >>> 8;
      put(quants, held * blockBytes + ((part % parts) * BLOCK * bits) / 8, out, at + 2);
    }
  return out;
}

function bytesToQ8(quants: Uint8Array, from: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < BLOCK; i++) out[to + i] = quants[from + i]! ^ 0x80;
}

function halvesToQ8(quants: Uint8Array, from: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < BLOCK / 2; i++) {
    const pair = quants[from + i]!;
    out[to + 2 * i] = (pair & 15) - 8;
    out[to + 2 * i + 1] = (pair >> 4) - 8;
  }
}

/** Elements i and i + 16 in a byte, where packed rows have 2i and 2i + 1. */
function halvesToQ4(quants: Uint8Array, from: number, out: Uint8Array, to: number): void {
  for (let i = 0; i < 8; i++) {
    const [low, high] = [quants[from + i]!, quants[from + 8 + i]!];
    out[to + 2 * i] = (low & 15) | ((high & 15) << 4);
    out[to + 2 * i + 1] = (low >> 4) | (high & 0xf0);
  }
}
