/** Prompts as ids, up to where a model begins to write. Knows no answers. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { PromptExample } from "./example.ts";
import type { TokenExample, TokenizeOptions } from "./example-tokens.ts";

/**
 * The tokens of a prompt: a chat with what the template writes before an answer, or a text without an end token. None
 * carries loss. Of more than `maxLength` tokens the first are cut, a BOS aside. Throws BAD_CHAT, BAD_TEXT.
 */
export function tokenizePrompt(
  example: PromptExample,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions = {},
): TokenExample {
  const all = named(example.at, () => promptIds(example, tokenizer, options));
  if (all.length === 0) fail("BAD_TEXT", `${example.at}: prompt: got no token, expected one at least`);
  const { maxLength = Number.POSITIVE_INFINITY } = options;
  const ids = all.length > maxLength ? shortened(all, maxLength, tokenizer.bosId) : all;
  return { ids: Int32Array.from(ids), mask: new Uint8Array(ids.length), cut: all.length - ids.length };
}

function promptIds(
  { prompt, tools, variables }: PromptExample,
  tokenizer: ChatTokenizer,
  { allowSpecial = true, now, template }: TokenizeOptions,
): readonly number[] {
  if (typeof prompt === "string") {
    const ids = tokenizer.encode(prompt, { allowSpecial });
    return tokenizer.eosId !== undefined && ids.length > 1 && ids.at(-1) === tokenizer.eosId ? ids.slice(0, -1) : ids;
  }
  return tokenizer.applyChatTemplate(prompt, {
    addGenerationPrompt: true,
    ...(tools && { tools }),
    ...(variables && { variables }),
    ...(now && { now }),
    ...(template !== undefined && { template }),
  });
}

function shortened(ids: readonly number[], most: number, bosId: number | undefined): number[] {
  return ids[0] === bosId && most > 1 ? [ids[0]!, ...ids.slice(ids.length - most + 1)] : ids.slice(ids.length - most);
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
