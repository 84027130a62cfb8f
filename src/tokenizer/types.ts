/** What every tokenizer offers: text to ids and back. Knows nothing of files, models or chat templates. */

/** How {@link Tokenizer.encode} treats special tokens. */
export interface EncodeOptions {
  /** Add what the post-processor adds around a text, for instance a BOS token. Default true. */
  readonly addSpecialTokens?: boolean;
  /** Recognise special tokens spelled out in the text. Default false: a user's text cannot forge a role. */
  readonly allowSpecial?: boolean;
  /** Find added tokens at all, special or not. Default true; false makes each of them plain text. */
  readonly findAdded?: boolean;
}

/** How ids become text. */
export interface DecodeOptions {
  /** Leave special tokens out. Default false. */
  readonly skipSpecialTokens?: boolean;
}

/** Ids in, text out, a piece at a time. The pieces joined equal `decode` of all the ids. */
export interface DecodeStream {
  /** The text that is certain now; bytes of an unfinished UTF-8 character are held back. Throws BAD_TOKEN_ID. */
  push(id: number): string;
  /** What was held back: U+FFFD for an unfinished character, else the empty string. The stream can then be used again. */
  end(): string;
}

/** Two texts that belong together, as a question and an answer. */
export type TextPair = readonly [first: string, second: string];

/** What is cut off where a text has too many tokens. Tokens of the post-processor stay. */
export interface TruncationOptions {
  /** Most tokens of a result, those of the post-processor counted. Default: what `tokenizer.json` says under `truncation`. */
  readonly maxLength?: number;
  /** Where tokens are cut off. Default: what `tokenizer.json` says, else "right". */
  readonly side?: "left" | "right";
  /** Which text of a pair loses tokens; `longest_first` takes them from the longer one. Default: what `tokenizer.json` says, else that. */
  readonly strategy?: "longest_first" | "only_first" | "only_second";
}

/** How results are filled up to one length. */
export interface PaddingOptions {
  /** The length in tokens, or "longest" of those that are encoded together. Default: what `tokenizer.json` says under `padding`, else that. */
  readonly length?: number | "longest";
  /** Default: what `tokenizer.json` says, else "right". */
  readonly side?: "left" | "right";
  /** The length is rounded up to a multiple of this. */
  readonly multipleOf?: number;
  /** Default: the `pad_id` of `tokenizer.json`, else the `pad_token` of `tokenizer_config.json`. */
  readonly padId?: number;
  /** Default 0. */
  readonly padTypeId?: number;
}

/** How rows are made. As in transformers, `truncation` and `padding` of `tokenizer.json` count only where they are asked for. */
export interface BatchOptions extends EncodeOptions {
  /** `true` for what `tokenizer.json` says. Default false. */
  readonly truncation?: boolean | TruncationOptions;
  /** `true` for the longest, or what `tokenizer.json` says. Default false. */
  readonly padding?: boolean | PaddingOptions;
}

/** Texts as ids, a row each. */
export interface Batch {
  readonly ids: number[][];
  /** 1 for a token, 0 for padding. */
  readonly attentionMask: number[][];
  /** Which text of a pair, as the post-processor counts. */
  readonly typeIds: number[][];
}

/** A text as ids with all that is known of each. The lists are of one length. */
export interface Encoding {
  readonly ids: number[];
  /** Spellings in the vocabulary. */
  readonly tokens: string[];
  /**
   * Start and end in the original text, in UTF-16 code units as JavaScript's strings count; [0, 0] for tokens that are in no text. Tokens
   * that are bytes of one character all have that character's place.
   */
  readonly offsets: [start: number, end: number][];
  readonly typeIds: number[];
  /** 1 for tokens that the post-processor or padding put there. */
  readonly specialTokensMask: number[];
  readonly attentionMask: number[];
}

/** Kinds of tokenizers by their model; `char` is a vocabulary of single characters. */
export type TokenizerKind = "bpe" | "char" | "unigram" | "wordpiece" | "wordlevel";

/** A vocabulary with its rules. Immutable; safe to share. */
export interface Tokenizer {
  readonly kind: TokenizerKind;
  /** Ids run from 0 to `vocabSize - 1` without holes; added tokens are counted. */
  readonly vocabSize: number;
  readonly bosId?: number;
  readonly eosId?: number;
  /** Special tokens by their spelling. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /**
   * Ids of a text, as a plain array (it goes into JSON as it is). Lone surrogates count as U+FFFD, as in UTF-8.
   * Throws BAD_TEXT where a character has no token and the vocabulary has no unknown token.
   */
  encode(text: string, options?: EncodeOptions): number[];
  /** The same ids as a typed array of their own, half the size of a plain one. */
  encodeIds(text: string, options?: EncodeOptions): Int32Array;
  /**
   * A text, or a pair, with the place of every token in it. The ids are those of {@link Tokenizer.encode}. Throws BAD_TEXT as that does, and
   * BAD_OPTION for limits that cannot be met and pairs where the post-processor has no form for them.
   */
  encodeWithOffsets(text: string | TextPair, options?: BatchOptions): Encoding;
  /** Texts and pairs as rows of ids. Throws as {@link Tokenizer.encodeWithOffsets} does. */
  encodeBatch(texts: readonly (string | TextPair)[], options?: BatchOptions): Batch;
  /** Text of ids; bytes that are not UTF-8 become U+FFFD. Throws BAD_TOKEN_ID. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** A decoder for ids that come one at a time. */
  decodeStream(options?: DecodeOptions): DecodeStream;
  /** The bytes an id adds to a text that has begun, a fresh copy. Throws BAD_TOKEN_ID. */
  tokenBytes(id: number): Uint8Array;
  /** The spelling of an id in the vocabulary, for instance `Ġthe`. Throws BAD_TOKEN_ID. */
  tokenOf(id: number): string;
  /** The id of a spelling, added tokens included. */
  idOf(token: string): number | undefined;
  /** The content of `tokenizer.json` in the schema of Hugging Face's `tokenizers`. Not a copy: do not change it. */
  toJSON(): object;
}
