/** A model and data in, a model or an adapter out: a run from its options to the finished folder, new or continued. */
import { fail } from "../base/errors.ts";
import { shellPath } from "../base/format.ts";
import { createOwner } from "../base/owner.ts";
import { createPause, createTurn } from "../base/pause.ts";
import type { Host } from "../host/types.ts";
import type { Runtime } from "../runtime/types.ts";
import { openLog } from "../train/log.ts";
import { requireFinite, runLoop } from "../train/run-loop.ts";
import { cleanCheckpoints, lockFolder } from "../weights/checkpoint.ts";
import { inFolder } from "../weights/folder.ts";
import type { TuneDoneEvent, TuneEvent, TuneStartEvent } from "./events.ts";
import { answersBefore, recordOf } from "./history.ts";
import { lookAround } from "./look.ts";
import type { LoadRewards, Rewards } from "./objectives/rewards.ts";
import { decideTune, loraOf, type TuneOptions } from "./options.ts";
import { beginTune, type PreparedTune, reopenTune, type TuneContext, type TuneOperands } from "./prepare.ts";
import { publishTuned } from "./publish.ts";
import { factsOf, reportTexts } from "./report.ts";
import { holdsTune, requireEmpty } from "./settings.ts";
import { endIdsOf, sampler } from "./speak.ts";
import { loadBest, loadTuneProgress, saveTuneProgress, type TuneProgress } from "./weights.ts";

/** What a run is given besides model, data and options. */
export interface TuneHooks {
  /** Functions that score answers, for the objective grpo. */
  readonly rewards?: Rewards;
  /** Loads those of the option `reward`. */
  readonly loadRewards?: LoadRewards;
  /** Hears everything that happens. */
  readonly onEvent?: (event: TuneEvent) => void;
  /** Stops the run behind a checkpoint, with ABORTED. */
  readonly signal?: AbortSignal;
  /** How options are written in messages. Default: as they are. */
  readonly showName?: (name: string) => string;
}

type Context = TuneContext & TuneHooks;

/**
 * Fine-tunes a model on data and leaves the result in `options.out`: a model in Hugging Face's layout, or a PEFT adapter.
 * With `options.resume` it continues the run that `out` holds, bit for bit as if it had not been broken off, and may be
 * given neither model nor data. Throws BAD_OPTION, BAD_DATA, BAD_CHAT, BAD_CONFIG, BAD_WEIGHTS, UNSUPPORTED, NOT_FOUND,
 * EXISTS, LOCKED, OUT_OF_MEMORY, DISK, DIVERGED or ABORTED; the last checkpoint is then still there.
 */
export async function tune(
  host: Host,
  runtime: Runtime,
  operands: Partial<TuneOperands>,
  given: TuneOptions,
  hooks: TuneHooks = {},
): Promise<TuneDoneEvent> {
  const showName = hooks.showName ?? ((name: string) => name);
  const { out, resume } = given;
  const startMs = host.nowMs();
  const continued = resume === true && out !== undefined && holdsTune(host, out);
  const decided = decideTune(continued ? { out } : given, host.cpuThreads(), showName);
  if (!continued) requireEmpty(host, decided.out, showName);
  const begun = continued ? undefined : requireOperands(operands, decided.out, resume === true, showName);
  const turn = createTurn(hooks.signal, "stopped before training began", host.nowMs);
  return inFolder(host, decided.out, async () => {
    const owner = createOwner();
    const context = { ...hooks, host, runtime, own: owner.own, tell: hooks.onEvent ?? (() => {}), showName, turn };
    try {
      owner.own(lockFolder(host, decided.out));
      cleanCheckpoints(host, decided.out);
      const run = begun
        ? await beginTune(context, begun, decided, given)
        : await reopenTune(context, decided.out, operands, given);
      return await execute(context, run, startMs);
    } finally {
      owner.dispose();
    }
  });
}

function requireOperands(
  { name, folder, data = [] }: Partial<TuneOperands>,
  out: string,
  resume: boolean,
  showName: (name: string) => string,
): TuneOperands {
  if (name !== undefined && folder !== undefined && data.length > 0) return { name, folder, data };
  return resume
    ? fail(
        "NOT_FOUND",
        `${out}: holds no run to continue. Try another ${showName("out")}, or a model and data to begin one with`,
      )
    : fail("BAD_DATA", "tune: got no data, expected a model and files or folders of data");
}

/** Trains a prepared run to its end. */
async function execute(context: Context, run: PreparedTune, startMs: number): Promise<TuneDoneEvent> {
  const { host } = context;
  const { settings, stepper, task, data, base } = run;
  const { options } = settings;
  const { out } = options;
  const warn = (message: string) => context.tell({ event: "warning", message });
  const start = loadTuneProgress(host, out, stepper, warn);
  const log = openLog(host, out, start?.step ?? -1);
  const tell = (event: TuneEvent) => {
    log(event);
    context.tell(event);
  };
  log(run.told);
  const started = startEvent(run, start);
  tell(started);
  const goOn = pacer(context);
  const source = task.source(stepper.inputs, options.accumulation, start?.source);
  const speak = sampler(context, run, goOn);
  const look = await lookAround(context, run, { tell, goOn });
  const first: TuneProgress = start ?? { step: 0, lookedUp: -1, loss: Number.NaN, source: source.state(), stale: 0 };
  const known = answersBefore(host, out);
  const before = known ?? (await speak("before", 0));
  if (before) (known ? context.tell : tell)(before);
  const tokensPerStep = task.tokensPerBatch * options.accumulation;
  const end = await runLoop<TuneProgress>(
    {
      schedule: { ...options, warmupSteps: options.warmup },
      evalEvery: task.validation ? options.evalEvery : 0,
      checkpointEvery: options.checkpointEvery,
      async step(number, rate, progress) {
        const beganMs = host.nowMs();
        const { loss, gradNorm, metrics: sums } = await stepper.step(number, rate, await source.draw());
        const metrics = { ...sums, ...source.told?.() };
        requireFinite(number, { loss, gradNorm });
        const tokensPerSecond = (1000 * tokensPerStep) / Math.max(0.001, host.nowMs() - beganMs);
        const more = Object.keys(metrics).length > 0 ? { metrics } : {};
        tell({
          event: "step",
          step: number,
          loss,
          lr: rate,
          gradNorm,
          tokens: number * tokensPerStep,
          tokensPerSecond,
          ...more,
        });
        return { ...progress, step: number, loss, source: source.state() };
      },
      lookUp: look,
      save(progress) {
        const path = saveTuneProgress(host, out, stepper, progress, options.keep);
        tell({ event: "checkpoint", step: progress.step, path });
      },
      nowMs: host.nowMs,
      goOn,
      stopped: ({ step }) =>
        fail(
          "ABORTED",
          `stopped after step ${step} of ${options.steps}. Continue with: ownlm tune --resume --out ${shellPath(out)}`,
        ),
    },
    first,
    start !== undefined,
  );
  const resultStep = chooseResult(context, run, end);
  const after = await speak("after", resultStep);
  if (after) tell(after);
  const isBest = end.best?.step === resultStep;
  const valLoss = isBest ? end.best?.valLoss : end.lastLoss;
  const tokenAccuracy = isBest ? end.best?.tokenAccuracy : end.lastAccuracy;
  const done: TuneDoneEvent = {
    event: "done",
    out,
    result: resultOf(options),
    step: end.step,
    resultStep,
    loss: end.loss,
    ...(valLoss !== undefined && { valLoss }),
    ...(end.firstLoss !== undefined && { valLossBefore: end.firstLoss }),
    ...(tokenAccuracy !== undefined && { tokenAccuracy }),
    ...(after?.exactMatch !== undefined && { exactMatch: after.exactMatch }),
    ...(before?.exactMatch !== undefined && { exactMatchBefore: before.exactMatch }),
    stoppedEarly: end.step < options.steps,
    trainedParameters: run.plan.parameters,
    seconds: (host.nowMs() - startMs) / 1000,
  };
  await publishTuned(host, out, stepper, {
    base,
    isReward: options.objective === "reward",
    lora: loraOf(options),
    template: settings.chatTemplate,
    endIds: endIdsOf(data, base.tokenizer),
    texts: reportTexts(recordOf(host, settings, { told: run.told, start: started, done }), factsOf(host, base.folder)),
  });
  tell(done);
  return done;
}

function resultOf({ method, objective }: PreparedTune["settings"]["options"]): TuneDoneEvent["result"] {
  const kind = method === "lora" ? "adapter" : "model";
  return objective === "reward" ? `reward ${kind}` : kind;
}

/** Puts the weights that are the result into the stepper, and says of which step they are. */
function chooseResult(
  { host, tell }: Context,
  { settings, stepper }: PreparedTune,
  { step, best }: TuneProgress,
): number {
  const { out, result } = settings.options;
  if (result === "last" || !best || best.step === step) return step;
  if (loadBest(host, out, stepper, best.step, (message) => tell({ event: "warning", message }))) return best.step;
  tell({ event: "warning", message: `the best weights, of step ${best.step}, are not there any more: using the last` });
  return step;
}

function startEvent(
  { settings, base, plan, task, memory, msPerStep }: PreparedTune,
  start?: TuneProgress,
): TuneStartEvent {
  const { options } = settings;
  const resumedFrom = start?.step ?? 0;
  return {
    event: "start",
    out: options.out,
    base: base.name,
    model: base.model.modelType,
    method: options.method,
    objective: options.objective,
    parameters: [...base.shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0),
    trainedParameters: plan.parameters,
    ...memory,
    batch: options.batch,
    rowTokens: options.rowTokens,
    accumulation: options.accumulation,
    tokensPerStep: plan.tokensPerStep,
    resumedFrom,
    steps: options.steps,
    epochs: (options.steps * options.batch * options.accumulation) / task.rowsPerEpoch,
    lr: options.lr,
    tokensPerSecond: (1000 * plan.tokensPerStep) / msPerStep,
    minutes: ((options.steps - resumedFrom) * msPerStep) / 60_000,
  };
}

/** Says whether to go on, and lets signals and timers come through now and then. */
function pacer({ host, signal }: Context): () => Promise<boolean> {
  const pause = createPause(host.nowMs);
  return async () => {
    await pause();
    return !signal?.aborted;
  };
}
