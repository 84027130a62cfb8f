/** A tokenizer as the keys of a GGUF file. Knows byte-level BPE with the pre-tokenizers that llama.cpp has by name. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { type PatternName, pretokenizerJson } from "./patterns.ts";
import type { Tokenizer } from "./types.ts";

/** A typed value of a file's metadata. */
export type GgufTokenizerField =
  | { readonly key: string; readonly type: "uint32"; readonly value: number }
  | { readonly key: string; readonly type: "bool"; readonly value: boolean }
  | { readonly key: string; readonly type: "string"; readonly value: string }
  | { readonly key: string; readonly type: "strings"; readonly value: readonly string[] }
  | { readonly key: string; readonly type: "int32s"; readonly value: ArrayLike<number> };

/** llama.cpp's names of the pre-tokenizers. */
const PRE: Readonly<Record<PatternName, string>> = { gpt2: "gpt-2", llama3: "llama-bpe", qwen2: "qwen2" };

/** llama.cpp's kinds of tokens. */
const [NORMAL, CONTROL, USER_DEFINED, UNUSED] = [1, 3, 4, 5] as const;

/**
 * The keys of a vocabulary, with unused tokens after it up to `vocabSize`, the rows of the embedding. Throws UNSUPPORTED
 * beginning with `where` for a tokenizer that llama.cpp has no name for.
 */
export function ggufTokenizer(tokenizer: Tokenizer, vocabSize: number, where: string): GgufTokenizerField[] {
  const json = tokenizer.toJSON() as Record<string, unknown>;
  const model = json.model;
  if (!isJsonObject(model) || model.type !== "BPE" || !Array.isArray(model.merges))
    return fail("UNSUPPORTED", `${where}: model: this version writes only byte-level BPE into GGUF files`);
  const pre = preOf(json, where);
  const tokens: string[] = [];
  const types = new Int32Array(vocabSize).fill(UNUSED);
  const added = new Map(addedOf(json).map(({ id, special }) => [id, special]));
  for (let id = 0; id < vocabSize; id++) {
    const isToken = id < tokenizer.vocabSize;
    tokens.push(isToken ? tokenizer.tokenOf(id) : `[PAD${id}]`);
    if (isToken) types[id] = !added.has(id) ? NORMAL : added.get(id) ? CONTROL : USER_DEFINED;
  }
  const role = (name: string, id: number | undefined): GgufTokenizerField[] =>
    id === undefined ? [] : [{ key: `tokenizer.ggml.${name}_token_id`, type: "uint32", value: id }];
  return [
    { key: "tokenizer.ggml.model", type: "string", value: "gpt2" },
    { key: "tokenizer.ggml.pre", type: "string", value: pre },
    { key: "tokenizer.ggml.tokens", type: "strings", value: tokens },
    { key: "tokenizer.ggml.token_type", type: "int32s", value: types },
    { key: "tokenizer.ggml.merges", type: "strings", value: model.merges.map(mergeText) },
    ...role("bos", tokenizer.bosId),
    ...role("eos", tokenizer.eosId),
    { key: "tokenizer.ggml.add_bos_token", type: "bool", value: addsBos(tokenizer) },
  ];
}

/** Merges are "left right" or [left, right] in tokenizer.json. */
const mergeText = (merge: unknown): string => (Array.isArray(merge) ? merge.join(" ") : String(merge));

function addedOf(json: Record<string, unknown>): { id: number; special: boolean }[] {
  const added = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  return added.filter(isJsonObject).map(({ id, special }) => ({ id: Number(id), special: special === true }));
}

function addsBos(tokenizer: Tokenizer): boolean {
  return tokenizer.bosId !== undefined && tokenizer.encode("", { addSpecialTokens: true })[0] === tokenizer.bosId;
}

/** Compares what cuts a text into words, whatever the order of keys and the settings that change no id. */
function preOf(json: Record<string, unknown>, where: string): string {
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
