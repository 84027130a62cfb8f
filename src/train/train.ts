/** Text in, a model out: a run from its options to the finished folder, new or continued. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import { createOwner, type Owner } from "../base/owner.ts";
import { createPause, createTurn } from "../base/pause.ts";
import { type SamplerState, type TrainSampler, trainSampler } from "../data/batches.ts";
import type { Host } from "../host/types.ts";
import { familyOf, modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import type { MuonOptions } from "../optim/muon.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";
import { tokenizerFromJson } from "../tokenizer/json.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { cleanCheckpoints, lockFolder } from "../weights/checkpoint.ts";
import { inFolder, readJson } from "../weights/folder.ts";
import { type Corpus, readCorpus } from "./corpus.ts";
import { createEvaluator } from "./evaluator.ts";
import type { DoneEvent, StartEvent, TrainEvent } from "./events.ts";
import { lengthInSteps, measureStepMs } from "./length.ts";
import { openLog } from "./log.ts";
import { trainLoop } from "./loop.ts";
import { type DecidedOptions, decideIntervals, decideOptions, type TrainOptions } from "./options.ts";
import { affordsPattern, evaluationRows, type Plan, planTraining, type RunShape, requireFits } from "./plan.ts";
import {
  continuedSettings,
  holdsRun,
  type RunSettings,
  readSettings,
  requireFree,
  requireMade,
  runSettings,
  saveSettings,
} from "./settings.ts";
import { loadProgress, type Progress, publish, saveModelFiles, saveProgress } from "./snapshot.ts";
import { createStepper, type Stepper } from "./stepper.ts";

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

/** What a run is made with. */
interface Context extends TrainHooks {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly own: Owner["own"];
  readonly tell: (event: TrainEvent) => void;
  readonly showName: (name: string) => string;
  /** To be awaited now and then before the first step. */
  readonly turn: () => Promise<void>;
}

/** A run ready to go: everything in memory, nothing trained yet in this process. */
interface Prepared {
  readonly settings: RunSettings;
  readonly model: CausalLm;
  readonly corpus: Corpus;
  readonly stepper: Stepper;
  readonly plan: Plan;
  readonly memory: Pick<StartEvent, "plannedBytes" | "availableBytes">;
  readonly msPerStep: number;
}

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

/** Prepares a new run and makes its folder one. */
async function begin(context: Context, texts: readonly string[], decided: DecidedOptions): Promise<Prepared> {
  const { host } = context;
  const corpus = await readCorpus(context, texts, decided);
  requirePrompt(corpus.tokenizer, decided, context.showName);
  const model = newModel(decided, corpus.tokenizer);
  const prepared = await prepare(context, model, corpus, decided);
  const steps = lengthInSteps(decided, corpus.train.length, prepared.msPerStep);
  const options = { ...decided, steps, ...decideIntervals(decided, steps) };
  const settings = runSettings({ texts, options, data: corpus.fingerprint, model: model.config });
  saveSettings(host, decided.out, settings);
  saveModelFiles(host, decided.out, model, corpus.tokenizer);
  return { settings, model, corpus, ...prepared };
}

/** Refuses a prompt that could only fail at the first validation. */
function requirePrompt(
  tokenizer: Tokenizer,
  { prompt, context }: DecidedOptions,
  showName: (name: string) => string,
): void {
  if (prompt === undefined) return;
  const where = showName("prompt");
  const { length } = encodedPrompt(tokenizer, prompt, where);
  if (length >= context)
    fail("BAD_OPTION", `${where}: got ${length} tokens, expected fewer than the ${context} of ${showName("context")}`);
}

function encodedPrompt(tokenizer: Tokenizer, prompt: string, where: string): readonly number[] {
  try {
    return tokenizer.encode(prompt, { addSpecialTokens: false });
  } catch (error) {
    return fail("BAD_OPTION", `${where}: ${messageOf(error)}`, error);
  }
}

function newModel(options: DecidedOptions, tokenizer: Tokenizer): CausalLm {
  const { vocabSize, bosId, eosId } = tokenizer;
  const sizes = {
    ...options,
    vocabSize,
    tied: !options.untied,
    ...(bosId !== undefined && { bosTokenId: bosId }),
    ...(eosId !== undefined && { eosTokenId: eosId }),
  };
  return modelFromConfig(familyOf(options.arch, "--arch").newConfig(sizes), "config.json");
}

/**
 * Prepares the run that a folder holds. Its texts may have moved, but not changed. Its tokenizer is learned again if the
 * run was broken off before it was written.
 */
async function reopen(context: Context, out: string, texts: readonly string[], given: TrainOptions): Promise<Prepared> {
  const { host } = context;
  const settings = continuedSettings(readSettings(host, out), out, given, context.showName);
  const { options } = settings;
  const file = host.join(out, "tokenizer.json");
  const known = host.kindOf(file) === "file" ? tokenizerFromJson(readJson(host, file), file) : undefined;
  const paths = texts.length > 0 ? texts : settings.texts;
  const changed = `${paths.join(", ")}: the text is not the one the run in ${out} was begun with`;
  const corpus = await readCorpus(context, paths, options, known).catch((error: unknown) => {
    const unknownCharacter = known && !options.strict && error instanceof OwnlmError && error.code === "BAD_TEXT";
    return unknownCharacter ? fail("BAD_DATA", `${changed}: ${error.message}`, error) : Promise.reject(error);
  });
  if (corpus.fingerprint !== settings.data) fail("BAD_DATA", changed);
  requireMade(settings.model, newModel(options, corpus.tokenizer).config, host.join(out, "train.json"));
  const model = modelFromConfig(settings.model, host.join(out, "train.json"));
  saveModelFiles(host, out, model, corpus.tokenizer);
  return { settings, model, corpus, ...(await prepare(context, model, corpus, options, true)) };
}

/** Refuses what cannot be done, then makes the stepper and measures it. */
async function prepare(context: Context, model: CausalLm, corpus: Corpus, options: DecidedOptions, continued = false) {
  const { host, own, tell, turn } = context;
  const sampler = samplerOf(corpus, options);
  const shape = shapeOf(options);
  const plan = planTraining(model, shape);
  const availableBytes = host.availableMemoryBytes();
  requireFits(model, shape, plan, { availableBytes, continued });
  requireDisk(host, options, plan);
  tell({ event: "stage", stage: "graph", message: `building the graph of ${plan.parameters} parameters` });
  const memoryPattern = affordsPattern(plan, availableBytes);
  const session = { threads: options.threads, memoryPattern };
  const stepper = own(await createStepper(context.runtime, model, { ...shape, seed: options.seed, session }));
  const memory = { plannedBytes: memoryPattern ? plan.patternBytes : plan.totalBytes, availableBytes };
  return { stepper, plan, memory, msPerStep: await measureStepMs(stepper, sampler, host.nowMs, turn) };
}

const shapeOf = (options: DecidedOptions): RunShape => ({
  batch: options.batch,
  context: options.context,
  accumulation: options.accumulation,
  checkpointing: options.checkpointing,
  clipNorm: options.clip,
  adamw: { beta1: options.beta1, beta2: options.beta2, epsilon: 1e-8, weightDecay: options.weightDecay },
  muon: muonOf(options),
});

function muonOf({ optimizer, muonLr, lr, weightDecay }: DecidedOptions): MuonOptions | undefined {
  return optimizer === "muon" ? { rateRatio: muonLr! / lr, momentum: 0.95, weightDecay } : undefined;
}

function samplerOf(corpus: Corpus, options: DecidedOptions, state?: SamplerState): TrainSampler {
  const { batch, context, accumulation, seed } = options;
  const mode = options.epochs === undefined ? "random" : "epoch";
  const weight = 1 / (batch * context * accumulation);
  return trainSampler(corpus.train, { mode, batch, context, seed, weight }, state);
}

/** The checkpoints, one more of them while it is written, and the model itself with its last copy. */
function requireDisk(host: Host, { out, keep }: DecidedOptions, { parameters, checkpointBytes }: Plan): void {
  const needed = checkpointBytes * (keep + 1) + 2 * 4 * parameters;
  const free = host.freeDiskBytes(out);
  if (free < needed)
    fail(
      "DISK",
      `${out}: ${keep} checkpoints and the model take ${formatBytes(needed)}, and ${formatBytes(free)} are free. Try a lower --keep`,
    );
}

/** Trains a prepared run to its end. */
async function execute(context: Context, run: Prepared, out: string, startMs: number): Promise<DoneEvent> {
  const { host, own } = context;
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
  const session = { threads: options.threads };
  const rows = { batch: evaluationRows(options), context: options.context, session };
  const evaluator =
    corpus.validation.length > 1
      ? own(await createEvaluator(context.runtime, model, stepper, corpus.validation, rows))
      : undefined;
  const { progress, validation } = await trainLoop(
    {
      options,
      stepper,
      evaluator,
      valBytesPerToken,
      tell,
      sampler: samplerOf(corpus, options, start?.sampler),
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
