/** How a model's files want it to be used: end tokens and decoding. Knows Hugging Face's keys, and no weights. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { expectedOf, type GivenOptions, type OptionSpec, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { readJson } from "../weights/folder.ts";
import { GENERATE_OPTIONS } from "./options.ts";

type Options = GivenOptions<typeof GENERATE_OPTIONS>;

/** What `generation_config.json`, `config.json` and the tokenizer say. */
export interface GenerationDefaults {
  /** Every id that ends a text, by any of the three. */
  readonly eosTokenIds: readonly number[];
  /** Undefined where the files leave it open. */
  readonly doSample?: boolean;
  /** Most and fewest tokens of prompt and text together; numbers of new tokens go before. */
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly options: Options;
  /** Why the files' own way of decoding cannot be followed, where a key asks for what this version has not. */
  readonly refused?: string;
}

/** Keys and the options that they are. */
const KEYS: Readonly<Record<string, keyof typeof GENERATE_OPTIONS>> = {
  max_new_tokens: "maxNewTokens",
  min_new_tokens: "minNewTokens",
  max_time: "maxTime",
  stop_strings: "stop",
  temperature: "temperature",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  top_h: "topH",
  typical_p: "typicalP",
  epsilon_cutoff: "epsilonCutoff",
  eta_cutoff: "etaCutoff",
  repetition_penalty: "repetitionPenalty",
  encoder_repetition_penalty: "encoderRepetitionPenalty",
  no_repeat_ngram_size: "noRepeatNgramSize",
  encoder_no_repeat_ngram_size: "encoderNoRepeatNgramSize",
  sequence_bias: "logitBias",
  bad_words_ids: "badWordsIds",
  suppress_tokens: "suppressTokens",
  begin_suppress_tokens: "beginSuppressTokens",
  forced_bos_token_id: "forcedBosTokenId",
  forced_eos_token_id: "forcedEosTokenId",
  exponential_decay_length_penalty: "exponentialDecayLengthPenalty",
  renormalize_logits: "renormalizeLogits",
  remove_invalid_values: "removeInvalidValues",
  num_beams: "numBeams",
  length_penalty: "lengthPenalty",
  early_stopping: "earlyStopping",
  num_return_sequences: "numReturnSequences",
};

/** Keys of ways of decoding that this version has not, and the values that ask for nothing. */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  guidance_scale: [1],
  watermarking_config: [],
  token_healing: [false],
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  dola_layers: [],
  constraints: [],
  force_words_ids: [],
};

/** Read elsewhere, or about speed and what Python gives back: they change no text. */
const SILENT = new Set(
  `do_sample max_length min_length eos_token_id pad_token_id bos_token_id decoder_start_token_id transformers_version
  use_cache cache_implementation cache_config max_cache_len return_legacy_cache low_memory prefill_chunk_size dtype
  torch_dtype output_attentions output_hidden_states output_scores output_logits return_dict_in_generate is_assistant
  num_assistant_tokens num_assistant_tokens_schedule assistant_confidence_threshold prompt_lookup_num_tokens
  max_matching_ngram_size assistant_early_exit assistant_lookbehind target_lookbehind assistant_ensemble_weight
  speculation_type use_mtp compile_config disable_compile`.split(/\s+/),
);

/**
 * Reads a folder's defaults. Throws BAD_CONFIG naming file, key and value; tells of keys that nobody knows. Those known
 * and not supported are refused when something is generated, not before.
 */
export function readGenerationDefaults(
  host: Host,
  folder: string,
  config: JsonObject,
  vocabSize: number,
  tokenizer: Tokenizer | undefined,
  onWarning: (message: string) => void = () => {},
): GenerationDefaults {
  const file = host.join(folder, "generation_config.json");
  const json = host.kindOf(file) === "file" ? readJson(host, file) : {};
  if (!isJsonObject(json)) return fail("BAD_CONFIG", `${file}: got no JSON object, expected a generation config`);
  const ids = [
    ...endTokens(json, file),
    ...endTokens(config, host.join(folder, "config.json")),
    ...(tokenizer?.eosId === undefined ? [] : [tokenizer.eosId]),
  ];
  tellUnknown(json, file, onWarning);
  const value = (key: string, spec: OptionSpec) => keyValue(json, file, key, spec);
  const doSample = value("do_sample", { kind: "choice", choices: [true, false], help: "" }) as boolean | undefined;
  const maxLength = value("max_length", GENERATE_OPTIONS.maxNewTokens) as number | undefined;
  const minLength = value("min_length", GENERATE_OPTIONS.minNewTokens) as number | undefined;
  const refused = refusedKey(json, file);
  return {
    // Files of models with a cut vocabulary name ids beyond it, which are never made.
    eosTokenIds: [...new Set(ids)].filter((id) => id < vocabSize),
    ...(doSample !== undefined && { doSample }),
    ...(maxLength !== undefined && { maxLength }),
    ...(minLength !== undefined && { minLength }),
    options: optionsOf(json, file),
    ...(refused !== undefined && { refused }),
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

function tellUnknown(json: JsonObject, file: string, onWarning: (message: string) => void): void {
  for (const key of Object.keys(json))
    if (!(key in KEYS || key in REFUSED || SILENT.has(key) || key.startsWith("_")))
      onWarning(`${file}: ${key}: is no key of a generation config; it is not used.`);
}

function refusedKey(json: JsonObject, file: string): string | undefined {
  for (const [key, neutral] of Object.entries(REFUSED)) {
    const value = json[key] ?? null;
    if (value !== null && !neutral.includes(value))
      return `${file}: ${key}: got ${JSON.stringify(value)}, and this version cannot decode that way. Take it out of the file.`;
  }
  return undefined;
}

function optionsOf(json: JsonObject, file: string): Options {
  const values: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(KEYS)) {
    const value = keyValue(json, file, key, GENERATE_OPTIONS[name]);
    if (value !== undefined) values[name] = value;
  }
  return values as Options;
}

/** A key's value, checked; one id or text where several are expected is a list of one. Undefined where it is not given. */
function keyValue(json: JsonObject, file: string, key: string, spec: OptionSpec): unknown {
  const given = json[key] ?? undefined;
  if (given === undefined) return undefined;
  const isListed = spec.kind === "ids" || spec.kind === "list";
  const value = isListed && !Array.isArray(given) ? [given] : given;
  try {
    readOptions({ [key]: spec }, { [key]: value });
  } catch {
    fail("BAD_CONFIG", `${file}: ${key}: got ${JSON.stringify(given)}, expected ${expectedOf(spec)}`);
  }
  return value;
}
