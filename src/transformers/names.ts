/** transformers.js's names for options and what they are called here. Refuses what it does not know, by name. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import { GENERATE_OPTIONS } from "../generate/options.ts";
import type { GenerateOptions } from "../generate/text.ts";
import type { Stopping } from "./stopping.ts";
import type { BaseStreamer } from "./streamer.ts";

/** What {@link generationOf} reads; every option of `generate` under its name with underscores. */
export interface GenerationParameters {
  /** Default 20, as there, unless the model's files or `max_length` say otherwise. */
  readonly max_new_tokens?: number | null;
  /** Tokens of the prompt counted. */
  readonly max_length?: number | null;
  readonly min_new_tokens?: number | null;
  /** Default: what generation_config.json says, else false: the most probable token. */
  readonly do_sample?: boolean;
  readonly temperature?: number;
  readonly top_k?: number;
  readonly top_p?: number;
  readonly repetition_penalty?: number;
  readonly no_repeat_ngram_size?: number;
  readonly num_beams?: number;
  readonly num_return_sequences?: number;
  readonly eos_token_id?: number | readonly number[] | null;
  readonly pad_token_id?: number | null;
  readonly streamer?: BaseStreamer | null;
  readonly stopping_criteria?: Stopping | readonly Stopping[] | null;
  readonly [name: string]: unknown;
}

/** Names that are not just written with underscores. */
const RENAMED: Readonly<Record<string, string>> = { stop_strings: "stop", sequence_bias: "logitBias" };
/** Names that change nothing here: the cache is always used, and plain tensors come back. */
const NOTHING: Readonly<Record<string, readonly unknown[]>> = {
  use_cache: [true],
  output_attentions: [false],
  output_hidden_states: [false],
  output_scores: [false],
  return_dict_in_generate: [false],
  num_beam_groups: [1],
  diversity_penalty: [0],
  penalty_alpha: [0],
  guidance_scale: [1],
  bos_token_id: [],
  decoder_start_token_id: [],
  past_key_values: [],
};
/** Read by the caller of {@link generationOf}. */
const OWN = ["max_length", "do_sample", "eos_token_id", "pad_token_id", "streamer", "stopping_criteria"];

const camelCase = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/**
 * Options of `generate` for a prompt of so many tokens. Throws BAD_OPTION for unknown names and UNSUPPORTED for known ones with values that
 * ask for what is not there.
 */
export function generationOf(given: GenerationParameters, promptTokens: number): GenerateOptions {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const own = RENAMED[name] ?? camelCase(name);
    if (value === null || value === undefined || OWN.includes(name)) continue;
    if (own in GENERATE_OPTIONS) options[own] = name === "stop_strings" && typeof value === "string" ? [value] : value;
    else checkNothing(name, value);
  }
  const { max_length, do_sample, eos_token_id } = given;
  if (typeof max_length === "number" && options.maxNewTokens === undefined)
    options.maxNewTokens = Math.max(1, max_length - promptTokens);
  if (do_sample === false) options.temperature = 0;
  if (do_sample === true) options.temperature ??= 1;
  if (do_sample === undefined && options.temperature !== undefined) delete options.temperature;
  if (eos_token_id !== undefined && eos_token_id !== null) options.stopTokenIds = [eos_token_id].flat();
  return options as GenerateOptions;
}

function checkNothing(name: string, value: unknown): void {
  const nothing = NOTHING[name];
  if (!nothing) {
    const known = [...OWN, ...Object.keys(RENAMED), ...Object.keys(GENERATE_OPTIONS).map(snakeCase)];
    const near = nearest(name, known);
    fail("BAD_OPTION", `${name}: is no option of generate${near === undefined ? "" : `. Did you mean ${near}?`}`);
  } else if (nothing.length > 0 && !nothing.includes(value))
    fail("UNSUPPORTED", `${name}: got ${showJson(value)}, expected ${showJson(nothing[0])}`);
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** How transformers.js names weights, and the bits they are packed to here; floats stay as the model's files have them. */
const BITS: Readonly<Record<string, 4 | 8 | undefined>> = {
  auto: undefined,
  fp32: undefined,
  fp16: undefined,
  q8: 8,
  int8: 8,
  uint8: 8,
  q4: 4,
  q4f16: 4,
  bnb4: 4,
};

/** Bits of a `dtype`. Throws BAD_OPTION. */
export function bitsOf(dtype: unknown): 4 | 8 | undefined {
  if (dtype === undefined || dtype === null) return undefined;
  if (typeof dtype === "string" && Object.hasOwn(BITS, dtype)) return BITS[dtype];
  return fail("BAD_OPTION", `dtype: got ${showJson(dtype)}, expected one of ${Object.keys(BITS).join(", ")}`);
}
