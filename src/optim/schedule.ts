/** Learning rates over a run, as plain functions of the step. */

/** The shapes there are: cosine decay, warm-up-stable-decay (Hu et al. 2024), or flat after warm-up. */
export const SCHEDULES = ["cosine", "wsd", "constant"] as const;

/** What determines the rate at each step. */
export interface ScheduleOptions {
  readonly schedule: (typeof SCHEDULES)[number];
  /** The peak rate. */
  readonly lr: number;
  /** The rate at the end, 0 to `lr`; not used by `constant`. */
  readonly minLr: number;
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Share of the run, at its end, over which `wsd` falls linearly. Default 0.2. */
  readonly decayFraction?: number;
}

/** The learning rate of step `step`, counted from 1 to `steps`. */
export function learningRate(step: number, options: ScheduleOptions): number {
  const { schedule, lr, minLr, warmupSteps, steps, decayFraction = 0.2 } = options;
  if (step <= warmupSteps) return (lr * step) / warmupSteps;
  if (schedule === "constant") return lr;
  if (schedule === "cosine") {
    const done = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
    return minLr + 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done))) * (lr - minLr);
  }
  const decaySteps = Math.max(1, Math.round(steps * decayFraction));
  const left = (steps - step) / decaySteps;
  return left >= 1 ? lr : minLr + (lr - minLr) * Math.max(0, left);
}
