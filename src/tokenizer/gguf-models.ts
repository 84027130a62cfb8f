/** The kinds of vocabulary in GGUF files, `tokenizer.ggml.model`, as the parts of `tokenizer.json`. Reads no file. */
import { fail } from "../base/errors.ts";
import { base64Of, bytesOf, flag, type GgufMetadata, numbers, roleId, sameLength, text, texts } from "./gguf-fields.ts";
import { ggufPre } from "./gguf-pre.ts";
import { describe } from "./json-fields.ts";
import { scoredMerges } from "./scored-merges.ts";

/** llama.cpp's kinds of tokens, `tokenizer.ggml.token_type`. */
export const KINDS = { none: 0, normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 } as const;

/** Tokens by id, and what each is. */
export interface GgufVocabulary {
  readonly tokens: readonly string[];
  readonly kinds: ArrayLike<number>;
}

/** What the kinds differ in: parts of `tokenizer.json`, and what holds where the file does not say. */
export interface GgufParts {
  readonly normalizer: object | null;
  readonly preTokenizer: object | null;
  readonly decoder: object;
  readonly model: object;
  readonly addBos: boolean;
  readonly addEos?: boolean;
  /** The role, as its key is spelled, of what goes behind a text, if not EOS. */
  readonly behind?: "seperator";
  /** The tokens as `tokenizer.json` spells them, if not as the file does. */
  readonly tokens?: readonly string[];
  /** A kind of tokens that are special like control tokens. */
  readonly alsoSpecial?: number;
}

/** The parts of a kind. Throws UNSUPPORTED for one that is not known, and BAD_TOKENIZER naming the key. */
export function partsOf(kind: string, metadata: GgufMetadata, v: GgufVocabulary, where: string): GgufParts {
  const make = MODELS.get(kind);
  const known = [...MODELS.keys()].map((name) => JSON.stringify(name)).join(", ");
  if (!make)
    return fail("UNSUPPORTED", `${where}: tokenizer.ggml.model: got ${describe(kind)}, expected one of ${known}`);
  return make(metadata, v, where);
}

const BPE = { type: "BPE", dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };

/** The vocabulary as an object; a token may have any spelling, `__proto__` too. */
const vocabOf = ({ tokens }: GgufVocabulary): object => Object.fromEntries(tokens.map((token, id) => [token, id]));

function byteLevel(metadata: GgufMetadata, v: GgufVocabulary, where: string): GgufParts {
  const pre = ggufPre(metadata.has("tokenizer.ggml.pre") ? text(metadata, "pre", where) : "default", where);
  return {
    normalizer: pre.normalizer,
    preTokenizer: pre.preTokenizer,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    addBos: pre.addBos,
    model: {
      ...BPE,
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges,
      vocab: vocabOf(v),
      merges: texts(metadata, "merges", where),
    },
  };
}

const SPACE = { type: "Replace", pattern: { String: " " }, content: "▁" };
const PREPEND = { type: "Prepend", prepend: "▁" };

function scoresOf(metadata: GgufMetadata, v: GgufVocabulary, where: string): ArrayLike<number> {
  const scores = numbers(metadata, "scores", where);
  if (!scores)
    return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.scores: got nothing, expected a number for each token`);
  sameLength("scores", scores, v.tokens, where);
  return scores;
}

/** SentencePiece's BPE: spaces are "▁", merges go by the score of what they make, other characters are bytes. */
function sentencePiece(metadata: GgufMetadata, v: GgufVocabulary, where: string): GgufParts {
  const scores = scoresOf(metadata, v, where);
  const unknown = roleId(metadata, "unknown", v.tokens.length, where) ?? 0;
  const prefix = flag(metadata, "add_space_prefix", where, true);
  const toSpace = { type: "Replace", pattern: { String: "▁" }, content: " " };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    normalizer: { type: "Sequence", normalizers: prefix ? [PREPEND, SPACE] : [SPACE] },
    preTokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [toSpace, { type: "ByteFallback" }, { type: "Fuse" }, ...(prefix ? [strip] : [])],
    },
    addBos: true,
    model: {
      ...BPE,
      unk_token: v.tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: vocabOf(v),
      merges: scoredMerges(v.tokens, scores, (id) => v.kinds[id] === KINDS.normal || v.kinds[id] === KINDS.user),
    },
  };
}

/** SentencePiece's Unigram, as T5 has it: a map of characters, one space for several, and the most probable cut. */
function unigram(metadata: GgufMetadata, v: GgufVocabulary, where: string): GgufParts {
  const scores = scoresOf(metadata, v, where);
  const prefix = flag(metadata, "add_space_prefix", where, false);
  const merged = flag(metadata, "remove_extra_whitespaces", where, false);
  const map = bytesOf(metadata, "precompiled_charsmap", where);
  const normalizers = [
    ...(map && map.length > 0 ? [{ type: "Precompiled", precompiled_charsmap: base64Of(map) }] : []),
    ...(merged ? MERGE_SPACES : [...(prefix ? [PREPEND] : []), SPACE]),
  ];
  // Where spaces are merged llama.cpp puts one in front whatever the file says.
  const scheme = prefix || merged ? "always" : "never";
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: true };
  return {
    normalizer: { type: "Sequence", normalizers },
    preTokenizer: merged ? metaspace : null,
    decoder: metaspace,
    addBos: false,
    addEos: true,
    alsoSpecial: KINDS.unknown,
    model: {
      type: "Unigram",
      unk_id: roleId(metadata, "unknown", v.tokens.length, where) ?? 2,
      vocab: v.tokens.map((token, id) => [token, v.kinds[id] === KINDS.user ? 0 : scores[id]!]),
      byte_fallback: false,
    },
  };
}

/** As SentencePiece's `remove_extra_whitespaces`: none behind the text, one between words. */
const MERGE_SPACES = [
  { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
  { type: "Replace", pattern: { Regex: String.raw` (?![\s\S])` }, content: "" },
];

/** BERT's WordPiece. The file marks the first pieces of words by "▁", and `tokenizer.json` the others by "##". */
function wordPiece(metadata: GgufMetadata, v: GgufVocabulary, where: string): GgufParts {
  const unknown = roleId(metadata, "unknown", v.tokens.length, where) ?? 100;
  const tokens = v.tokens.map((token, id) => {
    if (v.kinds[id] !== KINDS.normal && v.kinds[id] !== KINDS.unused) return token;
    return token.startsWith("▁") && token.length > 1 ? token.slice(1) : `##${token}`;
  });
  const lowercase = flag(metadata, "normalizer.lowercase", where, true);
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: flag(metadata, "normalizer.strip_accents", where, lowercase),
      lowercase,
    },
    preTokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    addBos: true,
    behind: "seperator",
    alsoSpecial: KINDS.unknown,
    tokens,
    model: {
      type: "WordPiece",
      unk_token: tokens[unknown] ?? null,
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: vocabOf({ ...v, tokens }),
    },
  };
}

const MODELS = new Map<string, (metadata: GgufMetadata, v: GgufVocabulary, where: string) => GgufParts>([
  ["gpt2", byteLevel],
  ["llama", sentencePiece],
  ["t5", unigram],
  ["bert", wordPiece],
]);
