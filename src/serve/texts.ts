/** `/tokenize`, `/detokenize`, `/tokenizer_info` and `/apply-template`, in the shapes of vLLM and of llama.cpp. */
import { fail } from "../base/errors.ts";
import { type JsonObject, showJson } from "../base/json.ts";
import type { Prompt } from "./backend.ts";
import { readFields } from "./body.ts";
import type { Context } from "./context.ts";
import { readMessages } from "./messages.ts";
import { readIds } from "./sampling.ts";

const flag = (help: string) => ({ kind: "flag", help }) as const;

const TOKENIZE = {
  options: {
    with_pieces: flag("Tell the spelling of each token, as llama.cpp does"),
    return_token_strs: flag("Tell the spelling of each token, as vLLM does"),
  },
  others: [
    "model",
    "prompt",
    "content",
    "messages",
    "tools",
    "add_special_tokens",
    "add_special",
    "add_generation_prompt",
  ],
  ignored: ["parse_special"],
};

/** A text's tokens: of `prompt` or `messages` (vLLM), or of `content` (llama.cpp, which adds no special tokens unasked). */
export async function tokenize(body: JsonObject, context: Context): Promise<Response> {
  const { backend } = context.model(body.model);
  const { with_pieces, return_token_strs } = readFields(body, TOKENIZE);
  const { ids, tokens } = await backend.tokenize(readText(body));
  if (body.content !== undefined && with_pieces)
    return Response.json({ tokens: ids.map((id, i) => ({ id, piece: tokens[i] })) });
  const { context: max_model_len } = await backend.facts();
  return Response.json({
    tokens: ids,
    count: ids.length,
    max_model_len,
    ...(return_token_strs && { token_strs: tokens }),
  });
}

function readText(body: JsonObject): Prompt {
  const { prompt, content, messages } = body;
  if ([prompt, content, messages].filter((given) => given !== undefined).length !== 1)
    fail("BAD_OPTION", "prompt: expected one of prompt, messages and content");
  if (messages !== undefined) return { chat: readChat(body) };
  const text = prompt ?? content;
  const name = prompt === undefined ? "content" : "prompt";
  if (typeof text !== "string") fail("BAD_OPTION", `${name}: got ${showJson(text)}, expected a text`);
  return {
    text: text as string,
    addSpecialTokens: readFlag(body, prompt === undefined ? "add_special" : "add_special_tokens", prompt !== undefined),
  };
}

function readFlag(body: JsonObject, name: string, fallback: boolean): boolean {
  const value = body[name] ?? fallback;
  if (typeof value !== "boolean") fail("BAD_OPTION", `${name}: got ${showJson(value)}, expected true or false`);
  return value as boolean;
}

function readChat(body: JsonObject) {
  return { messages: readMessages(body), addGenerationPrompt: readFlag(body, "add_generation_prompt", true) };
}

/** The text of token ids. */
export async function detokenize(body: JsonObject, context: Context): Promise<Response> {
  const { backend } = context.model(body.model);
  readFields(body, { options: {}, others: ["model", "tokens"], ignored: [] });
  const { tokens } = body;
  const ids = Array.isArray(tokens) && tokens.length === 0 ? [] : readIds(tokens, "tokens");
  const text = await backend.detokenize(ids);
  return Response.json({ prompt: text, content: text });
}

/** A chat as the text that the model is shown. */
export async function applyTemplate(body: JsonObject, context: Context): Promise<Response> {
  const { backend } = context.model(body.model);
  const others = ["model", "messages", "add_generation_prompt"];
  readFields(body, { options: {}, others, ignored: [] });
  return Response.json({ prompt: await backend.applyTemplate(readChat(body)) });
}

/** The tokens that begin, end and pad texts, and the chat template. */
export async function tokenizerInfo(model: string | undefined, context: Context): Promise<Response> {
  const facts = await context.model(model).backend.facts();
  const { bosToken = null, eosToken = null, padToken = null, chatTemplate = null } = facts;
  return Response.json({
    bos_token: bosToken,
    eos_token: eosToken,
    pad_token: padToken,
    chat_template: chatTemplate,
    vocab_size: facts.vocabSize,
    model_max_length: facts.context,
  });
}
