/** From options to a run that is ready to go: base opened, data read, sizes planned, what cannot be done refused. Trains nothing. */
import { fail } from "../base/errors.ts";
import type { Owner } from "../base/owner.ts";
import type { Example } from "../data/example.ts";
import { openEngines } from "../generate/engine.ts";
import { readGenerationDefaults } from "../generate/generation-config.ts";
import { checkSameTokens } from "../generate/model-draft.ts";
import type { Host } from "../host/types.ts";
import type { Runtime, Tensor } from "../runtime/types.ts";
import { createEvaluation } from "../train/evaluator.ts";
import { measureStepMs } from "../train/length.ts";
import { startMagnitudes } from "../train/magnitudes.ts";
import { type Objective, packedObjective } from "../train/objective.ts";
import { affordsPattern, type Plan } from "../train/plan.ts";
import { createStepper, type Stepper } from "../train/stepper.ts";
import { writeText } from "../weights/safetensors.ts";
import { liveWeights } from "./adapters.ts";
import { type BaseModel, openBase } from "./base.ts";
import { readingOptions, readTuneData, sequencesOf, type TuneData } from "./data.ts";
import type { DataEvent, TuneEvent, TuneStartEvent } from "./events.ts";
import { KINDS, type KindWorld } from "./kinds.ts";
import { lengthOfRun, longestExample } from "./length.ts";
import type { Teacher } from "./objectives/distillation.ts";
import type { LoadRewards, Rewards } from "./objectives/rewards.ts";
import { type DecidedTune, loraOf, type RunTune, type TuneOptions } from "./options.ts";
import { planTune, requireDisk, requireFits, stepOptionsOf } from "./plan.ts";
import { taskFor } from "./run-task.ts";
import { promptsOf, type SamplePrompt } from "./samples.ts";
import { commandOf, continuedTune, readTune, saveTune, type TuneSettings, tuneSettings } from "./settings.ts";
import type { TuneTask } from "./task.ts";
import { lessonsOf, openTeacher, TEACHER_TEXTS, teacherTexts } from "./teacher.ts";
import { loadBase } from "./weights.ts";

/** What a run is made with. */
export interface TuneContext {
  readonly host: Host;
  readonly runtime: Runtime;
  readonly own: Owner["own"];
  readonly tell: (event: TuneEvent) => void;
  readonly showName: (name: string) => string;
  /** Functions that score answers, by name; and what loads those of files. */
  readonly rewards?: Rewards;
  readonly loadRewards?: LoadRewards;
  /** To be awaited now and then before the first step. */
  readonly turn: () => Promise<void>;
}

/** A run ready to go: everything in memory, nothing trained yet in this process. */
export interface PreparedTune {
  readonly settings: TuneSettings;
  readonly base: BaseModel;
  readonly data: TuneData;
  readonly told: DataEvent;
  readonly task: TuneTask;
  /** What the model is asked before and after. */
  readonly prompts: readonly SamplePrompt[];
  readonly stepper: Stepper;
  readonly plan: Plan;
  readonly memory: Pick<TuneStartEvent, "plannedBytes" | "availableBytes">;
  readonly msPerStep: number;
}

/** The model and the data of a run, as they are named. */
export interface TuneOperands {
  readonly name: string;
  /** Where the model is. */
  readonly folder: string;
  readonly data: readonly string[];
}

/** Prepares a new run and makes its folder one. */
export async function beginTune(
  context: TuneContext,
  operands: TuneOperands,
  asked: DecidedTune,
  given: TuneOptions,
): Promise<PreparedTune> {
  const { host, showName } = context;
  const base = await open(context, operands, asked);
  const maxLength = longestExample(base.model, asked, showName);
  const date = new Date().toISOString();
  const { decided, paths } = await taught(context, operands.data, asked, base, date);
  const data = await read(context, paths, { ...decided, maxLength }, base, { date });
  const options = lengthOfRun(base.model, data, { ...decided, maxLength }, showName);
  const settings = tuneSettings({
    base: { name: operands.name, folder: host.absolute(operands.folder), fingerprint: base.fingerprint },
    data: paths.map(host.absolute),
    options: { ...options, val: options.val.map(host.absolute), reward: options.reward.map(host.absolute) },
    tokens: data.fingerprint,
    ...(data.template && { chatTemplate: data.template.source }),
    command: commandOf(operands.name, operands.data, given),
    date,
    model: base.model.config,
  });
  const prompts = promptsOf(host, options, data, base.tokenizer, date);
  const prepared = await prepare(context, base, data, options, false);
  saveTune(host, options.out, settings);
  return { settings, base, data, prompts, ...prepared };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Prepares the run that a folder holds. Its model and data may have moved, but not changed. */
export async function reopenTune(
  context: TuneContext,
  out: string,
  operands: Partial<TuneOperands>,
  given: TuneOptions,
): Promise<PreparedTune> {
  const { host } = context;
  const settings = continuedTune(readTune(host, out), out, given, context.showName);
  const { options, date, chatTemplate } = settings;
  const place = {
    name: operands.name ?? settings.base.name,
    folder: operands.folder ?? settings.base.folder,
  };
  const base = await open(context, place, options);
  if (base.fingerprint !== settings.base.fingerprint)
    fail("BAD_DATA", `${base.folder}: is not the model that the run in ${out} was begun with`);
  const paths = operands.data?.length ? operands.data : settings.data;
  const template = chatTemplate === undefined ? undefined : { source: chatTemplate, isSimple: false };
  const data = await read(context, paths, options, base, { date, template });
  if (data.fingerprint !== settings.tokens)
    fail("BAD_DATA", `${paths.join(", ")}: the data are not those the run in ${out} was begun with`);
  const prompts = promptsOf(host, options, data, base.tokenizer, date);
  return { settings, base, data, prompts, ...(await prepare(context, base, data, options, true)) };
}

async function open(
  { host, tell, own, showName }: TuneContext,
  { name, folder }: Pick<TuneOperands, "name" | "folder">,
  { quantize, activations, method, dora }: DecidedTune,
): Promise<BaseModel> {
  tell({ event: "stage", stage: "model", message: `opening ${name}` });
  const warn = (message: string) => tell({ event: "warning", message });
  const rounded = activations === "int8";
  const base = own(await openBase(host, name, folder, { quantize, rounded, warn }));
  if (base.groups.length === 0 && rounded)
    fail(
      "BAD_OPTION",
      `${showName("activations")} int8: the weights of ${name} are not packed. Try it with ${showName("quantize")} 4`,
    );
  if (base.groups.length > 0 && (method === "full" || dora))
    fail(
      "BAD_OPTION",
      `${method === "full" ? `${showName("method")} full` : showName("dora")}: the weights of ${name} are packed, which plain adapters alone are trained beside`,
    );
  return base;
}

async function read(
  { host, tell, showName, turn }: TuneContext,
  paths: readonly string[],
  options: DecidedTune & { readonly maxLength: number },
  base: BaseModel,
  given: Parameters<typeof readTuneData>[5],
): Promise<TuneData> {
  tell({ event: "stage", stage: "data", message: `reading ${paths.join(", ")}` });
  const warn = (message: string) => tell({ event: "warning", message });
  const world = { host, showName, turn, warn };
  const data = await readTuneData(world, paths, options, base.tokenizer, KINDS[options.objective], given);
  if (data.template?.isSimple)
    warn(
      `${base.name} has no chat template: a simple one is used, and kept with the result. ${showName("chatTemplate")} FILE gives another`,
    );
  return data;
}

/** Tells of the data, refuses what cannot be done, then makes the stepper and measures it. */
async function prepare(context: TuneContext, base: BaseModel, data: TuneData, options: RunTune, continued: boolean) {
  const { host, own, tell, turn, runtime, showName } = context;
  const teacher = await teacherOf(context, options, base);
  const world = { teacher, ...(await writing(context, base, data, options)) };
  const taskOf = (other: RunTune) => taskFor(base, data, other, world);
  const task = taskOf(options);
  if (task.dispose) own({ [Symbol.dispose]: task.dispose });
  const told = dataEvent(data, options, task);
  tell(told);
  const plan = planTune(base, options, task);
  const availableBytes = host.availableMemoryBytes();
  requireFits(base, options, plan, { availableBytes, continued, taskOf, showName });
  requireDisk(host, options, plan);
  tell({ event: "stage", stage: "graph", message: `building the graph of ${plan.parameters} trained parameters` });
  // Packed weights are for those who are short of memory.
  const memoryPattern = base.groups.length === 0 && affordsPattern(plan, availableBytes);
  const session = { threads: options.threads, memoryPattern };
  const stepper = own(
    await createStepper(runtime, task.objective, {
      ...stepOptionsOf(options),
      seed: options.seed,
      session,
      frozen: base.place,
    }),
  );
  loadBase(base, stepper);
  await startMagnitudes(runtime, task.objective, stepper);
  const threads = { threads: options.threads };
  await task.prepare?.({
    untouched: (of) => evaluateBase(runtime, base, of, options),
    live: async (of) => own(await createEvaluation(runtime, of, stepper, threads)),
    async engine(slots, capacity) {
      const engines = await openEngines(runtime, base.model, liveWeights(base, stepper, loraOf(options)), {
        capacity,
        session: threads,
      });
      return { ...engines.openBatch!(slots), [Symbol.dispose]: engines.dispose };
    },
    warn: (message) => tell({ event: "warning", message }),
    turn,
  });
  const memory = { plannedBytes: memoryPattern ? plan.patternBytes : plan.totalBytes, availableBytes };
  const source = task.source(stepper.inputs, options.accumulation);
  const beganMs = host.nowMs();
  const fill = await source.draw();
  const drawMs = host.nowMs() - beganMs;
  const msPerStep = drawMs + (await measureStepMs(stepper, fill, host.nowMs, turn));
  return { told, task, stepper, plan, memory, msPerStep };
}

/** What objectives need whose answers the model writes itself. Throws BAD_OPTION where nothing scores them. */
async function writing(
  { host, rewards: given, loadRewards, showName }: TuneContext,
  base: BaseModel,
  data: TuneData,
  options: RunTune,
): Promise<Omit<KindWorld<Example>, "teacher">> {
  const { model, tokenizer, folder } = base;
  const { eosTokenIds } = readGenerationDefaults(host, folder, model.config, model.vocabSize, tokenizer);
  const files = options.reward.length > 0 && loadRewards ? await loadRewards(options.reward) : {};
  const rewards = { ...files, ...given };
  if (options.objective === "grpo" && Object.keys(rewards).length === 0)
    fail("BAD_OPTION", `${showName("reward")}: got no function, expected one at least that scores answers`);
  return { rewards, examples: data.train.examples, tokenizer, endIds: eosTokenIds };
}

/** What a student learns from: the data, or texts that its teacher writes of them first, in a file of the run's folder. */
async function taught(
  context: TuneContext,
  paths: readonly string[],
  decided: DecidedTune,
  student: BaseModel,
  date: string,
): Promise<{ decided: DecidedTune; paths: readonly string[] }> {
  const { teacher } = decided;
  if (teacher === undefined) return { decided, paths };
  const lessons = decided.lessons ?? (await lessonsOf(context, teacher, student.tokenizer));
  if (lessons === "logits") return { decided: { ...decided, lessons }, paths };
  const { answerTokens = 128, temperature = 0, seed, threads, out } = decided;
  const options = { teacher, answerTokens, temperature, seed, threads, now: new Date(date) };
  const records = await teacherTexts(context, paths, readingOptions(decided), options);
  const file = context.host.join(out, TEACHER_TEXTS);
  writeText(context.host, file, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const { shape: _, maxExamples: __, ...rest } = decided;
  return { decided: { ...rest, lessons, field: [] }, paths: [file] };
}

/** The model whose logits distillation learns. */
async function teacherOf(
  context: TuneContext,
  { teacher: name, lessons, threads }: DecidedTune,
  student: BaseModel,
): Promise<Teacher | undefined> {
  if (name === undefined || lessons === "text") return undefined;
  const base = context.own(await openTeacher(context, name));
  checkSameTokens(base.tokenizer, student.tokenizer, base.folder);
  return { model: base.model, open: (objective) => evaluateBase(context.runtime, base, objective, { threads }) };
}

/** Opens an objective over a model's own weights, none of which moves. */
function evaluateBase(runtime: Runtime, base: BaseModel, objective: Objective, { threads }: { threads: number }) {
  const still = packedObjective({ ...objective, isTrained: () => false }, base.groups, base);
  const weights = { tensors: () => new Map<string, Tensor<"float32">>(), frozen: base.place };
  return createEvaluation(runtime, still, weights, { threads });
}

function dataEvent({ report, shown, train, validation }: TuneData, options: RunTune, task: TuneTask): DataEvent {
  const { rowTokens, objective } = options;
  const rows = task.rowsPerEpoch;
  const sequences = train.tokens.flatMap(sequencesOf);
  const kind = KINDS[objective];
  return {
    event: "data",
    report,
    trainExamples: train.examples.length,
    valExamples: validation.examples.length,
    rows,
    rowTokens,
    filled: sum(sequences.map(({ ids }) => ids.length - 1)) / (rows * kind.rowsOfExample(options) * rowTokens),
    example: shown,
  };
}
