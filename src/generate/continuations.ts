/** Continuations of prompts of an open model: one as a stream, several side by side, the best of a search. Opens no folder. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { withChosen } from "./adapted-model.ts";
import { type Generated, type GeneratedToken, generateIds, generateStream } from "./generate.ts";
import type { OpenModel } from "./load.ts";
import type { Candidate, TokenLogprob } from "./logprobs.ts";
import {
  type Ask,
  canBatch,
  copiesOf,
  drawnTogether,
  type Made,
  type MadeStream,
  noting,
  searchedEach,
} from "./many.ts";
import { checkSameTokens } from "./model-draft.ts";
import { BATCH_OPTIONS } from "./options.ts";
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
  /** Of a beam: log P of its tokens as the rules changed it, over their number to the power of the length penalty. */
  readonly score?: number;
  /** Of each token but the end token, where they were asked for. */
  readonly logprobs?: readonly TextLogprob[];
}

/** A continuation and what made it. */
export interface Continuation extends Sequence {
  /** What the tokens were drawn with; undefined where the most probable ones were taken. */
  readonly seed?: number;
  /** Of the prompt's tokens but the first, where they were asked for. */
  readonly promptLogprobs?: readonly TextLogprob[];
  /** All of them where several were asked for, the best beam first; the first is the one above. */
  readonly sequences?: readonly Sequence[];
}

/**
 * New tokens after a prompt, with text where the model has a tokenizer. `fallbackTemperature` is for models that do not
 * say how to sample them. Of several continuations, up to `batch` at once, the first is shown as it comes, of beams the best as one piece. Throws BAD_OPTION,
 * BAD_TOKEN_ID, CONTEXT_OVERFLOW or ABORTED.
 */
export async function* streamAfter(
  given: OpenModel,
  promptIds: readonly number[],
  options: GenerateOptions,
  fallbackTemperature: number,
  batch: number = BATCH_OPTIONS.batch.default,
): AsyncGenerator<GeneratedToken, Continuation> {
  const opened = withChosen(given, options.adapterName);
  const ask = { promptIds, request: requestOf(opened, promptIds, options, fallbackTemperature) };
  const { draft } = options;
  if (draft && draft !== opened) checkDraft(draft, opened);
  const made = yield* copies(opened, ask, draft, batch);
  return continuationOf(opened.tokenizer, ask.request, made);
}

/** All continuations of a prompt. */
async function* copies(
  opened: OpenModel,
  ask: Ask,
  draft: OpenModel | undefined,
  batch: number,
): AsyncGenerator<GeneratedToken, readonly Made[]> {
  const { promptIds, request } = ask;
  if (isSearched(request)) {
    if (draft) fail("BAD_OPTION", "draft: got a model with numBeams, expected one of them");
    for await (const found of searchedEach(opened, [ask])) {
      yield { id: undefined, text: found[0]!.text };
      return found;
    }
  }
  if (copiesOf(request) > 1 && !draft && canBatch(opened, ask))
    for await (const streams of drawnTogether(opened, [ask], batch)) return yield* inTurn(streams);
  return yield* inTurn(
    Array.from({ length: copiesOf(request) }, (_, copy) => drawnAlone(opened, promptIds, { ...request, copy }, draft)),
  );
}

const isSearched = ({ numBeams = 1 }: Request) => numBeams > 1;

/** Shows the first of several as it comes, and waits for the others. */
async function* inTurn([first, ...others]: readonly MadeStream[]): AsyncGenerator<GeneratedToken, readonly Made[]> {
  const made = [yield* first!];
  for (const each of others) made.push(await finish(each));
  return made;
}

/**
 * Continuations of several prompts, in their order, up to `batch` texts at once; what each becomes does not depend on the others. Throws as
 * {@link streamAfter} does.
 */
export async function* continueEach(
  given: OpenModel,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
  fallbackTemperature: number,
  batch: number = BATCH_OPTIONS.batch.default,
): AsyncGenerator<Continuation> {
  const opened = withChosen(given, options.adapterName);
  const { draft } = options;
  const asks = prompts.map((promptIds) => {
    return { promptIds, request: requestOf(opened, promptIds, options, fallbackTemperature) };
  });
  const isOne = asks.length === 1 && copiesOf(asks[0]!.request) === 1;
  let next = 0;
  const done = (made: readonly Made[]) => continuationOf(opened.tokenizer, asks[next++]!.request, made);
  if (asks.length > 0 && isSearched(asks[0]!.request) && !draft) {
    for await (const found of searchedEach(opened, asks)) yield done(found);
  } else if (asks.length > 0 && !isOne && !draft && asks.every((ask) => canBatch(opened, ask))) {
    for await (const streams of drawnTogether(opened, asks, batch)) yield done(await finish(inTurn(streams)));
  } else {
    if (draft && draft !== opened) checkDraft(draft, opened);
    for (const ask of asks) yield done(await finish(copies(opened, ask, draft, batch)));
  }
}

/** One continuation over an engine that is lent for it. */
function drawnAlone(
  opened: OpenModel,
  promptIds: readonly number[],
  request: Request,
  draft: OpenModel | undefined,
): MadeStream {
  return noting(request, async function* (settings): AsyncGenerator<GeneratedToken, Generated> {
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
    return opened.tokenizer || request.stop?.length
      ? yield* generateStream(engine, tokenizerOf(opened), rest, settings)
      : yield* withoutText(generateIds(engine, rest, settings));
  });
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
    if (done) return { ids, text: "", ...value };
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
  const sequences = all.map(({ logprobs, promptLogprobs: _, ...each }): Sequence => {
    return {
      ...each,
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
