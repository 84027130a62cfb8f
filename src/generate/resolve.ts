/** Decides how the next token is chosen: the caller first, then the model's files, then ownlm. Pure. */
import { fail } from "../base/errors.ts";
import type { GivenOptions } from "../base/options.ts";
import type { GenerationDefaults } from "./generation-config.ts";
import type { GENERATE_OPTIONS } from "./options.ts";

/** Temperature of the verbs where neither the caller nor the model says one: small models repeat themselves without. */
export const VERB_TEMPERATURE = 0.8;

const MAX_NEW_TOKENS = 128;

type Options = GivenOptions<typeof GENERATE_OPTIONS>;

/** Every option that was given by somebody, and those that always have a value. */
export type ResolvedGeneration = Options & {
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly seed: number;
};

/** Options that narrow a distribution: who asks for one wants to sample. */
const LIMITS = ["topK", "topP", "minP", "typicalP", "topH", "epsilonCutoff", "etaCutoff"] as const;

/**
 * What was asked for, then what the model's files say, then ownlm's own. `fallbackTemperature` is for models that do
 * not say how they want to be sampled; limits asked for without a temperature sample at 1, and beams are not
 * sampled unless somebody asks for it. Throws UNSUPPORTED for files that want what this version has not, CONTEXT_OVERFLOW where their
 * `max_length` leaves no new token.
 */
export function resolveGeneration(
  given: Options,
  files: GenerationDefaults,
  fallbackTemperature: number,
  promptTokens: number,
): ResolvedGeneration {
  if (files.refused) fail("UNSUPPORTED", files.refused);
  const merged: Options = { ...files.options, ...known(given) };
  const limited = LIMITS.some((limit) => given[limit] !== undefined);
  const fallback = (merged.numBeams ?? 1) > 1 ? 0 : fallbackTemperature;
  const greedy = files.doSample === undefined ? fallback === 0 : !files.doSample;
  const sampled = files.options.temperature ?? (files.doSample || limited ? 1 : fallback);
  const minNewTokens = merged.minNewTokens ?? Math.max(0, (files.minLength ?? 0) - promptTokens);
  return {
    ...merged,
    ...(minNewTokens > 0 && { minNewTokens }),
    maxNewTokens: merged.maxNewTokens ?? lengthOf(files, promptTokens) ?? MAX_NEW_TOKENS,
    temperature: given.temperature ?? (greedy && !limited ? 0 : sampled),
    seed: given.seed ?? Math.floor(Math.random() * 2 ** 32),
  };
}

function known(given: Options): Options {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Options;
}

function lengthOf({ maxLength }: GenerationDefaults, promptTokens: number): number | undefined {
  if (maxLength === undefined || maxLength > promptTokens) return maxLength && maxLength - promptTokens;
  return fail(
    "CONTEXT_OVERFLOW",
    `prompt: got ${promptTokens} tokens, and the model's generation_config.json says a max_length of ${maxLength}. Try --max-new-tokens.`,
  );
}
