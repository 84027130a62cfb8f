/** Micro-batches of rows and of groups of sequences, between their sampler and an objective's inputs. Knows no loss. */
import { type Groups, groupSampler } from "../../data/group-sampler.ts";
import { type RowArrays, type RowSamplerState, rowSampler } from "../../data/row-sampler.ts";
import type { RowPlan } from "../../data/rows.ts";
import type { Tensor } from "../../runtime/types.ts";
import type { Fill, Inputs, StepSource } from "../task.ts";

const IDS = ["inputIds", "targets", "positionIds", "segmentIds"] as const;
const NAMES = { inputIds: "input_ids", targets: "targets", positionIds: "position_ids", segmentIds: "segment_ids" };

/** Arrays of so many positions. */
export const emptyRows = (length: number): RowArrays => ({
  inputIds: new BigInt64Array(length),
  targets: new BigInt64Array(length),
  weights: new Float32Array(length),
  positionIds: new BigInt64Array(length),
  segmentIds: new BigInt64Array(length),
});

/** The elements of a float32 input. */
export const floatsOf = (inputs: Inputs, name: string): Float32Array => (inputs[name] as Tensor<"float32">).data;

/** The elements of an int64 input. */
export const idsOf = (inputs: Inputs, name: string): BigInt64Array => (inputs[name] as Tensor<"int64">).data;

/** Copies rows into the inputs that a graph has of them, from row `first` of `tokens` positions on. */
export function writeRows(rows: RowArrays, inputs: Inputs, tokens = 0, first = 0): void {
  for (const key of IDS) {
    const to = inputs[NAMES[key]] as Tensor<"int64"> | undefined;
    to?.data.set((rows[key] as BigInt64Array).subarray(first * tokens, first * tokens + to.data.length));
  }
  const weights = inputs.weights as Tensor<"float32"> | undefined;
  weights?.data.set(rows.weights.subarray(first * tokens, first * tokens + weights.data.length));
}

/** One micro-batch: its rows, and the numbers of its groups. */
export interface DrawnGroups {
  readonly rows: RowArrays;
  readonly numbers: readonly number[];
}

/** How steps of groups are drawn. */
export interface GroupSourceOptions {
  readonly batch: number;
  readonly seed: number;
  readonly accumulation: number;
  readonly state: RowSamplerState | undefined;
}

/** Steps of groups: `ready` is given all micro-batches of a step, and what it returns writes one of them. */
export function groupSource(
  set: Groups,
  { batch, seed, accumulation, state }: GroupSourceOptions,
  ready: (step: readonly DrawnGroups[]) => Fill | Promise<Fill>,
): StepSource {
  const sampler = groupSampler(set, { batch, seed }, state);
  const length = batch * set.context * (set.groups[0]?.length ?? 1);
  const rows = Array.from({ length: accumulation }, () => emptyRows(length));
  return {
    draw: () => ready(rows.map((each) => ({ rows: each, numbers: sampler.next(each) }))),
    state: sampler.state,
  };
}

/** Steps of rows of a plan: as {@link groupSource}, with weights of every step's loss tokens that add up to 1. */
export function rowSource(
  plan: RowPlan,
  { batch, seed, accumulation, state }: GroupSourceOptions,
  ready: (step: readonly RowArrays[]) => Fill | Promise<Fill>,
): StepSource {
  const sampler = rowSampler(plan, { batch, seed }, state);
  const step = Array.from({ length: accumulation }, () => emptyRows(batch * plan.context));
  return {
    draw() {
      const count = step.reduce((sum, rows) => sum + sampler.next(rows), 0);
      for (const { weights } of step) for (let i = 0; i < weights.length; i++) weights[i]! /= count;
      return ready(step);
    },
    state: sampler.state,
  };
}
