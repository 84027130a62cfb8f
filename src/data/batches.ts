/** Windows of tokens as inputs, targets and weights of a step. Knows no text, no model and no clock. */
import { fail } from "../base/errors.ts";
import { type Rng, type RngState, rng, rngFrom } from "../base/rng.ts";
import type { Tokens } from "./pack.ts";

/** What a batch is written to: the data of (B, T) tensors, rows first. */
export interface BatchArrays {
  readonly inputIds: BigInt64Array | Int32Array;
  /** The token that follows each input. */
  readonly targets: BigInt64Array | Int32Array;
  /** What each target counts for: `weight`, or 0 where a window is padded. */
  readonly weights: Float32Array;
}

/** How windows are drawn. */
export interface SamplerOptions {
  /**
   * "random": windows anywhere, each independent of the others, as nanoGPT's `get_batch`. "epoch": windows side by side
   * in shuffled order, so that every token after the first is a target exactly once an epoch.
   */
  readonly mode: "random" | "epoch";
  /** B: windows in a batch. */
  readonly batch: number;
  /** T: tokens in a window. */
  readonly context: number;
  readonly seed: number;
  /** What a target counts for; by default 1/(B T), so that a batch's weighted sum is its mean. */
  readonly weight?: number;
}

/** Where a sampler stands, as plain JSON. */
export type SamplerState =
  | { readonly mode: "random"; readonly rng: RngState }
  | { readonly mode: "epoch"; readonly seed: number; readonly epoch: number; readonly index: number };

/** An endless stream of batches. */
export interface TrainSampler {
  /** Writes the next batch and returns how many targets count in it: B T, or less where a window is padded. */
  next(arrays: BatchArrays): number;
  /** Where it stands; a sampler made from it goes on exactly. */
  state(): SamplerState;
}

/**
 * Batches to train on. From `state` it goes on where that one stood. BAD_DATA when there are too few tokens,
 * BAD_CHECKPOINT for a state that does not fit.
 */
export function trainSampler(tokens: Tokens, options: SamplerOptions, state?: SamplerState): TrainSampler {
  checkSizes(options);
  if (state && state.mode !== options.mode)
    fail("BAD_CHECKPOINT", `sampler state: got mode ${state.mode}, expected ${options.mode}`);
  return options.mode === "random"
    ? randomSampler(tokens, options, state as Extract<SamplerState, { mode: "random" }> | undefined)
    : epochSampler(tokens, options, state as Extract<SamplerState, { mode: "epoch" }> | undefined);
}

function checkSizes({ batch, context }: { batch: number; context: number }): void {
  if (!Number.isSafeInteger(batch) || batch < 1) fail("BAD_OPTION", `batch: got ${batch}, expected 1 or more`);
  if (!Number.isSafeInteger(context) || context < 1) fail("BAD_OPTION", `context: got ${context}, expected 1 or more`);
}

type RandomState = Extract<SamplerState, { mode: "random" }>;
type EpochState = Extract<SamplerState, { mode: "epoch" }>;

function randomSampler(tokens: Tokens, options: SamplerOptions, state?: RandomState): TrainSampler {
  const { batch, context, seed, weight = 1 / (batch * context) } = options;
  const starts = tokens.length - context;
  if (starts < 1)
    fail(
      "BAD_DATA",
      `train: got ${tokens.length} tokens, expected more than the context of ${context}. ` +
        `Try ${tokens.length > 1 ? `--context ${roundDown(tokens.length - 1)} or ` : ""}more text`,
    );
  const random: Rng = state ? rngFrom(checkedWords(state.rng)) : rng(seed, "train windows");
  return {
    next(arrays) {
      checkArrays(arrays, batch * context);
      for (let row = 0; row < batch; row++) writeWindow(tokens, random.below(starts), context, row, arrays, weight);
      return batch * context;
    },
    state: () => ({ mode: "random", rng: random.state() }),
  };
}

/** The largest length at most `n` that a person would choose: a multiple of 8 where there is one. */
function roundDown(n: number): number {
  return n < 8 ? n : n - (n % 8);
}

function checkedWords(words: RngState): RngState {
  const fine = Array.isArray(words) && words.length === 4 && words.every((word) => word === word >>> 0);
  if (!fine || words.every((word) => word === 0))
    fail("BAD_CHECKPOINT", "sampler state: rng: expected four unsigned 32-bit words, not all 0");
  return words;
}

function epochSampler(tokens: Tokens, options: SamplerOptions, state?: EpochState): TrainSampler {
  const { batch, context, weight = 1 / (batch * context) } = options;
  const windows = Math.ceil((tokens.length - 1) / context);
  if (windows < 1) fail("BAD_DATA", `train: got ${tokens.length} tokens, expected at least 2. Try more text`);
  let { seed, epoch, index } = state ?? { seed: options.seed, epoch: 0, index: 0 };
  for (const [name, value] of Object.entries({ seed, epoch, index }))
    if (!Number.isSafeInteger(value) || (name !== "seed" && value < 0))
      fail("BAD_CHECKPOINT", `sampler state: ${name}: got ${value}, expected a whole number`);
  if (index > windows)
    fail("BAD_CHECKPOINT", `sampler state: index: got ${index}, expected at most the ${windows} windows of this text`);
  let order = shuffled(windows, seed, epoch);
  return {
    next(arrays) {
      checkArrays(arrays, batch * context);
      let counted = 0;
      for (let row = 0; row < batch; row++) {
        if (index === windows) {
          order = shuffled(windows, seed, ++epoch);
          index = 0;
        }
        counted += writeWindow(tokens, order[index++]! * context, context, row, arrays, weight);
      }
      return counted;
    },
    state: () => ({ mode: "epoch", seed, epoch, index }),
  };
}

/** 0 to n - 1 in an order that seed and epoch decide (Fisher and Yates; Durstenfeld 1964). */
function shuffled(n: number, seed: number, epoch: number): Uint32Array {
  const random = rng(seed, `epoch ${epoch}`);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** The batches of a validation, always the same. */
export interface ValidationWindows {
  readonly batches: number;
  /** Targets that count in all batches together. */
  readonly targets: number;
  /** Writes batch `index`. Weights are 1/targets, so that the losses of all batches add up to the mean loss. */
  fill(index: number, arrays: BatchArrays): void;
}

/**
 * Windows side by side in the order of the text, the last one padded: every token after the first is a target exactly
 * once. `maxBatches` keeps only the first ones. BAD_DATA below two tokens.
 */
export function validationWindows(
  tokens: Tokens,
  options: { readonly batch: number; readonly context: number; readonly maxBatches?: number },
): ValidationWindows {
  checkSizes(options);
  const { batch, context, maxBatches = Number.POSITIVE_INFINITY } = options;
  if (!(maxBatches >= 1)) fail("BAD_OPTION", `maxBatches: got ${maxBatches}, expected 1 or more`);
  if (tokens.length < 2)
    fail("BAD_DATA", `validation: got ${tokens.length} tokens, expected at least 2. Try more text`);
  const batches = Math.min(Math.ceil((tokens.length - 1) / (batch * context)), Math.floor(maxBatches));
  const targets = Math.min(tokens.length - 1, batches * batch * context);
  return {
    batches,
    targets,
    fill(index, arrays) {
      checkArrays(arrays, batch * context);
      if (!Number.isInteger(index) || index < 0 || index >= batches)
        fail("BAD_OPTION", `validation: got batch ${index}, expected 0 to ${batches - 1}`);
      for (let row = 0; row < batch; row++)
        writeWindow(tokens, (index * batch + row) * context, context, row, arrays, 1 / targets);
    },
  };
}

function checkArrays({ inputIds, targets, weights }: BatchArrays, length: number): void {
  for (const [name, array] of Object.entries({ inputIds, targets, weights }))
    if (array.length !== length)
      fail("BAD_SHAPE", `batch: ${name}: got ${array.length} elements, expected ${length} (B T)`);
}

/** Writes the window that begins at `start` into a row, padded behind the last token; returns its real targets. */
function writeWindow(tokens: Tokens, start: number, T: number, row: number, to: BatchArrays, weight: number): number {
  const real = Math.max(0, Math.min(T, tokens.length - 1 - start));
  writeIds(tokens, start, real, T, row, to.inputIds);
  writeIds(tokens, start + 1, real, T, row, to.targets);
  to.weights.fill(weight, row * T, row * T + real);
  to.weights.fill(0, row * T + real, (row + 1) * T);
  return real;
}

/** Through 32-bit halves: making a bigint for each id is many times slower. Low words come first on every platform here. */
function writeIds(
  tokens: Tokens,
  start: number,
  real: number,
  T: number,
  row: number,
  to: BigInt64Array | Int32Array,
): void {
  const stride = to.BYTES_PER_ELEMENT / 4;
  const words = new Int32Array(to.buffer, to.byteOffset + row * T * to.BYTES_PER_ELEMENT, T * stride);
  words.fill(0);
  for (let t = 0; t < real; t++) words[t * stride] = tokens[start + t]!;
}
