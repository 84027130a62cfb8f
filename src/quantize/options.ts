/** What `quantize` can be asked for: declared once, for the command line and the library. */
import { type GivenOptions, type OptionSpecs, type OptionValues, readOptions } from "../base/options.ts";
import type { Rounding } from "../weights/pack.ts";
import type { Quantization } from "../weights/quantization.ts";

const MOST_TOKENS = 2 ** 24;

/** Options of `quantize`. */
export const QUANTIZE_OPTIONS = {
  out: { kind: "text", short: "o", placeholder: "DIR", help: "Folder for the quantised model, new or empty" },
  bits: { kind: "choice", choices: [4, 8], default: 4, help: "Bits of a weight of the linear layers" },
  block: {
    kind: "choice",
    choices: [32, 64, 128],
    auto: "128 where that pads no row by more than an eighth, else 64",
    help: "Weights that share a scale",
  },
  headBits: {
    kind: "choice",
    choices: [4, 8],
    default: 8,
    help: "Bits of the output head, and of an embedding that is the head too",
  },
  embeddingBits: { kind: "choice", choices: [4, 8], auto: "--bits", help: "Bits of an embedding of its own" },
  rounding: {
    kind: "choice",
    choices: ["feedback", "search", "nearest"],
    auto: "feedback at 4 bits, search at 8",
    help: "Let later weights make up for earlier ones' errors, look for each block's best scale, or just round",
  },
  calibration: { kind: "text", placeholder: "FILE", auto: "stories in the box", help: "Text to learn feedback from" },
  text: { kind: "text", placeholder: "FILE", auto: "stories in the box", help: "Text to compare both models on" },
  tokens: { kind: "int", min: 16, max: MOST_TOKENS, default: 2048, help: "Most tokens of it" },
  maxKl: {
    kind: "number",
    min: 0,
    max: Number.POSITIVE_INFINITY,
    auto: "0.1 at 4 bits, 0.01 at 8",
    help: "Write nothing when the mean KL divergence is above this, in nats a token",
  },
  maxPerplexityRatio: {
    kind: "number",
    min: 0,
    max: Number.POSITIVE_INFINITY,
    auto: "1.15 at 4 bits, 1.01 at 8",
    help: "Write nothing when perplexity grows by more than this factor",
  },
  noMeasure: {
    kind: "flag",
    help: "Write without comparing; with a --rounding other than feedback the model need not fit into memory",
  },
  threads: { kind: "int", min: 1, max: 256, help: "Threads to compare with", auto: "the machine's cores" },
} as const satisfies OptionSpecs;

/** {@link QUANTIZE_OPTIONS} as a caller gives them. */
export type QuantizeOptions = GivenOptions<typeof QUANTIZE_OPTIONS>;

/** Limits that a written model keeps. */
export interface QualityLimits {
  readonly maxKl: number;
  readonly maxPerplexityRatio: number;
}

/** Options that are checked; some are left open. */
export type QuantizeChoices = OptionValues<typeof QUANTIZE_OPTIONS>;

/** Everything decided. */
export interface ResolvedQuantize extends Omit<QuantizeChoices, "rounding"> {
  readonly quantization: Quantization;
  readonly limits: QualityLimits;
  readonly rounding: "feedback" | Rounding;
}

const LIMITS: { readonly [bits in 4 | 8]: QualityLimits } = {
  4: { maxKl: 0.1, maxPerplexityRatio: 1.15 },
  8: { maxKl: 0.01, maxPerplexityRatio: 1.01 },
};

/** Checks options. Throws BAD_OPTION naming the option as `showName` writes it. */
export const readQuantizeOptions = (given: QuantizeOptions, showName?: (name: string) => string): QuantizeChoices =>
  readOptions(QUANTIZE_OPTIONS, given, showName);

/** Decides what was left open, for a model that a block suits. */
export function resolveQuantize(options: QuantizeChoices, suitedBlock: 64 | 128): ResolvedQuantize {
  const { bits, block = suitedBlock, headBits, embeddingBits = bits } = options;
  const { maxKl = LIMITS[bits].maxKl, maxPerplexityRatio = LIMITS[bits].maxPerplexityRatio } = options;
  const limits = { maxKl, maxPerplexityRatio };
  const { rounding = bits === 4 ? "feedback" : "search" } = options;
  return { ...options, rounding, quantization: { bits, block, headBits, embeddingBits }, limits };
}
