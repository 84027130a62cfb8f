/** The vocabulary in a GGUF file's metadata, as the content of `tokenizer.json` and `tokenizer_config.json`. Reads no file. */
import { fail } from "../base/errors.ts";
import { flag, type GgufMetadata, numbers, roleId, sameLength, text, texts } from "./gguf-fields.ts";
import { type GgufParts, type GgufVocabulary, KINDS, partsOf } from "./gguf-models.ts";
import { tokenizerFromJson } from "./json.ts";
import { describe } from "./json-fields.ts";
import type { Tokenizer } from "./types.ts";

/** Both files of a tokenizer, as parsed JSON. */
export interface TokenizerFiles {
  readonly json: object;
  readonly config: Record<string, unknown>;
}

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
 * The files that Hugging Face's libraries would read: of a byte-level BPE (`gpt2`), a SentencePiece BPE (`llama`) or
 * Unigram (`t5`), or a WordPiece (`bert`). Throws BAD_TOKENIZER for lists of different lengths, ids and kinds out of range,
 * repeated tokens, merges of tokens that are not there, values of other types; UNSUPPORTED for other models and unknown
 * pre-tokenizers.
 */
export function tokenizerFilesOfGguf(metadata: GgufMetadata, where: string): TokenizerFiles {
  const kind = text(metadata, "model", where);
  const read = vocabulary(metadata, where);
  const parts = partsOf(kind, metadata, read, where);
  const v = { ...read, tokens: parts.tokens ?? read.tokens };
  const id = (role: string) => roleId(metadata, role, v.tokens.length, where);
  const [bos, eos] = [id("bos"), id("eos")];
  const addBos = flag(metadata, "add_bos_token", where, parts.addBos && bos !== undefined);
  const addEos = flag(metadata, "add_eos_token", where, parts.addEos === true && eos !== undefined);
  const spelling = (of: number | undefined) => (of === undefined ? null : v.tokens[of]!);
  const behind = addEos ? needed(eos, "eos", where) : parts.behind && id(parts.behind);
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(v, parts),
    normalizer: parts.normalizer,
    pre_tokenizer: parts.preTokenizer,
    post_processor: around(v, addBos ? needed(bos, "bos", where) : undefined, behind),
    decoder: parts.decoder,
    model: parts.model,
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

function addedTokens({ tokens, kinds }: GgufVocabulary, { alsoSpecial }: GgufParts): object[] {
  return tokens.flatMap((content, id) => {
    const special = kinds[id] === KINDS.control || kinds[id] === alsoSpecial;
    if (!special && kinds[id] !== KINDS.user) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
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
