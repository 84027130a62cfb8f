/** The tensors of a cache: made, bound by name, seen as keys and values. Knows no engine and no files. */
import type { Owner } from "../base/owner.ts";
import type { CacheShape, CausalLm } from "../models/types.ts";
import type { CacheType } from "../nn/builder.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";

/** The names of a layer's halves. */
export const PARTS = ["key", "value"] as const;

/** Scales of int8 caches by their inputs' names, (KV, D) each: `past_key_values.N.key_scale` and `.value_scale`. */
export type CacheScales = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** The cache of one sequence. */
export interface KvCache {
  readonly type: CacheType;
  readonly shape: CacheShape;
  /** Tokens there is room for, P. */
  readonly capacity: number;
  /** `N.key` and `N.value` of each layer N, (1, KV, P, D), in order. */
  readonly tensors: ReadonlyMap<string, Tensor<"float32" | "int8">>;
  /** Those of an 8-bit cache, live. */
  readonly scales: CacheScales;
}

/** A cache, and its tensors by the names of the graph's inputs and outputs. */
export interface BoundCache extends KvCache {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** Makes an empty cache of float32, or of int8 where there are scales. */
export function makeCache(
  runtime: Runtime,
  { cache: shape }: Pick<CausalLm, "cache">,
  capacity: number,
  scales: CacheScales | undefined,
  { own }: Owner,
): BoundCache {
  const inputs: Record<string, Tensor> = {};
  const outputs: Record<string, Tensor> = {};
  const tensors = new Map<string, Tensor<"float32" | "int8">>();
  for (let layer = 0; layer < shape.layers; layer++)
    for (const part of PARTS) {
      const name = `${layer}.${part}`;
      const tensor = own(
        runtime.tensor<"float32" | "int8">(scales ? "int8" : "float32", [1, shape.kvHeads, capacity, shape.headDim]),
      );
      tensors.set(name, tensor);
      inputs[`past_key_values.${name}`] = tensor;
      outputs[`present.${name}`] = tensor;
    }
  const live = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, data] of scales ?? []) {
    const tensor = own(runtime.tensor("float32", [shape.kvHeads, shape.headDim], data));
    inputs[name] = tensor;
    live.set(name, tensor.data as Float32Array<ArrayBuffer>);
  }
  return { type: scales ? "q8" : "f32", shape, capacity, tensors, scales: live, inputs, outputs };
}
