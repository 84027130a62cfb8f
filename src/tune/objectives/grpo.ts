/**
 * Learning from rewards as a task (GRPO): before each step the model writes answers to the step's prompts, functions score them, and the
 * step makes those likelier that were better than their group's mean.
 */
import { fail } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { rng } from "../../base/rng.ts";
import type { Content } from "../../data/example.ts";
import type { TokenExample } from "../../data/example-tokens.ts";
import { type RowArrays, type RowSamplerState, writeRow } from "../../data/row-sampler.ts";
import { input, scalar } from "../../graph/build.ts";
import { type PolicyGradientOptions, policyGradient } from "../../nn/policy-gradient.ts";
import type { Evaluation } from "../../train/evaluator.ts";
import type { Objective } from "../../train/objective.ts";
import type { Fill, Inputs, StepSource, TaskWorld, TuneTask } from "../task.ts";
import {
  deviationOf,
  type GRPO_LOSSES,
  groupAdvantages,
  meanOf,
  type REWARD_SCALES,
  tokenWeights,
} from "./advantages.ts";
import { answerGraph } from "./answer-log-probs.ts";
import { type DrawingOptions, type DrawnAnswer, drawAnswers } from "./answers.ts";
import { type DrawnGroups, emptyRows, floatsOf, groupSource, writeRows } from "./batches.ts";
import { type Rewards, rewardsOf, type Scoring, totalRewards } from "./rewards.ts";
import type { TaskParts } from "./types.ts";

/** A prompt as ids, and what reward functions are told of it. */
export interface GrpoPrompt extends Scoring {
  readonly ids: Int32Array;
}

/** What the task needs beside the parts of every task. `train` are prompts, of which none validates. */
export interface GrpoParts extends Omit<TaskParts<GrpoPrompt>, "validation" | "valBatch"> {
  readonly rewards: Rewards;
  /** An answer's text, for the functions. */
  readonly decode: (ids: readonly number[]) => string;
}

/** The options of {@link grpoTask}. */
export interface GrpoOptions extends PolicyGradientOptions, DrawingOptions {
  readonly loss: (typeof GRPO_LOSSES)[number];
  readonly scale: (typeof REWARD_SCALES)[number];
}

/** After so many steps in which no answer was better than another, a person is told. */
const SILENT_STEPS = 8;
const SILENCE = `the answers to each prompt were scored alike for ${SILENT_STEPS} steps: nothing is learnt of such steps. Rewards must tell answers apart that the model does write`;

/** Answers to one prompt, and how good they were. */
interface ScoredGroup {
  readonly prompt: GrpoPrompt;
  readonly answers: readonly DrawnAnswer[];
  readonly rewards: readonly number[];
  readonly advantages: readonly number[];
}

/**
 * The task: B prompts and B G rows in a micro-batch. T is at least the tokens of the longest prompt and answer, less one. Throws BAD_DATA
 * for prompts that leave no room, BAD_OPTION.
 */
export function grpoTask(parts: GrpoParts, options: GrpoOptions): TuneTask {
  const { adapted, rowTokens, batch, seed } = parts;
  requireRoom(parts, options);
  const rows = batch * options.group;
  let world: TaskWorld | undefined;
  let [live, untouched]: (Evaluation | undefined)[] = [];
  const set = promptSet(parts);
  return {
    objective: adapted(grpoObjective(parts, options)),
    unit: "answers",
    rowsPerEpoch: parts.train.length,
    tokensPerBatch: rows * rowTokens,
    source(inputs, accumulation, state) {
      let told: Readonly<Record<string, number>> = {};
      let alike = 0;
      const seeds = seedsOf(seed, () => source.state());
      const source: StepSource = groupSource(set, { batch, seed, accumulation, state }, async (step) => {
        const groups = await drawGroups(parts, options, world!, step, seeds);
        told = figuresOf(groups.flat());
        alike = told.frac_reward_zero_std === 1 ? alike + 1 : 0;
        if (alike === SILENT_STEPS) world!.warn(SILENCE);
        return stepFill(parts, options, groups, { live: live!, untouched }, inputs);
      });
      return { ...source, told: () => told };
    },
    async prepare(given) {
      world = given;
      live = await given.live(adapted(tokenObjective(parts, options)));
      untouched = options.beta > 0 ? await given.untouched(tokenObjective(parts, options)) : undefined;
    },
    dispose: () => untouched?.[Symbol.dispose](),
  };
}

function requireRoom({ train, rowTokens, rewards }: GrpoParts, { group, maxNewTokens }: GrpoOptions): void {
  if (group < 2) fail("BAD_OPTION", `group: got ${group}, expected 2 or more: answers are compared with each other`);
  if (Object.keys(rewards).length === 0) fail("BAD_OPTION", "reward: got no function, expected one at least");
  for (const { ids, at } of train)
    if (ids.length + maxNewTokens > rowTokens + 1)
      fail(
        "BAD_DATA",
        `${at}: got a prompt of ${ids.length} tokens, expected at most ${rowTokens + 1 - maxNewTokens} beside answers of ${maxNewTokens}`,
      );
}

/** Prompts as groups of one, for the sampler: it wants two tokens at least, and its rows are not used. */
function promptSet({ train, rowTokens }: GrpoParts) {
  const groups = train.map(({ ids }): readonly TokenExample[] => {
    const more = Int32Array.from([...ids, 0]);
    return [{ ids: more, mask: new Uint8Array(more.length), cut: 0 }];
  });
  return { context: rowTokens, groups };
}

/** Seeds of a step's prompts, which depend on the run's seed and where it stands, so that a continued run draws the same. */
function seedsOf(seed: number, state: () => RowSamplerState): (index: number) => number {
  return (index) => {
    const { epoch, index: at } = state();
    return rng(seed, `answers ${epoch} ${at} ${index}`).uint32();
  };
}

/** Inputs: what {@link policyGradient} reads. */
function grpoObjective(parts: GrpoParts, options: GrpoOptions): Objective {
  const { model, rowTokens, batch } = parts;
  const rows = batch * options.group;
  return {
    isTrained: () => true,
    write() {
      const { graph, tokens, mask } = answerGraph(model, rows, rowTokens, { temperature: options.temperature });
      const each = (name: string) => input(graph, name, "float32", [rows, rowTokens]);
      const old = each("old_logps");
      const reference = options.beta > 0 ? each("reference_logps") : undefined;
      const advantages = input(graph, "advantages", "float32", [rows]);
      return { graph, ...policyGradient({ policy: tokens, old, reference, advantages, weights: mask }, options) };
    },
  };
}

const TOKEN_LOG_PROBS = "token_log_probs";

/** A forward pass whose result is log P of every target, (rows, T). */
function tokenObjective({ model, rowTokens, batch }: GrpoParts, { group, temperature }: GrpoOptions): Objective {
  return {
    isTrained: () => true,
    write() {
      const { graph, tokens } = answerGraph(model, batch * group, rowTokens, { temperature });
      return { graph, loss: scalar(graph, 0), results: { [TOKEN_LOG_PROBS]: tokens } };
    },
  };
}

/** The answers of a step, scored: the groups of each micro-batch. */
async function drawGroups(
  { train, rewards, decode, rowTokens }: GrpoParts,
  options: GrpoOptions,
  world: TaskWorld,
  step: readonly DrawnGroups[],
  seedOf: (index: number) => number,
): Promise<ScoredGroup[][]> {
  using engine = await world.engine(options.group, rowTokens + 1);
  const all: ScoredGroup[][] = [];
  let index = 0;
  for (const { numbers } of step) {
    const groups: ScoredGroup[] = [];
    for (const number of numbers) {
      await world.turn();
      const prompt = train[number]!;
      const answers = await drawAnswers(engine, prompt.ids, options, seedOf(index++));
      const texts = answers.map(({ ids, ended }) => decode(ended ? ids.slice(0, -1) : ids));
      const total = totalRewards(await rewardsOf(rewards, prompt, texts), answers.length);
      groups.push({ prompt, answers, rewards: total, advantages: groupAdvantages(total, options.scale) });
    }
    all.push(groups);
  }
  return all;
}

/** What is told of a step's answers, by TRL's names. */
function figuresOf(groups: readonly ScoredGroup[]): Readonly<Record<string, number>> {
  const answers = groups.flatMap((group) => group.answers);
  const deviations = groups.map(({ rewards }) => deviationOf(rewards));
  return {
    reward: meanOf(groups.flatMap(({ rewards }) => rewards)),
    reward_std: meanOf(deviations),
    frac_reward_zero_std: meanOf(deviations.map((deviation) => (deviation < 1e-8 ? 1 : 0))),
    "completions/mean_length": meanOf(answers.map(({ ids }) => ids.length)),
    "completions/clipped_ratio": meanOf(answers.map(({ ended }) => (ended ? 0 : 1))),
  };
}

/** A micro-batch ready to be written. */
interface ReadyBatch {
  readonly rows: RowArrays;
  readonly advantages: Float32Array;
  readonly old: Float32Array;
  readonly reference: Float32Array | undefined;
}

async function stepFill(
  parts: GrpoParts,
  options: GrpoOptions,
  step: readonly (readonly ScoredGroup[])[],
  { live, untouched }: { readonly live: Evaluation; readonly untouched: Evaluation | undefined },
  inputs: Inputs,
): Promise<Fill> {
  const lengths = step.flatMap((groups) => groups.flatMap(({ answers }) => answers.map(({ ids }) => ids.length)));
  const weights = tokenWeights(lengths, options.loss, options.maxNewTokens);
  let row = 0;
  const ready: ReadyBatch[] = [];
  for (const groups of step) {
    const rows = rowsOf(groups, parts.rowTokens, () => weights[row++]!);
    const old = await logProbsOf(live, rows);
    const reference = untouched && (await logProbsOf(untouched, rows));
    const advantages = Float32Array.from(groups.flatMap((group) => group.advantages));
    ready.push({ rows, advantages, old, reference });
  }
  return (microBatch) => {
    const { rows, advantages, old, reference } = ready[microBatch]!;
    writeRows(rows, inputs);
    floatsOf(inputs, "advantages").set(advantages);
    floatsOf(inputs, "old_logps").set(old);
    if (reference) floatsOf(inputs, "reference_logps").set(reference);
  };
}

/** Prompts with their answers, one a row; an answer's tokens have its weight. */
function rowsOf(groups: readonly ScoredGroup[], context: number, nextWeight: () => number): RowArrays {
  const sequences = groups.flatMap(({ prompt, answers }) =>
    answers.map(({ ids }): TokenExample => {
      const all = Int32Array.from([...prompt.ids, ...ids]);
      return { ids: all, mask: Uint8Array.from(all, (_, i) => (i < prompt.ids.length ? 0 : 1)), cut: 0 };
    }),
  );
  const rows = emptyRows(sequences.length * context);
  sequences.forEach((sequence, row) => {
    writeRow({ context, examples: [sequence] }, [0], row, rows);
    const weight = nextWeight();
    for (let t = row * context; t < (row + 1) * context; t++) rows.weights[t]! *= weight;
  });
  return rows;
}

async function logProbsOf(evaluation: Evaluation, rows: RowArrays): Promise<Float32Array> {
  await evaluation.run(() => writeRows(rows, evaluation.inputs));
  return floatsOf(evaluation.results, TOKEN_LOG_PROBS).slice();
}

/** Prompts from examples and their tokens, side by side. */
export const grpoPrompts = (
  examples: readonly { readonly prompt: Content; readonly record: JsonObject; readonly at: string }[],
  tokens: readonly Pick<TokenExample, "ids">[],
): GrpoPrompt[] => examples.map(({ prompt, record, at }, i) => ({ prompt, record, at, ids: tokens[i]!.ids }));
