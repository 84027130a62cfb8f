/** Answers drawn from a model, a group for each prompt. Knows no rewards. */
import type { Engine } from "../../generate/engine-types.ts";
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
 * G answers to a prompt: the engine reads it once, and every answer draws other numbers of `seed`. The engine is left with the last
 * answer in its cache.
 */
export async function drawAnswers(
  engine: Engine,
  prompt: ArrayLike<number>,
  options: DrawingOptions,
  seed: number,
): Promise<DrawnAnswer[]> {
  engine.truncate(0);
  const first = (await engine.append(prompt)).slice();
  const answers: DrawnAnswer[] = [];
  for (let copy = 0; copy < options.group; copy++) {
    engine.truncate(prompt.length);
    answers.push(await drawAnswer(engine, [...Array.from(prompt)], first.slice(), options, seed, copy));
  }
  return answers;
}

async function drawAnswer(
  engine: Engine,
  ids: number[],
  first: Float32Array,
  { maxNewTokens, temperature, topP, endIds, vocabSize }: DrawingOptions,
  seed: number,
  copy: number,
): Promise<DrawnAnswer> {
  const promptIds = ids.slice();
  const sample = createSampler({ temperature, topP, seed }, { promptIds, maxNewTokens }, copy);
  const ends = new Set(endIds);
  let logits = first;
  for (;;) {
    const id = sample(logits.subarray(0, vocabSize), ids);
    ids.push(id);
    const ended = ends.has(id);
    if (ended || ids.length - promptIds.length >= maxNewTokens) return { ids: ids.slice(promptIds.length), ended };
    logits = await engine.append([id]);
  }
}
