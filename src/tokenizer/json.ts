/** Makes a tokenizer of the content of `tokenizer.json`. The content is not trusted; what is not understood is refused. */
import { mergesFrom } from "./bpe.ts";
import { decodingOf } from "./decoding.ts";
import { encodingOf } from "./encode.ts";
import { bpeEncoder } from "./encode-bpe.ts";
import { charEncoder } from "./encode-char.ts";
import type { IdList } from "./id-list.ts";
import { booleanField, type JsonRecord, recordAt } from "./json-fields.ts";
import { readLimits } from "./limits.ts";
import { modelKindOf } from "./models.ts";
import { readNormalizer } from "./normalizers.ts";
import { normalizedContent, type Pipeline, type PipelineParts, pipelineOf, stretchSplitter } from "./pipeline.ts";
import { readPostProcessor, templateOf } from "./post-process.ts";
import { byteLevelCutter, canCutBytes } from "./pre-tokenize.ts";
import { readPreTokenizer } from "./pre-tokenizers.ts";
import { roleOf, rolesOf } from "./roles.ts";
import { checkTokenId } from "./stream.ts";
import type { Tokenizer, TokenizerKind } from "./types.ts";
import { unknownIdOf } from "./unknown.ts";
import { readMerges, readVocabulary, type Vocabulary } from "./vocabulary.ts";

/** The pattern that makes every code point a pre-token, as {@link trainChar} writes it. */
export const characterPattern = String.raw`[\s\S]`;

/**
 * A tokenizer from a parsed `tokenizer.json`. Every kind of normalizer, pre-tokenizer, model, post-processor and decoder that the published
 * language models use is known; docs/tokenizer.md lists them. `config` is the parsed `tokenizer_config.json`, read for `bos_token`,
 * `eos_token` and `pad_token` alone. `where` names the file in messages. Throws BAD_TOKENIZER for broken content and UNSUPPORTED, naming key
 * and value, for what ownlm does not have.
 */
export function tokenizerFromJson(json: unknown, where: string, config?: unknown): Tokenizer {
  const root = recordAt(json, where);
  const model = recordAt(root.model, `${where}: model`);
  const { kind: modelKind, read } = modelKindOf(model, where);
  const vocabulary = readVocabulary(root, model, modelKind === "unigram", where);
  const { tokens, ids, added } = vocabulary;
  const normalize = readNormalizer(root.normalizer, `${where}: normalizer`);
  const fast = fastEncoder(root, model, modelKind, vocabulary, where);
  const parts = (): PipelineParts => ({
    added,
    normalize,
    preTokenizer: readPreTokenizer(root.pre_tokenizer, `${where}: pre_tokenizer`),
    model: read(model, vocabulary, where),
  });
  const pipeline = fast ? fastPipeline(fast, { added, normalize }, () => pipelineOf(parts())) : pipelineOf(parts());
  const kind = isCharacters(root, model, vocabulary) ? "char" : modelKind;
  const specials = new Map(added.filter((token) => token.special).map(({ content, id }) => [content, id]));
  const post = readPostProcessor(root.post_processor, tokens.length, `${where}: post_processor`);
  const limits = readLimits(root, tokens.length, roleOf(config, "pad_token", ids), where);
  const spellings = decodedSpellings(
    vocabulary,
    normalize !== undefined ? (token) => normalizedContent(token, normalize) : undefined,
  );
  return {
    kind,
    vocabSize: tokens.length,
    ...rolesOf(config, templateOf(post), specials, ids, where),
    specialTokens: specials,
    ...encodingOf({ pipeline, post, limits, tokens }),
    ...decodingOf(root.decoder, vocabulary, spellings, new Set(specials.values()), `${where}: decoder`),
    tokenOf(id) {
      checkTokenId(id, tokens.length);
      return tokens[id]!;
    },
    idOf: (token) => ids.get(token),
    toJSON: () => json as object,
  };
}

/** Spellings by id, added tokens as the normalizer leaves them: so `tokenizers` decodes them. */
function decodedSpellings(
  { tokens, added }: Vocabulary,
  spell: ((token: Vocabulary["added"][number]) => string) | undefined,
): readonly string[] {
  const changed = spell ? added.filter((token) => spell(token) !== token.content) : [];
  if (!spell || changed.length === 0) return tokens;
  const spellings = [...tokens];
  for (const token of changed) spellings[token.id] = spell(token);
  return spellings;
}

/** Appends the ids of normalised text without added tokens. */
type AppendIds = (text: string, out: IdList) => void;

/** The hand-made encoders: byte-level BPE and single characters. Undefined for what goes through the stages one by one. */
function fastEncoder(
  root: JsonRecord,
  model: JsonRecord,
  kind: TokenizerKind,
  vocabulary: Vocabulary,
  where: string,
): AppendIds | undefined {
  if (kind === "bpe" && isByteLevel(root, model)) return readByteLevel(root, model, vocabulary, where);
  if (isCharacters(root, model, vocabulary))
    return charEncoder(
      new Map(vocabulary.own.map((token) => [token, vocabulary.ownId(token)!])),
      unknownIdOf(model, vocabulary, where),
    );
  return undefined;
}

function isByteLevel(root: JsonRecord, model: JsonRecord): boolean {
  const isPlain = (key: string) => (model[key] ?? "") === "";
  return (
    typeOf(root.decoder) === "ByteLevel" &&
    canCutBytes(root.pre_tokenizer) &&
    (model.dropout ?? 0) === 0 &&
    (model.byte_fallback ?? false) === false &&
    isPlain("continuing_subword_prefix") &&
    isPlain("end_of_word_suffix")
  );
}

function readByteLevel(root: JsonRecord, model: JsonRecord, vocabulary: Vocabulary, where: string): AppendIds {
  return bpeEncoder({
    ids: vocabulary.ids,
    isToken: (spelling) => vocabulary.ownId(spelling) !== undefined,
    merges: mergesFrom(readMerges(model, vocabulary.ids, where)),
    cutter: byteLevelCutter(root.pre_tokenizer, `${where}: pre_tokenizer`),
    ignoreMerges: booleanField(model, "ignore_merges", `${where}: model`, false),
    unkId: unknownIdOf(model, vocabulary, where),
    fuseUnk: booleanField(model, "fuse_unk", `${where}: model`, false),
  });
}

/** Whether the model holds single characters alone, and the text is cut into such: what {@link trainChar} makes. */
function isCharacters(root: JsonRecord, model: JsonRecord, { own }: Vocabulary): boolean {
  const split = root.pre_tokenizer as { pattern?: { Regex?: unknown }; behavior?: unknown } | null | undefined;
  return (
    model.type === "WordLevel" &&
    typeOf(root.decoder) === "Fuse" &&
    typeOf(split) === "Split" &&
    split?.pattern?.Regex === characterPattern &&
    split.behavior === "Isolated" &&
    own.every(
      (token) =>
        token === model.unk_token || (token !== "" && token.length === (token.codePointAt(0)! > 0xffff ? 2 : 1)),
    )
  );
}

function typeOf(json: unknown): unknown {
  return (json as { type?: unknown } | null | undefined)?.type;
}

/** Ids by the fast encoder; places by the stages one by one, which are made when they are first asked for. */
function fastPipeline(
  append: AppendIds,
  parts: Pick<PipelineParts, "added" | "normalize">,
  slow: () => Pipeline,
): Pipeline {
  const split = stretchSplitter(parts);
  let stages: Pipeline | undefined;
  return {
    append(text, finding, out) {
      split(text, finding, false, (stretch, token) => {
        if (token) out.push(token.id);
        else append(stretch.text, out);
      });
    },
    track(text, finding) {
      stages ??= slow();
      return stages.track(text, finding);
    },
  };
}
