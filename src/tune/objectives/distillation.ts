/**
 * Learning from a larger model's logits as a task. Before a step the teacher reads its rows; of each token's distribution the most probable
 * tokens are kept, which bounds memory.
 */
import { fail } from "../../base/errors.ts";
import type { TokenExample } from "../../data/example-tokens.ts";
import { type RowArrays, rowBatches } from "../../data/row-sampler.ts";
import { packRows, type RowPlan } from "../../data/rows.ts";
import { input, scalar } from "../../graph/build.ts";
import { topK } from "../../graph/functions.ts";
import { trainingGraph } from "../../models/heads.ts";
import type { CausalLm } from "../../models/types.ts";
import { type DistillationOptions, distillation, softened } from "../../nn/distillation.ts";
import type { Evaluation } from "../../train/evaluator.ts";
import type { Objective } from "../../train/objective.ts";
import type { Inputs, TuneTask } from "../task.ts";
import { emptyRows, floatsOf, idsOf, rowSource, writeRows } from "./batches.ts";
import type { TaskParts } from "./types.ts";

/** A model that teaches. */
export interface Teacher {
  readonly model: CausalLm;
  /** Opens an objective over its weights. The caller disposes it. */
  readonly open: (objective: Objective) => Promise<Evaluation>;
}

/** What the task needs beside the student's parts. */
export interface DistillationParts extends TaskParts<TokenExample> {
  readonly packing: "packed" | "padded";
  readonly teacher: Teacher;
}

/** The options of {@link distillationTask}. */
export interface DistillationTaskOptions extends DistillationOptions {
  /** K: so many of the teacher's most probable tokens are told apart; the vocabulary's size or more: all. */
  readonly topLogits: number;
}

/**
 * The task. Throws UNSUPPORTED where the vocabularies differ in size. `open` is asked for the teacher in the task's `prepare`; its
 * evaluations are disposed by `dispose`.
 */
export function distillationTask(parts: DistillationParts, options: DistillationTaskOptions): TuneTask {
  const { model, teacher, adapted, rowTokens, batch, valBatch, seed } = parts;
  if (teacher.model.vocabSize !== model.vocabSize)
    fail(
      "UNSUPPORTED",
      `teacher: got ${teacher.model.vocabSize} tokens, expected the student's ${model.vocabSize}. Let it write texts, and learn them by sft`,
    );
  const rows = { context: rowTokens, mode: parts.packing };
  const plan = packRows(parts.train, rows);
  const held = parts.validation.length > 0 ? packRows(parts.validation, rows) : undefined;
  const opened = new Map<number, Evaluation>();
  const ask = (rowsOf: RowArrays, size: number) => lesson(opened.get(size)!, rowsOf);
  return {
    objective: adapted(studentObjective(parts, options, batch)),
    unit: "tokens",
    rowsPerEpoch: plan.rows.length,
    tokensPerBatch: batch * rowTokens,
    source: (inputs, accumulation, state) =>
      rowSource(plan, { batch, seed, accumulation, state }, async (step) => {
        const lessons: Lesson[] = [];
        for (const each of step) lessons.push(await ask(each, batch));
        return (microBatch) => writeLesson(step[microBatch]!, lessons[microBatch]!, inputs);
      }),
    validation: held && validationOf(held, adapted(studentObjective(parts, options, valBatch)), valBatch, ask),
    async prepare() {
      for (const size of new Set(held ? [batch, valBatch] : [batch]))
        opened.set(size, await teacher.open(teacherObjective(parts, options, size)));
    },
    dispose() {
      for (const each of opened.values()) each[Symbol.dispose]();
      opened.clear();
    },
  };
}

/** Rows of one example need no mask of segments: padding lies behind it. */
const shapeOf = ({ rowTokens, packing }: DistillationParts, batch: number) => ({
  batch,
  tokens: rowTokens,
  segments: packing === "packed",
});

/** The vocabulary's size, or K. */
const keptLogits = ({ model }: DistillationParts, { topLogits }: DistillationTaskOptions) =>
  Math.min(topLogits, model.vocabSize);

function studentObjective(parts: DistillationParts, options: DistillationTaskOptions, batch: number): Objective {
  const [rows, kept] = [batch * parts.rowTokens, keptLogits(parts, options)];
  return {
    isTrained: () => true,
    write() {
      const { graph, logits } = trainingGraph(parts.model, shapeOf(parts, batch));
      const targets = input(graph, "targets", "int64", [batch, parts.rowTokens]);
      const weights = input(graph, "weights", "float32", [batch, parts.rowTokens]);
      const said = input(graph, "teacher", "float32", [rows, kept]);
      const teaching =
        kept < parts.model.vocabSize
          ? { logProbs: said, ids: input(graph, "teacher_ids", "int64", [rows, kept]) }
          : { logits: said };
      return { graph, ...distillation(logits, teaching, targets, weights, options) };
    },
  };
}

/** A forward pass whose results are log P of the teacher's most probable tokens and which they are, or all logits. */
function teacherObjective(parts: DistillationParts, options: DistillationTaskOptions, batch: number): Objective {
  const kept = keptLogits(parts, options);
  return {
    isTrained: () => true,
    write() {
      const { graph, logits } = trainingGraph(parts.teacher.model, shapeOf(parts, batch));
      if (kept === parts.model.vocabSize) return { graph, loss: scalar(graph, 0), results: { said: logits } };
      const [said, ids] = topK(softened(logits, options.temperature), 1, kept);
      return { graph, loss: scalar(graph, 0), results: { said, ids } };
    },
  };
}

/** What the teacher says of a micro-batch. */
interface Lesson {
  readonly said: Float32Array;
  readonly ids: BigInt64Array | undefined;
}

async function lesson(teacher: Evaluation, rows: RowArrays): Promise<Lesson> {
  await teacher.run(() => writeRows(rows, teacher.inputs));
  const ids = teacher.results.ids && idsOf(teacher.results, "ids").slice();
  return { said: floatsOf(teacher.results, "said").slice(), ids };
}

function writeLesson(rows: RowArrays, { said, ids }: Lesson, inputs: Inputs): void {
  writeRows(rows, inputs);
  floatsOf(inputs, "teacher").set(said);
  if (ids) idsOf(inputs, "teacher_ids").set(ids);
}

function validationOf(
  plan: RowPlan,
  objective: Objective,
  batch: number,
  ask: (rows: RowArrays, size: number) => Promise<Lesson>,
) {
  const { batches, write } = rowBatches(plan, batch);
  const rows = emptyRows(batch * plan.context);
  const counts = Array.from({ length: batches }, (_, i) => write(i, rows));
  return {
    objective,
    batches,
    count: (first: number) => counts.slice(0, first).reduce((sum, count) => sum + count, 0),
    tokensPerBatch: batch * plan.context,
    async fill(number: number, inputs: Inputs) {
      write(number, rows);
      writeLesson(rows, await ask(rows, batch), inputs);
    },
  };
}
