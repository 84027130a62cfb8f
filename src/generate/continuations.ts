/** Continuations of a prompt of an open model: one as a stream, and others beside it. Opens no folder. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type Generated, type GeneratedToken, generateIds, generateStream } from "./generate.ts";
import type { OpenModel } from "./load.ts";
import type { Candidate, TokenLogprob } from "./logprobs.ts";
import { checkSameTokens } from "./model-draft.ts";
import { processorsOf } from "./process.ts";
import { type GenerateOptions, type Request, requestOf, tokenizerOf } from "./request.ts";
import { speculated } from "./speculated.ts";

/** A candidate and what it reads like. */
export interface TextCandidate extends Candidate {
  /** U+FFFD where the token is a part of a character. */
  readonly text: string;
}

/** A token, its log P in nats by the model itself, before any rule, and the most probable ones in its place. */
export interface TextLogprob {
  readonly id: number;
  readonly text: string;
  readonly logprob: number;
  readonly top: readonly TextCandidate[];
}

/** One continuation. */
export interface Sequence extends Generated {
  /** Of each token but the end token, where they were asked for. */
  readonly logprobs?: readonly TextLogprob[];
}

/** A continuation and what made it. */
export interface Continuation extends Sequence {
  /** What the tokens were drawn with; undefined where the most probable ones were taken. */
  readonly seed?: number;
  /** Of the prompt's tokens but the first, where they were asked for. */
  readonly promptLogprobs?: readonly TextLogprob[];
  /** All of them where several were asked for; the first is the one above. */
  readonly sequences?: readonly Sequence[];
}

/** A continuation, and what was noted of its tokens where that was asked for. */
interface Made extends Generated {
  readonly logprobs: readonly TokenLogprob[];
  readonly promptLogprobs: readonly TokenLogprob[];
}

/**
 * New tokens after a prompt, with text where the model has a tokenizer. `fallbackTemperature` is for models that do not
 * say how to sample them. Of several continuations the first is shown as it comes. Throws BAD_OPTION, BAD_TOKEN_ID, CONTEXT_OVERFLOW or ABORTED.
 */
export async function* streamAfter(
  opened: OpenModel,
  promptIds: readonly number[],
  options: GenerateOptions,
  fallbackTemperature: number,
): AsyncGenerator<GeneratedToken, Continuation> {
  const request = requestOf(opened, promptIds, options, fallbackTemperature);
  const { draft } = options;
  if (draft && draft !== opened) checkDraft(draft, opened);
  const made = [yield* drawn(opened, promptIds, request, draft)];
  while (made.length < (request.numReturnSequences ?? 1))
    made.push(await finish(drawn(opened, promptIds, { ...request, copy: made.length }, draft)));
  return continuationOf(opened.tokenizer, request, made);
}

/** One continuation over an engine that is lent for it. */
async function* drawn(
  opened: OpenModel,
  promptIds: readonly number[],
  request: Request,
  draft: OpenModel | undefined,
): AsyncGenerator<GeneratedToken, Made> {
  const logprobs: TokenLogprob[] = [];
  const promptLogprobs: TokenLogprob[] = [];
  const settings = {
    ...request,
    onLogprob: (info: TokenLogprob) => void logprobs.push(info),
    onPromptLogprob: (info: TokenLogprob) => void promptLogprobs.push(info),
  };
  using owner = createOwner();
  const isPromptScored = request.promptLogprobs !== undefined;
  const loan = owner.own(opened.borrow(isPromptScored ? [] : promptIds));
  const choice = {
    policies: opened.policies,
    speculate: request.speculate,
    isGreedy: choosesBest(request, promptIds),
    isPacked: opened.packed.length > 0,
    draft,
    promptIds,
    vocabSize: opened.model.vocabSize,
  };
  const engine = speculated(loan.engine, choice, owner);
  const rest = promptIds.slice(engine.length);
  const done =
    opened.tokenizer || request.stop?.length
      ? yield* generateStream(engine, tokenizerOf(opened), rest, settings)
      : yield* withoutText(generateIds(engine, rest, settings));
  request.constraint?.check(done.ids);
  return { ...done, logprobs, promptLogprobs };
}

/** True where tokens depend on the largest logit alone, and nobody asks how large the others are: the last bits of logits may differ then. */
function choosesBest(request: Request, promptIds: readonly number[]): boolean {
  const { temperature, logprobs, promptLogprobs } = request;
  const isWatched = logprobs !== undefined || promptLogprobs !== undefined;
  return temperature === 0 && !isWatched && processorsOf(request, { ...request, promptIds }).length === 0;
}

function checkDraft(draft: OpenModel, { tokenizer, model }: OpenModel): void {
  if (draft.tokenizer && tokenizer) checkSameTokens(draft.tokenizer, tokenizer, draft.folder);
  else if (draft.model.vocabSize !== model.vocabSize)
    fail("BAD_OPTION", `${draft.folder}: got ${draft.model.vocabSize} tokens, expected the model's ${model.vocabSize}`);
}

async function* withoutText(source: ReturnType<typeof generateIds>): AsyncGenerator<GeneratedToken, Generated> {
  const ids: number[] = [];
  for (;;) {
    const { value, done } = await source.next();
    if (done) return { ids, text: "", finishReason: value };
    ids.push(value);
    yield { id: value, text: "" };
  }
}

/** What a stream returns at its end. */
export async function finish<R>(stream: AsyncGenerator<unknown, R>): Promise<R> {
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return value as R;
  }
}

/** What the continuations of a prompt are to its caller. */
function continuationOf(tokenizer: Tokenizer | undefined, request: Request, all: readonly Made[]): Continuation {
  const textOf = (id: number) => tokenizer?.decode([id]) ?? "";
  const withText = ({ id, logprob, top }: TokenLogprob): TextLogprob => {
    return { id, text: textOf(id), logprob, top: top.map((each) => ({ ...each, text: textOf(each.id) })) };
  };
  const sequences = all.map(({ ids, text, finishReason, logprobs }): Sequence => {
    return {
      ids,
      text,
      finishReason,
      ...(request.logprobs !== undefined && { logprobs: logprobs.map(withText) }),
    };
  });
  return {
    ...sequences[0]!,
    ...(request.temperature !== 0 && { seed: request.seed }),
    ...(request.promptLogprobs !== undefined && { promptLogprobs: all[0]!.promptLogprobs.map(withText) }),
    ...((request.numReturnSequences ?? 1) > 1 && { sequences }),
  };
}
