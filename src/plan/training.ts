/** Work, time and money of training a model. Formulas alone. */
import type { Gpu } from "./gpus.ts";

/** Hoffmann et al. 2022 (Chinchilla, table 3): for a given amount of work the best loss is at about this many tokens a parameter. */
export const CHINCHILLA = 20;
/** Llama 3 8B: 15T tokens for 8.03B parameters. More work than best for its loss, for a model that is cheap to run. */
export const LLAMA_STYLE = 15e12 / 8.03e9;

/**
 * Share of the peak where nothing else is known: the 380 TFLOP/s (38 %) of an H100 in the last phase of Llama 3 405B, times the 90 %
 * of the time that its cluster trained (Grattafiori et al. 2024, table 4 and section 3.3.4).
 */
export const UTILISATION = 0.38 * 0.9;

/** A float operation a second for a day, times 1e15. */
export const PETAFLOPS_DAY = 1e15 * 86_400;

/** 6 N D: two operations for each weight forwards, four backwards (Kaplan et al. 2020, section 2.1). */
export function trainingFlops(parameters: number, tokens: number): number {
  return 6 * parameters * tokens;
}

/**
 * What attention's scores and their products with the values add to {@link trainingFlops}: each token attends to half of
 * `context` on average, 2 x 2 operations for each element of the heads, three times for forward and backward.
 */
export function attentionFlops(attentionWidth: number, context: number, tokens: number): number {
  return 3 * 4 * attentionWidth * (context / 2) * tokens;
}

/** Hours of one device. */
export function gpuHours(flops: number, { peakFlops }: Pick<Gpu, "peakFlops">, utilisation: number): number {
  return flops / (peakFlops * utilisation) / 3600;
}

/** The share of the peak that a run of known length reached, by {@link trainingFlops}. */
export function impliedUtilisation(flops: number, { peakFlops }: Pick<Gpu, "peakFlops">, hours: number): number {
  return flops / (hours * 3600 * peakFlops);
}
