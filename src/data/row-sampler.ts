/** Rows of examples as the tensors of a step: shuffled for training, in order for validation. Knows no text and no model. */
import { fail } from "../base/errors.ts";
import { type Rng, rng } from "../base/rng.ts";
import type { TokenExample } from "./example-tokens.ts";
import type { RowPlan } from "./rows.ts";

type Ids = BigInt64Array | Int32Array;

/** What a batch is written to: the data of (B, T) tensors, rows first. */
export interface RowArrays {
  readonly inputIds: Ids;
  /** The token that follows each input; 0 in padding. */
  readonly targets: Ids;
  /** 1 where the target carries loss, else 0. */
  readonly weights: Float32Array;
  /** From 0 in each example. */
  readonly positionIds: Ids;
  /** 0 for padding, else the number of the example in its row, from 1. A position attends to its own number only. */
  readonly segmentIds: Ids;
}

/** How rows are drawn. */
export interface RowSamplerOptions {
  /** B: rows in a batch. */
  readonly batch: number;
  readonly seed: number;
}

/** Where a sampler stands, as plain JSON. */
export interface RowSamplerState {
  readonly seed: number;
  readonly epoch: number;
  /** Rows of the epoch that were given. */
  readonly index: number;
}

/** An endless stream of batches. */
export interface RowSampler {
  /** Writes the next batch and returns how many targets carry loss in it. */
  next(arrays: RowArrays): number;
  /** Where it stands; a sampler made from it goes on exactly. */
  state(): RowSamplerState;
  readonly rowsPerEpoch: number;
}

/** For each row the numbers of its examples. */
type Filling = readonly (readonly number[])[];

/**
 * Batches to train on. Each epoch has every example once; which ones of equal length trade places, their order in a row, and
 * the order of rows are drawn anew. A batch at the end of an epoch goes on with the next. Throws BAD_OPTION, BAD_CHECKPOINT.
 */
export function rowSampler(plan: RowPlan, options: RowSamplerOptions, state?: RowSamplerState): RowSampler {
  const { batch } = options;
  if (!Number.isSafeInteger(batch) || batch < 1) fail("BAD_OPTION", `batch: got ${batch}, expected 1 or more`);
  const rowsPerEpoch = plan.rows.length;
  let { seed, epoch, index } = checkedState(state ?? { seed: options.seed, epoch: 0, index: 0 }, rowsPerEpoch);
  let filling = shuffledFilling(plan, seed, epoch);
  return {
    rowsPerEpoch,
    next(arrays) {
      checkArrays(arrays, batch * plan.context);
      let counted = 0;
      for (let row = 0; row < batch; row++) {
        if (index === rowsPerEpoch) {
          filling = shuffledFilling(plan, seed, ++epoch);
          index = 0;
        }
        counted += writeRow(plan, filling[index++]!, row, arrays);
      }
      return counted;
    },
    state: () => ({ seed, epoch, index }),
  };
}

/** The state, where it is one of a sampler of so many rows. Throws BAD_CHECKPOINT. */
export function checkedState(state: RowSamplerState, rows: number): RowSamplerState {
  for (const [name, value] of Object.entries({ seed: state.seed, epoch: state.epoch, index: state.index }))
    if (!Number.isSafeInteger(value) || (name !== "seed" && value < 0))
      fail("BAD_CHECKPOINT", `row sampler state: ${name}: got ${value}, expected a whole number`);
  if (state.index > rows)
    fail(
      "BAD_CHECKPOINT",
      `row sampler state: index: got ${state.index}, expected at most the ${rows} rows of this set`,
    );
  return state;
}

/** Every batch of a set once, always the same; the last one may end in empty rows. */
export interface RowBatches {
  readonly batches: number;
  /** Targets that carry loss, in all batches together. */
  readonly lossTokens: number;
  /** Writes a batch, from 0, and returns how many targets carry loss in it. */
  write(number: number, arrays: RowArrays): number;
}

/** The rows of a plan in order, in batches of B. Throws BAD_OPTION. */
export function rowBatches(plan: RowPlan, batch: number): RowBatches {
  if (!Number.isSafeInteger(batch) || batch < 1) fail("BAD_OPTION", `batch: got ${batch}, expected 1 or more`);
  const filling = fillingOf(plan, plan.byLength);
  return {
    batches: Math.ceil(filling.length / batch),
    lossTokens: plan.lossTokens,
    write(number, arrays) {
      checkArrays(arrays, batch * plan.context);
      let counted = 0;
      for (let row = 0; row < batch; row++) counted += writeRow(plan, filling[number * batch + row] ?? [], row, arrays);
      return counted;
    },
  };
}

function fillingOf({ rows }: RowPlan, byLength: ReadonlyMap<number, readonly number[]>): Filling {
  const taken = new Map<number, number>();
  return rows.map((lengths) =>
    lengths.map((length) => {
      const at = taken.get(length) ?? 0;
      taken.set(length, at + 1);
      return byLength.get(length)![at]!;
    }),
  );
}

function shuffledFilling(plan: RowPlan, seed: number, epoch: number): Filling {
  const random = rng(seed, `rows of epoch ${epoch}`);
  const byLength = new Map([...plan.byLength].map(([length, numbers]) => [length, shuffled(numbers, random)]));
  const rows = fillingOf(plan, byLength).map((numbers) => shuffled(numbers, random));
  return shuffled(rows, random);
}

/** A copy in another order (Fisher and Yates; Durstenfeld 1964). */
export function shuffled<T>(items: readonly T[], random: Rng): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Throws BAD_SHAPE where an array has another length. */
export function checkArrays(arrays: RowArrays, length: number): void {
  for (const [name, array] of Object.entries(arrays))
    if (array.length !== length)
      fail("BAD_SHAPE", `batch: ${name}: got ${array.length} elements, expected ${length} (B T)`);
}

/** Writes examples side by side into a row, padding behind them; returns how many targets carry loss. */
export function writeRow(
  { context, examples }: Pick<RowPlan, "context" | "examples">,
  numbers: readonly number[],
  row: number,
  arrays: RowArrays,
): number {
  const base = row * context;
  const ids = [arrays.inputIds, arrays.targets, arrays.positionIds, arrays.segmentIds] as const;
  const [inputs, targets, positions, segments] = ids.map((array) => words(array, base, context)) as [
    Words,
    Words,
    Words,
    Words,
  ];
  for (const array of [inputs, targets, positions, segments]) array.words.fill(0);
  const weights = arrays.weights.subarray(base, base + context).fill(0);
  let [at, counted] = [0, 0];
  numbers.forEach((number, segment) => {
    const { ids: tokens, mask }: TokenExample = examples[number]!;
    for (let i = 0; i + 1 < tokens.length; i++, at++) {
      inputs.words[at * inputs.stride] = tokens[i]!;
      targets.words[at * targets.stride] = tokens[i + 1]!;
      positions.words[at * positions.stride] = i;
      segments.words[at * segments.stride] = segment + 1;
      weights[at] = mask[i + 1]!;
      counted += mask[i + 1]!;
    }
  });
  return counted;
}

interface Words {
  readonly words: Int32Array;
  /** Words of an element. */
  readonly stride: number;
}

/** Through 32-bit halves: making a bigint for each id is many times slower. Low words come first on every platform here. */
function words(array: Ids, base: number, length: number): Words {
  const stride = array.BYTES_PER_ELEMENT / 4;
  return {
    words: new Int32Array(array.buffer, array.byteOffset + base * array.BYTES_PER_ELEMENT, length * stride),
    stride,
  };
}
