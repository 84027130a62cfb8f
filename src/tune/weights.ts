/** Weights of a run between files and memory: the base's into a stepper, checkpoints, the best so far. Knows no loop. */
import { fail } from "../base/errors.ts";
import type { RowSamplerState } from "../data/row-sampler.ts";
import type { Host } from "../host/types.ts";
import type { LoopProgress } from "../train/run-loop.ts";
import type { Stepper } from "../train/stepper.ts";
import { type Checkpoint, latestCheckpoint, loadTensors, saveCheckpoint } from "../weights/checkpoint.ts";
import type { NamedTensor } from "../weights/safetensors.ts";
import type { BaseModel } from "./base.ts";

/** Where a run stands, besides its tensors. */
export interface TuneProgress extends LoopProgress {
  /** Of the last step. */
  readonly loss: number;
  readonly source: RowSamplerState;
  /** The lowest validation so far. */
  readonly best?: { readonly step: number; readonly valLoss: number; readonly tokenAccuracy?: number };
  /** Of the model as it was, and of the last look. */
  readonly firstLoss?: number;
  readonly lastLoss?: number;
  readonly lastAccuracy?: number;
  /** Looks since the best one. */
  readonly stale: number;
}

/** Fills a stepper whose parameters are the base's own. What adapters are made of stays as it was drawn. */
export function loadBase({ shapes, read }: BaseModel, stepper: Stepper): void {
  const tensors = stepper.tensors();
  for (const name of stepper.parameters) if (shapes.has(name)) tensors.get(name)!.data.set(read(name));
}

type ByFile = { readonly params: NamedTensor[]; readonly optimizer: NamedTensor[] };

/** A stepper's tensors by the file they are kept in. */
export function tensorFiles(stepper: Stepper): ByFile {
  const names = new Set(stepper.parameters);
  const named = [...stepper.tensors()].map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, data }));
  return {
    params: named.filter(({ name }) => names.has(name)),
    optimizer: named.filter(({ name }) => !names.has(name)),
  };
}

/** Writes a checkpoint and returns its path. */
export function saveTuneProgress(
  host: Host,
  out: string,
  stepper: Stepper,
  progress: TuneProgress,
  keep: number,
): string {
  const content = { tensors: tensorFiles(stepper), state: { ...progress } };
  return saveCheckpoint(host, out, progress.step, content, { keep });
}

/** Fills a stepper from the newest whole checkpoint, if there is one; `warn` hears of damaged ones. */
export function loadTuneProgress(
  host: Host,
  out: string,
  stepper: Stepper,
  warn: (message: string) => void,
): TuneProgress | undefined {
  const checkpoint = latestCheckpoint(host, out, warn);
  if (!checkpoint) return undefined;
  const progress = checkedProgress(checkpoint);
  for (const [file, tensors] of Object.entries(tensorFiles(stepper))) loadTensors(host, checkpoint, file, tensors);
  return progress;
}

function checkedProgress({ path, step, state }: Checkpoint): TuneProgress {
  const { source, lookedUp, stale } = state;
  const numbers = [lookedUp, stale].every(Number.isSafeInteger);
  if (state.step !== step || !numbers || typeof source !== "object" || source === null)
    fail("BAD_CHECKPOINT", `${path}: state.json: expected step ${step}, the last look and a sampler's state`);
  const loss = typeof state.loss === "number" ? state.loss : Number.NaN;
  return { ...(state as unknown as TuneProgress), loss };
}

const BEST = "best";

/** Keeps the trained weights as the best ones, in place of those before. */
export function saveBest(host: Host, out: string, stepper: Stepper, step: number): void {
  const folder = host.join(out, BEST);
  const later = latestCheckpoint(host, folder, () => {});
  // What a run that was broken off had kept from beyond the checkpoint it goes on from.
  if (later && later.step > step) host.remove(folder);
  host.makeFolder(folder);
  saveCheckpoint(
    host,
    folder,
    step,
    { tensors: { params: tensorFiles(stepper).params }, state: { step } },
    { keep: 1 },
  );
}

/** Fills a stepper's parameters with the best ones of a step. False where they are not there, or damaged. */
export function loadBest(
  host: Host,
  out: string,
  stepper: Stepper,
  step: number,
  warn: (message: string) => void,
): boolean {
  const checkpoint = latestCheckpoint(host, host.join(out, BEST), warn);
  if (checkpoint?.step !== step) return false;
  loadTensors(host, checkpoint, "params", tensorFiles(stepper).params);
  return true;
}
