/** The vocabulary of a GGUF file as a tokenizer: byte-level BPE with the pre-tokenizers known by name. Nothing is trusted. */
import { fail } from "../base/errors.ts";
import { tokenizerFromJson } from "./json.ts";
import { describe } from "./json-fields.ts";
import { type PatternName, pretokenizerJson } from "./patterns.ts";
import type { Tokenizer } from "./types.ts";

type Metadata = ReadonlyMap<string, unknown>;

/** llama.cpp's names of pre-tokenizers, and whose they are. */
const PRE: ReadonlyMap<string, PatternName> = new Map([
  ["gpt-2", "gpt2"],
  ["llama-bpe", "llama3"],
  ["qwen2", "qwen2"],
]);

/** llama.cpp's kinds of tokens that are found in text before it is cut into words. */
const CONTROL = 3;
const USER_DEFINED = 4;
const MAX_TYPE = 6;

/**
 * The tokenizer of a file's `tokenizer.ggml.*` keys; undefined where it has none. Throws BAD_TOKENIZER naming `where` and
 * the key for lists that do not fit together, and UNSUPPORTED for vocabularies of other kinds.
 */
export function tokenizerFromGguf(metadata: Metadata, where: string): Tokenizer | undefined {
  const model = metadata.get("tokenizer.ggml.model");
  if (model === undefined) return undefined;
  if (model !== "gpt2")
    return fail(
      "UNSUPPORTED",
      `${where}: tokenizer.ggml.model: got ${describe(model)}, and this version reads only "gpt2"`,
    );
  const tokens = texts(metadata, "tokenizer.ggml.tokens", where);
  const types = typesOf(metadata, tokens.length, where);
  const spelling = (role: string): string | undefined => {
    const id = metadata.get(`tokenizer.ggml.${role}_token_id`);
    if (id === undefined) return undefined;
    return typeof id === "number" && id >= 0 && id < tokens.length
      ? tokens[id]
      : fail(
          "BAD_TOKENIZER",
          `${where}: tokenizer.ggml.${role}_token_id: got ${describe(id)}, expected below ${tokens.length}`,
        );
  };
  const [bos, eos] = [spelling("bos"), spelling("eos")];
  const json = tokenizerJson(metadata, tokens, types, bos, where);
  return tokenizerFromJson(json, where, { bos_token: bos ?? null, eos_token: eos ?? null });
}

function tokenizerJson(
  metadata: Metadata,
  tokens: readonly string[],
  types: ArrayLike<number>,
  bos: string | undefined,
  where: string,
): object {
  const pre = metadata.get("tokenizer.ggml.pre");
  const pattern = PRE.get(String(pre));
  if (!pattern)
    return fail(
      "UNSUPPORTED",
      `${where}: tokenizer.ggml.pre: got ${describe(pre)}, and this version reads only ${[...PRE.keys()].join(", ")}`,
    );
  const { normalizer, preTokenizer } = pretokenizerJson(pattern);
  const isAdded = (id: number) => types[id] === CONTROL || types[id] === USER_DEFINED;
  const ids = tokens.map((content, id) => ({ id, content }));
  const addsBos = metadata.get("tokenizer.ggml.add_bos_token") ?? pattern === "llama3";
  return {
    version: "1.0",
    added_tokens: ids
      .filter(({ id }) => isAdded(id))
      .map((token) => ({ ...token, special: types[token.id] === CONTROL, normalized: false })),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: addsBos === true && bos !== undefined ? bosFirst(bos, tokens.indexOf(bos)) : null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      ignore_merges: pattern === "llama3",
      vocab: vocabularyOf(
        ids.filter(({ id }) => !isAdded(id)),
        where,
      ),
      merges: texts(metadata, "tokenizer.ggml.merges", where),
    },
  };
}

/** An object without a prototype: spellings may be those of properties. */
function vocabularyOf(ids: readonly { id: number; content: string }[], where: string): Record<string, number> {
  const vocabulary: Record<string, number> = Object.create(null);
  for (const { id, content } of ids) {
    if (vocabulary[content] !== undefined)
      fail(
        "BAD_TOKENIZER",
        `${where}: tokenizer.ggml.tokens: got ${describe(content)} twice, at ${vocabulary[content]} and ${id}`,
      );
    vocabulary[content] = id;
  }
  return vocabulary;
}

const bosFirst = (content: string, id: number) => ({
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: content, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
});

function texts(metadata: Metadata, key: string, where: string): readonly string[] {
  const value = metadata.get(key);
  return Array.isArray(value)
    ? (value as readonly string[])
    : fail("BAD_TOKENIZER", `${where}: ${key} is missing, expected a list of texts`);
}

function typesOf(metadata: Metadata, count: number, where: string): ArrayLike<number> {
  const types = metadata.get("tokenizer.ggml.token_type") as ArrayLike<number> | undefined;
  if (types === undefined) return new Uint8Array(count).fill(1);
  const bad = (what: string): never => fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.token_type: ${what}`);
  if (types.length !== count) return bad(`got ${types.length} types, expected one for each of ${count} tokens`);
  for (let id = 0; id < count; id++)
    if (!(types[id]! >= 0 && types[id]! <= MAX_TYPE))
      bad(`got ${types[id]} for token ${id}, expected 0 to ${MAX_TYPE}`);
  return types;
}
