/** Which tokens begin and end a text. Knows `tokenizer_config.json` and common spellings, nothing else. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { describe, recordAt, stringField } from "./json-fields.ts";
import type { Template } from "./post-process.ts";

/** The ids of BOS and EOS, where there are such. */
export interface Roles {
  readonly bosId?: number;
  readonly eosId?: number;
}

const bosSpellings = ["<|begin_of_text|>", "<s>", "<bos>", "<|startoftext|>", "<|endoftext|>"];
const eosSpellings = ["<|end_of_text|>", "<|endoftext|>", "</s>", "<eos>", "<|eot_id|>", "<|im_end|>"];

/**
 * The id of a role of `tokenizer_config.json`, such as `bos_token`: null where the file says there is none, undefined where it says nothing.
 * Throws BAD_TOKENIZER for a token that is not in the vocabulary.
 */
function configuredRole(
  config: unknown,
  key: string,
  ids: ReadonlyMap<string, number>,
  where: string,
): number | null | undefined {
  const value = config === undefined ? undefined : recordAt(config, `${where}: tokenizer_config`)[key];
  if (value === null || value === undefined) return value;
  const at = `${where}: tokenizer_config.${key}`;
  const token = typeof value === "string" ? value : stringField(recordAt(value, at), "content", at);
  return ids.get(token) ?? fail("BAD_TOKENIZER", `${at}: got ${describe(token)}, which is not in the vocabulary`);
}

/** The id of another role, or undefined: also where the file names a token that is not in the vocabulary. */
export function roleOf(config: unknown, key: string, ids: ReadonlyMap<string, number>): number | undefined {
  const value = isJsonObject(config) ? config[key] : undefined;
  const token = isJsonObject(value) ? value.content : value;
  return typeof token === "string" ? ids.get(token) : undefined;
}

/**
 * BOS and EOS by, in this order: `bos_token` and `eos_token` of `tokenizer_config.json` (null says there is none), what the
 * post-processor adds first and last, and the common spellings among the special tokens.
 */
export function rolesOf(
  config: unknown,
  template: Template,
  specials: ReadonlyMap<string, number>,
  ids: ReadonlyMap<string, number>,
  where: string,
): Roles {
  const bySpelling = (spellings: readonly string[]) =>
    spellings.map((s) => specials.get(s)).find((id) => id !== undefined);
  const role = (key: string, added: number | undefined, spellings: readonly string[]) => {
    const id = configuredRole(config, key, ids, where);
    if (id === null) return undefined;
    return id ?? added ?? bySpelling(spellings);
  };
  const bosId = role("bos_token", template.prefix[0], bosSpellings);
  const eosId = role("eos_token", template.suffix.at(-1), eosSpellings);
  return { ...(bosId !== undefined && { bosId }), ...(eosId !== undefined && { eosId }) };
}
