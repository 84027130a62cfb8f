/** Texts in, texts and figures out, over an open model: what the verbs and the library share. Opens no folder. */
import { fail } from "../base/errors.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { logSumExp } from "./arithmetic.ts";
import type { Continuation, TextCandidate } from "./continuations.ts";
import type { OpenModel } from "./load.ts";
import { nextCandidates } from "./logprobs.ts";
import { tokenizerOf } from "./request.ts";

export { type Continuation, finish, streamAfter, type TextCandidate } from "./continuations.ts";
export { type GenerateOptions, tokenizerOf } from "./request.ts";

/**
 * Ids of a prompt. An empty one begins with the token that starts texts, where the tokenizer has one; else BAD_TEXT.
 */
export function promptIdsOf(opened: OpenModel, prompt: string): number[] {
  const tokenizer = tokenizerOf(opened);
  const ids = tokenizer.encode(prompt);
  if (ids.length > 0) return ids;
  const start = startOf(tokenizer);
  return start === undefined ? fail("BAD_TEXT", "prompt: is empty, and the tokenizer has no start token") : [start];
}

/** What a text begins after: BOS, or the end of the text before. */
export function startOf({ bosId, eosId }: Tokenizer): number | undefined {
  return bosId ?? eosId;
}

/** A continuation as `generate --json` prints it. */
export interface GenerationResult extends Continuation {
  readonly promptIds: readonly number[];
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
}

/** The result of a continuation of a prompt. */
export function generationResult(promptIds: readonly number[], made: Continuation): GenerationResult {
  const { text, ids, finishReason, ...rest } = made;
  const completionTokens = (made.sequences ?? [made]).reduce((sum, each) => sum + each.ids.length, 0);
  return { text, ids, promptIds, finishReason, usage: { promptTokens: promptIds.length, completionTokens }, ...rest };
}

/** A text's tokens. */
export interface Tokenized {
  readonly ids: readonly number[];
  /** Spellings of the vocabulary, such as "Ġthe". */
  readonly tokens: readonly string[];
}

/** The ids of a text and their spellings. */
export function tokenizeText(tokenizer: Tokenizer, text: string, addSpecialTokens: boolean): Tokenized {
  const ids = tokenizer.encode(text, { addSpecialTokens });
  return { ids, tokens: ids.map((id) => tokenizer.tokenOf(id)) };
}

/** The `top` most probable tokens after ids, most probable first; text is empty without a tokenizer. */
export async function nextAfter(opened: OpenModel, ids: readonly number[], top: number): Promise<TextCandidate[]> {
  const { tokenizer } = opened;
  using loan = opened.borrow(ids);
  const logits = await loan.engine.append(ids.slice(loan.engine.length));
  const spelled = logits.subarray(0, tokenizer?.vocabSize);
  return nextCandidates(spelled, top, logSumExp(logits)).map((candidate) => {
    return { ...candidate, text: tokenizer?.decode([candidate.id]) ?? "" };
  });
}
