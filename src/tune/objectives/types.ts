/** What every objective's task is made of. */
import type { CausalLm } from "../../models/types.ts";
import type { Objective } from "../../train/objective.ts";

/** How a student learns from a teacher. */
export const LESSONS = ["logits", "text"] as const;

/** A run's choices, and its data as tokens. */
export interface TaskParts<T> {
  readonly model: CausalLm;
  /** Puts adapters into an objective, where there are any. */
  readonly adapted: (objective: Objective) => Objective;
  readonly train: readonly T[];
  /** Empty where nothing validates. */
  readonly validation: readonly T[];
  /** T: positions of a row. */
  readonly rowTokens: number;
  /** B of a micro-batch, in training and in validation: groups, each of which may be several rows. */
  readonly batch: number;
  readonly valBatch: number;
  readonly seed: number;
}
