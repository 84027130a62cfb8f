/** From options to a run that is ready to go: text read, sizes planned, what cannot be done refused. Trains nothing. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import type { Owner } from "../base/owner.ts";
import { type SamplerState, type TrainSampler, trainSampler } from "../data/batches.ts";
import type { Host } from "../host/types.ts";
import { modelFromConfig, newConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import type { MuonOptions } from "../optim/muon.ts";
import type { Runtime } from "../runtime/types.ts";
import { tokenizerFromJson } from "../tokenizer/json.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { readJson } from "../weights/folder.ts";
import { type Corpus, readCorpus } from "./corpus.ts";
import type { StartEvent, TrainEvent } from "./events.ts";
import { lengthInSteps, measureStepMs } from "./length.ts";
import { causalLmBatch, causalLmObjective } from "./objective.ts";
import { type DecidedOptions, decideIntervals, type TrainOptions } from "./options.ts";
import { affordsPattern, type Plan, planTraining, type RunShape, requireFits } from "./plan.ts";
import {
  continuedSettings,
  type RunSettings,
  readSettings,
  requireMade,
  runSettings,
  saveSettings,
} from "./settings.ts";
import { saveModelFiles } from "./snapshot.ts";
import { createStepper, type Stepper } from "./stepper.ts";

/** What a run is made with. */
export interface RunContext {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly own: Owner["own"];
  readonly tell: (event: TrainEvent) => void;
  readonly showName: (name: string) => string;
  /** To be awaited now and then before the first step. */
  readonly turn: () => Promise<void>;
}

/** A run ready to go: everything in memory, nothing trained yet in this process. */
export interface Prepared {
  readonly settings: RunSettings;
  readonly model: CausalLm;
  readonly corpus: Corpus;
  readonly stepper: Stepper;
  readonly plan: Plan;
  readonly memory: Pick<StartEvent, "plannedBytes" | "availableBytes">;
  readonly msPerStep: number;
}

/** Prepares a new run and makes its folder one. */
export async function begin(context: RunContext, texts: readonly string[], decided: DecidedOptions): Promise<Prepared> {
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
  return modelFromConfig(newConfig(options.arch, sizes), "config.json");
}

/**
 * Prepares the run that a folder holds. Its texts may have moved, but not changed. Its tokenizer is learned again if the
 * run was broken off before it was written.
 */
export async function reopen(
  context: RunContext,
  out: string,
  texts: readonly string[],
  given: TrainOptions,
): Promise<Prepared> {
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
async function prepare(
  context: RunContext,
  model: CausalLm,
  corpus: Corpus,
  options: DecidedOptions,
  continued = false,
) {
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
  const objective = causalLmObjective(model, shape.batch, shape.context);
  const stepper = own(await createStepper(context.runtime, objective, { ...shape, seed: options.seed, session }));
  const memory = { plannedBytes: memoryPattern ? plan.patternBytes : plan.totalBytes, availableBytes };
  return {
    stepper,
    plan,
    memory,
    msPerStep: await measureStepMs(stepper, fillFrom(sampler, stepper), host.nowMs, turn),
  };
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

/** Writes each micro-batch into a stepper as its turn comes. */
export function fillFrom(sampler: TrainSampler, stepper: Stepper): () => void {
  const { inputIds, targets, weights } = causalLmBatch(stepper.inputs);
  const arrays = { inputIds: inputIds.data, targets: targets.data, weights: weights.data };
  return () => void sampler.next(arrays);
}

/** The order in which a run sees its tokens, from its beginning or from a state. */
export function samplerOf(corpus: Corpus, options: DecidedOptions, state?: SamplerState): TrainSampler {
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
