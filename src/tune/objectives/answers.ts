/** Answers drawn from a model, a group for each prompt. Knows no rewards. */
import type { BatchEngine } from "../../generate/batch-types.ts";
import { createSampler, type Sampler } from "../../generate/sampler.ts";

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

/** An answer in the making. */
interface Text {
  readonly slot: number;
  readonly ids: number[];
  readonly sample: Sampler;
  ended: boolean;
}

/**
 * G answers to a prompt, which is read once, in G slots of the engine: a step makes a token of every answer that has not ended. Each
 * draws other numbers of `seed`.
 */
export async function drawAnswers(
  engine: BatchEngine,
  prompt: ArrayLike<number>,
  { group, maxNewTokens, temperature, topP, endIds, vocabSize }: DrawingOptions,
  seed: number,
): Promise<DrawnAnswer[]> {
  const promptIds = Array.from(prompt);
  const ends = new Set(endIds);
  const texts = Array.from({ length: group }, (_, slot): Text => {
    const sample = createSampler({ temperature, topP, seed }, { promptIds, maxNewTokens }, slot);
    return { slot, ids: promptIds.slice(), sample, ended: false };
  });
  const take = (text: Text, logits: Float32Array) => {
    const id = text.sample(logits.subarray(0, vocabSize), text.ids);
    text.ids.push(id);
    text.ended = ends.has(id);
  };
  engine.truncate(0, 0);
  const first = await engine.append(0, promptIds);
  for (const text of texts) {
    if (text.slot > 0) engine.copy(0, text.slot);
    take(text, first.slice());
  }
  for (let length = 1; length < maxNewTokens; length++) {
    const going = texts.filter(({ ended }) => !ended);
    if (going.length === 0) break;
    const slots = going.map(({ slot }) => slot);
    const all = await engine.step(
      slots,
      going.map(({ ids }) => ids.at(-1)!),
    );
    for (const [i, text] of going.entries()) take(text, all[i]!);
  }
  return texts.map(({ ids, ended }) => ({ ids: ids.slice(promptIds.length), ended }));
}
