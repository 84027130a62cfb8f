/** The text of ids as they come: never half a character, no special token, nothing of a stop string. Knows no engine. */
import type { Tokenizer } from "../tokenizer/types.ts";
import { stopFilter } from "./stop.ts";

/** The text of one continuation. */
export interface ShownText {
  /** What may be shown once this id is there too; empty while a character or a stop string is open. */
  push(id: number): string;
  /** What was held back, when no more is coming. */
  end(): string;
  /** True once a stop string has come. */
  readonly stopped: boolean;
  /** All that was shown. */
  readonly text: string;
}

/**
 * The text of ids that follow one another, behind those of a prompt: some decoders treat a text's first token as no other. Special tokens are
 * left out unless `skipSpecialTokens` is false.
 */
export function shownText(
  tokenizer: Tokenizer,
  stop: readonly string[],
  promptIds: readonly number[],
  skipSpecialTokens = true,
): ShownText {
  const decoder = tokenizer.decodeStream({ skipSpecialTokens });
  for (const id of promptIds) if (id >= 0 && id < tokenizer.vocabSize) decoder.push(id);
  const filter = stopFilter(stop);
  let text = "";
  const show = (piece: string) => {
    text += piece;
    return piece;
  };
  return {
    push: (id) => show(filter.push(decoder.push(id))),
    end: () => show(filter.push(decoder.end()) + filter.end()),
    get stopped() {
      return filter.stopped;
    },
    get text() {
      return text;
    },
  };
}
