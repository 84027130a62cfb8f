/** How a tensor of a GGUF file and a weight of Hugging Face's belong together: names, and what moves its rows. Data alone. */
import { fail } from "../base/errors.ts";

/**
 * What differs between the two besides the name:
 * - `ropeQuery`, `ropeKey`: rows of a head pair neighbours for the rotation, where Hugging Face's pair halves;
 * - `headQkv`, `groupQkv`: rows are all queries, keys, values, where Hugging Face's come a head or a group of heads at a time;
 * - `plusOne`: the file holds 1 + w; `transposed`: (out, in) for Hugging Face's (in, out);
 * - `stack`: one tensor with an axis more, for one weight of each `{e}`.
 */
export type Via = "ropeQuery" | "ropeKey" | "headQkv" | "groupQkv" | "plusOne" | "transposed" | "stack";

/** A tensor's two names: `{l}` is the number of the layer, `{e}` of the expert or head. */
export interface TensorRule {
  readonly gguf: string;
  readonly hf: string;
  readonly via?: Via;
}

/** A rule for each of a layer's parts: names without the layer, and which of weight and bias there may be. */
export type LayerPart = readonly [gguf: string, hf: string, parameters?: "w" | "b" | "wb", via?: Via | undefined];

/** Rules of a module's weight, its bias, or both. */
export function moduleRules(gguf: string, hf: string, parameters: "w" | "b" | "wb" = "w", via?: Via): TensorRule[] {
  const rule = (suffix: string, how: Via | undefined): TensorRule => ({
    gguf: `${gguf}.${suffix}`,
    hf: `${hf}.${suffix}`,
    ...(how && { via: how }),
  });
  return [
    ...(parameters.includes("w") ? [rule("weight", via)] : []),
    // A vector has no columns to transpose.
    ...(parameters.includes("b") ? [rule("bias", via === "transposed" ? undefined : via)] : []),
  ];
}

/** Rules of all layers, whose Hugging Face names begin with `prefix`. */
export function layerRules(prefix: string, parts: readonly LayerPart[]): TensorRule[] {
  return parts.flatMap(([gguf, hf, parameters, via]) =>
    moduleRules(`blk.{l}.${gguf}`, `${prefix}.{l}.${hf}`, parameters, via),
  );
}

/** Heads of the queries, and of the keys and values. */
export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
}

/**
 * The order of rows that makes Hugging Face's weight of a file's tensor: row i is the file's row `order[i]`. Undefined
 * where rows stay. Throws BAD_WEIGHTS beginning with `where` when the heads do not divide the rows.
 */
export function rowOrder(
  via: Via | undefined,
  rows: number,
  { heads, kvHeads }: Heads,
  where: string,
): Int32Array | undefined {
  switch (via) {
    case "ropeQuery":
      return halvesFromPairs(rows, heads, where);
    case "ropeKey":
      return halvesFromPairs(rows, kvHeads, where);
    case "headQkv":
      return groupsFromKinds(rows, heads, 1, where);
    case "groupQkv":
      return groupsFromKinds(rows, kvHeads, heads / kvHeads, where);
    default:
      return undefined;
  }
}

/** The order that undoes another. */
export function inverseOrder(order: Int32Array): Int32Array {
  const inverse = new Int32Array(order.length);
  order.forEach((from, to) => {
    inverse[from] = to;
  });
  return inverse;
}

function widthOf(rows: number, parts: number, even: boolean, where: string): number {
  const width = rows / parts;
  if (Number.isInteger(parts) && Number.isInteger(width) && !(even && width % 2 !== 0)) return width;
  return fail(
    "BAD_WEIGHTS",
    `${where}: got ${rows} rows, expected${even ? " an even number for each" : ""} of ${parts} heads`,
  );
}

/** Rotation pairs 2j and 2j + 1 of a head in the file, j and j + D/2 in Hugging Face's weights. */
function halvesFromPairs(rows: number, heads: number, where: string): Int32Array {
  const width = widthOf(rows, heads, true, where);
  const half = width / 2;
  return Int32Array.from({ length: rows }, (_, i) => {
    const at = i % width;
    return i - at + (at < half ? 2 * at : 2 * (at - half) + 1);
  });
}

/** A group has its queries, its key and its value together in Hugging Face's weights, and each kind is together in the file. */
function groupsFromKinds(rows: number, groups: number, queries: number, where: string): Int32Array {
  const width = widthOf(rows, groups * (queries + 2), false, where);
  const kinds = groups * queries * width; // rows of all queries
  return Int32Array.from({ length: rows }, (_, i) => {
    const at = i % width;
    const part = Math.floor(i / width) % (queries + 2);
    const group = Math.floor(i / width / (queries + 2));
    if (part < queries) return (group * queries + part) * width + at;
    return kinds + (part - queries) * groups * width + group * width + at;
  });
}
