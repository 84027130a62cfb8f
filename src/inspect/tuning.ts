/** Whether and how long tuning a model on a data set takes on this machine: its speed measured, the rest planned. Loads no weight. */
import { type GivenOptions, type OptionSpecs, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { Runtime } from "../runtime/types.ts";
import { forecastTune, type TuneForecast, type TuneWay } from "../tune/forecast.ts";
import { TUNE_OPTIONS } from "../tune/options.ts";
import { measureFlops } from "./measure.ts";
import { probeTraining } from "./probe.ts";

/** Options of `doctor` that say what is tuned; they are those of `tune`. */
export const TUNING_OPTIONS = {
  data: {
    kind: "list",
    placeholder: "FILE",
    help: "Say for the model that is named what tuning it on these data takes here, each way",
  },
  objective: { ...TUNE_OPTIONS.objective, help: "With --data: what is learnt, as in ownlm tune" },
  maxLength: { ...TUNE_OPTIONS.maxLength, help: "With --data: tokens of an example; longer ones are cut" },
  rank: { ...TUNE_OPTIONS.rank, help: "With --data: width of adapters" },
  epochs: { ...TUNE_OPTIONS.epochs, help: "With --data: see every example this often" },
  batch: { ...TUNE_OPTIONS.batch, help: "With --data: rows computed at once" },
  threads: TUNE_OPTIONS.threads,
} as const satisfies OptionSpecs;

export type TuningOptions = GivenOptions<typeof TUNING_OPTIONS>;

/** A way to tune, and how long it takes here. */
export interface TimedWay extends TuneWay {
  /** Estimated from the measured speed; validations and checkpoints add to it. */
  readonly minutes: number;
}

/** What `doctor MODEL --data DATA --json` prints. */
export interface TuningDiagnosis extends Omit<TuneForecast, "ways"> {
  readonly availableBytes: number;
  readonly threads: number;
  /** Measured: the peak of float32 products, and the share of it that training a small model reaches. */
  readonly gflopsPerSecond: number;
  readonly steadiness: number;
  readonly share: number;
  readonly ways: readonly TimedWay[];
}

/** Who watches, and where the model was found. */
export interface TuningSettings {
  readonly folder: string;
  runtime(): Promise<Runtime>;
  readonly onProgress?: (what: string) => void;
  readonly showName?: (name: string) => string;
}

/** Reads config, tokenizer and data, plans every way, and measures the machine for some seconds. Throws what {@link forecastTune} does. */
export async function examineTuning(
  host: Host,
  name: string,
  given: TuningOptions,
  { folder, runtime: open, onProgress = () => {}, showName }: TuningSettings,
): Promise<TuningDiagnosis> {
  const { data, threads = host.cpuThreads(), ...options } = readOptions(TUNING_OPTIONS, given, showName);
  const availableBytes = host.availableMemoryBytes();
  onProgress(`reading ${data.join(", ")}`);
  const { objective, ...others } = options;
  const wanted = { ...others, threads, ...(given.objective && { objective }) };
  const forecast = await forecastTune(host, { name, folder, data, availableBytes }, wanted, showName);
  const runtime = await open();
  onProgress("multiplying matrices");
  const { flopsPerSecond, steadiness } = await measureFlops(host, runtime, threads);
  onProgress("training");
  const share = await probeTraining(host, runtime, { threads, flopsPerSecond });
  const ways = forecast.ways.map((way) => ({ ...way, minutes: way.flops / (flopsPerSecond * share) / 60 }));
  return { ...forecast, availableBytes, threads, gflopsPerSecond: flopsPerSecond / 1e9, steadiness, share, ways };
}
