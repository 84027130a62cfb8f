/**
 * A reward model as a task: one number for a whole answer, from what the last layer says of its last token, as transformers'
 * classes for sequence classification have it.
 */
import { fail } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import type { PreferenceTokens, TokenExample } from "../../data/example-tokens.ts";
import { type Groups, groupBatches } from "../../data/group-sampler.ts";
import type { RowArrays } from "../../data/row-sampler.ts";
import { atRoot, input, parameter } from "../../graph/build.ts";
import { gather, mul, reduceSum, reshape } from "../../graph/functions.ts";
import { trainingGraph } from "../../models/heads.ts";
import { normal } from "../../nn/layers.ts";
import { pairwiseReward } from "../../nn/preference.ts";
import type { Objective } from "../../train/objective.ts";
import type { Inputs, TaskValidation, TuneTask } from "../task.ts";
import { type DrawnGroups, emptyRows, floatsOf, groupSource, idsOf, writeRows } from "./batches.ts";
import type { TaskParts } from "./types.ts";

/** The head's weight, (1, C): transformers' name. */
export const SCORE_WEIGHT = "score.weight";

/** How its first values are drawn: transformers' `initializer_range`. */
const STD = 0.02;

/** The options of {@link rewardTask}. */
export interface RewardOptions {
  /** The factor of the square of a pair's summed scores. */
  readonly centre: number;
}

/** The task. Rows hold whole sequences: T is at least their number of tokens. */
export function rewardTask(parts: TaskParts<PreferenceTokens>, options: RewardOptions): TuneTask {
  const { rowTokens, batch, valBatch, seed } = parts;
  const padId = padIdOf(parts.model.config);
  const [train, validation] = [wholeOf(parts.train, rowTokens), wholeOf(parts.validation, rowTokens)];
  return {
    objective: rewardObjective(parts, options, batch),
    unit: "pairs",
    rowsPerEpoch: train.groups.length,
    tokensPerBatch: 2 * batch * rowTokens,
    source: (inputs, accumulation, state) =>
      groupSource(train, { batch, seed, accumulation, state }, (step) => {
        const pairs = step.reduce((sum, { numbers }) => sum + numbers.length, 0);
        return (microBatch) => writeWhole(step[microBatch]!, inputs, { padId, pairs, context: rowTokens });
      }),
    validation:
      validation.groups.length > 0
        ? validationOf(validation, rewardObjective(parts, options, valBatch), valBatch, padId)
        : undefined,
  };
}

/** Sequences whose every token is an input: a further one, a target only, is put behind. */
function wholeOf(pairs: readonly PreferenceTokens[], context: number): Groups {
  const whole = ({ ids, mask, cut }: TokenExample): TokenExample => ({
    ids: Int32Array.from([...ids, 0]),
    mask: Uint8Array.from([...mask, 0]),
    cut,
  });
  return { context, groups: pairs.map(({ chosen, rejected }) => [whole(chosen), whole(rejected)]) };
}

function rewardObjective({ model, adapted, rowTokens }: TaskParts<unknown>, options: RewardOptions, batch: number) {
  const whole: Objective = {
    isTrained: () => true,
    write() {
      const { graph, hidden } = trainingGraph(model, { batch: 2 * batch, tokens: rowTokens });
      const last = input(graph, "last_rows", "int64", [2 * batch]);
      const weights = input(graph, "pair_weights", "float32", [batch]);
      const weight = atRoot(graph, () => parameter(graph, SCORE_WEIGHT, [1, model.hiddenSize], normal(STD)));
      // Not a Gemm, so that it gets no adapter: the head is trained as a whole.
      const scores = reshape(reduceSum(mul(gather(hidden, last), weight), [1]), [2 * batch]); // (2B)
      return { graph, ...pairwiseReward(scores, weights, options), results: { scores } };
    },
  };
  const { isTrained, ...rest } = adapted(whole);
  return { ...rest, isTrained: (name: string) => name === SCORE_WEIGHT || isTrained(name) };
}

interface Writing {
  readonly padId: number | undefined;
  readonly pairs: number;
  readonly context: number;
}

function writeWhole({ rows, numbers }: DrawnGroups, inputs: Inputs, { padId, pairs, context }: Writing): void {
  writeRows(rows, inputs);
  const last = idsOf(inputs, "last_rows");
  for (let row = 0; row < last.length; row++) last[row] = BigInt(row * context + lastToken(rows, row, context, padId));
  floatsOf(inputs, "pair_weights")
    .fill(0)
    .fill(1 / pairs, 0, numbers.length);
}

/**
 * The position of a row's last token, as transformers finds it: one that is the padding's does not count, whoever wrote it.
 */
function lastToken({ inputIds, segmentIds }: RowArrays, row: number, context: number, padId: number | undefined) {
  for (let t = context - 1; t > 0; t--) {
    const at = row * context + t;
    if (segmentIds[at]! > 0 && (padId === undefined || Number(inputIds[at]) !== padId)) return t;
  }
  return 0;
}

function validationOf(set: Groups, objective: Objective, batch: number, padId: number | undefined): TaskValidation {
  const { batches, write } = groupBatches(set, batch);
  const rows = emptyRows(2 * batch * set.context);
  return {
    objective,
    batches,
    count: (first) => Math.min(first * batch, set.groups.length),
    tokensPerBatch: 2 * batch * set.context,
    fill: (number, inputs) =>
      writeWhole({ rows, numbers: write(number, rows) }, inputs, { padId, pairs: 1, context: set.context }),
  };
}

const padIdOf = ({ pad_token_id: id }: JsonObject): number | undefined => (typeof id === "number" ? id : undefined);

/**
 * The config.json of a reward model, from its base's: the class that transformers loads, one label. `architecture` is the base's
 * class. Throws UNSUPPORTED where its name tells no family.
 */
export function rewardConfig(config: JsonObject, architecture: string): JsonObject {
  const family = /^(\w+?)(?:ForCausalLM|LMHeadModel)$/.exec(architecture)?.[1];
  if (family === undefined)
    return fail(
      "UNSUPPORTED",
      `architectures: got ${architecture}, expected a causal language model such as LlamaForCausalLM`,
    );
  return {
    ...config,
    architectures: [`${family}ForSequenceClassification`],
    id2label: { "0": "LABEL_0" },
    label2id: { LABEL_0: 0 },
  };
}
