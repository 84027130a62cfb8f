/** Pairs of answers as tasks: DPO, ORPO and SimPO. Rows are all chosen answers of a batch, then all rejected ones. */
import type { PreferenceTokens, TokenExample } from "../../data/example-tokens.ts";
import { type Groups, groupBatches, mostGroupLoss } from "../../data/group-sampler.ts";
import type { RowArrays } from "../../data/row-sampler.ts";
import { input } from "../../graph/build.ts";
import { neg, slice } from "../../graph/functions.ts";
import type { Graph, Value } from "../../graph/types.ts";
import { type Scored, sequenceLogProbs, weightedSum } from "../../nn/losses.ts";
import { type DpoOptions, dpo, orpo, type SimpoOptions, simpo } from "../../nn/preference.ts";
import type { Objective } from "../../train/objective.ts";
import type { Inputs, TaskValidation, TuneTask } from "../task.ts";
import { answerGraph, answerLogProbs, answerObjective } from "./answer-log-probs.ts";
import { type DrawnGroups, emptyRows, floatsOf, groupSource, writeRows } from "./batches.ts";
import type { TaskParts } from "./types.ts";

/** A batch of B pairs in a graph. */
interface PairGraph {
  readonly graph: Graph;
  /** log P of each target, (2B, T), and the mask of answers. */
  readonly tokens: Value;
  readonly mask: Value;
  /** What each pair counts for, (B): they add up to 1 over a step. */
  readonly weights: Value;
}

/** What makes one objective of pairs different from another. */
interface PairKind {
  readonly score: (pairs: PairGraph) => Scored;
  /** Needs what the untouched model says of the answers, as an input `reference_logps` (2B). */
  readonly needsReference?: boolean;
  /** Learns the chosen answers as text as well, by an input `nll_weights` (B, T). */
  readonly learnsText?: boolean;
}

/** Direct preference optimisation: see {@link dpo}. */
export function dpoTask(parts: TaskParts<PreferenceTokens>, options: DpoOptions): TuneTask {
  return pairTask(parts, {
    needsReference: true,
    score({ graph, tokens, mask, weights }) {
      const reference = input(graph, "reference_logps", "float32", [mask.shape[0]!]);
      return dpo(sequenceLogProbs(tokens, mask), reference, weights, options);
    },
  });
}

/** Simple preference optimisation: see {@link simpo}. */
export function simpoTask(parts: TaskParts<PreferenceTokens>, options: SimpoOptions): TuneTask {
  return pairTask(parts, {
    score: ({ tokens, mask, weights }) => simpo(sequenceLogProbs(tokens, mask, { mean: true }), weights, options),
  });
}

/** Odds ratio preference optimisation: see {@link orpo}. The text that is learnt is the chosen answer's with its prompt, as by TRL. */
export function orpoTask(parts: TaskParts<PreferenceTokens>, options: { readonly beta: number }): TuneTask {
  return pairTask(parts, {
    learnsText: true,
    score({ graph, tokens, mask, weights }) {
      const pairs = weights.shape[0] as number;
      const nllWeights = input(graph, "nll_weights", "float32", mask.shape.with(0, pairs));
      const nll = neg(weightedSum(slice(tokens, 0, 0, pairs), nllWeights));
      return orpo(sequenceLogProbs(tokens, mask, { mean: true }), nll, weights, options);
    },
  });
}

function pairTask(parts: TaskParts<PreferenceTokens>, kind: PairKind): TuneTask {
  const { model, adapted, rowTokens, batch, valBatch, seed } = parts;
  const [train, validation] = [groupsOf(parts.train, rowTokens), groupsOf(parts.validation, rowTokens)];
  const references = new Map<Groups, Float32Array>();
  const extrasOf = (set: Groups) => ({ kind, reference: references.get(set), context: rowTokens });
  return {
    objective: adapted(pairObjective(parts, kind, batch, mostGroupLoss(train, batch))),
    unit: "pairs",
    rowsPerEpoch: train.groups.length,
    tokensPerBatch: 2 * batch * rowTokens,
    source: (inputs, accumulation, state) =>
      groupSource(train, { batch, seed, accumulation, state }, (step) => {
        const counts = countsOf(step);
        return (microBatch) => writePairs(step[microBatch]!, inputs, extrasOf(train), counts);
      }),
    validation:
      validation.groups.length > 0
        ? validationOf(
            validation,
            adapted(pairObjective(parts, kind, valBatch, mostGroupLoss(validation, valBatch))),
            valBatch,
            () => extrasOf(validation),
          )
        : undefined,
    ...(kind.needsReference && {
      async prepare({ untouched, turn }) {
        for (const [set, size] of [
          [train, batch],
          [validation, valBatch],
        ] as const) {
          if (set.groups.length === 0) continue;
          using evaluation = await untouched(answerObjective(model, 2 * size, rowTokens, mostGroupLoss(set, size)));
          references.set(set, await answerLogProbs(evaluation, set, size, turn));
        }
      },
    }),
  };
}

/** Both answers of each pair. */
export const groupsOf = (pairs: readonly PreferenceTokens[], context: number): Groups => ({
  context,
  groups: pairs.map(({ chosen, rejected }): readonly TokenExample[] => [chosen, rejected]),
});

function pairObjective(
  { model, rowTokens }: TaskParts<unknown>,
  kind: PairKind,
  batch: number,
  most: number,
): Objective {
  return {
    isTrained: () => true,
    write() {
      // A text that is learnt with its prompt has loss on all of it.
      const made = answerGraph(model, 2 * batch, rowTokens, kind.learnsText ? {} : { most });
      const weights = input(made.graph, "pair_weights", "float32", [batch]);
      return { graph: made.graph, ...kind.score({ ...made, weights }) };
    },
  };
}

/** What a step's weights are one over. */
interface Counts {
  readonly pairs: number;
  /** Tokens of the chosen answers and their prompts. */
  readonly tokens: number;
}

function countsOf(step: readonly DrawnGroups[]): Counts {
  return {
    pairs: step.reduce((sum, { numbers }) => sum + numbers.length, 0),
    tokens: step.reduce((sum, { rows }) => sum + tokensIn(rows), 0),
  };
}

/** Positions of the chosen answers' rows that hold a token. */
function tokensIn({ segmentIds }: RowArrays): number {
  let count = 0;
  for (let i = 0; i < segmentIds.length / 2; i++) if (segmentIds[i]! > 0) count++;
  return count;
}

interface Extras {
  readonly kind: PairKind;
  readonly reference: Float32Array | undefined;
}

/** Writes a batch and the weights of its pairs; those of an epoch's end that are not there weigh nothing. */
function writePairs({ rows, numbers }: DrawnGroups, inputs: Inputs, { kind, reference }: Extras, counts: Counts): void {
  writeRows(rows, inputs);
  const weights = floatsOf(inputs, "pair_weights");
  const batch = weights.length;
  weights.fill(0).fill(1 / counts.pairs, 0, numbers.length);
  if (kind.learnsText) {
    const text = floatsOf(inputs, "nll_weights");
    for (let i = 0; i < text.length; i++) text[i] = rows.segmentIds[i]! > 0 ? 1 / counts.tokens : 0;
  }
  if (!kind.needsReference) return;
  const to = floatsOf(inputs, "reference_logps").fill(0);
  numbers.forEach((number, b) => {
    to[b] = reference![2 * number]!;
    to[batch + b] = reference![2 * number + 1]!;
  });
}

function validationOf(set: Groups, objective: Objective, batch: number, extras: () => Extras): TaskValidation {
  const { batches, write } = groupBatches(set, batch);
  const rows = emptyRows(2 * batch * set.context);
  return {
    objective,
    batches,
    count: (first) => Math.min(first * batch, set.groups.length),
    tokensPerBatch: 2 * batch * set.context,
    fill(number, inputs) {
      const numbers = write(number, rows);
      // Sums over pairs: the text's part, a mean over tokens, counts for each pair of its batch.
      const tokens = tokensIn(rows) / numbers.length;
      writePairs({ rows, numbers }, inputs, extras(), { pairs: 1, tokens });
    },
  };
}
