/** Blocks of GGUF's formats as the packed rows of MatMulNBits: the same numbers where a format allows it, else rounded anew. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { type BlockFormatName, blockFormat } from "./blocks.ts";
import { E2M1, half, NON_LINEAR } from "./blocks-of-32.ts";
import { createPacker, type Packed, type PackFormat, packedMemory } from "./pack.ts";
import { readStored, readStoredBytes, type StoredTensor } from "./stored.ts";

/** A weight's packed rows, and whether they hold the very numbers of the file. */
export interface PackedWeight extends Packed {
  readonly format: PackFormat;
  readonly exact: boolean;
}

/** Writes a block's integers and gives back its scale. */
type Repack = (bytes: Uint8Array, at: number, quants: Uint8Array, to: number) => number;

/** Formats that are packed as they are, and how: a value is (q - 8) * scale or (q - 128) * scale. */
const EXACT: ReadonlyMap<BlockFormatName, { readonly bits: 4 | 8; readonly repack: Repack }> = new Map([
  ["Q4_0", { bits: 4, repack: fromQ4_0 }],
  ["Q8_0", { bits: 8, repack: fromQ8_0 }],
  ["Q5_0", { bits: 8, repack: fromQ5_0 }],
  ["IQ4_NL", { bits: 8, repack: fromIq4nl }],
  ["MXFP4", { bits: 8, repack: fromMxfp4 }],
]);

const BLOCK = 32;

/** The packed form of a format: that of its own numbers where there is one, else 8 bits, which lose 1/256 of a block's largest. */
export function packedFormatOf(format: BlockFormatName): PackFormat {
  return { bits: EXACT.get(format)?.bits ?? 8, block: BLOCK };
}

/**
 * Packs a matrix, (rows, columns), in its own packed form or in another `format`. Throws BAD_SHAPE for what is no matrix
 * and BAD_WEIGHTS naming the weight where a number is not finite.
 */
export function packStored(host: Host, tensor: StoredTensor, format = packedFormatOf(tensor.format)): PackedWeight {
  const { shape, name, file } = tensor;
  if (shape.length !== 2)
    fail("BAD_SHAPE", `${file}: ${name}: got shape [${shape}], expected rows and columns to pack`);
  const [rows, columns] = shape as [number, number];
  const packed = packedMemory(rows, columns, format);
  const own = EXACT.get(tensor.format);
  const exact = own?.bits === format.bits && format.block === BLOCK && !tensor.transposed && !tensor.minusOne;
  if (exact) repackInto(host, tensor, own.repack, (BLOCK * format.bits) / 8, packed);
  else createPacker(format, "nearest")(readStored(host, tensor), columns, packed, { where: `${file}: ${name}` });
  return { ...packed, format, exact };
}

function repackInto(host: Host, tensor: StoredTensor, repack: Repack, size: number, { quants, scales }: Packed): void {
  const bytes = readStoredBytes(host, tensor);
  const blockBytes = blockFormat(tensor.format).bytes;
  for (let block = 0; block < scales.length; block++) {
    const scale = repack(bytes, block * blockBytes, quants, block * size);
    if (!Number.isFinite(scale))
      fail("BAD_WEIGHTS", `${tensor.file}: ${tensor.name}: got a scale of ${scale} in block ${block}`);
    scales[block] = scale === 0 ? zeroed(quants, block * size, size) : scale;
  }
}

/** A block of zeros with a scale that is not zero, which is what the kernels are given elsewhere too. */
function zeroed(quants: Uint8Array, at: number, size: number): number {
  quants.fill(size === BLOCK ? 0x80 : 0x88, at, at + size);
  return 2 ** -126;
}

/** GGUF has elements i and i + 16 in a byte, MatMulNBits 2i and 2i + 1. Both count from 8. */
function fromQ4_0(bytes: Uint8Array, at: number, quants: Uint8Array, to: number): number {
  for (let i = 0; i < 8; i++) {
    const [first, second] = [bytes[at + 2 + 2 * i]!, bytes[at + 3 + 2 * i]!];
    quants[to + i] = (first & 15) | ((second & 15) << 4);
    quants[to + 8 + i] = (first >> 4) | (second & 0xf0);
  }
  return half(bytes, at);
}

function fromQ8_0(bytes: Uint8Array, at: number, quants: Uint8Array, to: number): number {
  for (let i = 0; i < BLOCK; i++) quants[to + i] = bytes[at + 2 + i]! ^ 0x80;
  return half(bytes, at);
}

function fromQ5_0(bytes: Uint8Array, at: number, quants: Uint8Array, to: number): number {
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 6 + i]!;
    quants[to + i] = 112 + ((q & 15) | (((bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1) << 4));
    quants[to + 16 + i] = 112 + ((q >> 4) | (((bytes[at + 4 + (i >> 3)]! >> (i & 7)) & 1) << 4));
  }
  return half(bytes, at);
}

function fromIq4nl(bytes: Uint8Array, at: number, quants: Uint8Array, to: number): number {
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 2 + i]!;
    quants[to + i] = 128 + NON_LINEAR[q & 15]!;
    quants[to + 16 + i] = 128 + NON_LINEAR[q >> 4]!;
  }
  return half(bytes, at);
}

/** An exponent of 255 is no number; levels are doubled, so the scale is half of 2^(exponent - 127). */
function fromMxfp4(bytes: Uint8Array, at: number, quants: Uint8Array, to: number): number {
  for (let i = 0; i < 16; i++) {
    const q = bytes[at + 1 + i]!;
    quants[to + i] = 128 + E2M1[q & 15]!;
    quants[to + 16 + i] = 128 + E2M1[q >> 4]!;
  }
  return bytes[at] === 255 ? Number.NaN : 2 ** (bytes[at]! - 128);
}
