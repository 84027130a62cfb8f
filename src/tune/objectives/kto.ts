/**
 * Good and bad answers as a task (KTO). How far the model has gone from the reference is told by answers behind prompts that are not theirs:
 * before each micro-batch of a step they go through the model as it stands, without a backward pass.
 */
import { fail } from "../../base/errors.ts";
import { type LabelledTokens, lossTokens, type TokenExample } from "../../data/example-tokens.ts";
import { type Groups, groupBatches, mostGroupLoss } from "../../data/group-sampler.ts";
import { mostInBatch } from "../../data/rows.ts";
import { input } from "../../graph/build.ts";
import { slice } from "../../graph/functions.ts";
import { sequenceLogProbs } from "../../nn/losses.ts";
import { type KtoOptions, kto, ktoDivergence } from "../../nn/preference.ts";
import type { Evaluation } from "../../train/evaluator.ts";
import type { Objective } from "../../train/objective.ts";
import type { Inputs, TaskValidation, TuneTask } from "../task.ts";
import { answerGraph, answerLogProbs, answerObjective, logProbsOf } from "./answer-log-probs.ts";
import { type DrawnGroups, emptyRows, floatsOf, groupSource, writeRows } from "./batches.ts";
import type { TaskParts } from "./types.ts";

/** Answers, each beside its prompt with another's answer. */
interface Answers {
  readonly set: Groups;
  readonly labels: readonly boolean[];
}

/** The task. Throws BAD_DATA where all prompts are one and the same: then no answer is behind a prompt that is not its own. */
export function ktoTask(parts: TaskParts<LabelledTokens>, options: KtoOptions): TuneTask {
  const { model, adapted, rowTokens, batch, valBatch, seed } = parts;
  const [train, validation] = [answersOf(parts.train, rowTokens), answersOf(parts.validation, rowTokens)];
  const references = new Map<Answers, Float32Array>();
  let live: Evaluation | undefined;
  return {
    objective: adapted(objectiveOver(parts, options, batch, batch, mostInBatch(parts.train.map(lossTokens), batch))),
    unit: "answers",
    rowsPerEpoch: train.labels.length,
    tokensPerBatch: batch * rowTokens,
    source: (inputs, accumulation, state) =>
      groupSource(train.set, { batch, seed, accumulation, state }, async (step) => {
        const reference = references.get(train)!;
        const divergences: number[] = [];
        for (const each of step) divergences.push(await divergenceOf(each, live!, reference, rowTokens));
        const counts = countsOf(step.flatMap(({ numbers }) => numbers.map((number) => train.labels[number]!)));
        return (microBatch) => {
          const drawn = step[microBatch]!;
          writeAnswers(drawn, inputs, train, reference, counts);
          floatsOf(inputs, "kl")[0] = divergences[microBatch]!;
        };
      }),
    validation:
      validation.labels.length > 0
        ? validationOf(
            validation,
            adapted(objectiveOver(parts, options, valBatch, 2 * valBatch, mostGroupLoss(validation.set, valBatch))),
            valBatch,
            () => references.get(validation)!,
          )
        : undefined,
    async prepare({ untouched, live: open, turn }) {
      for (const [answers, size] of [
        [train, batch],
        [validation, valBatch],
      ] as const) {
        if (answers.labels.length === 0) continue;
        using evaluation = await untouched(
          answerObjective(model, 2 * size, rowTokens, mostGroupLoss(answers.set, size)),
        );
        references.set(answers, await answerLogProbs(evaluation, answers.set, size, turn));
      }
      live = await open(adapted(answerObjective(model, batch, rowTokens)));
    },
  };
}

function answersOf(examples: readonly LabelledTokens[], context: number): Answers {
  const groups = examples.map((example, i): readonly TokenExample[] => [example, mismatched(examples, i, context)]);
  return { set: { context, groups }, labels: examples.map(({ label }) => label) };
}

/** The prompt of an example, with the answer of the nearest one before it (from the first on to the last) that has another prompt. */
function mismatched(examples: readonly LabelledTokens[], i: number, context: number): TokenExample {
  const own = promptOf(examples[i]!);
  for (let back = 1; back < examples.length; back++) {
    const other = examples[(i - back + examples.length) % examples.length]!;
    if (isSame(promptOf(other), own)) continue;
    const answer = other.ids.subarray(other.promptLength);
    const room = context + 1 - own.length;
    const ids = Int32Array.from([...own, ...answer.subarray(0, room)]);
    const mask = Uint8Array.from([
      ...own.map(() => 0),
      ...other.mask.subarray(other.promptLength, other.promptLength + room),
    ]);
    return { ids, mask, cut: Math.max(0, answer.length - room) };
  }
  return fail(
    "BAD_DATA",
    `kto: got ${examples.length} answers to one prompt, expected two prompts or more. It compares with answers to others`,
  );
}

const promptOf = ({ ids, promptLength }: LabelledTokens) => ids.subarray(0, promptLength);

const isSame = (a: Int32Array, b: Int32Array) => a.length === b.length && a.every((id, i) => id === b[i]);

/**
 * Writes the inputs that {@link kto} reads and its loss, of `rows` answers of which the first `batch` are their prompts':
 * with no others the divergence is an input, which is what a step computes. At most `most` targets carry loss.
 */
function objectiveOver(
  { model, rowTokens }: TaskParts<unknown>,
  options: KtoOptions,
  batch: number,
  rows: number,
  most: number,
): Objective {
  return {
    isTrained: () => true,
    write() {
      const { graph, tokens, mask } = answerGraph(model, rows, rowTokens, { most });
      const all = sequenceLogProbs(tokens, mask); // (rows)
      const each = (name: string, length = batch) => input(graph, name, "float32", [length]);
      const reference = each("reference_logps", rows);
      const [policy, known] = rows === batch ? [all, reference] : [all, reference].map((x) => slice(x, 0, 0, batch));
      const kl =
        rows === batch
          ? input(graph, "kl", "float32", [])
          : ktoDivergence(slice(all, 0, batch, rows), slice(reference, 0, batch, rows), each("kl_weights"));
      const [labels, weights, labelWeights] = [each("labels"), each("answer_weights"), each("label_weights")];
      const scored = kto({ policy: policy!, reference: known!, labels, weights, labelWeights, kl }, options);
      return { graph, ...scored };
    },
  };
}

/** The divergence of a micro-batch, by its second half. */
async function divergenceOf(
  { rows, numbers }: DrawnGroups,
  live: Evaluation,
  reference: Float32Array,
  tokens: number,
): Promise<number> {
  await live.run(() => writeRows(rows, live.inputs, tokens, numbers.length));
  const found = logProbsOf(live);
  const sum = numbers.reduce((total, number, b) => total + found[b]! - reference[2 * number + 1]!, 0);
  return Math.max(0, sum / numbers.length);
}

/** What the weights of answers are one over: all of them, the good and the bad ones. */
interface Counts {
  readonly all: number;
  readonly good: number;
  readonly bad: number;
}

function countsOf(labels: readonly boolean[]): Counts {
  const good = labels.filter((label) => label).length;
  return { all: labels.length, good, bad: labels.length - good };
}

function writeAnswers(
  { rows, numbers }: DrawnGroups,
  inputs: Inputs,
  { labels }: Answers,
  reference: Float32Array,
  counts: Counts,
): void {
  writeRows(rows, inputs);
  const each = (name: string) => floatsOf(inputs, name).fill(0);
  const [to, good, weights, labelWeights] = (
    ["reference_logps", "labels", "answer_weights", "label_weights"] as const
  ).map(each) as [Float32Array, Float32Array, Float32Array, Float32Array];
  numbers.forEach((number, b) => {
    to[b] = reference[2 * number]!;
    good[b] = labels[number] ? 1 : 0;
    weights[b] = 1 / counts.all;
    labelWeights[b] = 1 / (labels[number] ? counts.good : counts.bad);
  });
}

function validationOf(
  answers: Answers,
  objective: Objective,
  batch: number,
  referenceOf: () => Float32Array,
): TaskValidation {
  const { set, labels } = answers;
  const { batches, write } = groupBatches(set, batch);
  const rows = emptyRows(2 * batch * set.context);
  const { all, good, bad } = countsOf(labels);
  // Sums over answers: where all of them are measured, the rewards become means over the answers of each label.
  const counts = { all: 1, good: good / all, bad: bad / all };
  return {
    objective,
    batches,
    count: (first) => Math.min(first * batch, all),
    tokensPerBatch: 2 * batch * set.context,
    fill(number, inputs) {
      const numbers = write(number, rows);
      const reference = referenceOf();
      writeAnswers({ rows, numbers }, inputs, answers, reference, counts);
      const [to, weights] = [floatsOf(inputs, "reference_logps"), floatsOf(inputs, "kl_weights").fill(0)];
      numbers.forEach((each, b) => {
        to[batch + b] = reference[2 * each + 1]!;
        weights[b] = 1 / numbers.length;
      });
    },
  };
}
