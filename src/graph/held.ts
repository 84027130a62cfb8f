/** Keeps the runtime from computing a value before another is there. */
import { constant } from "./build.ts";
import { add, gather, mul, reshape } from "./functions.ts";
import type { Value } from "./types.ts";

/**
 * `value` itself, but not before `other` exists: plus zero times one of its elements. Without this the runtime would see
 * a recomputation as a common subexpression and keep the activations after all, or compute at load what weights give.
 */
export function heldUntil(value: Value, other: Value): Value {
  if (value.dtype !== "float32" && value.dtype !== "float64") return value;
  const index = constant(value.graph, "int64", [], BigInt64Array.of(0n));
  const element = gather(reshape(other, [other.shape.reduce<number>((n, dim) => n * Number(dim), 1)]), index);
  return add(value, mul(element, 0));
}
