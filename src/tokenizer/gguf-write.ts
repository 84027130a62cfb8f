/** A tokenizer as the keys of a GGUF file: byte-level BPE with the pre-tokenizers that llama.cpp has by name, and BPE of characters. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { isByteToken, scoredVocabulary } from "./gguf-write-scores.ts";
import { type PatternName, pretokenizerJson } from "./patterns.ts";
import type { Tokenizer } from "./types.ts";

/** A typed value of a file's metadata. */
export type GgufTokenizerField =
  | { readonly key: string; readonly type: "uint32"; readonly value: number }
  | { readonly key: string; readonly type: "bool"; readonly value: boolean }
  | { readonly key: string; readonly type: "string"; readonly value: string }
  | { readonly key: string; readonly type: "strings"; readonly value: readonly string[] }
  | { readonly key: string; readonly type: "int32s" | "float32s"; readonly value: ArrayLike<number> };

/** llama.cpp's names of the pre-tokenizers. */
const PRE: Readonly<Record<PatternName, string>> = { gpt2: "gpt-2", llama3: "llama-bpe", qwen2: "qwen2" };

/** llama.cpp's kinds of tokens. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE] = [1, 2, 3, 4, 5, 6] as const;

/**
 * The keys of a vocabulary, with unused tokens after it up to `vocabSize`, the rows of the embedding. Throws UNSUPPORTED
 * beginning with `where` for a tokenizer that llama.cpp has no name for.
 */
export function ggufTokenizer(tokenizer: Tokenizer, vocabSize: number, where: string): GgufTokenizerField[] {
  const json = tokenizer.toJSON() as JsonObject;
  const model = json.model;
  if (!isJsonObject(model) || model.type !== "BPE" || !Array.isArray(model.merges))
    return fail("UNSUPPORTED", `${where}: model: this version writes only BPE into GGUF files`);
  const hasBytes = model.byte_fallback === true;
  const { tokens, types } = vocabularyOf(tokenizer, json, vocabSize, hasBytes ? model.unk_token : undefined);
  const role = (name: string, id: number | undefined): GgufTokenizerField[] =>
    id === undefined ? [] : [{ key: `tokenizer.ggml.${name}_token_id`, type: "uint32", value: id }];
  const around = tokenizer.encode("", { addSpecialTokens: true });
  const addsBos = around.length > 0 && around[0] === tokenizer.bosId;
  return [
    { key: "tokenizer.ggml.model", type: "string", value: hasBytes ? "llama" : "gpt2" },
    { key: "tokenizer.ggml.tokens", type: "strings", value: tokens },
    { key: "tokenizer.ggml.token_type", type: "int32s", value: types },
    ...(hasBytes ? scoredFields(json, model, tokens, types, where) : mergedFields(json, model.merges, where)),
    ...role("bos", tokenizer.bosId),
    ...role("eos", tokenizer.eosId),
    ...(hasBytes ? role("unknown", tokenizer.idOf(String(model.unk_token))) : []),
    { key: "tokenizer.ggml.add_bos_token", type: "bool", value: addsBos },
    {
      key: "tokenizer.ggml.add_eos_token",
      type: "bool",
      value: around.length > Number(addsBos) && around.at(-1) === tokenizer.eosId,
    },
  ];
}

/** Tokens by id and what each is; bytes are told apart where there is an unknown token. */
function vocabularyOf(tokenizer: Tokenizer, json: JsonObject, vocabSize: number, unknown: unknown) {
  const tokens: string[] = [];
  const types = new Int32Array(vocabSize).fill(UNUSED);
  const added = new Map(addedOf(json).map(({ id, special }) => [id, special]));
  for (let id = 0; id < vocabSize; id++) {
    const isToken = id < tokenizer.vocabSize;
    const token = isToken ? tokenizer.tokenOf(id) : `[PAD${id}]`;
    tokens.push(token);
    if (!isToken) continue;
    if (unknown !== undefined && token === unknown) types[id] = UNKNOWN;
    else if (added.has(id)) types[id] = added.get(id) ? CONTROL : USER_DEFINED;
    else types[id] = unknown !== undefined && isByteToken(token) ? BYTE : NORMAL;
  }
  return { tokens, types };
}

function mergedFields(json: JsonObject, merges: readonly unknown[], where: string): GgufTokenizerField[] {
  return [
    { key: "tokenizer.ggml.pre", type: "string", value: preOf(json, where) },
    { key: "tokenizer.ggml.merges", type: "strings", value: merges.map(mergeText) },
  ];
}

function scoredFields(
  json: JsonObject,
  model: JsonObject,
  tokens: readonly string[],
  types: Int32Array,
  where: string,
): GgufTokenizerField[] {
  const mergeable = tokens.map((token, id) => (types[id] === NORMAL ? token : undefined));
  const { scores, spacePrefix } = scoredVocabulary(json, model, mergeable, where);
  return [
    { key: "tokenizer.ggml.pre", type: "string", value: "default" },
    { key: "tokenizer.ggml.scores", type: "float32s", value: scores },
    { key: "tokenizer.ggml.add_space_prefix", type: "bool", value: spacePrefix },
  ];
}

/** Merges are "left right" or [left, right] in tokenizer.json. */
const mergeText = (merge: unknown): string => (Array.isArray(merge) ? merge.join(" ") : String(merge));

function addedOf(json: JsonObject): { id: number; special: boolean }[] {
  const added = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  return added.filter(isJsonObject).map(({ id, special }) => ({ id: Number(id), special: special === true }));
}

/** Compares what cuts a text into words, whatever the order of keys and the settings that change no id. */
function preOf(json: JsonObject, where: string): string {
  for (const name of Object.keys(PRE) as PatternName[])
    if (cutting(json.pre_tokenizer) === cutting(pretokenizerJson(name).preTokenizer)) return PRE[name];
  return fail("UNSUPPORTED", `${where}: pre_tokenizer: llama.cpp has no name for it that this version knows`);
}

function cutting(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === "trim_offsets") return undefined;
    if (!isJsonObject(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
