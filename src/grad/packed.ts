/** Gradients through products with weights in blocks of 4 or 8 bits (QLoRA, Dettmers et al. 2023). The weights have none. */
import { knownDim } from "../base/shapes.ts";
import { gemm, reshape, slice } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import { slabsOf } from "../graph/widen.ts";
import { type RuleArguments, sumTo } from "./rule.ts";

/**
 * dx = dy W, with W (N, K) widened to floats when dy is there. Where the product rounds its activations the gradient is
 * that of the product that does not (straight through).
 */
export function packedProductGradients({ node, inputs, grad }: RuleArguments<"MatMulNBits">): (Value | undefined)[] {
  const [x, , , bias] = inputs as [Value, Value, Value, Value | undefined];
  const { K, N } = node.attributes;
  const rows = x.shape.slice(0, -1).reduce<number>((n, dim) => n * knownDim(dim, node.name), 1);
  const dy = reshape(grad, [rows, N]);
  let sum: Value | undefined;
  for (const { floats, start, end } of slabsOf(node, () => sum ?? dy))
    sum = gemm(end - start === N ? dy : slice(dy, 1, start, end), floats, sum ? { c: sum } : {});
  const dx = sum!.shape[1] === K ? sum! : slice(sum!, 1, 0, K); // (rows, K)
  return [reshape(dx, x.shape), undefined, undefined, ...(bias ? [sumTo(grad, bias.shape)] : [])];
}
