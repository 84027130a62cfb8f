/** Which tokens begin and end a text. Knows `tokenizer_config.json` and common spellings, nothing else. */
import { fail } from "../base/errors.ts";
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
  const record = config === undefined ? undefined : recordAt(config, `${where}: tokenizer_config`);
  const bySpelling = (spellings: readonly string[]) =>
    spellings.map((s) => specials.get(s)).find((id) => id !== undefined);
  const role = (key: string, added: number | undefined, spellings: readonly string[]) => {
    const value = record?.[key];
    if (value === null) return undefined;
    if (value === undefined) return added ?? bySpelling(spellings);
    const at = `${where}: tokenizer_config.${key}`;
    const token = typeof value === "string" ? value : stringField(recordAt(value, at), "content", at);
    return ids.get(token) ?? fail("BAD_TOKENIZER", `${at}: got ${describe(token)}, which is not in the vocabulary`);
  };
  const bosId = role("bos_token", template.prefix[0], bosSpellings);
  const eosId = role("eos_token", template.suffix.at(-1), eosSpellings);
  return { ...(bosId !== undefined && { bosId }), ...(eosId !== undefined && { eosId }) };
}
