/** The loop: steps, validations and checkpoints in their turn. Everything it does comes from outside. */
import { fail } from "../base/errors.ts";
import { shellPath } from "../base/format.ts";
import type { TrainSampler } from "../data/batches.ts";
import { learningRate } from "../optim/schedule.ts";
import type { Evaluator, Validation } from "./evaluator.ts";
import type { EvalEvent, TrainEvent } from "./events.ts";
import type { RunOptions } from "./settings.ts";
import type { Progress } from "./snapshot.ts";
import type { Fill, Stepper } from "./stepper.ts";

/** Without a number of steps between them, checkpoints are this far apart. */
const CHECKPOINT_MS = 60_000;

/** Tokens of a last validation, at most: it then takes minutes and not hours. */
const LAST_VALIDATION_TOKENS = 2 ** 20;

/** The parts of a run. */
export interface LoopParts {
  readonly options: RunOptions;
  readonly stepper: Stepper;
  readonly sampler: Pick<TrainSampler, "state">;
  /** Writes a micro-batch, the sampler's next one, into the stepper. */
  readonly fill: Fill;
  /** Absent where nothing validates. */
  readonly evaluator: Evaluator | undefined;
  /** UTF-8 bytes of validation text to a token of it. */
  readonly valBytesPerToken: number;
  readonly tell: (event: TrainEvent) => void;
  /** Writes a checkpoint and returns its path. */
  readonly save: (progress: Progress) => string;
  /** A continuation of the prompt by the model as it stands. */
  readonly sample: (() => Promise<string>) | undefined;
  readonly nowMs: () => number;
  /** Lets the rest of the process have its turn; false when the run is to stop. */
  readonly goOn: () => Promise<boolean>;
}

/** Where a run ended. */
export interface LoopEnd {
  readonly progress: Progress;
  readonly validation: EvalEvent | undefined;
}

/**
 * Trains from `start` (undefined: from nothing) to the last step. After an abort it writes a checkpoint and throws
 * ABORTED; when loss or gradients are no numbers any more it throws DIVERGED and leaves the checkpoints as they were.
 */
export async function trainLoop(parts: LoopParts, start: Progress | undefined): Promise<LoopEnd> {
  const { options, tell } = parts;
  let progress: Progress = start ?? { step: 0, loss: Number.NaN, sampler: parts.sampler.state() };
  let savedStep = start?.step ?? -1;
  let savedMs = parts.nowMs();
  const save = () => {
    if (savedStep === progress.step) return;
    tell({ event: "checkpoint", step: progress.step, path: parts.save(progress) });
    savedStep = progress.step;
    savedMs = parts.nowMs();
  };
  const due = (every: number, step: number) => every > 0 && step % every === 0;
  const checkpointDue = () =>
    options.checkpointEvery === undefined
      ? parts.nowMs() - savedMs >= CHECKPOINT_MS
      : due(options.checkpointEvery, progress.step);
  while (progress.step < options.steps) {
    if (!(await parts.goOn())) stop(save, progress.step, options);
    progress = await oneStep(parts, progress.step + 1);
    if (checkpointDue()) save();
    if (due(options.evalEvery, progress.step) && progress.step < options.steps)
      await lookUp(parts, progress.step, options.evalTokens);
  }
  save();
  return { progress, validation: await lookUp(parts, progress.step, LAST_VALIDATION_TOKENS) };
}

function stop(save: () => void, step: number, { out, steps }: RunOptions): never {
  save();
  return fail(
    "ABORTED",
    `stopped after step ${step} of ${steps}. Continue with: ownlm train --resume --out ${shellPath(out)}`,
  );
}

async function oneStep({ options, stepper, sampler, fill, tell, nowMs }: LoopParts, step: number): Promise<Progress> {
  const startMs = nowMs();
  const rate = learningRate(step, { ...options, warmupSteps: options.warmup });
  const { loss, gradNorm } = await stepper.step(step, rate, fill);
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) diverged(step, loss, gradNorm);
  const tokens = options.batch * options.context * options.accumulation;
  const tokensPerSecond = (1000 * tokens) / Math.max(0.001, nowMs() - startMs);
  tell({ event: "step", step, loss, lr: rate, gradNorm, tokens: step * tokens, tokensPerSecond });
  return { step, loss, sampler: sampler.state() };
}

function diverged(step: number, loss: number, gradNorm: number): never {
  return fail(
    "DIVERGED",
    `step ${step}: the loss became ${loss} and the gradients' norm ${gradNorm}. Try a lower --lr or a longer --warmup`,
  );
}

/** Validates and shows a sample. */
async function lookUp(parts: LoopParts, step: number, maxTokens: number): Promise<EvalEvent | undefined> {
  const { evaluator, tell, sample, goOn } = parts;
  const found = await evaluator?.validate(maxTokens, goOn);
  const event = found && evalEvent(step, found, parts.valBytesPerToken);
  if (event) tell(event);
  if (sample && (await goOn())) tell({ event: "sample", step, text: await sample() });
  return event;
}

function evalEvent(step: number, { loss, tokens }: Validation, bytesPerToken: number): EvalEvent {
  return { event: "eval", step, valLoss: loss, bitsPerByte: loss / Math.LN2 / bytesPerToken, tokens };
}
