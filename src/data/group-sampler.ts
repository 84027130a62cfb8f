/** Sequences that are learnt together, as the two answers of a preference: each group in the same batch. Knows no text. */
import { fail } from "../base/errors.ts";
import { rng } from "../base/rng.ts";
import { lossTokens, type TokenExample } from "./example-tokens.ts";
import {
  checkArrays,
  checkedState,
  type RowArrays,
  type RowSamplerOptions,
  type RowSamplerState,
  shuffled,
  writeRow,
} from "./row-sampler.ts";
import { mostInBatch } from "./rows.ts";

/** Groups of G sequences each, one sequence a row. */
export interface Groups {
  /** T: positions of a row; a sequence of n tokens takes n - 1. */
  readonly context: number;
  readonly groups: readonly (readonly TokenExample[])[];
}

/** Targets that carry loss in `batch` groups, at most. */
export const mostGroupLoss = ({ groups }: Groups, batch: number): number =>
  mostInBatch(
    groups.map((group) => group.reduce((sum, example) => sum + lossTokens(example), 0)),
    batch,
  );

/** A stream of batches of groups. */
export interface GroupSampler {
  /**
   * Writes B groups and returns their numbers. Row g B + b holds sequence g of group b: of preferences first all chosen
   * answers, then all rejected ones in the same order. The arrays have G B T elements.
   */
  next(arrays: RowArrays): readonly number[];
  /** Where it stands; a sampler made from it goes on exactly. */
  state(): RowSamplerState;
  readonly groupsPerEpoch: number;
}

/**
 * Groups to train on, every one once an epoch in an order drawn anew. A batch at the end of an epoch goes on with the next.
 * Throws BAD_DATA for a sequence that no row can hold and groups of different sizes, BAD_OPTION, BAD_CHECKPOINT.
 */
export function groupSampler(
  set: Groups,
  { batch, seed: given }: RowSamplerOptions,
  state?: RowSamplerState,
): GroupSampler {
  const size = checkedSize(set, batch);
  const count = set.groups.length;
  let { seed, epoch, index } = checkedState(state ?? { seed: given, epoch: 0, index: 0 }, count);
  const all = set.groups.map((_, i) => i);
  const draw = () => shuffled(all, rng(seed, `groups of epoch ${epoch}`));
  let order = draw();
  return {
    groupsPerEpoch: count,
    next(arrays) {
      const numbers: number[] = [];
      while (numbers.length < batch) {
        if (index === count) {
          epoch++;
          index = 0;
          order = draw();
        }
        numbers.push(order[index++]!);
      }
      writeGroups(set, numbers, batch, size, arrays);
      return numbers;
    },
    state: () => ({ seed, epoch, index }),
  };
}

/** Every group once, always in the same order; the last batch may end in empty rows. */
export interface GroupBatches {
  readonly batches: number;
  /** Writes a batch, from 0, and returns the numbers of its groups, B or fewer. */
  write(number: number, arrays: RowArrays): readonly number[];
}

/** The groups of a set in order, in batches of B. Throws as {@link groupSampler}. */
export function groupBatches(set: Groups, batch: number): GroupBatches {
  const size = checkedSize(set, batch);
  const count = set.groups.length;
  return {
    batches: Math.ceil(count / batch),
    write(number, arrays) {
      const first = number * batch;
      const numbers = Array.from({ length: Math.max(0, Math.min(batch, count - first)) }, (_, i) => first + i);
      writeGroups(set, numbers, batch, size, arrays);
      return numbers;
    },
  };
}

/** G, the same for all groups. */
function checkedSize({ groups, context }: Groups, batch: number): number {
  if (!Number.isSafeInteger(batch) || batch < 1) fail("BAD_OPTION", `batch: got ${batch}, expected 1 or more`);
  if (!Number.isSafeInteger(context) || context < 1) fail("BAD_OPTION", `context: got ${context}, expected 1 or more`);
  const size = groups[0]?.length ?? fail("BAD_DATA", "groups: got none, expected one at least");
  groups.forEach((group, i) => {
    if (group.length !== size) fail("BAD_DATA", `groups: ${i}: got ${group.length} sequences, expected ${size}`);
    for (const { ids } of group)
      if (ids.length < 2 || ids.length > context + 1)
        fail("BAD_DATA", `groups: ${i}: got ${ids.length} tokens, expected 2 to ${context + 1}`);
  });
  return size;
}

function writeGroups(
  { groups, context }: Groups,
  numbers: readonly number[],
  batch: number,
  size: number,
  to: RowArrays,
): void {
  checkArrays(to, size * batch * context);
  for (let g = 0; g < size; g++)
    for (let b = 0; b < batch; b++) {
      const sequence = numbers[b] === undefined ? undefined : groups[numbers[b]!]![g]!;
      writeRow({ context, examples: sequence ? [sequence] : [] }, sequence ? [0] : [], g * batch + b, to);
    }
}
