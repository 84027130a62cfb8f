/** A look at how a run goes: validation, the best weights kept, and when to stop. Trains nothing. */
import { createEvaluation } from "../train/evaluator.ts";
import type { TuneEvent } from "./events.ts";
import type { PreparedTune, TuneContext } from "./prepare.ts";
import { saveBest, type TuneProgress } from "./weights.ts";

/** What a look is given besides the run. */
export interface LookWorld {
  readonly tell: (event: TuneEvent) => void;
  readonly goOn: () => Promise<boolean>;
}

/**
 * A function that validates the stepper as it stands; undefined where it was stopped meanwhile. All looks measure the same
 * batches. Where nothing validates, it changes nothing.
 */
export async function lookAround(
  { host, runtime, own }: TuneContext,
  { settings, task, stepper }: PreparedTune,
  { tell, goOn }: LookWorld,
): Promise<(progress: TuneProgress) => Promise<TuneProgress | undefined>> {
  const { validation } = task;
  if (!validation) return async (progress) => progress;
  const { threads, evalTokens, patience, out } = settings.options;
  const evaluation = own(await createEvaluation(runtime, validation.objective, stepper, { threads }));
  const batches = Math.max(1, Math.min(validation.batches, Math.floor(evalTokens / validation.tokensPerBatch)));
  const count = validation.count(batches);
  return async (progress) => {
    const sums = new Map<string, number>();
    for (let i = 0; i < batches; i++) {
      if (!(await goOn())) return undefined;
      await validation.fill(i, evaluation.inputs);
      const { loss, metrics } = await evaluation.run(() => {});
      for (const [name, value] of Object.entries({ ...metrics, loss })) sums.set(name, (sums.get(name) ?? 0) + value);
    }
    const means = new Map([...sums].map(([name, value]) => [name, value / count]));
    const [valLoss, tokenAccuracy] = [means.get("loss")!, means.get("tokenAccuracy")];
    means.delete("loss");
    means.delete("tokenAccuracy");
    const isBest = progress.best === undefined || valLoss < progress.best.valLoss;
    const { step } = progress;
    if (isBest && step > 0) saveBest(host, out, stepper, step);
    const accuracy = tokenAccuracy === undefined ? {} : { tokenAccuracy };
    const metrics = means.size > 0 ? { metrics: Object.fromEntries(means) } : {};
    tell({ event: "eval", step, valLoss, ...accuracy, tokens: count, best: isBest, ...metrics });
    const stale = isBest ? 0 : progress.stale + 1;
    return {
      ...progress,
      firstLoss: progress.firstLoss ?? valLoss,
      lastLoss: valLoss,
      ...(tokenAccuracy !== undefined && { lastAccuracy: tokenAccuracy }),
      // The model as it was is no result, however good it was.
      ...(isBest && step > 0 && { best: { step, valLoss, ...accuracy } }),
      stale,
      over: patience > 0 && stale >= patience,
    };
  };
}
