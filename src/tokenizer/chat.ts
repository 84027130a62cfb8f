/** Chats to ids: a tokenizer and its chat templates together. Special tokens that users type stay text. Knows no files. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { ChatMessage } from "./chat-messages.ts";
import { type ChatInput, type ChatTemplate, chatTemplate, type MaskedChat } from "./chat-template.ts";
import { isSpace } from "./jinja/text.ts";
import { describe } from "./json-fields.ts";
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
}

/** Private-use characters around special tokens in what users wrote, while a template is rendered. */
const OPEN = "\u{f0000}";
const CLOSE = "\u{f0001}";

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
  const apply = (messages: readonly ChatMessage[], options: ChatOptions = {}) => {
    const { template: wanted, tokenize = true, ...rest } = options;
    const [name, source] = chosen(templates, wanted, rest.tools !== undefined, where);
    const template = parse(source, `${where}: chat template ${name}`);
    const input: ChatInput = { ...rest, messages, variables: { ...tokens, ...rest.variables } };
    const timed = { ...input, now: rest.now ?? (source.includes("strftime_now") ? now() : undefined) };
    return tokenize ? encodeChat(tokenizer, template, timed, tokens) : template.render(timed);
  };
  return { ...tokenizer, chatTemplates: templates, applyChatTemplate: apply as ChatTokenizer["applyChatTemplate"] };
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
 * Ids of a chat. Special tokens in the input, and added tokens that the template itself writes, are put between private
 * marks; after rendering, what lies between two marks is encoded as plain text, the rest with special tokens. A method of the
 * template may tear two marks apart: a single mark is dropped, and parts the text where it was.
 */
function encodeChat(tokenizer: Tokenizer, template: ChatTemplate, input: ChatInput, tokens: JsonObject): number[] {
  const added = addedTokens(tokenizer);
  const control = controlPattern(added, template.literals);
  const mark = <T>(value: T): T => (value === undefined ? value : (marked(value, control) as T));
  const variables = Object.fromEntries(
    Object.entries(input.variables ?? {}).map(([key, value]) => [key, tokens[key] === value ? value : mark(value)]),
  );
  const text = template.render({
    ...input,
    variables,
    messages: mark(input.messages),
    tools: mark(input.tools),
    documents: mark(input.documents),
  });
  const any = alternatives(added.map(({ content }) => content));
  const pieces = text.split(new RegExp(`${OPEN}(${any})${CLOSE}|[${OPEN}${CLOSE}]`, "u"));
  const ids = tokenizer.encode(pieces[0]!, { addSpecialTokens: false, allowSpecial: true });
  for (let i = 1; i < pieces.length; i++) for (const id of encodePiece(tokenizer, pieces[i], i % 2 === 1)) ids.push(id);
  return ids;
}

/** A piece behind others; a newline before it keeps SentencePiece from putting a space there. */
function encodePiece(tokenizer: Tokenizer, piece: string | undefined, asText: boolean): number[] {
  if (!piece) return [];
  const options = { addSpecialTokens: false, allowSpecial: !asText, findAdded: !asText };
  const newline = tokenizer.encode("\n", { addSpecialTokens: false, allowSpecial: true });
  const behind = tokenizer.encode(`\n${piece}`, options);
  const ids = newline.every((id, i) => behind[i] === id)
    ? behind.slice(newline.length)
    : tokenizer.encode(piece, options);
  if (asText && ids.includes(tokenizer.idOf(piece)!))
    fail("BAD_CHAT", `the text ${describe(piece)} in a message is the special token itself in this vocabulary`);
  return ids;
}

interface Added {
  readonly content: string;
  readonly special: boolean;
}

function addedTokens(tokenizer: Tokenizer): Added[] {
  const { added_tokens: all } = tokenizer.toJSON() as { added_tokens?: Added[] | null };
  return (all ?? []).map(({ content, special }) => ({ content, special: special === true }));
}

/** Matches what only a template may write: special tokens, and added tokens found in the template, white space aside. */
function controlPattern(added: readonly Added[], literals: readonly string[]): RegExp {
  const control = added.filter(
    ({ content, special }) => special || (!isSpace(content) && literals.some((literal) => literal.includes(content))),
  );
  return new RegExp(alternatives(control.map(({ content }) => content)), "gu");
}

/** A pattern for any of the texts, the longest first; without texts it matches nothing. */
function alternatives(texts: readonly string[]): string {
  const longest = [...texts].sort((a, b) => b.length - a.length);
  return longest.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|") || "(?!)";
}

/** A JSON value whose texts, keys too, have marks around what matches. Marks that were there before are taken out. */
function marked(value: unknown, control: RegExp, depth = 0): unknown {
  if (typeof value === "string")
    return value
      .replaceAll(OPEN, "")
      .replaceAll(CLOSE, "")
      .replace(control, (token) => OPEN + token + CLOSE);
  if (depth > 64) return value;
  if (Array.isArray(value)) return value.map((item) => marked(item, control, depth + 1));
  if (!isJsonObject(value) || ![null, Object.prototype].includes(Object.getPrototypeOf(value))) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [marked(key, control) as string, marked(inner, control, depth + 1)]),
  );
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
