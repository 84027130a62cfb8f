/** Makes a tokenizer of the content of `tokenizer.json`. The content is not trusted; what is not understood is refused. */
import { fail } from "../base/errors.ts";
import { addedTokenSplitter } from "./added-tokens.ts";
import { mergesFrom } from "./bpe.ts";
import { type AppendIds, bpeEncoder } from "./encode-bpe.ts";
import { charEncoder } from "./encode-char.ts";
import { type IdList, idList, plainIds } from "./id-list.ts";
import { booleanField, describe, type JsonRecord, listField, recordAt, stringField } from "./json-fields.ts";
import { readTemplate } from "./post-process.ts";
import { byteLevelCutter } from "./pre-tokenize.ts";
import { rolesOf } from "./roles.ts";
import { characterDecoder, characterEncoder, type DecoderRule } from "./sentencepiece.ts";
import { readDecoder, readMetaspace } from "./sentencepiece-json.ts";
import { checkTokenId, decodeIds, decodeStreamOf, packTokenBytes } from "./stream.ts";
import type { EncodeOptions, Tokenizer } from "./types.ts";
import { readMerges, readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** The pattern that makes every code point a pre-token, as {@link trainChar} writes it. */
export const characterPattern = String.raw`[\s\S]`;

/**
 * A tokenizer from a parsed `tokenizer.json`: byte-level BPE (GPT-2, Llama 3, Qwen 2 and relatives), BPE of
 * characters with bytes to fall back on (Llama 2, Mistral, Gemma, Phi-3), or single characters.
 * `config` is the parsed `tokenizer_config.json`, read for `bos_token` and `eos_token` alone. `where` names the file in messages.
 * Throws BAD_TOKENIZER for broken content and UNSUPPORTED, naming key and value, for kinds that ownlm does not have.
 * Entries for truncation and padding are kept in the JSON and not applied.
 */
export function tokenizerFromJson(json: unknown, where: string, config?: unknown): Tokenizer {
  const root = recordAt(json, where);
  const model = recordAt(root.model, `${where}: model`);
  const vocabulary = readVocabulary(root, model, where);
  const kind = kindOf(model, where);
  const isCharacters = kind === "bpe" && booleanField(model, "byte_fallback", `${where}: model`, false);
  if (isCharacters) {
    const append = readCharacters(root, model, vocabulary, where);
    return assemble(kind, json as object, root, vocabulary, append, config, where, readDecoder(root, where));
  }
  const append = kind === "bpe" ? readBpe(root, model, vocabulary, where) : readChar(root, model, vocabulary, where);
  return assemble(kind, json as object, root, vocabulary, append, config, where);
}

function kindOf(model: JsonRecord, where: string): Tokenizer["kind"] {
  // Files of the first years have no type; merges are what only BPE has.
  const type = model.type ?? (Array.isArray(model.merges) ? "BPE" : undefined);
  if (type === "BPE") return "bpe";
  if (type === "WordLevel") return "char";
  return fail("UNSUPPORTED", `${where}: model.type: got ${describe(type)}, expected "BPE" or "WordLevel"`);
}

function readBpe(root: JsonRecord, model: JsonRecord, vocabulary: Vocabulary, where: string): AppendIds {
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) expectNothing(model, key, where);
  expectType(root, "decoder", "ByteLevel", where);
  return bpeEncoder({
    ids: vocabulary.ids,
    isToken: (spelling) => Object.hasOwn(model.vocab as object, spelling),
    merges: mergesFrom(readMerges(model, vocabulary.ids, where)),
    cutter: byteLevelCutter(root.pre_tokenizer, `${where}: pre_tokenizer`),
    ignoreMerges: booleanField(model, "ignore_merges", `${where}: model`, false),
    unkId: unknownId(model, vocabulary, where),
    fuseUnk: booleanField(model, "fuse_unk", `${where}: model`, false),
  });
}

/** SentencePiece-like BPE over characters. */
function readCharacters(root: JsonRecord, model: JsonRecord, vocabulary: Vocabulary, where: string) {
  for (const key of ["dropout", "continuing_subword_prefix", "end_of_word_suffix"]) expectNothing(model, key, where);
  if (booleanField(model, "ignore_merges", `${where}: model`, false))
    fail("UNSUPPORTED", `${where}: model.ignore_merges: got true, expected false beside byte_fallback`);
  const vocab = model.vocab as object;
  return characterEncoder({
    idOf: (spelling) => (Object.hasOwn(vocab, spelling) ? vocabulary.ids.get(spelling) : undefined),
    spellings: Object.keys(vocab),
    merges: mergesFrom(readMerges(model, vocabulary.ids, where)),
    byteFallback: true,
    unkId: unknownId(model, vocabulary, where),
    fuseUnk: booleanField(model, "fuse_unk", `${where}: model`, false),
    metaspace: readMetaspace(root, where),
  });
}

function readChar(root: JsonRecord, model: JsonRecord, vocabulary: Vocabulary, where: string): AppendIds {
  const at = `${where}: pre_tokenizer`;
  const split = recordAt(root.pre_tokenizer, at);
  const pattern = split.type === "Split" ? recordAt(split.pattern, `${at}.pattern`).Regex : undefined;
  if (pattern !== characterPattern || split.behavior !== "Isolated") {
    fail("UNSUPPORTED", `${at}: got ${describe(pattern ?? split.type)}, expected Split, Isolated, ${characterPattern}`);
  }
  expectType(root, "decoder", "Fuse", where);
  const ids = new Map<string, number>();
  for (const token of Object.keys(model.vocab as object)) {
    const id = vocabulary.ids.get(token)!;
    if (token !== "" && token.length === String.fromCodePoint(token.codePointAt(0)!).length) ids.set(token, id);
    else if (token !== model.unk_token) {
      fail("UNSUPPORTED", `${where}: model.vocab: got the token ${describe(token)}, expected single characters`);
    }
  }
  return charEncoder(ids, unknownId(model, vocabulary, where));
}

function expectNothing(model: JsonRecord, key: string, where: string): void {
  const value = model[key] ?? "";
  if (value !== "") fail("UNSUPPORTED", `${where}: model.${key}: got ${describe(value)}, expected null`);
}

function expectType(root: JsonRecord, key: string, type: string, where: string): void {
  const got = root[key] === undefined || root[key] === null ? null : recordAt(root[key], `${where}: ${key}`).type;
  if (got !== type) fail("UNSUPPORTED", `${where}: ${key}: got ${describe(got)}, expected the type ${type}`);
}

/** The id of `unk_token`; undefined where there is none, or where it names no token (encoding then fails as it does in `tokenizers`). */
function unknownId(model: JsonRecord, vocabulary: Vocabulary, where: string): number | undefined {
  if ((model.unk_token ?? null) === null) return undefined;
  return vocabulary.ids.get(stringField(model, "unk_token", `${where}: model`));
}

type Normalize = (text: string) => string;

function readNormalizer(json: unknown, at: string, depth = 0): Normalize | undefined {
  if ((json ?? null) === null) return undefined;
  const record = recordAt(json, at);
  const type = record.type;
  if (type === "NFC" || type === "NFD" || type === "NFKC" || type === "NFKD") return (text) => text.normalize(type);
  if (type === "Prepend") {
    const prefix = stringField(record, "prepend", at);
    return (text) => (text === "" ? text : prefix + text);
  }
  if (type === "Replace") {
    const pattern = recordAt(record.pattern, `${at}.pattern`).String;
    const content = stringField(record, "content", at);
    if (typeof pattern !== "string" || pattern === "")
      return fail("UNSUPPORTED", `${at}.pattern: got ${describe(record.pattern)}, expected a String`);
    return (text) => text.replaceAll(pattern, () => content);
  }
  if (type !== "Sequence" || depth > 4) {
    return fail(
      "UNSUPPORTED",
      `${at}.type: got ${describe(type)}, expected NFC, NFD, NFKC, NFKD, Prepend, Replace or null`,
    );
  }
  const steps = listField(record, "normalizers", at)
    .map((inner, i) => readNormalizer(inner, `${at}.normalizers[${i}]`, depth + 1))
    .filter((step) => step !== undefined);
  return (text) => steps.reduce((done, step) => step(done), text);
}

/** Text to ids by all stages but the post-processor. */
function pipeline(root: JsonRecord, vocabulary: Vocabulary, append: AppendIds, where: string) {
  const normalize = readNormalizer(root.normalizer, `${where}: normalizer`);
  const splitRaw = addedTokenSplitter(vocabulary.added.filter((token) => !token.normalized));
  const splitNormal = addedTokenSplitter(
    vocabulary.added
      .filter((token) => token.normalized)
      .map((token) => ({ ...token, content: normalize?.(token.content) ?? token.content })),
  );
  return (text: string, allowSpecial: boolean, findAdded: boolean, out: IdList) => {
    const normal = findAdded ? undefined : (normalize?.(text) ?? text);
    if (normal !== undefined) {
      if (normal !== "") append(normal, out);
      return;
    }
    let isFirst = true;
    const take = (stretch: string, id: number) => {
      if (id >= 0) out.push(id);
      else append(stretch, out, isFirst);
      isFirst = false;
    };
    splitRaw(text, allowSpecial, (stretch, id) => {
      if (id >= 0) take(stretch, id);
      else splitNormal(normalize?.(stretch) ?? stretch, allowSpecial, take);
    });
  };
}

const KEPT_IDS = 2 ** 20;

function assemble(
  kind: Tokenizer["kind"],
  json: object,
  root: JsonRecord,
  vocabulary: Vocabulary,
  append: AppendIds,
  config: unknown,
  where: string,
  decoder?: DecoderRule,
): Tokenizer {
  const { tokens, ids, added } = vocabulary;
  const specials = new Map(added.filter((token) => token.special).map(({ content, id }) => [content, id]));
  const template = readTemplate(root.post_processor, tokens.length, `${where}: post_processor`);
  const addedIds = new Set(added.map((token) => token.id));
  const table = packTokenBytes(tokens, (id) => kind === "bpe" && !addedIds.has(id), new Set(specials.values()));
  const characters = decoder && characterDecoder(tokens, table.special, decoder);
  const encodeText = pipeline(root, vocabulary, append, where);
  let out = idList();
  const encodeToList = (
    text: string,
    { addSpecialTokens = true, allowSpecial = false, findAdded = true }: EncodeOptions = {},
  ) => {
    // One very long text must not keep its space for good.
    if (out.ids.length > KEPT_IDS) out = idList();
    out.length = 0;
    for (const id of addSpecialTokens ? template.prefix : []) out.push(id);
    encodeText(text, allowSpecial, findAdded, out);
    for (const id of addSpecialTokens ? template.suffix : []) out.push(id);
    return out;
  };
  return {
    kind,
    vocabSize: tokens.length,
    ...rolesOf(config, template, specials, ids, where),
    specialTokens: specials,
    encode: (text, options) => plainIds(encodeToList(text, options)),
    encodeIds(text, options) {
      const { ids, length } = encodeToList(text, options);
      return ids.slice(0, length);
    },
    decode: characters?.decode ?? ((some, options) => decodeIds(table, some, options)),
    decodeStream: characters?.decodeStream ?? ((options) => decodeStreamOf(table, options)),
    tokenBytes(id) {
      if (characters) return characters.tokenBytes(id);
      checkTokenId(id, tokens.length);
      return table.bytes.slice(table.offsets[id], table.offsets[id + 1]);
    },
    tokenOf(id) {
      checkTokenId(id, tokens.length);
      return tokens[id]!;
    },
    idOf: (token) => ids.get(token),
    toJSON: () => json,
  };
}
