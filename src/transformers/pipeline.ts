/** transformers.js's text-generation pipeline over a model and its tokenizer. Opens no files. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import { continued, type PreTrainedModel } from "./model.ts";
import type { GenerationParameters } from "./names.ts";
import { chatOptionsOf, type PreTrainedTokenizer } from "./tokenizer.ts";

/** A chat. */
export type Chat = readonly ChatMessage[];

/** What a pipeline is told besides the texts: how to generate, and these. */
export interface TextGenerationOptions extends GenerationParameters {
  /** Default: as the tokenizer's `add_bos_token` says. Chats have what their template writes. */
  readonly add_special_tokens?: boolean;
  /** The prompt before the new text. Default true; chats always have only the answer as their last message. */
  readonly return_full_text?: boolean;
  readonly tools?: readonly object[] | null;
  readonly documents?: readonly object[] | null;
  readonly chat_template?: string | null;
  /** Further variables of the template. */
  readonly tokenizer_encode_kwargs?: Readonly<Record<string, unknown>>;
}

/** A text that was made. */
export interface GeneratedText<T = string> {
  readonly generated_text: T;
}

/** What a pipeline gives for its input. */
export type TextGenerationResult<T> = T extends string
  ? GeneratedText[]
  : T extends readonly string[]
    ? GeneratedText[][]
    : T extends Chat
      ? GeneratedText<ChatMessage[]>[]
      : GeneratedText<ChatMessage[]>[][];

/** Continues texts and answers chats. */
export interface TextGenerationPipeline {
  <T extends string | readonly string[] | Chat | readonly Chat[]>(
    texts: T,
    options?: TextGenerationOptions,
  ): Promise<TextGenerationResult<T>>;
  readonly task: "text-generation";
  readonly model: PreTrainedModel;
  readonly tokenizer: PreTrainedTokenizer;
  dispose(): Promise<void>;
}

/** New tokens where nothing is said. */
const DEFAULT_NEW_TOKENS = 256;

/** A pipeline. `addsSpecial`: the tokenizer's configuration asks for a token at the begin or end. */
export function textGeneration(
  model: PreTrainedModel,
  tokenizer: PreTrainedTokenizer,
  addsSpecial: boolean,
): TextGenerationPipeline {
  const all = async (inputs: readonly (string | Chat)[], options: TextGenerationOptions) => {
    const { add_special_tokens = addsSpecial, return_full_text = true, ...rest } = options;
    const { tools, documents, chat_template, tokenizer_encode_kwargs, ...generation } = rest;
    const chat = { ...tokenizer_encode_kwargs, tools, documents, chat_template, add_generation_prompt: true };
    const prompts = inputs.map((input) =>
      typeof input === "string"
        ? tokenizer.encode(input, { add_special_tokens })
        : tokenizer.tokenizer.applyChatTemplate(input, { ...chatOptionsOf(chat as never), tokenize: true }),
    );
    const asked = { max_new_tokens: lengthOf(generation), ...generation };
    const made = await continued(model.model, prompts, asked, Math.max(0, ...prompts.map(({ length }) => length)));
    const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skip_special_tokens: true });
    return inputs.map((input, i) => {
      const ids = prompts[i]!;
      const start = decode(ids).length;
      return made[i]!.map((more) => {
        const text = decode([...ids, ...more]);
        if (typeof input === "string") return { generated_text: return_full_text ? text : text.slice(start) };
        return { generated_text: [...input, { role: "assistant", content: text.slice(start) }] };
      });
    });
  };
  const call = async (texts: unknown, options: TextGenerationOptions = {}) => {
    if (typeof texts === "string" || isChat(texts)) return (await all([texts], options))[0];
    if (!Array.isArray(texts) || !texts.every((each) => typeof each === "string" || isChat(each)))
      return fail("BAD_TEXT", `texts: got ${showJson(texts)}, expected a text, a chat, or a list of one of them`);
    return texts.length === 0 ? [] : all(texts as (string | Chat)[], options);
  };
  return Object.assign(call as TextGenerationPipeline, {
    task: "text-generation" as const,
    model,
    tokenizer,
    dispose: () => model.dispose(),
  });
}

const lengthOf = ({ max_length }: GenerationParameters) => (max_length == null ? DEFAULT_NEW_TOKENS : null);

function isChat(value: unknown): value is Chat {
  const isMessage = (each: unknown) => typeof each === "object" && each !== null && "role" in each && "content" in each;
  return Array.isArray(value) && value.length > 0 && value.every(isMessage);
}
