/** What shape rules demand of their operands: each check throws BAD_DTYPE or BAD_SHAPE with what was got and expected. */
import type { DType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { type Dim, type Shape, sameShape, showShape } from "../base/shapes.ts";
import type { TensorType } from "./types.ts";

/** Types that arithmetic is done in. */
export const FLOATS: readonly DType[] = ["float32", "float64"];

/** One float type for all. */
export function needFloat(...types: TensorType[]): DType {
  const dtype = types[0]!.dtype;
  if (!FLOATS.includes(dtype)) fail("BAD_DTYPE", `got ${dtype}, expected a float type`);
  return needSame(...types);
}

/** One type for all, which is returned. */
export function needSame(...types: TensorType[]): DType {
  const [first, ...rest] = types;
  for (const type of rest)
    if (type.dtype !== first!.dtype) fail("BAD_DTYPE", `got ${first!.dtype} and ${type.dtype}, expected one type`);
  return first!.dtype;
}

/** int64, or int32. */
export function needIndices(type: TensorType): void {
  if (type.dtype !== "int64" && type.dtype !== "int32") fail("BAD_DTYPE", `got ${type.dtype} indices, expected int64`);
}

/** So many axes. */
export function needRank(type: TensorType, rank: number, what: string): void {
  if (type.shape.length !== rank) fail("BAD_SHAPE", `${what}: got ${showShape(type.shape)}, expected ${rank} axes`);
}

/** This very shape. */
export function needShape(type: TensorType, shape: Shape, what: string): void {
  if (!sameShape(type.shape, shape))
    fail("BAD_SHAPE", `${what}: got ${showShape(type.shape)}, expected ${showShape(shape)}`);
}

/** Equal lengths. */
export function needEqual(a: Dim | undefined, b: Dim | undefined, what: string): void {
  if (a !== b) fail("BAD_SHAPE", `${what}: got ${a} and ${b}, expected equal lengths`);
}
