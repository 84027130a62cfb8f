/** Shape rules of the operators that read weights in blocks of 4 or 8 bits. */
import { fail } from "../base/errors.ts";
import type { Shape } from "../base/shapes.ts";
import { needEqual, needFloat, needIndices, needRank, needShape } from "./demands.ts";
import type { OpAttributes, TensorType } from "./types.ts";

export function inferMatMulNBits(
  [x, quants, scales, bias]: readonly (TensorType | undefined)[],
  { K, N, bits, blockSize }: OpAttributes["MatMulNBits"],
): TensorType[] {
  const blocks = Math.ceil(K / blockSize);
  needEqual(x!.shape.at(-1), K, "inner axis");
  needPacked(quants!, [N, blocks, (blockSize * bits) / 8], blockSize);
  needShape(scales!, [N, blocks], "scales");
  if (bias) needShape(bias, [N], "bias");
  return [{ dtype: needFloat(x!, scales!, ...(bias ? [bias] : [])), shape: x!.shape.with(-1, N) }];
}

export function inferGatherBlockQuantized(
  [quants, indices, scales]: readonly TensorType[],
  { bits, blockSize }: OpAttributes["GatherBlockQuantized"],
): TensorType[] {
  needIndices(indices!);
  needRank(quants!, 2, "quants");
  const [rows, bytes] = quants!.shape as [number, number];
  const width = (bytes * 8) / bits;
  needPacked(quants!, [rows, bytes], blockSize);
  needShape(scales!, [rows, width / blockSize], "scales");
  return [{ dtype: needFloat(scales!), shape: [...indices!.shape, width] }];
}

/** Blocks that ONNX Runtime's kernels take: powers of two from 16 to 256. */
function needPacked(quants: TensorType, shape: Shape, blockSize: number): void {
  if (![16, 32, 64, 128, 256].includes(blockSize))
    fail("BAD_SHAPE", `blockSize: got ${blockSize}, expected 16, 32, 64, 128 or 256`);
  if (quants.dtype !== "uint8") fail("BAD_DTYPE", `quants: got ${quants.dtype}, expected uint8`);
  needShape(quants, shape, "quants");
}

export function inferDequantizeLinear(
  [quants, scales]: readonly TensorType[],
  { bits, blockSize, start }: OpAttributes["DequantizeLinear"],
): TensorType[] {
  needRank(quants!, 3, "quants");
  needRank(scales!, 2, "scales");
  const total = quants!.shape[0] as number;
  const [rows, blocks] = scales!.shape as [number, number];
  needPacked(quants!, [total, blocks, (blockSize * bits) / 8], blockSize);
  if (!(Number.isSafeInteger(start) && start >= 0 && start + rows <= total))
    fail("BAD_SHAPE", `start: got ${rows} rows from ${start}, expected rows among ${total}`);
  return [{ dtype: needFloat(scales!), shape: [rows, blocks * blockSize] }];
}
