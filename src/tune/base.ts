/** The model that is tuned: its config, tokenizer and weights, where they are. Changes nothing of it. */
import { fail } from "../base/errors.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { readConfig } from "../generate/config.ts";
import { fingerprintOf } from "../generate/fingerprint.ts";
import { isGguf } from "../generate/gguf-model.ts";
import { parameterShapes, weightsOf } from "../generate/load.ts";
import type { Placement } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import type { CausalLm } from "../models/types.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import { findWeight, readFloat32 } from "../weights/folder.ts";
import { saysMxfp4 } from "../weights/mxfp4.ts";
import { readQuantization } from "../weights/quantization.ts";

/** An open base. */
export interface BaseModel {
  /** As it was named, and the folder. */
  readonly name: string;
  readonly folder: string;
  readonly model: CausalLm;
  readonly tokenizer: ChatTokenizer;
  /** Every parameter's shape, by name in the model's order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Equal for equal weights and config. */
  readonly fingerprint: string;
  /** Where a weight is, for a session. */
  place(parameter: string): Placement;
  /** A weight as float32. */
  read(parameter: string): Float32Array;
}

/**
 * Opens a folder in Hugging Face's layout. Throws NOT_FOUND, BAD_CONFIG, BAD_WEIGHTS, BAD_TOKENIZER, BAD_CHECKPOINT, and
 * UNSUPPORTED for weights that this version cannot train beside.
 */
export function openBase(host: Host, name: string, folder: string, warn: (message: string) => void): BaseModel {
  const { file: configFile, model } = readConfig(host, folder);
  if (isGguf(host, folder))
    fail("UNSUPPORTED", `${folder}: got a GGUF file, and tuning begins from a folder with config.json and safetensors`);
  if (readQuantization(model.config, configFile) || saysMxfp4(model.config))
    fail(
      "UNSUPPORTED",
      `${configFile}: quantization_config: its weights are packed. Try the model that it was made of`,
    );
  const tokenizer = openChatTokenizer(host, folder);
  if (tokenizer.vocabSize > model.vocabSize)
    fail(
      "BAD_TOKENIZER",
      `${folder}: got a tokenizer of ${tokenizer.vocabSize} tokens, expected at most vocab_size ${model.vocabSize} of config.json. They are of different models.`,
    );
  const weights = weightsOf(host, folder, warn);
  const shapes = parameterShapes(model);
  const entries = new Map([...shapes].map(([each, shape]) => [each, findWeight(weights, each, shape, folder)]));
  const files = [...new Set([...entries.values()].map(({ file }) => file))].sort();
  return {
    name,
    folder,
    model,
    tokenizer,
    shapes,
    fingerprint: fingerprintOf(host, files, JSON.stringify(model.config)),
    place(parameter) {
      const { file, dtype, offset, length } = entries.get(parameter) ?? fail("BUG", `${parameter}: is no weight`);
      return { kind: "file", dtype, at: { file: host.absolute(file), offset, length } };
    },
    read: (parameter) => readFloat32(host, entries.get(parameter) ?? fail("BUG", `${parameter}: is no weight`)),
  };
}

/** Elements of all parameters. */
export function parameterCount({ shapes }: Pick<BaseModel, "shapes">): number {
  return [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, dim) => n * dim, 1), 0);
}
