/** A run on disk: checkpoints to go on from, and the finished model. Knows the files, not the loop. */
import { fail } from "../base/errors.ts";
import type { SamplerState } from "../data/batches.ts";
import type { Host } from "../host/types.ts";
import type { CausalLm } from "../models/types.ts";
import type { Tensor } from "../runtime/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { tokenizerConfig } from "../tokenizer/write-json.ts";
import { type Checkpoint, latestCheckpoint, loadTensors, saveCheckpoint } from "../weights/checkpoint.ts";
import { type ModelFiles, publishModel } from "../weights/folder.ts";
import { type NamedTensor, writeText } from "../weights/safetensors.ts";
import type { LoopProgress } from "./run-loop.ts";
import type { Stepper } from "./stepper.ts";

/** What a run is besides its tensors. */
export interface Progress extends LoopProgress {
  /** Of the last of them. */
  readonly loss: number;
  readonly sampler: SamplerState;
}

const named = (name: string, tensor: Tensor): NamedTensor => ({
  name,
  dtype: tensor.dtype,
  shape: tensor.shape,
  data: tensor.data,
});

/** A stepper's tensors by the file they are kept in. */
function tensorFiles(stepper: Stepper): { params: NamedTensor[]; optimizer: NamedTensor[] } {
  const tensors = stepper.tensors();
  const names = new Set(stepper.parameters);
  const state = [...tensors].filter(([name]) => !names.has(name));
  return {
    params: stepper.parameters.map((name) => named(name, tensors.get(name)!)),
    optimizer: state.map(([name, tensor]) => named(name, tensor)),
  };
}

/** Writes a checkpoint and returns its path. */
export function saveProgress(host: Host, out: string, stepper: Stepper, progress: Progress, keep: number): string {
  const content = { tensors: tensorFiles(stepper), state: { ...progress } };
  return saveCheckpoint(host, out, progress.step, content, { keep });
}

/** Fills a stepper from the newest whole checkpoint, if there is one; `warn` hears of damaged ones. */
export function loadProgress(
  host: Host,
  out: string,
  stepper: Stepper,
  warn: (message: string) => void,
): Progress | undefined {
  const checkpoint = latestCheckpoint(host, out, warn);
  if (!checkpoint) return undefined;
  const progress = checkedProgress(checkpoint);
  for (const [file, tensors] of Object.entries(tensorFiles(stepper))) loadTensors(host, checkpoint, file, tensors);
  return progress;
}

function checkedProgress({ path, step, state }: Checkpoint): Progress {
  const { loss, sampler } = state;
  // Before the first step there is no loss, which JSON writes as null.
  const isLoss = typeof loss === "number" || (loss === null && step === 0);
  if (state.step !== step || !isLoss || typeof sampler !== "object" || sampler === null)
    fail("BAD_CHECKPOINT", `${path}: state.json: expected step ${step}, a loss and a sampler's state`);
  // Checkpoints of versions that did not keep it were written before the look.
  const lookedUp = Number.isSafeInteger(state.lookedUp) ? (state.lookedUp as number) : step;
  return { step, lookedUp, loss: (loss as number | null) ?? Number.NaN, sampler: sampler as SamplerState };
}

/** The files of a model folder besides weights. */
function modelFiles(model: CausalLm, tokenizer: Tokenizer): ModelFiles {
  const { bosId, eosId } = tokenizer;
  return {
    "config.json": model.config,
    "generation_config.json": {
      ...(bosId !== undefined && { bos_token_id: bosId }),
      ...(eosId !== undefined && { eos_token_id: eosId }),
    },
    "tokenizer.json": tokenizer.toJSON(),
    "tokenizer_config.json": tokenizerConfig(tokenizer, { modelMaxLength: model.maxPositions }),
  };
}

/** Writes the model as it stands, in Hugging Face's layout. */
export function publish(host: Host, out: string, model: CausalLm, tokenizer: Tokenizer, stepper: Stepper): void {
  publishModel(host, out, modelFiles(model, tokenizer), tensorFiles(stepper).params);
}

/** Writes everything of a model folder but the weights. */
export function saveModelFiles(host: Host, out: string, model: CausalLm, tokenizer: Tokenizer): void {
  for (const [name, content] of Object.entries(modelFiles(model, tokenizer)))
    writeText(host, host.join(out, name), `${JSON.stringify(content, null, 2)}\n`);
}
