/** Dropout (Srivastava et al. 2014) whose masks follow from two vectors that are fed: the same again for the same step. */
import { rng } from "../base/rng.ts";
import { input } from "../graph/build.ts";
import { add, floor, mul, slice, sub } from "../graph/functions.ts";
import type { Graph, Value } from "../graph/types.ts";

const [ROWS, COLUMNS] = ["dropout_rows", "dropout_columns"] as const;

/** Names of the inputs that {@link dropouts} declares. */
export const DROPOUT_INPUTS: readonly string[] = [ROWS, COLUMNS];

/** Gives the next matrix of the graph, (N, C), a mask of its own: 0 with probability `rate`, else 1, not yet scaled. */
export type Mask = (width: number) => Value;

/**
 * Masks of `rows` rows and of `width` columns together: inputs `dropout_rows` (N, 1) and `dropout_columns` (1, width). An entry is
 * kept where the fraction of its row's number times its column's is at least `rate`. The numbers lie in [16, 45), so that a
 * product goes through hundreds of whole numbers and its fraction has 13 bits or more.
 */
export function dropouts(graph: Graph, rows: number, width: number, rate: number): Mask {
  const byRow = input(graph, ROWS, "float32", [rows, 1]);
  const byColumn = input(graph, COLUMNS, "float32", [1, width]);
  let used = 0;
  return (columns) => {
    const own = slice(byColumn, 1, used, used + columns);
    used += columns;
    const product = mul(byRow, own); // (N, C)
    return floor(add(sub(product, floor(product)), 1 - rate));
  };
}

/** Draws the inputs of {@link dropouts} anew for a micro-batch of a step; does nothing where a graph has none. */
export function drawDropouts(
  inputs: Readonly<Record<string, { readonly data: ArrayLike<number | bigint> }>>,
  { seed, step, microBatch }: { readonly seed: number; readonly step: number; readonly microBatch: number },
): void {
  for (const name of DROPOUT_INPUTS) {
    const data = inputs[name]?.data as Float32Array | undefined;
    const random = rng(seed, `${name}:${step}:${microBatch}`);
    for (let i = 0; i < (data?.length ?? 0); i++) data![i] = 16 + 29 * random.uniform();
  }
}
