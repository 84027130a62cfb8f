/** Plans the training, tuning and running of a model that need not exist: what it takes, and on how many devices. Pure. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, type OptionValues, readOptions } from "../base/options.ts";
import type { CausalLm } from "../models/types.ts";
import { type Anatomy, anatomyOf } from "./anatomy.ts";
import { GPUS, type Gpu, gpuOf } from "./gpus.ts";
import {
  adapterParameters,
  fewestDevices,
  kvBytesPerToken,
  readBytes,
  TRAINING_METHODS,
  type TrainingMemory,
  type TrainingMethod,
  trainingMemory,
  type WeightBits,
  weightBytes,
  wholeNodes,
} from "./memory.ts";
import type { PublishedRun } from "./named.ts";
import { PLAN_OPTIONS } from "./options.ts";
import {
  attentionFlops,
  CHINCHILLA,
  gpuHours,
  impliedUtilisation,
  LLAMA_STYLE,
  PETAFLOPS_DAY,
  trainingFlops,
  UTILISATION,
} from "./training.ts";

/** Part of a device's memory that can be filled: the rest goes to the driver, buffers of the network and gaps. */
const USABLE = 0.9;
/** Longest sequence that is planned for where nobody says one. */
const MOST_CONTEXT = 8192;
/** What training here reaches of the SGEMM peak (docs/bench.md: 76 %). */
const MACHINE_SHARE = 0.75;
/** Bytes a parameter of training here: float32 weights and two moments, twice, since a step reads one half and writes the other. */
const MACHINE_BYTES = 24;

/** A machine without accelerators. */
export interface Machine {
  /** The peak of its float32 matrix products. */
  readonly flopsPerSecond: number;
  readonly availableBytes?: number;
}

/** What is known of a model besides its config. */
export interface PlanContext {
  readonly name?: string;
  readonly run?: PublishedRun | undefined;
  readonly machine?: Machine | undefined;
  readonly showName?: (name: string) => string;
}

/** A way to choose the number of tokens, and its work. */
export interface Budget {
  readonly name: "planned" | "chinchilla" | "llama-style";
  readonly tokens: number;
  readonly tokensPerParameter: number;
  readonly flops: number;
  readonly gpuHours: number;
  readonly cost: number;
  /** On this machine; absent where it was not measured. */
  readonly machineDays?: number;
}

/** Training on one kind of accelerator. */
export interface GpuTime {
  readonly gpu: string;
  readonly utilisation: number;
  readonly gpuHours: number;
  readonly pricePerHour: number;
  readonly cost: number;
}

/** The fewest devices for one use, and what they then hold. */
export interface Fit {
  /** Absent where no number of devices is enough: a sequence's activations alone are too many. */
  readonly gpus?: number;
  readonly bytes: TrainingMemory;
}

/** The fewest devices that run a model. */
export interface Serving {
  readonly bits: WeightBits;
  readonly weightBytes: number;
  readonly kvBytes: number;
  readonly totalBytes: number;
  readonly gpus: number;
  /** What the memory's bandwidth allows one sequence with a full context; real programs reach half to nine tenths. */
  readonly tokensPerSecondAtMost: number;
}

/** What {@link planModel} works out, as `plan --json` prints it. */
export interface ModelPlan {
  readonly model: string;
  readonly modelType: string;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly parts: Anatomy["parts"];
  readonly context: number;
  readonly tokens: number;
  readonly tokensSource: string;
  /** 6 x active parameters x tokens. */
  readonly trainingFlops: number;
  readonly petaflopsDays: number;
  /** What attention's scores add at this context; not in `trainingFlops`. */
  readonly attentionFlops: number;
  readonly utilisation: number;
  readonly utilisationSource: string;
  readonly gpu: string;
  readonly gpuHours: number;
  readonly pricePerHour: number;
  readonly cost: number;
  readonly budgets: readonly Budget[];
  readonly gpuTimes: readonly GpuTime[];
  readonly published?: PublishedRun & { readonly utilisation?: number };
  /** The cluster to train on: as many as asked for, or enough for `days`, or the fewest that fit. */
  readonly cluster: { readonly gpus: number; readonly days: number; readonly fits: boolean } | undefined;
  readonly training: Readonly<Record<TrainingMethod, Fit & { readonly trainedParameters: number }>>;
  readonly kvBytesPerToken: number;
  readonly inference: readonly Serving[];
  readonly machine?: {
    readonly gflopsPerSecond: number;
    readonly days: number;
    readonly trainingBytes: number;
    readonly fits?: boolean;
  };
}

type Options = OptionValues<typeof PLAN_OPTIONS>;

/** Plans a model. Throws BAD_OPTION for a context beyond the model's positions. */
export function planModel(
  model: CausalLm,
  given: GivenOptions<typeof PLAN_OPTIONS> = {},
  { name = model.modelType, run, machine, showName }: PlanContext = {},
): ModelPlan {
  const options = readOptions(PLAN_OPTIONS, given, showName);
  const anatomy = anatomyOf(model);
  const context = contextOf(model, options, showName);
  const gpu = gpuOf(options.gpu ?? run?.gpu ?? "h100");
  const { tokens, tokensSource } = tokensOf(anatomy, options, run);
  const flops = trainingFlops(anatomy.activeParameters, tokens);
  const published = run && publishedOf(run, anatomy);
  const { utilisation, utilisationSource } = utilisationOf(options, published);
  const pricePerHour = options.price ?? gpu.pricePerHour;
  const hours = gpuHours(flops, gpu, utilisation);
  const training = trainingFits(model, anatomy, options, context, gpu);
  return {
    model: name,
    modelType: model.modelType,
    parameters: anatomy.parameters,
    activeParameters: anatomy.activeParameters,
    parts: anatomy.parts,
    context,
    tokens,
    tokensSource,
    trainingFlops: flops,
    petaflopsDays: flops / PETAFLOPS_DAY,
    attentionFlops: attentionFlops(anatomy.attentionWidth, context, tokens),
    utilisation,
    utilisationSource,
    gpu: gpu.name,
    gpuHours: hours,
    pricePerHour,
    cost: hours * pricePerHour,
    budgets: budgetsOf(anatomy, tokens, { gpu, utilisation, pricePerHour, machine }),
    gpuTimes: [...GPUS.values()].map((each) =>
      timeOn(each, flops, utilisationOf({ ...options, gpu: each.name }, published).utilisation, options.price),
    ),
    ...(published && { published }),
    cluster: clusterOf(options, hours, training.full.gpus),
    training,
    kvBytesPerToken: kvBytesPerToken(anatomy),
    inference: ([16, 8, 4] as const).map((bits) => serving(anatomy, bits, context * options.batch, context, gpu)),
    ...(machine && { machine: machinePlan(anatomy, flops, machine) }),
  };
}

function contextOf(model: CausalLm, { context }: Options, showName = (name: string) => name): number {
  if (context !== undefined && context > model.maxPositions)
    fail(
      "BAD_OPTION",
      `${showName("context")}: got ${context}, expected at most the model's ${model.maxPositions} positions`,
    );
  return context ?? Math.min(model.maxPositions, MOST_CONTEXT);
}

function tokensOf({ parameters }: Anatomy, { tokens }: Options, run: PublishedRun | undefined) {
  if (tokens !== undefined) return { tokens, tokensSource: "as asked for" };
  if (run) return { tokens: run.tokens, tokensSource: run.source };
  return { tokens: CHINCHILLA * parameters, tokensSource: `${CHINCHILLA} a parameter (Hoffmann et al. 2022)` };
}

function publishedOf(run: PublishedRun, { activeParameters }: Anatomy): NonNullable<ModelPlan["published"]> {
  if (run.gpu === undefined || run.gpuHours === undefined) return run;
  const flops = trainingFlops(activeParameters, run.tokens);
  return { ...run, utilisation: impliedUtilisation(flops, gpuOf(run.gpu), run.gpuHours) };
}

function utilisationOf({ utilisation, gpu }: Options, published: ModelPlan["published"]) {
  if (utilisation !== undefined) return { utilisation, utilisationSource: "as asked for" };
  if (published?.utilisation !== undefined && (gpu === undefined || gpu === published.gpu))
    return {
      utilisation: published.utilisation,
      utilisationSource: `what its ${published.gpu} hours imply: ${published.source}`,
    };
  return {
    utilisation: UTILISATION,
    utilisationSource:
      "38 % of the peak for 90 % of the time, as Llama 3 405B (Grattafiori et al. 2024, table 4, section 3.3.4)",
  };
}

function timeOn(gpu: Gpu, flops: number, utilisation: number, price: number | undefined): GpuTime {
  const [hours, pricePerHour] = [gpuHours(flops, gpu, utilisation), price ?? gpu.pricePerHour];
  return { gpu: gpu.name, utilisation, gpuHours: hours, pricePerHour, cost: hours * pricePerHour };
}

function budgetsOf(
  { parameters, activeParameters }: Anatomy,
  planned: number,
  at: { gpu: Gpu; utilisation: number; pricePerHour: number; machine: Machine | undefined },
): Budget[] {
  const budget = (name: Budget["name"], tokens: number): Budget => {
    const flops = trainingFlops(activeParameters, tokens);
    const hours = gpuHours(flops, at.gpu, at.utilisation);
    return {
      name,
      tokens,
      tokensPerParameter: tokens / parameters,
      flops,
      gpuHours: hours,
      cost: hours * at.pricePerHour,
      ...(at.machine && { machineDays: daysOn(at.machine, flops) }),
    };
  };
  return [
    budget("planned", planned),
    budget("chinchilla", CHINCHILLA * parameters),
    budget("llama-style", LLAMA_STYLE * parameters),
  ];
}

function daysOn({ flopsPerSecond }: Machine, flops: number): number {
  return flops / (flopsPerSecond * MACHINE_SHARE) / 86_400;
}

function clusterOf({ gpus, days }: Options, hours: number, fewest: number | undefined): ModelPlan["cluster"] {
  const wanted = gpus ?? (days === undefined ? fewest : wholeNodes(hours / 24 / days));
  if (wanted === undefined) return undefined;
  const count = gpus ?? Math.max(wanted, fewest ?? 1);
  return { gpus: count, days: hours / 24 / count, fits: fewest !== undefined && count >= fewest };
}

function trainingFits(
  model: CausalLm,
  anatomy: Anatomy,
  options: Options,
  context: number,
  gpu: Gpu,
): ModelPlan["training"] {
  const { batch, rank } = options;
  const fits = TRAINING_METHODS.map((method) => {
    const shape = { method, tokens: context * batch, rank, width: model.hiddenSize, vocabSize: model.vocabSize };
    const fewest = fewestDevices(anatomy, shape, USABLE * gpu.memoryBytes);
    const bytes = trainingMemory(anatomy, { ...shape, devices: options.gpus ?? fewest ?? 8 });
    const trainedParameters = method === "full" ? anatomy.parameters : adapterParameters(anatomy, rank);
    return [method, { ...(fewest !== undefined && { gpus: fewest }), bytes, trainedParameters }] as const;
  });
  return Object.fromEntries(fits) as unknown as ModelPlan["training"];
}

function serving(anatomy: Anatomy, bits: WeightBits, tokens: number, context: number, gpu: Gpu): Serving {
  const weights = weightBytes(anatomy, bits);
  const kvBytes = tokens * kvBytesPerToken(anatomy);
  const gpus = wholeNodes(Math.ceil((weights + kvBytes) / (USABLE * gpu.memoryBytes)));
  const read = readBytes(anatomy, bits) + context * kvBytesPerToken(anatomy);
  return {
    bits,
    weightBytes: weights,
    kvBytes,
    totalBytes: weights + kvBytes,
    gpus,
    tokensPerSecondAtMost: (gpus * gpu.bandwidth) / read,
  };
}

function machinePlan({ parameters }: Anatomy, flops: number, machine: Machine): NonNullable<ModelPlan["machine"]> {
  const trainingBytes = MACHINE_BYTES * parameters;
  return {
    gflopsPerSecond: machine.flopsPerSecond / 1e9,
    days: daysOn(machine, flops),
    trainingBytes,
    ...(machine.availableBytes !== undefined && { fits: trainingBytes <= machine.availableBytes }),
  };
}
