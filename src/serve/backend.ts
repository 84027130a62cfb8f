/** What a server asks of a model and is told: plain values, which may cross to another process. Computes nothing. */
import type { GivenOptions } from "../base/options.ts";
import type { FinishReason } from "../generate/generate.ts";
import type { GENERATE_OPTIONS } from "../generate/options.ts";
import type { ResponseFormat } from "../generate/structured.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import type { ToolFormat } from "./tool-format.ts";

/** A chat as its template takes it. */
export interface ChatPrompt {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly object[] | undefined;
  /** What else the template is told. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /** End with the head of the assistant's turn. Default true. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** What the answer begins with, special tokens and all. */
  readonly suffix?: string | undefined;
}

/** What a text begins with: a text, its ids, or a chat. */
export type Prompt =
  | { readonly text: string; readonly addSpecialTokens?: boolean | undefined }
  | { readonly ids: readonly number[] }
  | { readonly chat: ChatPrompt };

/** A token, and what its log P is, in nats, by the model itself. */
export interface TokenChance {
  readonly id: number;
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
}

/** A token beside the most probable ones in its place. */
export interface TokenInfo extends TokenChance {
  readonly top: readonly TokenChance[];
}

/** A continuation that is wanted; `maxNewTokens` may be 0: then the prompt is read only. */
export interface GenerateAsk {
  readonly prompt: Prompt;
  readonly options: GivenOptions<typeof GENERATE_OPTIONS>;
  readonly responseFormat?: ResponseFormat | undefined;
  /** Give the prompt's own text back, and the spellings of its tokens. */
  readonly echo?: boolean | undefined;
  /** Which continuation of its prompt it is: each draws other numbers of one seed. Default 0. */
  readonly copy?: number | undefined;
  /** Show special tokens in the text: models mark calls of functions with them. */
  readonly showSpecial?: boolean | undefined;
  /** Whose turn it is: those who ask wait in line with their own requests only. */
  readonly client: string;
  /** Belongs to a request that was let in already, and is let in however long the line. */
  readonly joined?: boolean | undefined;
}

/** New text: what may be shown since the last piece, and the tokens behind it. */
export interface Piece {
  readonly text: string;
  readonly ids: readonly number[];
  /** Of each of the ids, where it was asked for. */
  readonly tokens?: readonly TokenInfo[];
  /** Of the prompt's tokens but the first, where it was asked for, before all else. */
  readonly promptTokens?: readonly TokenInfo[];
}

/** How a continuation ended. */
export interface Ending {
  readonly finishReason: FinishReason;
  readonly completionTokens: number;
  /** Tokens of the prompt that were known from an earlier one. */
  readonly cachedTokens: number;
}

/** A continuation that was accepted. */
export interface Generation {
  readonly promptTokens: number;
  /** Where `echo` was asked for: the prompt's text, and its first token's, which has no log P. */
  readonly promptText?: string;
  readonly firstText?: string;
  readonly pieces: AsyncGenerator<Piece, Ending>;
}

/** What there is to know of a model without asking it anything. */
export interface ModelFacts {
  readonly modelType: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  /** Tokens that prompt and text may take together. */
  readonly context: number;
  /** Positions that the model was made for. */
  readonly maxPositions: number;
  readonly hasTokenizer: boolean;
  /** The spellings of the tokens that begin, end and pad texts, where there are such. */
  readonly bosToken?: string | undefined;
  readonly eosToken?: string | undefined;
  readonly padToken?: string | undefined;
  readonly chatTemplate?: string | undefined;
  /** How the model calls functions, as far as its template tells. */
  readonly toolFormat?: ToolFormat | undefined;
}

/** Texts as vectors. */
export interface Embedded {
  readonly vectors: readonly Float32Array[];
  readonly tokens: number;
}

/** How much is being done. */
export interface Load {
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
}

/** A model that answers. All may be called at once, and throw an OwnlmError. */
export interface Backend {
  facts(): Promise<ModelFacts>;
  load(): Promise<Load>;
  /** Resolves when the request is found sound and has a place in line. Throws BUSY where the line is full. */
  generate(ask: GenerateAsk, signal?: AbortSignal): Promise<Generation>;
  /** Ids of a prompt and their spellings. */
  tokenize(prompt: Prompt): Promise<{ readonly ids: readonly number[]; readonly tokens: readonly string[] }>;
  detokenize(ids: readonly number[]): Promise<string>;
  /** Vectors of texts, each of length 1, and the tokens that were read. */
  embed(prompts: readonly Prompt[], signal?: AbortSignal): Promise<Embedded>;
  /** A chat as the text that its template makes of it. */
  applyTemplate(chat: ChatPrompt): Promise<string>;
  /** Ends it; what runs ends with DISPOSED. */
  dispose(): Promise<void>;
}
