/** Functions that score answers, as a user writes them, and what they gave, checked. */
import { fail } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import type { Content } from "../../data/example.ts";

/**
 * Scores the answers to one prompt, the more the better: one number each, in order. `prompt` is a text or a chat's messages, as
 * `record`, the whole record of the data, has it.
 */
export type RewardFunction = (
  prompt: Content,
  completions: readonly string[],
  record: JsonObject,
) => readonly number[] | Promise<readonly number[]>;

/** Reward functions by name; an answer's reward is the sum of theirs. */
export type Rewards = Readonly<Record<string, RewardFunction>>;

/** Loads the functions that files export, each under its name. */
export type LoadRewards = (files: readonly string[]) => Promise<Rewards>;

/** What is scored. */
export interface Scoring {
  readonly prompt: Content;
  readonly record: JsonObject;
  /** Where the prompt was read, for messages. */
  readonly at: string;
}

/** The rewards of answers, by function. Throws BAD_DATA where one gives something else than a finite number for each. */
export async function rewardsOf(
  rewards: Rewards,
  { prompt, record, at }: Scoring,
  completions: readonly string[],
): Promise<Readonly<Record<string, readonly number[]>>> {
  const found: Record<string, readonly number[]> = {};
  for (const [name, score] of Object.entries(rewards)) {
    const given: unknown = await score(prompt, completions, record);
    if (!Array.isArray(given) || given.length !== completions.length)
      fail(
        "BAD_DATA",
        `${at}: reward ${name}: got ${Array.isArray(given) ? `${given.length} values` : typeof given}, expected ${completions.length} numbers, one for each answer`,
      );
    const wrong = given.findIndex((value) => typeof value !== "number" || !Number.isFinite(value));
    if (wrong >= 0)
      fail(
        "BAD_DATA",
        `${at}: reward ${name}: got ${String(given[wrong])} for answer ${wrong + 1}, expected a finite number`,
      );
    found[name] = given;
  }
  return found;
}

/** The sums over functions. */
export const totalRewards = (byName: Readonly<Record<string, readonly number[]>>, answers: number): number[] =>
  Array.from({ length: answers }, (_, i) => Object.values(byName).reduce((sum, values) => sum + values[i]!, 0));
