/** Texts in, texts and figures out, over an open model: what the verbs and the library share. Opens no folder. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import { createOwner } from "../base/owner.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type Generated, type GeneratedToken, generateIds, generateStream } from "./generate.ts";
import type { OpenModel } from "./load.ts";
import { checkSameTokens } from "./model-draft.ts";
import { GENERATE_OPTIONS } from "./options.ts";
import { resolveGeneration } from "./resolve.ts";
import { logSumExp } from "./sampler.ts";
import { type Candidate, nextCandidates } from "./score.ts";
import { speculated } from "./speculated.ts";
import { constraintFor, type ResponseFormat } from "./structured.ts";

/** {@link GENERATE_OPTIONS}, and a way to stop. */
export interface GenerateOptions extends GivenOptions<typeof GENERATE_OPTIONS> {
  /** Ends the text with ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Guesses tokens for speculation: an open model with the same vocabulary. */
  readonly draft?: OpenModel | undefined;
  /** The form of the text, in OpenAI's words. A text that is cut before it is whole throws INCOMPLETE. */
  readonly responseFormat?: ResponseFormat | undefined;
}

/** A continuation and what made it. */
export interface Continuation extends Generated {
  /** What the tokens were drawn with; undefined where the most probable ones were taken. */
  readonly seed?: number;
}

/** The tokenizer of a model, or NOT_FOUND. */
export function tokenizerOf({ folder, tokenizer }: Pick<OpenModel, "folder" | "tokenizer">): Tokenizer {
  return tokenizer ?? fail("NOT_FOUND", `${folder}: no tokenizer.json, which text needs`);
}

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

/**
 * New tokens after a prompt, with text where the model has a tokenizer. `fallbackTemperature` is for models that do not
 * say how to sample them. Throws BAD_OPTION, BAD_TOKEN_ID, CONTEXT_OVERFLOW or ABORTED.
 */
export async function* streamAfter(
  opened: OpenModel,
  promptIds: readonly number[],
  options: GenerateOptions,
  fallbackTemperature: number,
): AsyncGenerator<GeneratedToken, Continuation> {
  const { signal, draft, responseFormat, ...given } = options;
  const { stop, speculate, overflow, keep, ...read } = readOptions(GENERATE_OPTIONS, given);
  const { eosTokenIds } = opened.defaults;
  const resolved = resolveGeneration(given, opened.defaults, fallbackTemperature);
  const keepOnOverflow = overflow === "shift" ? keep : undefined;
  const form = { ...read, responseFormat };
  const constraint = constraintFor(form, () => tokenizerOf(opened), eosTokenIds, promptIds);
  if (constraint && stop.length > 0)
    fail("BAD_OPTION", "stop: got it with a form of the text, expected only one of them");
  const settings = { ...resolved, stop, eosTokenIds, keepOnOverflow, constraint, ...(signal && { signal }) };
  if (draft && draft !== opened) checkDraft(draft, opened);
  using owner = createOwner();
  const loan = owner.own(opened.borrow(promptIds));
  const isGreedy = resolved.temperature === 0 && resolved.repetitionPenalty === 1 && !constraint;
  const { policies } = opened;
  const choice = {
    policies,
    speculate,
    isGreedy,
    isPacked: opened.packed.length > 0,
    draft,
    promptIds,
    vocabSize: opened.model.vocabSize,
  };
  const engine = speculated(loan.engine, choice, owner);
  const rest = promptIds.slice(engine.length);
  const done =
    opened.tokenizer || stop.length > 0
      ? yield* generateStream(engine, tokenizerOf(opened), rest, settings)
      : yield* withoutText(generateIds(engine, rest, settings));
  constraint?.check(done.ids);
  return resolved.temperature === 0 ? done : { ...done, seed: resolved.seed };
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

/** A continuation as `generate --json` prints it. */
export interface GenerationResult {
  readonly text: string;
  readonly ids: readonly number[];
  readonly promptIds: readonly number[];
  readonly finishReason: Continuation["finishReason"];
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
  readonly seed?: number;
}

/** The result of a continuation of a prompt. */
export function generationResult(promptIds: readonly number[], made: Continuation): GenerationResult {
  const { text, ids, finishReason, seed } = made;
  const usage = { promptTokens: promptIds.length, completionTokens: ids.length };
  return { text, ids, promptIds, finishReason, usage, ...(seed !== undefined && { seed }) };
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

/** A candidate and what it reads like. */
export interface TextCandidate extends Candidate {
  /** U+FFFD where the token is a part of a character. */
  readonly text: string;
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
