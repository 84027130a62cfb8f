/** How long a run is: from epochs or minutes to steps. */
import type { DecidedOptions } from "./options.ts";
import type { Fill, Stepper } from "./stepper.ts";

/** Minutes where no length is given. */
const DEFAULT_MINUTES = 10;

/** Part of the time that validations and checkpoints take, roughly. */
const OVERHEAD = 0.05;

/** Steps of a run over `trainTokens` tokens. */
export function lengthInSteps(
  options: Pick<DecidedOptions, "steps" | "epochs" | "minutes" | "batch" | "context" | "accumulation">,
  trainTokens: number,
  msPerStep: number,
): number {
  const { steps, epochs, minutes = DEFAULT_MINUTES, batch, context, accumulation } = options;
  if (steps !== undefined) return steps;
  const windows = Math.ceil((trainTokens - 1) / context);
  if (epochs !== undefined) return Math.max(1, Math.ceil((epochs * windows) / (batch * accumulation)));
  return Math.max(1, Math.floor((minutes * 60_000 * (1 - OVERHEAD)) / msPerStep));
}

const MEASURED_MS = 400;
const MEASURED_STEPS = 5;

/** Milliseconds of a step: the fastest of a few whose results are dropped. The first one fills the memory and is not counted. */
export async function measureStepMs(
  stepper: Stepper,
  fill: Fill,
  nowMs: () => number,
  turn: () => Promise<void>,
): Promise<number> {
  const rehearse = async () => {
    await turn();
    const startMs = nowMs();
    await stepper.rehearse(fill);
    return nowMs() - startMs;
  };
  await rehearse();
  let best = Number.POSITIVE_INFINITY;
  const endMs = nowMs() + MEASURED_MS;
  for (let i = 0; i < MEASURED_STEPS && (i === 0 || nowMs() < endMs); i++) best = Math.min(best, await rehearse());
  return Math.max(0.01, best);
}
