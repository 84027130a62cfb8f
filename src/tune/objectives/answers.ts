/** Answers drawn from a model, a group for each prompt. Knows no rewards. */
import type { GroupEngine } from "../../generate/group-engine.ts";
import { createSampler } from "../../generate/sampler.ts";

/** How answers are drawn. */
export interface DrawingOptions {
  /** G: answers to each prompt. */
  readonly group: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  /** Ids that end an answer, and belong to it. */
  readonly endIds: readonly number[];
  /** Ids from here on are never drawn: a vocabulary may be padded. */
  readonly vocabSize: number;
}

/** One answer. */
export interface DrawnAnswer {
  /** With the end token, where it ended. */
  readonly ids: readonly number[];
  readonly ended: boolean;
}

/**
 * An answer to a prompt in each row of the engine, all made together; each draws other numbers of `seed`. Where some have ended, their
 * rows are fed what nobody reads until the last one ends.
 */
export async function drawAnswers(
  engine: GroupEngine,
  prompt: ArrayLike<number>,
  { maxNewTokens, temperature, topP, endIds, vocabSize }: DrawingOptions,
  seed: number,
): Promise<DrawnAnswer[]> {
  const promptIds = Array.from(prompt);
  const ends = new Set(endIds);
  const texts = Array.from({ length: engine.rows }, (_, copy) => ({
    ids: promptIds.slice(),
    ended: false,
    sample: createSampler({ temperature, topP, seed }, { promptIds, maxNewTokens }, copy),
  }));
  const first = await engine.begin(prompt);
  let logitsOf = (_: number): Float32Array => first.slice();
  for (let length = 1; ; length++) {
    for (const [row, text] of texts.entries()) {
      if (text.ended) continue;
      const id = text.sample(logitsOf(row).subarray(0, vocabSize), text.ids);
      text.ids.push(id);
      text.ended = ends.has(id);
    }
    if (length === maxNewTokens || texts.every(({ ended }) => ended)) break;
    const all = await engine.step(texts.map(({ ids }) => ids.at(-1)!));
    const width = all.length / engine.rows;
    logitsOf = (row) => all.subarray(row * width, (row + 1) * width);
  }
  return texts.map(({ ids, ended }) => ({ ids: ids.slice(promptIds.length), ended }));
}
