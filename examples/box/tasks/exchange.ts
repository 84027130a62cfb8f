/** What somebody asks and is answered: the shape of every task, and how its phrasings are chosen. Knows no task. */
import type { Dice } from "../dice.ts";
import type { Phrasings } from "../facts/relation.ts";
import type { Split } from "../story/tell.ts";
import { type Slots, say } from "../template.ts";

/** One question and its answer. */
export interface Turn {
  readonly user: string;
  readonly assistant: string;
}

/** A chat with exactly one right last answer, unless it is open. */
export interface Exchange {
  readonly task: string;
  readonly system?: string;
  readonly turns: readonly Turn[];
  /** A last answer that looks alike and is wrong. */
  readonly wrong?: string;
  /** The last answer is one of many good ones: a story goes on. */
  readonly open?: boolean;
  /** The phrasing that the test keeps for itself, if it has one. */
  readonly phrasing: string;
}

/** Makes an exchange in phrasings of a split. */
export type Task = (random: Dice, split: Split) => Exchange;

/** One of the phrasings of a split, and its text. */
export function ask(
  phrasings: Phrasings,
  slots: Slots,
  random: Dice,
  split: Split,
): { phrasing: string; text: string } {
  const phrasing = random.pick(phrasings[split]);
  return { phrasing, text: say(phrasing, slots, random) };
}

/** An exchange of one turn. */
export function single(task: string, { phrasing, text }: { phrasing: string; text: string }, assistant: string, wrong?: string): Exchange {
  return { task, phrasing, turns: [{ user: text, assistant }], ...(wrong !== undefined && { wrong }) };
} // biome-ignore format: one line

/** Another entry of a list than the one given; `undefined` where there is none. */
export function other<T>(list: readonly T[], not: T, random: Dice): T | undefined {
  const rest = list.filter((each) => each !== not);
  return rest.length ? random.pick(rest) : undefined;
}
