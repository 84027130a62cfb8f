/** From rewards of a prompt's answers to advantages, and what each token of an answer counts for. Plain arithmetic. */
import { fail } from "../../base/errors.ts";

/** How rewards of a group are scaled. */
export const REWARD_SCALES = ["group", "none"] as const;

/** How tokens of answers of different lengths are weighed. */
export const GRPO_LOSSES = ["dapo", "grpo", "dr_grpo"] as const;

/** Keeps groups of equal rewards at 0. */
const SMALL = 1e-4;

/**
 * Rewards less their mean, over their standard deviation (of a sample) with "group" (Shao et al. 2024), or not ("none": Liu et al.
 * 2025, Dr. GRPO).
 */
export function groupAdvantages(rewards: readonly number[], scale: (typeof REWARD_SCALES)[number]): number[] {
  const centred = rewards.map((reward) => reward - meanOf(rewards));
  if (scale === "none") return centred;
  const deviation = deviationOf(rewards);
  return centred.map((difference) => difference / (deviation + SMALL));
}

/** The mean, 0 of nothing. */
export const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The standard deviation of a sample; 0 of fewer than two. */
export function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}

/**
 * What a token counts for in an answer of each length, of a step of so many answers: "grpo" weighs answers alike, "dapo" tokens (Yu et al.
 * 2025), "dr_grpo" tokens by the length that an answer may have, `longest` (Liu et al. 2025).
 */
export function tokenWeights(
  lengths: readonly number[],
  loss: (typeof GRPO_LOSSES)[number],
  longest: number,
): readonly number[] {
  const all = lengths.reduce((sum, length) => sum + length, 0);
  switch (loss) {
    case "grpo":
      return lengths.map((length) => 1 / (lengths.length * length));
    case "dapo":
      return lengths.map(() => 1 / all);
    case "dr_grpo":
      return lengths.map(() => 1 / (lengths.length * longest));
    default:
      return fail("BUG", `loss: ${loss satisfies never}`);
  }
}
