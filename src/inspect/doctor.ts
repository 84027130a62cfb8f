/** What this machine can run, train and tune: a few measurements of a second each, and what follows from them. */
import { type GivenOptions, type OptionSpecs, readOptions } from "../base/options.ts";
import { MODEL_OPTIONS } from "../generate/options.ts";
import type { Host } from "../host/types.ts";
import { modelFromConfig } from "../models/registry.ts";
import { type Anatomy, anatomyOf } from "../plan/anatomy.ts";
import { adapterParameters, STORED_BITS } from "../plan/memory.ts";
import { NAMED_MODELS } from "../plan/named.ts";
import { CHINCHILLA } from "../plan/training.ts";
import type { Runtime } from "../runtime/types.ts";
import { PRESETS } from "../train/options.ts";
import { planTraining } from "../train/plan.ts";
import { type DiskSpeed, measureBandwidth, measureDisk, measureFlops } from "./measure.ts";
import { presetRun, probeDecoding, probeTraining } from "./probe.ts";
import { type Processor, readProcessor } from "./processor.ts";

/** Options of `doctor`. */
export const DOCTOR_OPTIONS = {
  threads: MODEL_OPTIONS.threads,
  context: { kind: "int", min: 1, max: 2 ** 20, default: 4096, help: "Tokens in the cache of the models in the table" },
} as const satisfies OptionSpecs;

export type DoctorOptions = GivenOptions<typeof DOCTOR_OPTIONS>;

/** Who watches. */
export interface DoctorSettings {
  runtime(): Promise<Runtime>;
  readonly onProgress?: (what: string) => void;
  readonly showName?: (name: string) => string;
}

/** How a model runs here with weights of so many bits. All estimated from what was measured with random models. */
export interface RunEstimate {
  /** 16-bit files are computed with in float32. */
  readonly bits: 16 | 8 | 4;
  /** Weights and a full cache, both as this program holds them. */
  readonly bytes: number;
  readonly fits: boolean;
  /** With an empty cache. */
  readonly tokensPerSecond: number;
}

/** How a published model would be tuned here, in float32. All estimated. */
export interface TuneEstimate {
  readonly method: "full" | "lora";
  readonly bytes: number;
  readonly fits: boolean;
  readonly tokensPerSecond: number;
}

/** A published model on this machine. */
export interface ModelEstimate {
  readonly model: string;
  readonly parameters: number;
  readonly run: readonly RunEstimate[];
  readonly tune: readonly TuneEstimate[];
}

/** A preset of `train` on this machine: planned memory, estimated speed. */
export interface TrainEstimate {
  readonly preset: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly fits: boolean;
  readonly tokensPerSecond: number;
  /** Until 20 tokens a parameter. */
  readonly hours: number;
}

/** What `doctor --json` prints. */
export interface Diagnosis {
  readonly platform: Host["name"];
  readonly runtime: string;
  readonly processor: Processor;
  readonly cores: number;
  readonly threads: number;
  readonly availableBytes: number;
  /** Measured, bytes a second. */
  readonly readBandwidth: number;
  /** Measured. */
  readonly gflopsPerSecond: number;
  /** The middle of equal products over the best: less than 0.8 where the machine has other work. */
  readonly steadiness: number;
  /** Measured, in the folder asked for. */
  readonly disk?: DiskSpeed & { readonly folder: string; readonly freeBytes: number };
  /** Measured with random models: of the bandwidth by bits of the weights, and of the peak while training. */
  readonly shares: { readonly decode: Readonly<Record<32 | 8 | 4, number>>; readonly train: number };
  readonly context: number;
  readonly models: readonly ModelEstimate[];
  readonly train: readonly TrainEstimate[];
  readonly tookMs: number;
}

/** Smallest first. */
const MODELS = [
  "smollm2-135m",
  "smollm2-360m",
  "llama3.2-1b",
  "llama3.2-3b",
  "llama3.1-8b",
  "llama2-13b",
  "llama3.1-70b",
];
/** The runtime itself, the tokenizer, buffers. */
const PROGRAM_BYTES = 300e6;
/** Tokens that tuning sees at once in the table. */
const TUNED_TOKENS = 512;
const RANK = 16;

/** Examines the machine, and the disk of `folder` where one is given. */
export async function examine(
  host: Host,
  folder: string | undefined,
  options: DoctorOptions,
  { runtime: open, onProgress = () => {}, showName }: DoctorSettings,
): Promise<Diagnosis> {
  const { threads = host.cpuThreads(), context } = readOptions(DOCTOR_OPTIONS, options, showName);
  const start = host.nowMs();
  const availableBytes = host.availableMemoryBytes();
  onProgress("reading memory");
  const runtime = await open();
  const bandwidth = await measureBandwidth(host, runtime, threads);
  onProgress("multiplying matrices");
  const { flopsPerSecond, steadiness } = await measureFlops(host, runtime, threads);
  const shares = await measureShares(host, runtime, { threads, bandwidth, flopsPerSecond, onProgress });
  if (folder !== undefined) onProgress("writing and reading the disk");
  const disk =
    folder === undefined ? undefined : { folder, freeBytes: host.freeDiskBytes(folder), ...measureDisk(host, folder) };
  const machine = { availableBytes, bandwidth, flopsPerSecond, shares, context };
  return {
    platform: host.name,
    runtime: `${runtime.name} ${runtime.version}`,
    processor: processorOf(host),
    cores: host.cpuThreads(),
    threads,
    availableBytes,
    readBandwidth: bandwidth,
    gflopsPerSecond: flopsPerSecond / 1e9,
    steadiness,
    ...(disk && { disk }),
    shares,
    context,
    models: MODELS.map((name) => modelEstimate(name, machine)),
    train: Object.keys(PRESETS).map((name) => trainEstimate(name as keyof typeof PRESETS, machine)),
    tookMs: host.nowMs() - start,
  };
}

async function measureShares(
  host: Host,
  runtime: Runtime,
  {
    onProgress,
    flopsPerSecond,
    ...given
  }: { threads: number; bandwidth: number; flopsPerSecond: number; onProgress: (what: string) => void },
): Promise<Diagnosis["shares"]> {
  const decode = { 32: 0, 8: 0, 4: 0 };
  for (const bits of [32, 8, 4] as const) {
    onProgress(`decoding with ${bits} bits`);
    decode[bits] = await probeDecoding(host, runtime, { ...given, bits });
  }
  onProgress("training");
  return { decode, train: await probeTraining(host, runtime, { threads: given.threads, flopsPerSecond }) };
}

function processorOf(host: Host): Processor {
  const file = "/proc/cpuinfo";
  return host.name === "node" && host.kindOf(file) === "file"
    ? readProcessor(host.readText(file))
    : { instructions: [] };
}

/** What was measured, for the estimates. */
export interface Measured {
  readonly availableBytes: number;
  readonly bandwidth: number;
  readonly flopsPerSecond: number;
  readonly shares: Diagnosis["shares"];
  readonly context: number;
}

/** A named model on a machine. */
export function modelEstimate(name: string, machine: Measured): ModelEstimate {
  const model = modelFromConfig(NAMED_MODELS.get(name)!.config, name);
  const anatomy = anatomyOf(model);
  const cacheBytes = 4 * anatomy.kvElements * Math.min(machine.context, model.maxPositions);
  const { norms = 0, positions = 0, embedding = 0, head = 0 } = anatomy.parts;
  const run = ([16, 8, 4] as const).map((bits): RunEstimate => {
    const [perWeight, perTable] = bits === 16 ? [4, 4] : [STORED_BITS[bits] / 8, STORED_BITS[8] / 8];
    const plain = norms + positions;
    const tables = embedding + head;
    const weights = 4 * plain + perTable * tables + perWeight * (anatomy.parameters - plain - tables);
    const read = weights - perTable * (anatomy.tied ? 0 : embedding);
    const bytes = weights + cacheBytes + PROGRAM_BYTES;
    const share = machine.shares.decode[bits === 16 ? 32 : bits];
    return { bits, bytes, fits: bytes <= machine.availableBytes, tokensPerSecond: (share * machine.bandwidth) / read };
  });
  const tune = (["full", "lora"] as const).map((method) => tuneEstimate(anatomy, model, method, machine));
  return { model: name, parameters: anatomy.parameters, run, tune };
}

/**
 * Tuning in float32. All weights: state twice, as `train` keeps it, and 6 operations a weight and token; LoRA: the weights once, and 4, since
 * frozen weights need no gradients of their own. Blocks are computed again backwards, which is one more forward pass.
 */
function tuneEstimate(
  anatomy: Anatomy,
  { hiddenSize, vocabSize }: { readonly hiddenSize: number; readonly vocabSize: number },
  method: "full" | "lora",
  { availableBytes, flopsPerSecond, shares }: Measured,
): TuneEstimate {
  const adapters = adapterParameters(anatomy, RANK);
  const state = method === "full" ? 24 * anatomy.parameters : 4 * anatomy.parameters + 24 * adapters;
  const gradients = 4 * (method === "full" ? anatomy.parameters : adapters);
  const activations = 4 * TUNED_TOKENS * (anatomy.layers * hiddenSize + anatomy.keptElements / anatomy.layers);
  const bytes = state + gradients + activations + 8 * TUNED_TOKENS * vocabSize + PROGRAM_BYTES;
  const flops = (method === "full" ? 8 : 6) * anatomy.activeParameters;
  return { method, bytes, fits: bytes <= availableBytes, tokensPerSecond: (flopsPerSecond * shares.train) / flops };
}

function trainEstimate(
  preset: keyof typeof PRESETS,
  { flopsPerSecond, shares, availableBytes }: Measured,
): TrainEstimate {
  const { model, shape } = presetRun(preset);
  const { parameters, totalBytes, flopsPerStep, tokensPerStep } = planTraining(model, shape);
  const tokensPerSecond = (flopsPerSecond * shares.train * tokensPerStep) / flopsPerStep;
  return {
    preset,
    parameters,
    bytes: totalBytes,
    fits: totalBytes <= availableBytes,
    tokensPerSecond,
    hours: (CHINCHILLA * parameters) / tokensPerSecond / 3600,
  };
}
