/** A rendered chat to ids, and which of them carry loss. Special tokens that users type stay text. Knows no files. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import type { ChatInput, ChatTemplate, MaskedChat } from "./chat-template.ts";
import { isSpace } from "./jinja/text.ts";
import { describe } from "./json-fields.ts";
import { type Ends, encodeMasked, type MaskedIds, overlapping, quickMask, type Spans } from "./token-mask.ts";
import type { EncodeOptions, Tokenizer } from "./types.ts";

/** Private-use characters around special tokens in what users wrote, while a template is rendered. */
const OPEN = "\u{f0000}";
const CLOSE = "\u{f0001}";

/**
 * Ids of a chat. Special tokens in the input, and added tokens that the template itself writes, are put between private
 * marks; after rendering, what lies between two marks is encoded as plain text, the rest with special tokens. A method of the
 * template may tear two marks apart: a single mark is dropped, and parts the text where it was.
 */
export function encodeChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  input: ChatInput,
  tokens: JsonObject,
): number[] {
  const added = addedTokens(tokenizer);
  const ids: number[] = [];
  for (const piece of piecesOf(template.render(markedInput(added, template, input, tokens)), added))
    for (const id of encodePiece(tokenizer, piece)) ids.push(id);
  return ids;
}

/**
 * The ids of {@link encodeChat}, and which of them lie, with a character at least, in a stretch that carries loss: the
 * assistant's, or everything behind the first `promptMessages` messages and the head of the next turn. The rule is that of
 * transformers' `return_assistant_tokens_mask`. Throws as {@link ChatTemplate.renderWithMask}.
 */
export function encodeMaskedChat(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  input: ChatInput,
  tokens: JsonObject,
  promptMessages?: number,
): MaskedIds {
  const added = addedTokens(tokenizer);
  const safe = markedInput(added, template, input, tokens);
  const { text, spans } =
    promptMessages === undefined ? weighed(template, safe) : template.renderBehind(safe, promptMessages);
  const ends = promptMessages === undefined && template.hasGeneration ? "placed" : "whole";
  const ids: number[] = [];
  const mask: boolean[] = [];
  for (const piece of piecesOf(text, added)) {
    const encoded = encodePlaced(tokenizer, piece, spans, ends);
    for (const id of encoded.ids) ids.push(id);
    for (const bit of encoded.mask) mask.push(bit);
  }
  return { ids, mask };
}

/** The assistant's stretches without those of messages with `weight: 0`, as in OpenAI's fine-tuning files. */
function weighed(template: ChatTemplate, input: ChatInput): MaskedChat {
  const masked = template.renderWithMask(input);
  const turns = input.messages.filter(({ role }) => role === "assistant");
  if (turns.every(({ weight }) => weight !== 0)) return masked;
  if (turns.length !== masked.spans.length)
    fail("UNSUPPORTED", 'messages: "weight": the template does not mark each message of the assistant by itself');
  return { text: masked.text, spans: masked.spans.filter((_, i) => turns[i]!.weight !== 0) };
}

function markedInput(added: readonly Added[], template: ChatTemplate, input: ChatInput, tokens: JsonObject): ChatInput {
  const control = controlPattern(added, template.literals);
  const mark = <T>(value: T): T => (value === undefined ? value : (marked(value, control) as T));
  const variables = Object.fromEntries(
    Object.entries(input.variables ?? {}).map(([key, value]) => [key, tokens[key] === value ? value : mark(value)]),
  );
  return {
    ...input,
    variables,
    messages: mark(input.messages),
    tools: mark(input.tools),
    documents: mark(input.documents),
  };
}

interface Piece {
  readonly text: string;
  /** Where it is in the text with its marks, in UTF-16 units. */
  readonly start: number;
  readonly asText: boolean;
  readonly isFirst: boolean;
}

/** What is encoded by itself, in order: what lies between two marks, and what lies around that. */
function* piecesOf(text: string, added: readonly Added[]): Generator<Piece> {
  const any = alternatives(added.map(({ content }) => content));
  let start = 0;
  for (const match of text.matchAll(new RegExp(`${OPEN}(${any})${CLOSE}|[${OPEN}${CLOSE}]`, "gu"))) {
    yield { text: text.slice(start, match.index), start, asText: false, isFirst: start === 0 };
    if (match[1]) yield { text: match[1], start: match.index + OPEN.length, asText: true, isFirst: false };
    start = match.index + match[0].length;
  }
  yield { text: text.slice(start), start, asText: false, isFirst: start === 0 };
}

const optionsOf = ({ asText }: Piece): EncodeOptions => ({
  addSpecialTokens: false,
  allowSpecial: !asText,
  findAdded: !asText,
});

/** A newline before a piece that is not the first keeps SentencePiece from putting a space there. */
function encodePiece(tokenizer: Tokenizer, piece: Piece): number[] {
  if (piece.text === "") return [];
  const options = optionsOf(piece);
  if (piece.isFirst) return tokenizer.encode(piece.text, options);
  const newline = tokenizer.encode("\n", { addSpecialTokens: false, allowSpecial: true });
  const behind = tokenizer.encode(`\n${piece.text}`, options);
  const ids = newline.every((id, i) => behind[i] === id)
    ? behind.slice(newline.length)
    : tokenizer.encode(piece.text, options);
  refuseForged(tokenizer, piece, ids);
  return ids;
}

function refuseForged(tokenizer: Tokenizer, { text, asText }: Piece, ids: readonly number[]): void {
  if (asText && ids.includes(tokenizer.idOf(text)!))
    fail("BAD_CHAT", `the text ${describe(text)} in a message is the special token itself in this vocabulary`);
}

/** The ids of {@link encodePiece}, and which of them lie in the stretches of the text that the piece is from. */
function encodePlaced(tokenizer: Tokenizer, piece: Piece, spans: Spans, ends: Ends): MaskedIds {
  const end = piece.start + piece.text.length;
  const within = spans
    .filter((span) => span[1] > piece.start && span[0] < end)
    .map((span) => [Math.max(span[0], piece.start) - piece.start, Math.min(span[1], end) - piece.start] as const);
  if (piece.isFirst) return encodeMasked(tokenizer, piece.text, within, ends, optionsOf(piece));
  const ids = encodePiece(tokenizer, piece);
  const quick = quickMask(tokenizer, ids, piece.text, within, ends);
  if (quick) return { ids, mask: quick };
  const alone = tokenizer.encodeWithOffsets(piece.text, optionsOf(piece));
  if (sameIds(alone.ids, ids)) return { ids, mask: overlapping(alone.offsets, within) };
  const behind = tokenizer.encodeWithOffsets(`\n${piece.text}`, optionsOf(piece));
  const offsets = behind.offsets.slice(behind.ids.length - ids.length);
  return {
    ids,
    mask: overlapping(
      offsets,
      within.map(([from, to]) => [from + 1, to + 1] as const),
    ),
  };
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
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
