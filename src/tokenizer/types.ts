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

/** A vocabulary with its rules. Immutable; safe to share. */
export interface Tokenizer {
  readonly kind: "bpe" | "char";
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
  /** Text of ids; bytes that are not UTF-8 become U+FFFD. Throws BAD_TOKEN_ID. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** A decoder for ids that come one at a time. */
  decodeStream(options?: DecodeOptions): DecodeStream;
  /** The bytes an id stands for, a fresh copy. Throws BAD_TOKEN_ID. */
  tokenBytes(id: number): Uint8Array;
  /** The spelling of an id in the vocabulary, for instance `Ġthe`. Throws BAD_TOKEN_ID. */
  tokenOf(id: number): string;
  /** The id of a spelling, added tokens included. */
  idOf(token: string): number | undefined;
  /** The content of `tokenizer.json` in the schema of Hugging Face's `tokenizers`. Not a copy: do not change it. */
  toJSON(): object;
}
