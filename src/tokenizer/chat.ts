/** Chats to ids: a tokenizer and its chat templates together. Special tokens that users type stay text. Knows no files. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { encodeChat, encodeMaskedChat } from "./chat-encode.ts";
import type { ChatMessage } from "./chat-messages.ts";
import { type ChatInput, type ChatTemplate, chatTemplate, type MaskedChat } from "./chat-template.ts";
import { describe } from "./json-fields.ts";
import type { MaskedIds } from "./token-mask.ts";
import type { Tokenizer } from "./types.ts";

/** What {@link ChatTokenizer.applyChatTemplate} is told besides the messages. */
export interface ChatOptions extends Omit<ChatInput, "messages"> {
  /** Another template: the name of one of the tokenizer's, or its source. */
  readonly template?: string;
  /** Ids (the default), or the text. */
  readonly tokenize?: boolean;
}

/** A tokenizer that knows how its model was shown chats. */
export interface ChatTokenizer extends Tokenizer {
  /** Sources by name; a single one is named `default`. */
  readonly chatTemplates: ReadonlyMap<string, string>;
  /**
   * A chat as the ids or the text a model expects, as transformers' `apply_chat_template` with
   * `sanitize_control_tokens`: what the template writes is recognised, what the messages, tools and variables hold is
   * text, so that no message can forge a role. Throws BAD_CHAT and UNSUPPORTED.
   */
  applyChatTemplate(messages: readonly ChatMessage[], options: ChatOptions & { readonly tokenize: false }): string;
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatOptions & { readonly tokenize?: true }): number[];
  /**
   * The same ids, and which of them carry loss: what the assistant wrote, messages of `weight: 0` aside, or all that comes
   * behind the first `promptMessages` messages. Throws BAD_CHAT and UNSUPPORTED, also where the template cannot tell.
   */
  applyChatTemplateWithMask(messages: readonly ChatMessage[], options?: MaskedChatOptions): MaskedIds;
}

/** What {@link ChatTokenizer.applyChatTemplateWithMask} is told besides the messages. */
export interface MaskedChatOptions
  extends Omit<ChatOptions, "tokenize" | "addGenerationPrompt" | "continueFinalMessage"> {
  readonly promptMessages?: number;
}

const ROLES = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

/**
 * The templates of `tokenizer_config.json`'s `chat_template`: a source, or a list of `{name, template}`.
 * Throws BAD_TOKENIZER naming `where`.
 */
export function readChatTemplates(value: unknown, where: string): Map<string, string> {
  if (value === undefined || value === null) return new Map();
  if (typeof value === "string") return new Map([["default", value]]);
  const bad = (at: string, got: unknown) =>
    fail(
      "BAD_TOKENIZER",
      `${where}: chat_template${at}: got ${describe(got)}, expected a template or a list of named ones`,
    );
  if (!Array.isArray(value)) return bad("", value);
  return new Map(
    value.map((entry: unknown, i) => {
      if (!isJsonObject(entry) || typeof entry.name !== "string" || typeof entry.template !== "string")
        return bad(`[${i}]`, entry);
      return [entry.name, entry.template] as const;
    }),
  );
}

/**
 * A tokenizer with its templates. `config` is the parsed `tokenizer_config.json`, whose `bos_token` and other tokens
 * templates see as variables. Templates are parsed when they are first used, and errors name `where`.
 */
export function chatTokenizer(
  tokenizer: Tokenizer,
  templates: ReadonlyMap<string, string>,
  where: string,
  config?: unknown,
  now: () => Date = () => fail("BAD_CHAT", `${where}: the template asks for the date, and \`now\` was not given`),
): ChatTokenizer {
  const parsed = new Map<string, ChatTemplate>();
  const parse = (source: string, name: string): ChatTemplate => {
    const known = parsed.get(source) ?? chatTemplate(source, name);
    if (templates.has(name) || [...templates.values()].includes(source)) parsed.set(source, known);
    return known;
  };
  const tokens = roleTokens(config, tokenizer);
  const prepare = (messages: readonly ChatMessage[], { template: wanted, ...rest }: ChatOptions) => {
    const [name, source] = chosen(templates, wanted, rest.tools !== undefined, where);
    const template = parse(source, `${where}: chat template ${name}`);
    const input: ChatInput = { ...rest, messages, variables: { ...tokens, ...rest.variables } };
    return { template, input: { ...input, now: rest.now ?? (source.includes("strftime_now") ? now() : undefined) } };
  };
  const apply = (messages: readonly ChatMessage[], { tokenize = true, ...options }: ChatOptions = {}) => {
    const { template, input } = prepare(messages, options);
    return tokenize ? encodeChat(tokenizer, template, input, tokens) : template.render(input);
  };
  return {
    ...tokenizer,
    chatTemplates: templates,
    applyChatTemplate: apply as ChatTokenizer["applyChatTemplate"],
    applyChatTemplateWithMask(messages, { promptMessages, ...options } = {}) {
      const { template, input } = prepare(messages, options);
      return encodeMaskedChat(tokenizer, template, input, tokens, promptMessages);
    },
  };
}

/** The template that is meant: by name, by source, or as transformers chooses among several. */
function chosen(
  templates: ReadonlyMap<string, string>,
  wanted: string | undefined,
  withTools: boolean,
  where: string,
): [name: string, source: string] {
  if (wanted !== undefined) return [templates.has(wanted) ? wanted : "given", templates.get(wanted) ?? wanted];
  const name = withTools && templates.has("tool_use") ? "tool_use" : "default";
  const source = templates.get(name);
  if (source !== undefined) return [name, source];
  const names = [...templates.keys()].join(", ");
  return fail(
    "BAD_CHAT",
    `${where}: got ${names === "" ? "no chat template" : `only the chat templates ${names}`}, expected one named default. Try the option template.`,
  );
}

/** The variables `bos_token` and so on. */
function roleTokens(config: unknown, tokenizer: Tokenizer): Record<string, string> {
  const found: Record<string, string> = {};
  const record = isJsonObject(config) ? config : {};
  for (const role of ROLES) {
    const value = record[`${role}_token`];
    const text = isJsonObject(value) ? value.content : value;
    if (typeof text === "string") found[`${role}_token`] = text;
  }
  const { bosId, eosId } = tokenizer;
  if (bosId !== undefined) found.bos_token ??= tokenizer.tokenOf(bosId);
  if (eosId !== undefined) found.eos_token ??= tokenizer.tokenOf(eosId);
  return found;
}

/**
 * Which of a masked chat's ids the assistant wrote: those of which a byte lies in one of the spans. `ids` are those of
 * `encode(text, { addSpecialTokens: false, allowSpecial: true })`. Throws UNSUPPORTED where the ids do not spell the
 * text byte for byte, as with a normalizer that changed it.
 */
export function assistantMask(tokenizer: Tokenizer, ids: ArrayLike<number>, { text, spans }: MaskedChat): boolean[] {
  const bytes = (part: string) => new TextEncoder().encode(part).length;
  const ends = spans.map(([start, end]) => [bytes(text.slice(0, start)), bytes(text.slice(0, end))] as const);
  let at = 0;
  let span = 0;
  const mask = Array.from(ids, (id) => {
    const start = at;
    at += tokenizer.tokenBytes(id).length;
    while (span < ends.length && ends[span]![1] <= start) span++;
    return span < ends.length && at > ends[span]![0];
  });
  if (at !== bytes(text)) fail("UNSUPPORTED", "the tokens do not spell the chat byte for byte, so they have no mask");
  return mask;
}
