/** How a model's files want it to be used: end tokens and sampling. Knows Hugging Face's keys, and no weights. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { expectedOf, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { readJson } from "../weights/folder.ts";
import { GENERATE_OPTIONS } from "./options.ts";

/** What `generation_config.json`, `config.json` and the tokenizer say. */
export interface GenerationDefaults {
  /** Every id that ends a text, by any of the three. */
  readonly eosTokenIds: readonly number[];
  /** Undefined where the files leave it open. */
  readonly doSample?: boolean;
  readonly maxNewTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

const KEYS = {
  maxNewTokens: "max_new_tokens",
  temperature: "temperature",
  topK: "top_k",
  topP: "top_p",
  minP: "min_p",
  repetitionPenalty: "repetition_penalty",
} as const;

/** Reads a folder's defaults. Throws BAD_CONFIG naming file, key and value. */
export function readGenerationDefaults(
  host: Host,
  folder: string,
  config: JsonObject,
  vocabSize: number,
  tokenizer: Tokenizer | undefined,
): GenerationDefaults {
  const file = host.join(folder, "generation_config.json");
  const json = host.kindOf(file) === "file" ? readJson(host, file) : {};
  if (!isJsonObject(json)) return fail("BAD_CONFIG", `${file}: got no JSON object, expected a generation config`);
  const ids = [
    ...endTokens(json, file),
    ...endTokens(config, host.join(folder, "config.json")),
    ...(tokenizer?.eosId === undefined ? [] : [tokenizer.eosId]),
  ];
  const doSample = json.do_sample ?? undefined;
  if (doSample !== undefined && typeof doSample !== "boolean")
    fail("BAD_CONFIG", `${file}: do_sample: got ${JSON.stringify(doSample)}, expected true or false`);
  return {
    // Files of models with a cut vocabulary name ids beyond it, which are never made.
    eosTokenIds: [...new Set(ids)].filter((id) => id < vocabSize),
    ...(doSample !== undefined && { doSample }),
    ...numbersOf(json, file),
  };
}

function endTokens(json: JsonObject, file: string): number[] {
  const value = json.eos_token_id ?? [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  for (const id of ids)
    if (!(Number.isSafeInteger(id) && (id as number) >= 0))
      fail("BAD_CONFIG", `${file}: eos_token_id: got ${JSON.stringify(value)}, expected token ids`);
  return ids as number[];
}

function numbersOf(json: JsonObject, file: string): Partial<GenerationDefaults> {
  const values: Record<string, number> = {};
  for (const [name, key] of Object.entries(KEYS) as [keyof typeof KEYS, string][]) {
    const value = json[key];
    if (value === undefined || value === null) continue;
    const spec = GENERATE_OPTIONS[name];
    try {
      readOptions({ [name]: spec }, { [name]: value });
    } catch {
      fail("BAD_CONFIG", `${file}: ${key}: got ${JSON.stringify(value)}, expected ${expectedOf(spec)}`);
    }
    values[name] = value as number;
  }
  return values;
}
