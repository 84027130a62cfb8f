/** The objectives there are: what each learns from, how its rows are made, and its task. One entry an objective. */
import type { Example, LabelledExample, PreferenceExample, PromptExample, SftExample, Shape } from "../data/example.ts";
import type { TokensOf } from "../data/tokenize-examples.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { distillationTask, type Teacher } from "./objectives/distillation.ts";
import { grpoPrompts, grpoTask } from "./objectives/grpo.ts";
import { ktoTask } from "./objectives/kto.ts";
import { dpoTask, orpoTask, simpoTask } from "./objectives/preference.ts";
import { rewardTask } from "./objectives/reward.ts";
import type { Rewards } from "./objectives/rewards.ts";
import { sftTask } from "./objectives/sft.ts";
import type { TaskParts } from "./objectives/types.ts";
import type { DecidedTune, RunTune } from "./options.ts";
import type { TuneTask } from "./task.ts";

/** Names of objectives. */
export type ObjectiveName = RunTune["objective"];

interface KindOf<E extends Example> {
  /** Kinds of examples it learns from, and the same for people. */
  readonly kinds: readonly E["kind"][];
  readonly learnsFrom: string;
  /** The shape of the data where none is named; left out, it is recognised. */
  readonly shape?: Shape;
  /** True where a part of the data validates. */
  readonly validates: boolean;
  /** Rows that an example takes. */
  readonly rowsOfExample: (options: DecidedTune) => number;
  /** True where rows may hold several examples. */
  readonly packs: boolean;
  /** Positions of a row beyond those of the longest example. */
  readonly morePositions: (options: DecidedTune) => number;
  readonly task: (parts: TaskParts<TokensOf<E>>, options: RunTune, world: KindWorld<E>) => TuneTask;
}

/** What some tasks are made of besides the parts of all. */
export interface KindWorld<E extends Example> {
  readonly teacher: Teacher | undefined;
  readonly rewards: Rewards;
  /** What the training tokens were made of. */
  readonly examples: readonly E[];
  readonly tokenizer: Tokenizer;
  /** Ids that end an answer. */
  readonly endIds: readonly number[];
}

/** An objective whose examples' type is forgotten: those of `kinds` are to be given to its task. */
export interface ObjectiveKind extends Omit<KindOf<Example>, "task"> {
  readonly task: (parts: TaskParts<TokensOf<Example>>, options: RunTune, world: KindWorld<Example>) => TuneTask;
}

const kind = <E extends Example>(definition: KindOf<E>): ObjectiveKind => definition as unknown as ObjectiveKind;

const TEXTS = {
  kinds: ["text", "chat", "completion"],
  learnsFrom: "messages, conversations, instruction and output, prompt and completion, or text",
  validates: true,
  rowsOfExample: () => 1,
  packs: true,
  morePositions: () => 0,
} as const;

const PAIRS = {
  kinds: ["preference"],
  learnsFrom: "prompt, chosen and rejected",
  validates: true,
  rowsOfExample: () => 2,
  packs: false,
  morePositions: () => 0,
} as const;

const groupOf = ({ group = 8 }: DecidedTune) => group;
const answerTokensOf = ({ answerTokens = 128 }: DecidedTune) => answerTokens;

/** By name. */
export const KINDS: Readonly<Record<ObjectiveName, ObjectiveKind>> = {
  sft: kind<SftExample>({ ...TEXTS, task: (parts, { packing }) => sftTask({ ...parts, packing }) }),
  dpo: kind<PreferenceExample>({
    ...PAIRS,
    task: (parts, { beta = 0.1, labelSmoothing = 0 }) => dpoTask(parts, { beta, labelSmoothing }),
  }),
  orpo: kind<PreferenceExample>({ ...PAIRS, task: (parts, { beta = 0.1 }) => orpoTask(parts, { beta }) }),
  simpo: kind<PreferenceExample>({
    ...PAIRS,
    task: (parts, { beta = 2, gamma = 0.5 }) => simpoTask(parts, { beta, gamma }),
  }),
  kto: kind<LabelledExample>({
    kinds: ["labelled"],
    learnsFrom: "prompt, completion and label",
    validates: true,
    rowsOfExample: () => 1,
    packs: false,
    morePositions: () => 0,
    task: (parts, { beta = 0.1, desirableWeight = 1, undesirableWeight = 1 }) =>
      ktoTask(parts, { beta, desirableWeight, undesirableWeight }),
  }),
  reward: kind<PreferenceExample>({
    ...PAIRS,
    morePositions: () => 1,
    task: (parts, { centre = 0 }) => rewardTask(parts, { centre }),
  }),
  distill: kind<SftExample>({
    ...TEXTS,
    // Without a teacher: the texts that it wrote are the data.
    task: (parts, { packing, temperature = 1, teacherShare = 0.5, topLogits = 64 }, { teacher }) =>
      teacher
        ? distillationTask({ ...parts, packing, teacher }, { temperature, alpha: teacherShare, topLogits })
        : sftTask({ ...parts, packing }),
  }),
  grpo: kind<PromptExample>({
    kinds: ["prompt"],
    learnsFrom: "prompt",
    shape: "prompt",
    validates: false,
    rowsOfExample: groupOf,
    packs: false,
    morePositions: answerTokensOf,
    task(parts, options, { rewards, examples, tokenizer, endIds }) {
      const { temperature = 1, beta = 0, grpoLoss: loss = "dapo", rewardScale: scale = "group" } = options;
      return grpoTask(
        {
          ...parts,
          train: grpoPrompts(examples, parts.train),
          rewards,
          decode: (ids) => tokenizer.decode(ids, { skipSpecialTokens: true }),
        },
        {
          ...{ temperature, beta, loss, scale, group: groupOf(options), maxNewTokens: answerTokensOf(options) },
          ...{ topP: 1, endIds, vocabSize: tokenizer.vocabSize, clipLow: 0.2, clipHigh: 0.2 },
        },
      );
    },
  }),
};

/** The objectives that learn from a kind of examples. */
export function objectivesFor(kind: Example["kind"]): ObjectiveName[] {
  return (Object.keys(KINDS) as ObjectiveName[]).filter((name) => KINDS[name].kinds.includes(kind));
}
