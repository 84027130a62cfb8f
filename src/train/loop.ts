/** The loop: steps, validations and checkpoints in their turn. Everything it does comes from outside. */
import { fail } from "../base/errors.ts";
import { shellPath } from "../base/format.ts";
import type { TrainSampler } from "../data/batches.ts";
import type { Evaluator, Validation } from "./evaluator.ts";
import type { EvalEvent, TrainEvent } from "./events.ts";
import { requireFinite, runLoop } from "./run-loop.ts";
import type { RunOptions } from "./settings.ts";
import type { Progress } from "./snapshot.ts";
import type { Fill, Stepper } from "./stepper.ts";

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
  const { options, tell, nowMs, goOn } = parts;
  let validation: EvalEvent | undefined;
  const progress = await runLoop<Progress>(
    {
      schedule: { ...options, warmupSteps: options.warmup },
      evalEvery: options.evalEvery,
      checkpointEvery: options.checkpointEvery,
      step: (number, rate, { lookedUp }) => oneStep(parts, number, rate, lookedUp),
      async lookUp(progress, isLast) {
        validation = await validated(parts, progress.step, isLast ? LAST_VALIDATION_TOKENS : options.evalTokens);
        if (parts.evaluator && !validation) return undefined;
        if (parts.sample && (await goOn())) tell({ event: "sample", step: progress.step, text: await parts.sample() });
        return progress;
      },
      save: (progress) => tell({ event: "checkpoint", step: progress.step, path: parts.save(progress) }),
      nowMs,
      goOn,
      stopped: ({ step }) =>
        fail(
          "ABORTED",
          `stopped after step ${step} of ${options.steps}. Continue with: ownlm train --resume --out ${shellPath(options.out)}`,
        ),
    },
    start ?? { step: 0, lookedUp: 0, loss: Number.NaN, sampler: parts.sampler.state() },
    start !== undefined,
  );
  return { progress, validation };
}

async function oneStep(parts: LoopParts, step: number, rate: number, lookedUp: number): Promise<Progress> {
  const { options, stepper, sampler, fill, tell, nowMs } = parts;
  const startMs = nowMs();
  const { loss, gradNorm } = await stepper.step(step, rate, fill);
  requireFinite(step, { loss, gradNorm });
  const tokens = options.batch * options.context * options.accumulation;
  const tokensPerSecond = (1000 * tokens) / Math.max(0.001, nowMs() - startMs);
  tell({ event: "step", step, loss, lr: rate, gradNorm, tokens: step * tokens, tokensPerSecond });
  return { step, lookedUp, loss, sampler: sampler.state() };
}

/** Validates and tells of it; undefined where nothing validates, or it was stopped meanwhile. */
async function validated(parts: LoopParts, step: number, maxTokens: number): Promise<EvalEvent | undefined> {
  const found = await parts.evaluator?.validate(maxTokens, parts.goOn);
  const event = found && evalEvent(step, found, parts.valBytesPerToken);
  if (event) parts.tell(event);
  return event;
}

function evalEvent(step: number, { loss, tokens }: Validation, bytesPerToken: number): EvalEvent {
  return { event: "eval", step, valLoss: loss, bitsPerByte: loss / Math.LN2 / bytesPerToken, tokens };
}
