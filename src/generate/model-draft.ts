/** Guesses how a text goes on by a smaller model's most probable tokens. Verifies nothing. */
import { fail } from "../base/errors.ts";
import { argmax } from "./arithmetic.ts";
import type { Engine } from "./engine-types.ts";
import { commonPrefix } from "./prefix.ts";
import type { Drafter } from "./speculate-types.ts";

/** The kinds of strength: a guess is as strong as the least probable of its tokens, in eighths. */
const STEPS = 8;

/** A drafter over an engine of its own. It guesses as far as its model is surer than `least` of each token. */
export function modelDraft(engine: Engine, vocabSize: number, least = 0.4): Drafter {
  return async (ids, count, signal) => {
    const guessed: number[] = [];
    let weakest = 1;
    if (ids.length + count > engine.capacity) return { ids: [], strength: 0 };
    engine.truncate(Math.min(commonPrefix(engine.ids, ids), ids.length - 1));
    let pending: readonly number[] = ids.slice(engine.length);
    while (guessed.length < count) {
      const logits = (await engine.append(pending, signal)).subarray(0, vocabSize);
      const id = argmax(logits);
      const probability = probabilityOf(logits, id);
      if (probability < least) break;
      weakest = Math.min(weakest, probability);
      guessed.push(id);
      pending = [id];
    }
    return { ids: guessed, strength: guessed.length === 0 ? 0 : 1 + Math.floor(STEPS * weakest) };
  };
}

function probabilityOf(logits: Float32Array, id: number): number {
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - logits[id]!);
  return 1 / sum;
}

/** Throws BAD_OPTION unless two models number their tokens alike. */
export function checkSameTokens(
  draft: { readonly vocabSize: number; tokenOf(id: number): string },
  main: { readonly vocabSize: number; tokenOf(id: number): string },
  where: string,
): void {
  if (draft.vocabSize !== main.vocabSize)
    fail("BAD_OPTION", `${where}: got ${draft.vocabSize} tokens, expected the model's ${main.vocabSize}`);
  for (let id = 0; id < main.vocabSize; id++)
    if (draft.tokenOf(id) !== main.tokenOf(id))
      fail(
        "BAD_OPTION",
        `${where}: token ${id}: got ${JSON.stringify(draft.tokenOf(id))}, expected the model's ${JSON.stringify(main.tokenOf(id))}`,
      );
}
