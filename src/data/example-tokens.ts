/** Examples as ids with the tokens that carry loss. Knows no rows and no model. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import { encodeMasked, type MaskedIds } from "../tokenizer/token-mask.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { Content, LabelledExample, PreferenceExample, SftExample } from "./example.ts";

/** What is learnt of a chat: the assistant's turns, or all of it. */
export type LossChoice = "assistant" | "all";

/** How examples become tokens. */
export interface TokenizeOptions {
  /** Default "assistant". "all" also learns prompts. */
  readonly loss?: LossChoice;
  /** Most tokens of an example. Default: no limit. */
  readonly maxLength?: number;
  /** Of a preference that is too long, so many tokens of the prompt stay in any case. Default: half of `maxLength`. */
  readonly maxPromptLength?: number;
  /** Another chat template: the name of one of the tokenizer's, or its source. */
  readonly template?: string;
  /**
   * Whether special tokens spelled out in texts, prompts and completions are recognised, as by TRL. Default true; in
   * `messages` they never are, and what a person typed cannot forge a turn.
   */
  readonly allowSpecial?: boolean;
  /** The date of templates that ask for it. */
  readonly now?: Date;
}

/** Tokens of one sequence. */
export interface TokenExample {
  readonly ids: Int32Array;
  /** 1 where a token carries loss, else 0; one for each id. The first token is never predicted, whatever this says. */
  readonly mask: Uint8Array;
  /** Tokens that were cut off. */
  readonly cut: number;
}

/** Both answers behind one prompt; their masks mark the answers. */
export interface PreferenceTokens {
  readonly chosen: TokenExample;
  readonly rejected: TokenExample;
  /** Tokens of the prompt, with which both begin. */
  readonly promptLength: number;
}

/** An answer behind its prompt, and whether it is good. */
export interface LabelledTokens extends TokenExample {
  readonly label: boolean;
  readonly promptLength: number;
}

interface Masked {
  readonly ids: readonly number[];
  readonly mask: readonly boolean[];
}

/**
 * The tokens of an example. Chats go through the chat template and their assistant's turns carry loss; of prompts and
 * completions the completion does, with EOS behind a text that does not end in it; of a text everything does. What is too
 * long is cut at its end. Throws BAD_CHAT for what the template refuses, UNSUPPORTED where it cannot tell the assistant's
 * words, BAD_TEXT.
 */
export function tokenizeExample(
  example: SftExample,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions = {},
): TokenExample {
  const masked = named(example.at, () => maskedTokens(example, tokenizer, options));
  const all = options.loss === "all";
  return cutRight(all ? { ids: masked.ids, mask: masked.ids.map(() => true) } : masked, options.maxLength);
}

function maskedTokens(example: SftExample, tokenizer: ChatTokenizer, options: TokenizeOptions): Masked {
  switch (example.kind) {
    case "text":
      return joined("", example.text, tokenizer, options);
    case "chat":
      return chatTokens(example.messages, example, tokenizer, options);
    case "completion":
      return answerTokens(example.prompt, example.completion, example, tokenizer, options);
  }
}

/**
 * Both answers of a preference. Where the longer of them is too long with its prompt, the prompt loses tokens at its
 * beginning (a BOS stays), down to `maxPromptLength`, then the answers at their ends; both keep the same prompt. The tokens
 * of a prompt are those that both sequences share before an answer begins. Throws as {@link tokenizeExample}.
 */
export function tokenizePreference(
  example: PreferenceExample,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions = {},
): PreferenceTokens {
  const [chosen, rejected] = named(example.at, () => [
    answerTokens(example.prompt, example.chosen, example, tokenizer, options),
    answerTokens(example.prompt, example.rejected, example, tokenizer, options),
  ]);
  const promptLength = Math.min(promptOf(chosen!), promptOf(rejected!));
  const longest = Math.max(chosen!.ids.length, rejected!.ids.length) - promptLength;
  const kept = keptPrompt(promptLength, longest, options);
  const cut = (masked: Masked) => cutPrompt(masked, promptLength, kept, tokenizer, options.maxLength);
  return { chosen: cut(chosen!), rejected: cut(rejected!), promptLength: kept };
}

/** The answer of a labelled example, cut as a preference is. Throws as {@link tokenizeExample}. */
export function tokenizeLabelled(
  example: LabelledExample,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions = {},
): LabelledTokens {
  const masked = named(example.at, () => answerTokens(example.prompt, example.completion, example, tokenizer, options));
  const promptLength = promptOf(masked);
  const kept = keptPrompt(promptLength, masked.ids.length - promptLength, options);
  const cut = cutPrompt(masked, promptLength, kept, tokenizer, options.maxLength);
  return { ...cut, promptLength: kept, label: example.label };
}

/** Puts the place before what went wrong. */
function named<R>(at: string, action: () => R): R {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    return fail(error.code, `${at}: ${error.message}`, error);
  }
}

type ChatContext = Pick<PreferenceExample, "tools" | "variables">;

/** A chat's ids; where only the mask cannot be made, the error says what can be done. */
function chatTokens(
  messages: readonly ChatMessage[],
  { tools, variables }: ChatContext,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions,
  promptMessages?: number,
): Masked {
  const given = {
    ...(tools && { tools }),
    ...(variables && { variables }),
    ...(options.template !== undefined && { template: options.template }),
    ...(options.now && { now: options.now }),
  };
  if (options.loss === "all" && promptMessages === undefined) {
    const ids = tokenizer.applyChatTemplate(messages, given);
    return { ids, mask: ids.map(() => true) };
  }
  try {
    return tokenizer.applyChatTemplateWithMask(messages, {
      ...given,
      ...(promptMessages !== undefined && { promptMessages }),
    });
  } catch (error) {
    if (!(error instanceof OwnlmError) || error.code !== "BAD_CHAT") throw error;
    // A chat that the template refuses is the data's fault, one that it renders but cannot mark is the template's.
    tokenizer.applyChatTemplate(messages, given);
    return fail("UNSUPPORTED", `${messageOf(error)} Or try --loss all`, error);
  }
}

function answerTokens(
  prompt: Content,
  answer: Content,
  context: ChatContext,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions,
): Masked {
  if (typeof prompt === "string" && typeof answer === "string") return joined(prompt, answer, tokenizer, options);
  const [before, behind] = [prompt, answer] as (readonly ChatMessage[])[];
  return chatTokens([...before!, ...behind!], context, tokenizer, options, before!.length);
}

/**
 * Prompt and answer as one text, as TRL encodes them; a token with a character of the answer belongs to it. EOS is put
 * behind, and a BOS that the text spells is not put there twice.
 */
function joined(
  prompt: string,
  answer: string,
  tokenizer: Tokenizer,
  { allowSpecial = true }: TokenizeOptions,
): Masked {
  const text = prompt + answer;
  const { ids, mask } = aroundAll(
    encodeMasked(tokenizer, text, [[prompt.length, text.length]], "whole", { allowSpecial }),
    tokenizer.encode(text, { allowSpecial }),
  );
  const first = mask.indexOf(true);
  if (first >= 0) mask.fill(true, first);
  const { bosId, eosId } = tokenizer;
  if (eosId !== undefined && ids.at(-1) !== eosId) {
    ids.push(eosId);
    mask.push(true);
  }
  const twice = bosId !== undefined && ids.length > 2 && ids[0] === bosId && ids[1] === bosId;
  return twice ? { ids: ids.slice(1), mask: mask.slice(1) } : { ids, mask };
}

/** A mask with what the post-processor puts before a text (no loss) and behind it (loss, as it ends the answer). */
function aroundAll({ ids, mask }: MaskedIds, all: number[]): MaskedIds {
  const more = all.length - ids.length;
  let before = 0;
  while (before < more && !ids.every((id, i) => all[before + i] === id)) before++;
  const head = new Array<boolean>(before).fill(false);
  return { ids: all, mask: [...head, ...mask, ...new Array<boolean>(Math.max(0, more - before)).fill(true)] };
}

/** Tokens before the first that carries loss. */
function promptOf({ ids, mask }: Masked): number {
  const first = mask.indexOf(true);
  return first < 0 ? ids.length : first;
}

function keptPrompt(promptLength: number, answerLength: number, options: TokenizeOptions): number {
  const { maxLength = Number.POSITIVE_INFINITY } = options;
  const atLeast = Math.min(options.maxPromptLength ?? Math.floor(maxLength / 2), maxLength);
  return Math.min(promptLength, Math.max(atLeast, maxLength - answerLength));
}

function cutPrompt(
  { ids, mask }: Masked,
  promptLength: number,
  kept: number,
  { bosId }: Tokenizer,
  maxLength: number | undefined,
): TokenExample {
  const dropped = promptLength - kept;
  const keepsBos = dropped > 0 && kept > 1 && ids[0] === bosId;
  const from = keepsBos ? dropped + 1 : dropped;
  const head = keepsBos ? [ids[0]!] : [];
  const shorter = { ids: [...head, ...ids.slice(from)], mask: [...head.map(() => false), ...mask.slice(from)] };
  const result = cutRight(shorter, maxLength);
  return { ...result, cut: ids.length - result.ids.length };
}

function cutRight({ ids, mask }: Masked, maxLength = Number.POSITIVE_INFINITY): TokenExample {
  if (!(maxLength >= 2)) fail("BAD_OPTION", `maxLength: got ${maxLength}, expected at least 2`);
  const length = Math.min(ids.length, maxLength);
  return {
    ids: Int32Array.from(ids.slice(0, length)),
    mask: Uint8Array.from(mask.slice(0, length), Number),
    cut: ids.length - length,
  };
}

/** How many tokens are predicted and carry loss: all that the mask marks, the first aside. */
export function lossTokens({ mask }: Pick<TokenExample, "mask">): number {
  let count = 0;
  for (let i = 1; i < mask.length; i++) count += mask[i]!;
  return count;
}
