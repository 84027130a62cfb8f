/** One text in the making: which tokens are read, which is chosen from logits, and what its client is told. Knows no engine. */
import { withChosen } from "../generate/adapted-model.ts";
import { type Course, createCourse, type FinishReason } from "../generate/course.ts";
import type { OpenModel } from "../generate/load.ts";
import { type TokenLogprob, tokenLogprob } from "../generate/logprobs.ts";
import { requestOf } from "../generate/request.ts";
import { VERB_TEMPERATURE } from "../generate/resolve.ts";
import { shownText } from "../generate/shown.ts";
import { tokenizerOf } from "../generate/text.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { GenerateAsk, Piece, TokenInfo } from "./backend.ts";

/** A text in the making. */
export interface Sequence {
  readonly promptIds: readonly number[];
  readonly adapter: string | undefined;
  /** True where log P of the prompt's own tokens are asked for: then all of it must be read. */
  readonly scoresPrompt: boolean;
  /** The token that is to be read next, once there is one. */
  readonly nextId: number | undefined;
  readonly completionTokens: number;
  readonly finish: FinishReason | undefined;
  /** Takes the logits (V) behind the prompt's token of that index; they stay as they are. */
  notePrompt(logits: Float32Array, index: number): void;
  /** What is known of the prompt's tokens, the first aside, where it was asked for. */
  promptInfo(): readonly TokenInfo[] | undefined;
  /** Chooses from the logits (V) behind all tokens so far, which may be overwritten; gives what may be shown. */
  take(logits: Float32Array): Piece | undefined;
}

/** A text that is asked for behind a prompt. Throws what is wrong with what is asked. */
export function createSequence(given: OpenModel, promptIds: readonly number[], ask: GenerateAsk): Sequence {
  const { options, responseFormat, copy } = ask;
  const opened = withChosen(given, options.adapterName);
  const room = opened.context - promptIds.length;
  const isEmpty = options.maxNewTokens === 0;
  const maxNewTokens = isEmpty ? 1 : Math.min(room, options.maxNewTokens ?? room);
  const request = requestOf(opened, promptIds, { ...options, maxNewTokens, responseFormat }, VERB_TEMPERATURE);
  const tokenizer = tokenizerOf(opened);
  const { vocabSize, promptLogprobs } = request;
  let noted: TokenLogprob | undefined;
  const onLogprob = (info: TokenLogprob) => {
    noted = info;
  };
  const course: Course = createCourse(promptIds, { ...request, copy, onLogprob }, maxNewTokens);
  const shown = shownText(tokenizer, request.stop ?? [], promptIds, !ask.showSpecial);
  const prompt: TokenInfo[] = [];
  let finish: FinishReason | undefined;
  let nextId: number | undefined;
  let completionTokens = 0;
  return {
    promptIds,
    adapter: opened.adapter,
    scoresPrompt: promptLogprobs !== undefined,
    get nextId() {
      return nextId;
    },
    get completionTokens() {
      return completionTokens;
    },
    get finish() {
      return finish;
    },
    notePrompt(logits, index) {
      const id = promptIds[index + 1];
      if (id === undefined || promptLogprobs === undefined) return;
      prompt.push(infoOf(tokenizer, tokenLogprob(logits, id, promptLogprobs, vocabSize)));
    },
    promptInfo: () => (promptLogprobs === undefined ? undefined : prompt),
    take(logits) {
      if (isEmpty) {
        finish = "length";
        return undefined;
      }
      const id = course.take(logits);
      nextId = id;
      if (id === undefined) {
        finish = course.ending?.finishReason;
        return pieceOf([], shown.end());
      }
      completionTokens++;
      const text = shown.push(id);
      finish = shown.stopped ? "stop" : course.ending?.finishReason;
      const rest = finish && !shown.stopped ? shown.end() : "";
      return pieceOf([id], text + rest, noted && infoOf(tokenizer, noted));
    },
  };
}

function pieceOf(ids: readonly number[], text: string, info?: TokenInfo): Piece | undefined {
  if (ids.length === 0 && text === "") return undefined;
  return { text, ids, ...(info && { tokens: [info] }) };
}

/** Log probabilities with the tokens' own texts and bytes. */
function infoOf(tokenizer: Tokenizer, { id, logprob, top }: TokenLogprob): TokenInfo {
  const spelled = (each: number) => {
    const known = each < tokenizer.vocabSize;
    return { text: known ? tokenizer.decode([each]) : "", bytes: known ? [...tokenizer.tokenBytes(each)] : [] };
  };
  return {
    id,
    ...spelled(id),
    logprob,
    top: top.map((each) => ({ id: each.id, ...spelled(each.id), logprob: each.logprob })),
  };
}
