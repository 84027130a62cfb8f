/** The JSON of tokenizers made here, in the schema of Hugging Face's `tokenizers`. Knows nothing of how they are trained. */
import { fail } from "../base/errors.ts";
import { characterPattern } from "./json.ts";
import { type PatternName, pretokenizerJson } from "./patterns.ts";
import type { Tokenizer } from "./types.ts";

/** Spellings by id; the order is the id. */
export type Spellings = readonly string[];

/** `tokenizer.json` of a byte-level BPE vocabulary. `merges` are in rank order, each `"left right"`. */
export function bpeJson(tokens: Spellings, merges: readonly string[], specials: readonly string[], name: PatternName) {
  const { normalizer, preTokenizer } = pretokenizerJson(name);
  const ids = vocabularyJson(tokens);
  return {
    ...head(specials, (token) => ids[token]!),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: ids,
      merges,
    },
  };
}

/** `tokenizer.json` of single characters; special tokens follow them. The unknown token is named, as the schema asks, and absent. */
export function charJson(characters: Spellings, specials: readonly string[]) {
  return {
    ...head(specials, (_, i) => characters.length + i),
    normalizer: null,
    pre_tokenizer: { type: "Split", pattern: { Regex: characterPattern }, behavior: "Isolated", invert: false },
    post_processor: null,
    decoder: { type: "Fuse" },
    model: { type: "WordLevel", vocab: vocabularyJson(characters), unk_token: "<unk>" },
  };
}

function head(specials: readonly string[], idOf: (token: string, i: number) => number) {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, i) => ({
      id: idOf(content, i),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
  };
}

function vocabularyJson(tokens: Spellings): Record<string, number> {
  const vocab: Record<string, number> = Object.create(null);
  tokens.forEach((token, id) => {
    vocab[token] = id;
  });
  return vocab;
}

/** Throws BAD_OPTION where special tokens are empty or repeat. */
export function checkSpecials(specials: readonly string[], where: string): void {
  specials.forEach((token, i) => {
    if (typeof token !== "string" || token === "") {
      fail("BAD_OPTION", `${where}: specialTokens[${i}]: got ${JSON.stringify(token)}, expected a token`);
    }
    if (specials.indexOf(token) !== i) {
      fail("BAD_OPTION", `${where}: specialTokens[${i}]: got ${JSON.stringify(token)} a second time`);
    }
  });
}

/**
 * The content of `tokenizer_config.json`, with which transformers' `AutoTokenizer` loads the folder.
 * `modelMaxLength` is in tokens, a positive integer. Throws BAD_OPTION.
 */
export function tokenizerConfig(tokenizer: Tokenizer, options: { readonly modelMaxLength: number }): object {
  const { modelMaxLength } = options;
  if (!Number.isSafeInteger(modelMaxLength) || modelMaxLength < 1) {
    fail("BAD_OPTION", `modelMaxLength: got ${modelMaxLength}, expected a positive integer`);
  }
  const spelling = (id: number | undefined) => (id === undefined ? null : tokenizer.tokenOf(id));
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: modelMaxLength,
    clean_up_tokenization_spaces: false,
    bos_token: spelling(tokenizer.bosId),
    eos_token: spelling(tokenizer.eosId),
    unk_token: null,
    pad_token: null,
  };
}
