/** The vocabulary in a GGUF file's metadata, as the content of `tokenizer.json` and `tokenizer_config.json`. Reads no file. */
import { fail } from "../base/errors.ts";
import { ggufPre } from "./gguf-pre.ts";
import { tokenizerFromJson } from "./json.ts";
import { describe } from "./json-fields.ts";
import { scoredMerges } from "./scored-merges.ts";
import type { Tokenizer } from "./types.ts";

/** Metadata by key: numbers, booleans, texts, and lists of them (typed arrays too). */
export type GgufMetadata = ReadonlyMap<string, unknown>;

/** Both files of a tokenizer, as parsed JSON. */
export interface TokenizerFiles {
  readonly json: object;
  readonly config: Record<string, unknown>;
}

/** llama.cpp's kinds of tokens, `tokenizer.ggml.token_type`. */
const KINDS = { none: 0, normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 } as const;

/** No published token has a tenth of it. */
const MOST_TOKEN_CHARS = 4096;

/** More than any vocabulary has. */
const MOST_TOKENS = 2 ** 22;

/** The tokenizer of a GGUF file; undefined where it holds none. Throws BAD_TOKENIZER and UNSUPPORTED beginning with `where` and the key. */
export function tokenizerFromGguf(metadata: GgufMetadata, where: string): Tokenizer | undefined {
  if (!metadata.has("tokenizer.ggml.model")) return undefined;
  const { json, config } = tokenizerFilesOfGguf(metadata, where);
  return tokenizerFromJson(json, where, config);
}

/**
 * The files that Hugging Face's libraries would read, of a byte-level BPE (`gpt2`) or a SentencePiece BPE (`llama`).
 * Throws BAD_TOKENIZER for lists of different lengths, ids and kinds out of range, repeated tokens, merges of tokens that are not
 * there, values of other types; UNSUPPORTED for other models and unknown pre-tokenizers.
 */
export function tokenizerFilesOfGguf(metadata: GgufMetadata, where: string): TokenizerFiles {
  const model = text(metadata, "model", where);
  if (model !== "gpt2" && model !== "llama")
    return fail("UNSUPPORTED", `${where}: tokenizer.ggml.model: got ${describe(model)}, expected "gpt2" or "llama"`);
  const v = vocabulary(metadata, where);
  const body = model === "gpt2" ? byteLevel(metadata, v, where) : sentencePiece(metadata, v, where);
  const id = (role: string) => roleId(metadata, role, v.tokens.length, where);
  const [bos, eos] = [id("bos"), id("eos")];
  const addBos = flag(metadata, "add_bos_token", where, body.addBos && bos !== undefined);
  const addEos = flag(metadata, "add_eos_token", where, false);
  const spelling = (of: number | undefined) => (of === undefined ? null : v.tokens[of]!);
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(v),
    normalizer: body.normalizer,
    pre_tokenizer: body.preTokenizer,
    post_processor: around(
      v,
      addBos ? needed(bos, "bos", where) : undefined,
      addEos ? needed(eos, "eos", where) : undefined,
    ),
    decoder: body.decoder,
    model: { type: "BPE", dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null, ...body.model },
  };
  const template = metadata.get("tokenizer.chat_template");
  if (template !== undefined && typeof template !== "string")
    fail("BAD_TOKENIZER", `${where}: tokenizer.chat_template: got ${describe(template)}, expected text`);
  return {
    json,
    config: {
      bos_token: spelling(bos),
      eos_token: spelling(eos),
      ...withRole("unk_token", spelling(id("unknown"))),
      ...withRole("pad_token", spelling(id("padding"))),
      add_bos_token: addBos,
      add_eos_token: addEos,
      ...withRole("chat_template", template ?? null),
    },
  };
}

const withRole = (name: string, value: unknown) => (value === null ? {} : { [name]: value });

function needed(id: number | undefined, role: string, where: string): number {
  return id ?? fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${role}_token_id: got nothing, and it is to be added`);
}

interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly kinds: ArrayLike<number>;
}

/** What the two models differ in. */
interface Body {
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  readonly decoder: object;
  readonly model: object;
  readonly addBos: boolean;
}

function vocabulary(metadata: GgufMetadata, where: string): GgufVocabulary {
  const at = `${where}: tokenizer.ggml.tokens`;
  const tokens = texts(metadata, "tokens", where);
  if (tokens.length === 0 || tokens.length > MOST_TOKENS)
    fail("BAD_TOKENIZER", `${at}: got ${tokens.length} tokens, expected 1 to ${MOST_TOKENS}`);
  const seen = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (token === "" || token.length > MOST_TOKEN_CHARS)
      fail("BAD_TOKENIZER", `${at}[${id}]: got ${token.length} characters, expected 1 to ${MOST_TOKEN_CHARS}`);
    if (seen.has(token))
      fail("BAD_TOKENIZER", `${at}[${id}]: got ${describe(token)}, which is the token ${seen.get(token)} too`);
    seen.set(token, id);
  });
  const kinds = numbers(metadata, "token_type", where) ?? new Uint8Array(tokens.length).fill(KINDS.normal);
  sameLength("token_type", kinds, tokens, where);
  for (let id = 0; id < kinds.length; id++)
    if (!Number.isInteger(kinds[id]) || kinds[id]! < KINDS.none || kinds[id]! > KINDS.byte)
      fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.token_type[${id}]: got ${kinds[id]}, expected 0 to 6`);
  return { tokens, kinds };
}

function addedTokens({ tokens, kinds }: GgufVocabulary): object[] {
  return tokens.flatMap((content, id) => {
    const special = kinds[id] === KINDS.control;
    if (!special && kinds[id] !== KINDS.user) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** The vocabulary as an object; a token may have any spelling, `__proto__` too. */
const vocabOf = ({ tokens }: GgufVocabulary): object => Object.fromEntries(tokens.map((token, id) => [token, id]));

function byteLevel(metadata: GgufMetadata, v: GgufVocabulary, where: string): Body {
  const pre = ggufPre(metadata.has("tokenizer.ggml.pre") ? text(metadata, "pre", where) : "default", where);
  return {
    normalizer: pre.normalizer,
    preTokenizer: pre.preTokenizer,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    addBos: pre.addBos,
    model: {
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: vocabOf(v),
      merges: texts(metadata, "merges", where),
    },
  };
}

/** SentencePiece's BPE: spaces are "▁", merges go by the score of what they make, other characters are bytes. */
function sentencePiece(metadata: GgufMetadata, v: GgufVocabulary, where: string): Body {
  const scores = numbers(metadata, "scores", where);
  if (!scores)
    return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.scores: got nothing, expected a number for each token`);
  sameLength("scores", scores, v.tokens, where);
  const unknown = roleId(metadata, "unknown", v.tokens.length, where) ?? 0;
  const prefix = flag(metadata, "add_space_prefix", where, true);
  const space = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prepend = { type: "Prepend", prepend: "▁" };
  const toSpace = { type: "Replace", pattern: { String: "▁" }, content: " " };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    normalizer: { type: "Sequence", normalizers: prefix ? [prepend, space] : [space] },
    preTokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [toSpace, { type: "ByteFallback" }, { type: "Fuse" }, ...(prefix ? [strip] : [])],
    },
    addBos: true,
    model: {
      unk_token: v.tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabOf(v),
      merges: scoredMerges(v.tokens, scores, (id) => v.kinds[id] === KINDS.normal || v.kinds[id] === KINDS.user),
    },
  };
}

/** A post-processor with BOS in front and EOS behind. */
function around({ tokens }: GgufVocabulary, bos: number | undefined, eos: number | undefined): object | null {
  const ids = [bos, eos].filter((id) => id !== undefined);
  if (ids.length === 0) return null;
  const one = (id: number | undefined, type: number) =>
    id === undefined ? [] : [{ SpecialToken: { id: tokens[id]!, type_id: type } }];
  const form = (type: number, name: string) => [
    ...one(bos, type),
    { Sequence: { id: name, type_id: type } },
    ...one(eos, type),
  ];
  return {
    type: "TemplateProcessing",
    single: form(0, "A"),
    pair: [...form(0, "A"), ...form(1, "B")],
    special_tokens: Object.fromEntries(
      ids.map((id) => [tokens[id]!, { id: tokens[id]!, ids: [id], tokens: [tokens[id]!] }]),
    ),
  };
}

function sameLength(key: string, list: ArrayLike<number>, tokens: readonly string[], where: string): void {
  if (list.length !== tokens.length)
    fail(
      "BAD_TOKENIZER",
      `${where}: tokenizer.ggml.${key}: got ${list.length} entries, expected ${tokens.length}, one a token`,
    );
}

function roleId(metadata: GgufMetadata, role: string, size: number, where: string): number | undefined {
  const key = `tokenizer.ggml.${role}_token_id`;
  const value = metadata.get(key);
  // Converters write -1 or the largest number for none.
  if (value === undefined || value === -1 || value === 0xffffffff) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < size) return value;
  return fail("BAD_TOKENIZER", `${where}: ${key}: got ${shown(value)}, expected an id below ${size}`);
}

function flag(metadata: GgufMetadata, key: string, where: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`) ?? otherwise;
  if (typeof value === "boolean") return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected true or false`);
}

function text(metadata: GgufMetadata, key: string, where: string): string {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (typeof value === "string") return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected text`);
}

function texts(metadata: GgufMetadata, key: string, where: string): readonly string[] {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected a list of texts`);
}

function numbers(metadata: GgufMetadata, key: string, where: string): ArrayLike<number> | undefined {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (value === undefined) return undefined;
  const isList = ArrayBuffer.isView(value) && !(value instanceof DataView);
  if (isList && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array))
    return value as unknown as ArrayLike<number>;
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected a list of numbers`);
}

const shown = (value: unknown): string => {
  if (typeof value === "bigint") return String(value);
  return ArrayBuffer.isView(value) ? "a list of numbers" : describe(value);
};
