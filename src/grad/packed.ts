/** Gradients through products with weights in blocks of 4 or 8 bits (QLoRA, Dettmers et al. 2023). The weights have none. */
import { knownDim } from "../base/shapes.ts";
import { apply } from "../graph/build.ts";
import { gemm, reshape, slice } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { heldUntil } from "./held.ts";
import { type RuleArguments, sumTo } from "./rule.ts";

/** Elements of a weight that are widened at a time: what a layer of most models has, 64 MiB. */
export const SLAB_ELEMENTS = 2 ** 24;

/**
 * dx = dy W, with W (N, K) widened to floats slab by slab when dy is there, each slab used once and dropped. Where the
 * product rounds its activations the gradient is that of the product that does not (straight through).
 */
export function packedProductGradients({ node, inputs, grad }: RuleArguments<"MatMulNBits">): (Value | undefined)[] {
  const [x, quants, scales, bias] = inputs as [Value, Value, Value, Value | undefined];
  const { K, N, bits, blockSize } = node.attributes;
  const rows = x.shape.slice(0, -1).reduce<number>((n, dim) => n * knownDim(dim, node.name), 1);
  const dy = reshape(grad, [rows, N]);
  const blocks = scales.shape[1] as number;
  const height = Math.min(N, Math.max(1, Math.floor(SLAB_ELEMENTS / (blocks * blockSize))));
  let sum: Value | undefined;
  for (let start = 0; start < N; start += height) {
    const end = Math.min(N, start + height);
    const part = (whole: Value, axis: number) => (end - start === N ? whole : slice(whole, axis, start, end));
    const held = heldUntil(part(scales, 0), dy);
    const slab = apply("DequantizeLinear", [quants, held], { bits, blockSize, start })[0]; // (end - start, blocks * blockSize)
    sum = gemm(part(dy, 1), slab, sum ? { c: sum } : {});
  }
  const dx = blocks * blockSize === K ? sum! : slice(sum!, 1, 0, K); // (rows, K)
  return [reshape(dx, x.shape), undefined, undefined, ...(bias ? [sumTo(grad, bias.shape)] : [])];
}
