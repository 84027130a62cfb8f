/** Examples in rows of a fixed length, several in one where they fit. Knows no text and no model. */
import { fail } from "../base/errors.ts";
import { lossTokens, type TokenExample } from "./example-tokens.ts";

/** How rows are made. */
export interface RowOptions {
  /** T: positions of a row. An example of n tokens takes n - 1 of them, as its last token is only a target. */
  readonly context: number;
  /** "packed": as many examples in a row as fit, none of them split. "padded": one in each. */
  readonly mode: "packed" | "padded";
}

/** Which lengths share rows; the same for every order of the examples. */
export interface RowPlan {
  readonly context: number;
  readonly examples: readonly TokenExample[];
  /** For each row the lengths, in positions, of the examples in it. */
  readonly rows: readonly (readonly number[])[];
  /** The examples of each length, by their numbers in order. */
  readonly byLength: ReadonlyMap<number, readonly number[]>;
  /** Targets that carry loss, in all rows together. */
  readonly lossTokens: number;
  /** Positions that hold a token; the others, up to rows times context, are padding. */
  readonly positions: number;
}

/**
 * Plans rows by best fit decreasing: the longest example first, each into the fullest row that has room. Throws BAD_DATA for
 * an example that no row can hold and where there are none, BAD_OPTION.
 */
export function packRows(examples: readonly TokenExample[], { context, mode }: RowOptions): RowPlan {
  if (!Number.isSafeInteger(context) || context < 1) fail("BAD_OPTION", `context: got ${context}, expected 1 or more`);
  if (examples.length === 0) fail("BAD_DATA", "rows: got no examples, expected one at least");
  const byLength = new Map<number, number[]>();
  examples.forEach(({ ids, mask }, i) => {
    const length = ids.length - 1;
    if (length < 1 || length > context || mask.length !== ids.length)
      fail("BAD_DATA", `rows: example ${i}: got ${ids.length} tokens, expected 2 to ${context + 1} and as long a mask`);
    const same = byLength.get(length);
    if (same) same.push(i);
    else byLength.set(length, [i]);
  });
  const lengths = [...byLength.keys()].sort((a, b) => b - a);
  const rows = mode === "packed" ? bestFit(lengths, byLength, context) : single(lengths, byLength);
  return {
    context,
    examples,
    rows,
    byLength,
    lossTokens: examples.reduce((sum, example) => sum + lossTokens(example), 0),
    positions: examples.reduce((sum, { ids }) => sum + ids.length - 1, 0),
  };
}

/**
 * Targets that carry loss in `batch` rows of a plan, at most, whichever rows they are and whichever examples of a length are
 * in them.
 */
export function mostLossTokens({ rows, byLength, examples }: RowPlan, batch: number): number {
  const counts = new Map(
    [...byLength].map(([length, numbers]) => [
      length,
      numbers.map((i) => lossTokens(examples[i]!)).sort((a, b) => b - a),
    ]),
  );
  const ofRow = (row: readonly number[]) => {
    const used = new Map<number, number>();
    return row.reduce((sum, length) => {
      const taken = used.get(length) ?? 0;
      used.set(length, taken + 1);
      return sum + counts.get(length)![taken]!;
    }, 0);
  };
  return mostInBatch(rows.map(ofRow), batch);
}

/** The largest sum of a batch's counts, where each item has its own and is drawn once an epoch; 0 of none. */
export function mostInBatch(counts: readonly number[], batch: number): number {
  if (counts.length === 0) return 0;
  const most = counts.toSorted((a, b) => b - a);
  // A batch goes on with the next epoch, which may begin with the items that ended the last one.
  const times = Math.ceil(batch / most.length) + 1;
  return Array.from({ length: batch }, (_, i) => most[Math.floor(i / times)]!).reduce((sum, each) => sum + each, 0);
}

function single(lengths: readonly number[], byLength: ReadonlyMap<number, readonly number[]>): number[][] {
  return lengths.flatMap((length) => byLength.get(length)!.map(() => [length]));
}

/** Rows are kept by their room, so that the fullest that fits is found in at most `context` looks. */
function bestFit(
  lengths: readonly number[],
  byLength: ReadonlyMap<number, readonly number[]>,
  context: number,
): number[][] {
  const rows: number[][] = [];
  const byRoom: number[][][] = Array.from({ length: context + 1 }, () => []);
  for (const length of lengths)
    for (let count = byLength.get(length)!.length; count > 0; count--) {
      let room = length;
      while (room <= context && byRoom[room]!.length === 0) room++;
      const row = room <= context ? byRoom[room]!.pop()! : [];
      if (row.length === 0) rows.push(row);
      row.push(length);
      byRoom[Math.min(room, context) - length]!.push(row);
    }
  return rows;
}
