/** The bare loop of a run: steps, looks at how it goes, and checkpoints in their turn. Everything it does comes from outside. */
import { fail } from "../base/errors.ts";
import { learningRate, type ScheduleOptions } from "../optim/schedule.ts";

/** Without a number of steps between them, checkpoints are this far apart. */
const CHECKPOINT_MS = 60_000;

/** Where a run stands. */
export interface LoopProgress {
  /** Steps done. */
  readonly step: number;
  /** The last step that was looked at; -1 where none was. */
  readonly lookedUp: number;
  /** True where a look said that the run is at its end before its last step. */
  readonly over?: boolean | undefined;
}

/** The parts of a run. */
export interface RunParts<P extends LoopProgress> {
  readonly schedule: ScheduleOptions;
  /** Steps between looks; 0 for none on the way. */
  readonly evalEvery: number;
  /** Steps between checkpoints, 0 for none; undefined for one a minute. */
  readonly checkpointEvery?: number | undefined;
  /** Does a step, counted from 1, and tells of it. */
  readonly step: (number: number, rate: number, before: P) => Promise<P>;
  /** Looks at how the run goes; undefined where it was stopped meanwhile. `isLast` behind the last step. */
  readonly lookUp: (progress: P, isLast: boolean) => Promise<P | undefined>;
  /** Writes a checkpoint and tells of it. */
  readonly save: (progress: P) => void;
  readonly nowMs: () => number;
  /** Lets the rest of the process have its turn; false when the run is to stop. */
  readonly goOn: () => Promise<boolean>;
  /** Says how a stopped run is continued. Throws. */
  readonly stopped: (progress: P) => never;
}

/**
 * Goes from `start` to the last step or an early end. A step that is due for a look has it before the next checkpoint, so
 * that a continued run sees what an unbroken one sees. `isResumed`: `start` is on the disk already. After an abort the state
 * is saved and `stopped` throws.
 */
export async function runLoop<P extends LoopProgress>(parts: RunParts<P>, start: P, isResumed: boolean): Promise<P> {
  const { schedule, evalEvery } = parts;
  let progress = start;
  let savedStep = isResumed ? start.step : -1;
  let savedMs = parts.nowMs();
  const save = () => {
    if (savedStep === progress.step) return;
    parts.save(progress);
    savedStep = progress.step;
    savedMs = parts.nowMs();
  };
  const look = async (isLast: boolean) => {
    const found = await parts.lookUp(progress, isLast);
    if (!found) stop();
    progress = { ...found!, lookedUp: progress.step };
  };
  const stop = () => {
    save();
    parts.stopped(progress);
  };
  const lookDue = () => evalEvery > 0 && progress.step % evalEvery === 0 && progress.lookedUp < progress.step;
  const checkpointDue = () =>
    parts.checkpointEvery === undefined
      ? parts.nowMs() - savedMs >= CHECKPOINT_MS
      : parts.checkpointEvery > 0 && progress.step % parts.checkpointEvery === 0;
  while (progress.step < schedule.steps && !progress.over) {
    if (!(await parts.goOn())) stop();
    if (lookDue()) await look(false);
    if (progress.over) break;
    const number = progress.step + 1;
    progress = await parts.step(number, learningRate(number, schedule), progress);
    if (progress.step < schedule.steps && lookDue()) await look(false);
    if (checkpointDue()) save();
  }
  save();
  if (progress.lookedUp < progress.step) await look(true);
  return progress;
}

/** Throws DIVERGED where a step's loss or gradients are no numbers any more. */
export function requireFinite(
  step: number,
  { loss, gradNorm }: { readonly loss: number; readonly gradNorm: number },
): void {
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
    fail(
      "DIVERGED",
      `step ${step}: the loss became ${loss} and the gradients' norm ${gradNorm}. Try a lower --lr or a longer --warmup`,
    );
}
