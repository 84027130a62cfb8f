/** A tokenizer with transformers.js's names: called with texts, it gives tensors. Knows no models. */
import { fail } from "../base/errors.ts";
import type { ChatOptions, ChatTokenizer } from "../tokenizer/chat.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import type { BatchOptions } from "../tokenizer/types.ts";
import { type Ids, idsOf, rowsOf, type Tensor, tensorOf } from "./tensor.ts";

/** How texts become tensors. */
export interface TokenizerCallOptions {
  readonly text_pair?: string | readonly string[] | null;
  /** `true`: to the longest; "max_length": to `max_length`. Default false. */
  readonly padding?: boolean | "max_length";
  /** Default true. */
  readonly add_special_tokens?: boolean;
  readonly truncation?: boolean | null;
  readonly max_length?: number | null;
  /** `false`: nested arrays. Default true. */
  readonly return_tensor?: boolean;
  readonly return_token_type_ids?: boolean | null;
}

/** Texts as ids. */
export interface BatchEncoding<T = Tensor> {
  readonly input_ids: T;
  /** 1 for a token, 0 for padding. */
  readonly attention_mask: T;
  readonly token_type_ids?: T;
}

/** How ids become text. */
export interface DecodeCallOptions {
  /** Default false. */
  readonly skip_special_tokens?: boolean;
  /** Only false: text comes back as it was. */
  readonly clean_up_tokenization_spaces?: boolean;
}

/** How a chat becomes text or tensors; further names are variables of the template. */
export interface ChatTemplateOptions extends Omit<TokenizerCallOptions, "text_pair"> {
  readonly tools?: readonly object[] | null;
  readonly documents?: readonly object[] | null;
  readonly chat_template?: string | null;
  readonly add_generation_prompt?: boolean;
  /** Default true. */
  readonly tokenize?: boolean;
  /** With the mask, or the ids alone. Default true. */
  readonly return_dict?: boolean;
  readonly [variable: string]: unknown;
}

/** What `AutoTokenizer.from_pretrained` gives. */
export interface PreTrainedTokenizer {
  (
    text: string | readonly string[],
    options: TokenizerCallOptions & { readonly return_tensor: false },
  ): BatchEncoding<number[] | number[][]>;
  (text: string | readonly string[], options?: TokenizerCallOptions): BatchEncoding;
  /** Where rows are padded. */
  padding_side: "left" | "right";
  readonly model_max_length: number;
  readonly bos_token: string | undefined;
  readonly bos_token_id: number | undefined;
  readonly eos_token: string | undefined;
  readonly eos_token_id: number | undefined;
  readonly pad_token: string | undefined;
  readonly pad_token_id: number | undefined;
  readonly all_special_ids: number[];
  readonly all_special_tokens: string[];
  readonly chat_template: string | null;
  /** The tokenizer with ownlm's names. */
  readonly tokenizer: ChatTokenizer;
  encode(text: string, options?: Pick<TokenizerCallOptions, "add_special_tokens">): number[];
  tokenize(text: string, options?: Pick<TokenizerCallOptions, "add_special_tokens">): string[];
  decode(ids: Ids, options?: DecodeCallOptions): string;
  batch_decode(batch: Tensor | readonly Ids[], options?: DecodeCallOptions): string[];
  apply_chat_template(
    messages: readonly ChatMessage[],
    options: ChatTemplateOptions & { readonly tokenize: false },
  ): string;
  apply_chat_template(
    messages: readonly ChatMessage[],
    options: ChatTemplateOptions & { readonly return_tensor: false; readonly return_dict: false },
  ): number[];
  apply_chat_template(
    messages: readonly ChatMessage[],
    options: ChatTemplateOptions & { readonly return_dict: false },
  ): Tensor;
  apply_chat_template(messages: readonly ChatMessage[], options?: ChatTemplateOptions): BatchEncoding;
}

/** Names of {@link ChatTemplateOptions} that are no variables. */
const CHAT_KEYS = [
  ...["tools", "documents", "chat_template", "add_generation_prompt", "tokenize", "return_dict"],
  ...["padding", "truncation", "max_length", "return_tensor", "add_special_tokens", "return_token_type_ids"],
];

/** A tokenizer under transformers.js's names. `padToken` and `modelMaxLength` are of its configuration. */
export function preTrainedTokenizer(
  tokenizer: ChatTokenizer,
  { padToken, modelMaxLength = Number.POSITIVE_INFINITY }: { padToken?: string; modelMaxLength?: number } = {},
): PreTrainedTokenizer {
  const { bosId, eosId, specialTokens } = tokenizer;
  const spelled = (id: number | undefined) => (id === undefined ? undefined : tokenizer.tokenOf(id));
  const self = ((text: string | readonly string[], options: TokenizerCallOptions = {}) =>
    called(tokenizer, text, options, self.padding_side, modelMaxLength)) as PreTrainedTokenizer;
  const decodeOptions = ({ skip_special_tokens = false, clean_up_tokenization_spaces = false }: DecodeCallOptions) => {
    if (clean_up_tokenization_spaces)
      fail("UNSUPPORTED", "clean_up_tokenization_spaces: got true, expected false: text comes back as it was");
    return { skipSpecialTokens: skip_special_tokens };
  };
  const special = ({ add_special_tokens = true }: Pick<TokenizerCallOptions, "add_special_tokens">) => ({
    addSpecialTokens: add_special_tokens,
    allowSpecial: true,
  });
  return Object.assign(self, {
    padding_side: "right" as const,
    model_max_length: modelMaxLength,
    bos_token: spelled(bosId),
    bos_token_id: bosId,
    eos_token: spelled(eosId),
    eos_token_id: eosId,
    pad_token: padToken,
    pad_token_id: padToken === undefined ? undefined : tokenizer.idOf(padToken),
    all_special_ids: [...specialTokens.values()],
    all_special_tokens: [...specialTokens.keys()],
    chat_template: tokenizer.chatTemplates.get("default") ?? null,
    tokenizer,
    encode: (text: string, options: TokenizerCallOptions = {}) => tokenizer.encode(text, special(options)),
    tokenize: (text: string, options: TokenizerCallOptions = {}) =>
      tokenizer.encode(text, special({ add_special_tokens: false, ...options })).map((id) => tokenizer.tokenOf(id)),
    decode: (ids: Ids, options: DecodeCallOptions = {}) => tokenizer.decode(idsOf(ids), decodeOptions(options)),
    batch_decode: (batch: Tensor | readonly Ids[], options: DecodeCallOptions = {}) =>
      rowsOf(batch).map((ids) => tokenizer.decode(ids, decodeOptions(options))),
    apply_chat_template: ((messages: readonly ChatMessage[], options: ChatTemplateOptions = {}) =>
      applied(tokenizer, messages, options)) as PreTrainedTokenizer["apply_chat_template"],
  });
}

function called(
  tokenizer: ChatTokenizer,
  text: string | readonly string[],
  options: TokenizerCallOptions,
  side: "left" | "right",
  modelMaxLength: number,
): BatchEncoding | BatchEncoding<number[] | number[][]> {
  const { text_pair, padding = false, truncation = false, max_length, add_special_tokens = true } = options;
  const isOne = typeof text === "string";
  const texts = isOne ? [text] : text;
  const pairs = typeof text_pair === "string" ? [text_pair] : (text_pair ?? []);
  if (pairs.length > 0 && pairs.length !== texts.length)
    fail("BAD_OPTION", `text_pair: got ${pairs.length} texts, expected ${texts.length}, as many as of text`);
  const longest = max_length ?? (Number.isFinite(modelMaxLength) ? modelMaxLength : undefined);
  const batchOptions: BatchOptions = {
    addSpecialTokens: add_special_tokens,
    // As there: special tokens in a text are what they spell.
    allowSpecial: true,
    ...(truncation && longest !== undefined && { truncation: { maxLength: longest } }),
    ...(padding && {
      padding: { side, length: padding === "max_length" && longest !== undefined ? longest : "longest" },
    }),
  };
  const inputs = texts.map((one, i) => (pairs[i] === undefined ? one : ([one, pairs[i]] as const)));
  const { ids, attentionMask, typeIds } = tokenizer.encodeBatch(inputs, batchOptions);
  const named = {
    input_ids: ids,
    attention_mask: attentionMask,
    ...(options.return_token_type_ids && { token_type_ids: typeIds }),
  };
  const made = Object.entries(named).map(([name, rows]) => [name, shaped(rows, options.return_tensor ?? true, isOne)]);
  return Object.fromEntries(made);
}

function shaped(rows: number[][], asTensor: boolean, isOne: boolean): Tensor | number[] | number[][] {
  if (!asTensor) return isOne ? rows[0]! : rows;
  if (new Set(rows.map((row) => row.length)).size > 1)
    fail("BAD_SHAPE", "tokenizer: got texts of different lengths. Try padding: true, or return_tensor: false.");
  return tensorOf(rows);
}

/** What the options of a chat template are called here. */
export function chatOptionsOf(options: ChatTemplateOptions): ChatOptions {
  const { tools, documents, chat_template, add_generation_prompt } = options;
  const variables = Object.fromEntries(Object.entries(options).filter(([name]) => !CHAT_KEYS.includes(name)));
  return {
    ...(tools && { tools }),
    ...(documents && { documents }),
    ...(typeof chat_template === "string" && { template: chat_template }),
    ...(add_generation_prompt !== undefined && { addGenerationPrompt: add_generation_prompt }),
    variables,
  } as ChatOptions;
}

function applied(tokenizer: ChatTokenizer, messages: readonly ChatMessage[], options: ChatTemplateOptions) {
  const chat = chatOptionsOf(options);
  if (options.tokenize === false) return tokenizer.applyChatTemplate(messages, { ...chat, tokenize: false });
  const ids = tokenizer.applyChatTemplate(messages, { ...chat, tokenize: true });
  const kept = options.truncation && options.max_length ? ids.slice(0, options.max_length) : ids;
  const asTensor = options.return_tensor ?? true;
  const input_ids = shaped([kept], asTensor, true);
  if (options.return_dict === false) return input_ids;
  return { input_ids, attention_mask: shaped([kept.map(() => 1)], asTensor, true) };
}
