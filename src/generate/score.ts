/** What a model thinks of a text: log P of each token by the chain rule. */
import { fail } from "../base/errors.ts";
import { logSumExp } from "./arithmetic.ts";
import type { Engine } from "./engine.ts";

/** How a text that is longer than the context is read, and who watches. */
export interface WindowOptions {
  /**
   * Tokens from the beginning of a window to that of the next, 1 to the engine's capacity, which is a window's length. Default half of it.
   * All windows but the first score their last `stride` tokens only, so that each token sees at least the others.
   */
  readonly stride?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each window with the tokens done. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Half a window. */
export function defaultStride(window: number): number {
  return Math.max(1, window >> 1);
}

/**
 * log P(id | those before it in its window) in nats for each id; undefined for the first, which has nothing before it, and
 * where windows do not overlap for the first of each. The windows are those of transformers' page on perplexity: they begin at 0,
 * `stride`, 2 `stride` and so on, and the last is the first that reaches the end.
 */
export async function tokenLogprobs(
  engine: Engine,
  ids: ArrayLike<number>,
  { stride = defaultStride(engine.capacity), signal, onProgress }: WindowOptions = {},
): Promise<(number | undefined)[]> {
  const window = engine.capacity;
  if (!(Number.isInteger(stride) && stride >= 1 && stride <= window))
    fail("BAD_OPTION", `stride: got ${stride}, expected 1 to the window's ${window} tokens`);
  const logprobs = new Array<number | undefined>(ids.length).fill(undefined);
  let done = 0;
  for (let start = 0; done < ids.length; start += stride) {
    const end = Math.min(ids.length, start + window);
    await scoreWindow(engine, ids, { start, end, from: Math.max(done, start + 1) }, logprobs, signal);
    done = end;
    onProgress?.(done, ids.length);
  }
  return logprobs;
}

/** Scores the tokens `from` to `end` of a window that begins at `start`. What comes before them needs no logits. */
async function scoreWindow(
  engine: Engine,
  ids: ArrayLike<number>,
  { start, end, from }: { readonly start: number; readonly end: number; readonly from: number },
  logprobs: (number | undefined)[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const slice = (first: number, last: number): number[] => Array.prototype.slice.call(ids, first, last);
  engine.truncate(0);
  if (from - 1 > start) await engine.append(slice(start, from - 1), signal);
  const note = (logits: Float32Array, i: number) => {
    const position = from + i;
    if (position < end) logprobs[position] = logits[ids[position]!]! - logSumExp(logits);
  };
  // The last token is read too: some models turn positions by the length of the text.
  await engine.appendShowing(slice(from - 1, end), note, signal);
}
