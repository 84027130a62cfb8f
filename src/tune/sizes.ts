/** How long rows, steps and runs are, from the model and the data. Knows no files. */
import { fail } from "../base/errors.ts";
import type { DecidedTune, OBJECTIVES, RunTune } from "./options.ts";

/** What the data tells of a run's size. */
export interface DataSize {
  /** Positions of the longest example, and of all. */
  readonly longest: number;
  readonly positions: number;
}

/** Row lengths are whole multiples of this. */
const ROW_UNIT = 8;
/** Positions of a packed row at least, where examples are short: their attention costs little, and rows fill well. */
const PACKED_ROW = 128;
/** A step has so many positions, and an epoch of a small set so many steps. */
const [MOST_STEP_TOKENS, SMALL_EPOCH_STEPS] = [2048, 24];

/** T: the positions of a row, from the data and the limit. */
export function rowLength(packing: "packed" | "padded", { longest, positions }: DataSize, most: number): number {
  const wanted = packing === "packed" ? Math.max(longest, Math.min(PACKED_ROW, positions)) : longest;
  return Math.max(1, Math.min(most, ROW_UNIT * Math.ceil(wanted / ROW_UNIT)));
}

/** B: rows of a micro-batch, so that a small set still takes many steps and a large one uses the machine. */
export function batchSize(rowTokens: number, rows: number): number {
  const perEpoch = Math.max(1, Math.floor(rows / SMALL_EPOCH_STEPS));
  return Math.max(1, Math.min(perEpoch, Math.floor(MOST_STEP_TOKENS / rowTokens)));
}

const EPOCHS = 3;

/** What {@link decideLength} is told of model and data. */
export interface LengthFacts {
  readonly width: number;
  /** That a sampler draws: rows, or examples of `rowsOfExample` rows each. */
  readonly rows: number;
  readonly rowsOfExample: number;
  readonly rowTokens: number;
  readonly maxLength: number;
}

/** Learning rates, as parts of those of answers: these objectives start from a model that can answer. */
const RATES: Partial<Record<(typeof OBJECTIVES)[number], number>> = {
  ...{ dpo: 0.05, kto: 0.05, simpo: 0.05, grpo: 0.05 },
  orpo: 0.4,
};

/** The peak learning rate of a run that is told none, by the model's width. */
export function defaultRate({ method, objective }: Pick<DecidedTune, "method" | "objective">, width: number): number {
  return rounded(((method === "lora" ? 0.4 : 0.04) * (RATES[objective] ?? 1)) / width);
}

/** Decides what depends on the model's width and the number of rows. */
export function decideLength(
  options: DecidedTune,
  { width, rows, rowsOfExample, rowTokens, maxLength }: LengthFacts,
  name: (plain: string) => string,
): RunTune {
  const batch = options.batch ?? batchSize(rowTokens * rowsOfExample, rows);
  const epochs = options.epochs ?? EPOCHS;
  const steps = options.steps ?? Math.max(1, Math.ceil((epochs * rows) / (batch * options.accumulation)));
  const lr = options.lr ?? defaultRate(options, width);
  const minLr = options.minLr ?? lr / 10;
  if (minLr > lr) fail("BAD_OPTION", `${name("minLr")}: got ${minLr}, expected at most ${name("lr")} ${lr}`);
  return {
    ...options,
    maxLength,
    rowTokens,
    batch,
    steps,
    lr,
    minLr,
    warmup: options.warmup ?? Math.ceil(steps / 20),
    evalEvery: options.evalEvery ?? Math.max(1, Math.ceil(steps / 10)),
  };
}

/** Two digits, for a number that people read. */
const rounded = (value: number) => Number(value.toPrecision(2));
