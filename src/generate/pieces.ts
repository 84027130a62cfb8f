/** What engines of one sequence and of several have in common: how ids are written and checked. Knows no sequence. */
import { fail } from "../base/errors.ts";
import type { Tensor } from "../runtime/types.ts";

/** Elements of logits kept at a time when all rows are wanted. */
export const SHOWN_ELEMENTS = 2 ** 24;

/** The low words of 64-bit integers that are never negative: written without making a BigInt for each. */
export function words(tensor: Tensor<"int64">): Int32Array {
  return new Int32Array(tensor.data.buffer, tensor.data.byteOffset, 2 * tensor.data.length);
}

/** Throws BAD_DATA, BAD_TOKEN_ID or CONTEXT_OVERFLOW for ids that cannot follow `length` others. */
export function checkIds(ids: ArrayLike<number>, length: number, capacity: number, vocabSize: number): void {
  if (ids.length === 0) fail("BAD_DATA", "the engine got no token, expected at least one");
  for (let i = 0; i < ids.length; i++)
    if (!(Number.isInteger(ids[i]) && ids[i]! >= 0 && ids[i]! < vocabSize))
      fail("BAD_TOKEN_ID", `token ${i}: got ${ids[i]}, expected 0 to ${vocabSize - 1}`);
  if (length + ids.length > capacity)
    fail(
      "CONTEXT_OVERFLOW",
      `got ${length + ids.length} tokens, expected at most ${capacity}. Shorten the text or generate less.`,
    );
}
