/** Decides how the next token is chosen: the caller first, then the model's files, then ownlm. Pure. */
import type { GivenOptions } from "../base/options.ts";
import type { GenerationDefaults } from "./generation-config.ts";
import type { GENERATE_OPTIONS } from "./options.ts";
import { GREEDY, type SamplingOptions } from "./sampler.ts";

/** Temperature of the verbs where neither the caller nor the model says one: small models repeat themselves without. */
export const VERB_TEMPERATURE = 0.8;

const MAX_NEW_TOKENS = 128;

/** Every number that decides the next token, and how many there may be. */
export type ResolvedGeneration = SamplingOptions & { readonly maxNewTokens: number };

/**
 * What was asked for, then what the model's files say, then ownlm's own. `fallbackTemperature` is for models that do
 * not say how they want to be sampled; limits asked for without a temperature sample at 1.
 */
export function resolveGeneration(
  given: GivenOptions<typeof GENERATE_OPTIONS>,
  files: GenerationDefaults,
  fallbackTemperature: number,
): ResolvedGeneration {
  const limited = [given.topK, given.topP, given.minP].some((limit) => limit !== undefined);
  const greedy = files.doSample === undefined ? fallbackTemperature === 0 : !files.doSample;
  const sampled = files.temperature ?? (files.doSample || limited ? 1 : fallbackTemperature);
  return {
    maxNewTokens: given.maxNewTokens ?? files.maxNewTokens ?? MAX_NEW_TOKENS,
    temperature: given.temperature ?? (greedy && !limited ? 0 : sampled),
    topK: given.topK ?? files.topK ?? GREEDY.topK,
    topP: given.topP ?? files.topP ?? GREEDY.topP,
    minP: given.minP ?? files.minP ?? GREEDY.minP,
    repetitionPenalty: given.repetitionPenalty ?? files.repetitionPenalty ?? GREEDY.repetitionPenalty,
    seed: given.seed ?? Math.floor(Math.random() * 2 ** 32),
  };
}
