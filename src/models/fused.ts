/** Parts that the decoders of 2022 and 2023 share: query, key and value from one matrix, and blocks side by side. */

import { apply, constant } from "../graph/build.ts";
import { add, mul, reshape, split } from "../graph/functions.ts";
import type { Value } from "../graph/types.ts";
import type { ModelBuilder } from "../nn/builder.ts";
import { linear, type Norm, normal } from "../nn/layers.ts";
import type { Layer, Projected } from "./decoder.ts";
import type { Sizes } from "./decoder-config.ts";

/** One matrix whose rows are, for each key head, its query heads, the key and the value: (N, C) to {@link Projected}. */
export function fusedProjection({ heads, kvHeads, headDim, std }: Sizes, name: string, bias: boolean) {
  const group = heads / kvHeads;
  return (b: ModelBuilder, x: Value): Projected => {
    const rows = x.shape[0]!;
    const fused = linear(b, name, x, (heads + 2 * kvHeads) * headDim, { bias, init: normal(std) });
    const byGroup = reshape(fused, [rows, kvHeads, (group + 2) * headDim]); // (N, KV, (G+2)*D)
    const [query, key, value] = split(byGroup, 2, [group * headDim, headDim, headDim]) as [Value, Value, Value];
    const narrow = [rows, kvHeads * headDim];
    return [reshape(query, [rows, heads * headDim]), reshape(key, narrow), reshape(value, narrow)];
  };
}

/** x + attend(norm(x)) + feedForward(norm(x)) (Wang and Komatsuzaki 2021), by norms of the two names, or of one for both. */
export function parallelBlock(
  norm: Norm,
  [beforeAttention, beforeFeedForward]: readonly [string, string],
  attend: Layer,
  feedForward: Layer,
): Layer {
  return (b, x, layer) => {
    const forAttention = norm(b, beforeAttention, x);
    const forFeedForward = beforeFeedForward === beforeAttention ? forAttention : norm(b, beforeFeedForward, x);
    return add(add(x, attend(b, forAttention, layer)), feedForward(b, forFeedForward, layer));
  };
}

/** Layer normalisation of each head of x (N, H*D) by a row of its own of `weight` (H, D). */
export function normEachHead(x: Value, weight: Value, epsilon: number): Value {
  const [heads, headDim] = weight.shape as [number, number];
  const ones = constant(x.graph, "float32", [headDim], new Float32Array(headDim).fill(1), `ones_${headDim}`);
  const byHead = reshape(x, [x.shape[0]!, heads, headDim]); // (N, H, D)
  const normal = apply("LayerNormalization", [byHead, ones], { epsilon })[0];
  return reshape(mul(normal, weight), x.shape);
}
