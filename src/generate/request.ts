/** From options and a model's files to the settings of its continuations. Runs no token. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { StopRule } from "./course.ts";
import type { GenerationSettings } from "./generate.ts";
import type { OpenModel } from "./load.ts";
import { GENERATE_OPTIONS } from "./options.ts";
import { type ResolvedGeneration, resolveGeneration } from "./resolve.ts";
import type { Speculate } from "./speculated.ts";
import { constraintFor, type ResponseFormat } from "./structured.ts";
import type { LogitsProcessor } from "./warpers.ts";

/** {@link GENERATE_OPTIONS}, a way to stop, and rules of the caller's own. */
export interface GenerateOptions extends GivenOptions<typeof GENERATE_OPTIONS> {
  /** Ends the text with ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Guesses tokens for speculation: an open model with the same vocabulary. */
  readonly draft?: OpenModel | undefined;
  /** The form of the text, in OpenAI's words. A text that is cut before it is whole throws INCOMPLETE. */
  readonly responseFormat?: ResponseFormat | undefined;
  /** Change the logits of each token in place, after the other rules and before sampling. */
  readonly processors?: readonly LogitsProcessor[] | undefined;
  /** End the text, finishReason "stop", where one is true. */
  readonly stopWhen?: readonly StopRule[] | undefined;
}

/** Settings with everything resolved. */
export type Request = GenerationSettings & ResolvedGeneration & { readonly speculate: Speculate };

type Model = Pick<OpenModel, "folder" | "tokenizer" | "defaults" | "model" | "adapter">;

/** The tokenizer of a model, or NOT_FOUND. */
export function tokenizerOf({ folder, tokenizer }: Pick<OpenModel, "folder" | "tokenizer">): Tokenizer {
  return tokenizer ?? fail("NOT_FOUND", `${folder}: no tokenizer.json, which text needs`);
}

/**
 * Resolves what is asked for a prompt. Throws BAD_OPTION, UNSUPPORTED, BAD_GRAMMAR, CONTEXT_OVERFLOW where the files' `max_length` leaves
 * no token, or NOT_FOUND where text needs a tokenizer.
 */
export function requestOf(
  opened: Model,
  promptIds: readonly number[],
  { signal, processors, stopWhen, responseFormat, draft: _, ...given }: GenerateOptions,
  fallbackTemperature: number,
): Request {
  const read = readOptions(GENERATE_OPTIONS, given);
  const resolved = resolveGeneration(given, opened.defaults, fallbackTemperature, promptIds.length);
  checkIds(resolved, opened.model.vocabSize);
  checkCopies(resolved);
  const eosTokenIds = [...new Set([...opened.defaults.eosTokenIds, ...(resolved.stopTokenIds ?? [])])];
  const form = { ...read, responseFormat };
  const constraint = constraintFor(form, () => tokenizerOf(opened), eosTokenIds, promptIds);
  if (constraint && read.stop.length > 0)
    fail("BAD_OPTION", "stop: got it with a form of the text, expected only one of them");
  return {
    ...resolved,
    ...idsOfTexts(opened, resolved),
    stop: constraint ? [] : (resolved.stop ?? []),
    eosTokenIds,
    constraint,
    adapter: opened.adapter,
    vocabSize: opened.tokenizer?.vocabSize,
    keepOnOverflow: read.overflow === "shift" ? read.keep : undefined,
    speculate: read.speculate,
    signal,
    processors,
    stopWhen,
  };
}

/** Words to ban and the text to begin with, as ids. A word is banned with a space before it too. */
function idsOfTexts(opened: Model, { badWords = [], badWordsIds = [], prefix, prefixIds }: ResolvedGeneration) {
  const encode = (text: string) => tokenizerOf(opened).encode(text, { addSpecialTokens: false });
  if (prefix !== undefined && prefixIds) fail("BAD_OPTION", "prefix: got it and prefixIds, expected one of them");
  return {
    badWordsIds: [...badWordsIds, ...badWords.flatMap((word) => [encode(word), encode(` ${word}`)])],
    prefixIds: prefix === undefined ? prefixIds : encode(prefix),
  };
}

/** Throws BAD_OPTION for ids that the model has not. */
function checkIds(resolved: ResolvedGeneration, vocabSize: number): void {
  const { logitBias = [], badWordsIds = [], suppressTokens, beginSuppressTokens, prefixIds, stopTokenIds } = resolved;
  const lists = {
    suppressTokens,
    beginSuppressTokens,
    prefixIds,
    stopTokenIds,
    logitBias: logitBias.flatMap(([ids]) => ids),
    badWordsIds: badWordsIds.flat(),
    forcedEosTokenId: resolved.forcedEosTokenId,
    forcedBosTokenId: resolved.forcedBosTokenId === undefined ? [] : [resolved.forcedBosTokenId],
  };
  for (const [name, ids = []] of Object.entries(lists)) {
    const wrong = ids.find((id) => id >= vocabSize);
    if (wrong !== undefined)
      fail("BAD_OPTION", `${name}: got the token id ${wrong}, expected 0 to ${vocabSize - 1}, the model's own`);
  }
}

function checkCopies(resolved: ResolvedGeneration): void {
  const { numReturnSequences: copies = 1, numBeams = 1, temperature } = resolved;
  for (const name of ["logprobs", "promptLogprobs"] as const)
    if (numBeams > 1 && resolved[name] !== undefined)
      fail("BAD_OPTION", `${name}: got it with numBeams, expected one of them. A beam has a score of its own.`);
  for (const [name, value] of [
    ["speculate", "on"],
    ["overflow", "shift"],
  ] as const)
    if (numBeams > 1 && resolved[name] === value)
      fail("BAD_OPTION", `${name}: got ${value} with numBeams, expected one of them`);
  if (numBeams > 1 && copies > numBeams)
    fail("BAD_OPTION", `numReturnSequences: got ${copies}, expected at most the ${numBeams} beams there are`);
  if (numBeams === 1 && copies > 1 && temperature === 0)
    fail(
      "BAD_OPTION",
      `numReturnSequences: got ${copies} of the most probable continuation, which is one. Try a temperature or numBeams.`,
    );
}
