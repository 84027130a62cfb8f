/** Text in, a model out: a run from its options to the finished folder, new or continued. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import { createPause, createTurn } from "../base/pause.ts";
import type { Host } from "../host/types.ts";
import type { CausalLm } from "../models/types.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { cleanCheckpoints, lockFolder } from "../weights/checkpoint.ts";
import { inFolder } from "../weights/folder.ts";
import { createEvaluator, type Evaluator } from "./evaluator.ts";
import type { DoneEvent, StartEvent, TrainEvent } from "./events.ts";
import { openLog } from "./log.ts";
import { trainLoop } from "./loop.ts";
import { decideOptions, type TrainOptions } from "./options.ts";
import { evaluationRows } from "./plan.ts";
import { begin, fillFrom, type Prepared, type RunContext, reopen, samplerOf } from "./prepare.ts";
import { holdsRun, requireFree } from "./settings.ts";
import { loadProgress, type Progress, publish, saveProgress } from "./snapshot.ts";
import type { Stepper } from "./stepper.ts";

/** What a run is given besides texts and options. */
export interface TrainHooks {
  /** Hears everything that happens. */
  readonly onEvent?: (event: TrainEvent) => void;
  /** Stops the run behind a checkpoint, with ABORTED. */
  readonly signal?: AbortSignal;
  /** Continues `prompt` with a model in training, for `--prompt`. `weights` are the live parameters by name. */
  readonly sample?: (
    model: CausalLm,
    tokenizer: Tokenizer,
    weights: Readonly<Record<string, Tensor>>,
    prompt: string,
  ) => Promise<string>;
  /** How options are written in messages. Default: as they are. */
  readonly showName?: (name: string) => string;
}

type Context = RunContext & TrainHooks;

/**
 * Trains a model on files and folders of text and leaves it in `options.out` in Hugging Face's layout. With
 * `options.resume` it continues the run that `out` holds, bit for bit as if it had not been broken off, and may be given
 * no texts. Throws BAD_OPTION, BAD_TEXT, BAD_DATA, NOT_FOUND, EXISTS, LOCKED, OUT_OF_MEMORY, DISK, DIVERGED or ABORTED;
 * the last checkpoint is then still there.
 */
export async function train(
  host: Host,
  runtime: Runtime,
  texts: readonly string[],
  given: TrainOptions,
  hooks: TrainHooks = {},
): Promise<DoneEvent> {
  const showName = hooks.showName ?? ((name: string) => name);
  const options = decideOptions(given, host.cpuThreads(), showName);
  const { out } = options;
  const startMs = host.nowMs();
  const paths = texts.map(host.absolute);
  const continued = options.resume && holdsRun(host, out);
  if (!continued) requireRoom(host, out, paths, options.resume, showName);
  const turn = createTurn(hooks.signal, "stopped before training began", host.nowMs);
  return inFolder(host, out, async () => {
    const owner = createOwner();
    const context = { ...hooks, host, runtime, own: owner.own, tell: hooks.onEvent ?? (() => {}), showName, turn };
    try {
      owner.own(lockFolder(host, out));
      cleanCheckpoints(host, out);
      const run = continued ? await reopen(context, out, paths, given) : await begin(context, paths, options);
      return await execute(context, run, out, startMs);
    } finally {
      owner.dispose();
    }
  });
}

/** Refuses to begin a run where one cannot be begun. */
function requireRoom(
  host: Host,
  out: string,
  texts: readonly string[],
  resume: boolean,
  showName: (name: string) => string,
): void {
  requireFree(host, out);
  if (resume && texts.length === 0)
    fail("NOT_FOUND", `${out}: holds no run to continue. Try another ${showName("out")}, or texts to begin one with`);
  // Its log would be text when the run is continued.
  if (texts.includes(host.absolute(out)))
    fail("BAD_OPTION", `${showName("out")}: ${out} is a folder of texts. Try a folder in it or beside it`);
}

/** Trains a prepared run to its end. */
async function execute(context: Context, run: Prepared, out: string, startMs: number): Promise<DoneEvent> {
  const { host } = context;
  const { settings, model, corpus, stepper } = run;
  const { options } = settings;
  const start = loadProgress(host, out, stepper, (message) => context.tell({ event: "warning", message }));
  const log = openLog(host, out, start?.step ?? 0);
  const tell = (event: TrainEvent) => {
    log(event);
    context.tell(event);
  };
  const valBytesPerToken = corpus.valBytes / Math.max(1, corpus.validation.length);
  tell(startEvent(run, out, start, valBytesPerToken));
  const evaluator = await evaluatorOf(context, run);
  const sampler = samplerOf(corpus, options, start?.sampler);
  const { progress, validation } = await trainLoop(
    {
      options,
      stepper,
      evaluator,
      valBytesPerToken,
      tell,
      sampler,
      fill: fillFrom(sampler, stepper),
      save: (progress) => saveProgress(host, out, stepper, progress, options.keep),
      sample: sampleWith(context, run),
      nowMs: host.nowMs,
      goOn: pacer(context),
    },
    start,
  );
  publish(host, out, model, corpus.tokenizer, stepper);
  const done: DoneEvent = {
    event: "done",
    out,
    step: progress.step,
    loss: progress.loss,
    ...(validation && { valLoss: validation.valLoss, bitsPerByte: validation.bitsPerByte }),
    parameters: parametersOf(stepper),
    seconds: (host.nowMs() - startMs) / 1000,
  };
  tell(done);
  return done;
}

/** An evaluator on the text that only validates, where there is some. */
async function evaluatorOf(
  { runtime, own }: Context,
  { settings: { options }, model, corpus: { validation }, stepper }: Prepared,
): Promise<Evaluator | undefined> {
  if (validation.length < 2) return undefined;
  const { context, threads } = options;
  const sizes = { batch: evaluationRows(options), context, session: { threads } };
  return own(await createEvaluator(runtime, model, stepper, validation, sizes));
}

function startEvent(
  { settings, model, corpus, plan, memory, msPerStep }: Prepared,
  out: string,
  start: Progress | undefined,
  valBytesPerToken: number,
): StartEvent {
  const { options } = settings;
  const resumedFrom = start?.step ?? 0;
  return {
    event: "start",
    out,
    model: model.modelType,
    plan,
    ...memory,
    vocabSize: model.vocabSize,
    trainTokens: corpus.train.length,
    valTokens: corpus.validation.length,
    valBytesPerToken,
    resumedFrom,
    steps: options.steps,
    lr: options.lr,
    tokensPerSecond: (1000 * plan.tokensPerStep) / msPerStep,
    minutes: ((options.steps - resumedFrom) * msPerStep) / 60_000,
  };
}

function sampleWith(
  context: Context,
  { settings, model, corpus, stepper }: Prepared,
): (() => Promise<string>) | undefined {
  const { sample } = context;
  const { prompt } = settings.options;
  if (!sample || prompt === undefined) return undefined;
  return () => {
    const tensors = stepper.tensors();
    const weights = Object.fromEntries(stepper.parameters.map((name) => [name, tensors.get(name)!]));
    return sample(model, corpus.tokenizer, weights, prompt);
  };
}

function parametersOf(stepper: Stepper): number {
  const tensors = stepper.tensors();
  return stepper.parameters.reduce((sum, name) => sum + tensors.get(name)!.data.length, 0);
}

/** Says whether to go on, and lets signals and timers come through now and then. */
function pacer({ host, signal }: Context): () => Promise<boolean> {
  const pause = createPause(host.nowMs);
  return async () => {
    await pause();
    return !signal?.aborted;
  };
}
