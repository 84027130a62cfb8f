/** Every task, and how often each comes up. */
import type { Dice } from "../dice.ts";
import { RELATIONS } from "../facts/all.ts";
import type { Phrasings } from "../facts/relation.ts";
import type { Split } from "../story/tell.ts";
import { ALL_CHAT, aboutTask, chatTask, namedTask, recallTask } from "./chat.ts";
import { ALL_CODE, codeTask } from "./code.ts";
import type { Exchange, Task } from "./exchange.ts";
import { ALL_BRIEF, factTask } from "./facts.ts";
import { ALL_READING, continueTask, namesTask, portraitTask, storyQuestionTask, storyTask, summaryTask, titleTask } from "./reading.ts"; // biome-ignore format: one line
import { ALL_SUMS, sumStoryTask, sumTask } from "./sums.ts";
import { ALL_WORDS, feelingTask, listTask, numberTask, oddTask, rhymeTask, upperTask, whichTask } from "./words.ts";

/** Tasks whose last answer is checked, or which are open; the first number is the weight. */
export const TASKS: readonly (readonly [weight: number, task: Task])[] = [
  [36, factTask],
  [5, sumTask],
  [3, sumStoryTask],
  [4, whichTask],
  [3, oddTask],
  [3, numberTask],
  [4, listTask],
  [2, rhymeTask],
  [1, upperTask],
  [3, feelingTask],
  [5, namesTask],
  [4, portraitTask],
  [4, storyQuestionTask],
  [4, summaryTask],
  [1, titleTask],
  [5, continueTask],
  [6, storyTask],
  [4, codeTask],
  [2, aboutTask],
  [2, recallTask],
  [1, namedTask],
  [7, chatTask],
]; // biome-ignore format: a table

const WEIGHTED = TASKS.flatMap(([weight, task]) => Array<Task>(weight).fill(task));

/** Any task, as often as its weight says. */
export function anyExchange(random: Dice, split: Split): Exchange {
  return random.pick(WEIGHTED)(random, split);
}

/** All phrasings of all tasks and facts, for the test that none is on both sides. */
export const ALL_PHRASINGS: readonly Phrasings[] = [
  ...ALL_BRIEF,
  ...ALL_SUMS,
  ...ALL_WORDS,
  ...ALL_READING,
  ...ALL_CODE,
  ...ALL_CHAT,
  ...RELATIONS.flatMap(({ told, asked, back }) => [told, asked, ...(back ? [back.asked] : [])]),
];
