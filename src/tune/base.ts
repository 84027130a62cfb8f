/** The model that is tuned: its config, tokenizer and weights, where they are. Changes nothing of it. */
import { fail } from "../base/errors.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { fingerprintOf } from "../generate/fingerprint.ts";
import { isGguf } from "../generate/gguf-model.ts";
import { openModelFiles, parameterShapes, weightFiles } from "../generate/load.ts";
import { placedFloats } from "../generate/placed-floats.ts";
import type { Placement } from "../graph/lower.ts";
import type { PackedGroup } from "../graph/pack.ts";
import type { Host } from "../host/types.ts";
import type { CausalLm } from "../models/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { saysMxfp4 } from "../weights/mxfp4.ts";

/** An open base. It is disposed when no session reads its weights any more. */
export interface BaseModel extends Disposable {
  /** As it was named, and the folder or the GGUF file. */
  readonly name: string;
  readonly folder: string;
  readonly model: CausalLm;
  readonly tokenizer: ChatTokenizer;
  /** Every parameter's shape, by name in the model's order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Equal for equal weights and config. */
  readonly fingerprint: string;
  /** Weights that are in blocks of 4 or 8 bits, which adapters alone can be trained beside. */
  readonly groups: readonly PackedGroup[];
  /** Products with them round activations to 8 bits. */
  readonly rounded?: boolean | undefined;
  /** Where a weight is, for a session; of one in blocks, where its blocks are. */
  place(parameter: string): Placement;
  /** A weight as float32. */
  read(parameter: string): Float32Array;
}

/** How a base is opened. */
export interface BaseOptions {
  /** Packs float weights to so many bits. */
  readonly quantize?: 4 | 8 | undefined;
  readonly rounded?: boolean | undefined;
  readonly warn: (message: string) => void;
}

/**
 * Opens a folder in Hugging Face's layout, packed by `ownlm quantize` or not, or a GGUF file. Throws NOT_FOUND, BAD_CONFIG,
 * BAD_WEIGHTS, BAD_TOKENIZER, BAD_CHECKPOINT, BAD_OPTION, OUT_OF_MEMORY, and UNSUPPORTED for weights that this version cannot
 * train beside.
 */
export async function openBase(
  host: Host,
  name: string,
  folder: string,
  { quantize, rounded, warn }: BaseOptions,
): Promise<BaseModel> {
  // Rows in Hugging Face's order, so that adapters are those of any copy of the model.
  const { model, weights } = openModelFiles(host, folder, { quantize, onWarning: warn, rotation: "halves" });
  if (saysMxfp4(model.config))
    fail("UNSUPPORTED", `${folder}: quantization_config: got mxfp4. Try a copy with weights of float types`);
  const tokenizer = openChatTokenizer(host, folder);
  if (tokenizer.vocabSize > model.vocabSize)
    fail(
      "BAD_TOKENIZER",
      `${folder}: got a tokenizer of ${tokenizer.vocabSize} tokens, expected at most vocab_size ${model.vocabSize} of config.json. They are of different models.`,
    );
  const shapes = parameterShapes(model);
  const files = isGguf(host, folder) ? [folder] : weightFiles(host, folder);
  const ready = await weights();
  const groups = ready.groups ?? [];
  const removeScratch = () => {
    if (ready.scratch !== undefined) host.remove(ready.scratch);
  };
  const experts = groups.flat().find((weight) => !shapes.has(weight.name));
  if (experts) {
    removeScratch();
    fail(
      "UNSUPPORTED",
      `${folder}: ${experts.name}: experts that lie in one tensor are not trained beside in packed form. Try a copy with weights of float types`,
    );
  }
  return {
    name,
    folder,
    model,
    tokenizer,
    shapes,
    groups,
    rounded,
    fingerprint: fingerprintOf(host, files, JSON.stringify([model.config, ...(quantize ? [quantize] : [])])),
    place: ready.place,
    read: placedFloats(host, model, ready),
    [Symbol.dispose]: removeScratch,
  };
}

/** Elements of all parameters. */
export function parameterCount({ shapes }: Pick<BaseModel, "shapes">): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
}
