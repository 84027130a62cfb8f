/** A model that is to be quantised: its config, its weights as rows of float32, and the files that go with it. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { belongings, tokenizerFiles } from "../generate/belongings.ts";
import { readConfig } from "../generate/config.ts";
import { folderRows } from "../generate/experts.ts";
import { isGguf, openGgufModel } from "../generate/gguf-model.ts";
import { openTokenizer, parameterShapes, weightsOf } from "../generate/load.ts";
import type { Placement } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import type { PlannedWeight } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { tokenizerFromGguf } from "../tokenizer/gguf.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type FloatRows, storedRows, transposedRows } from "../weights/float-rows.ts";
import { findWeight, readFloat32 } from "../weights/folder.ts";
import { findMxfp4, type Mxfp4Entry, readMxfp4, saysMxfp4 } from "../weights/mxfp4.ts";
import { QUANTIZATION, readQuantization } from "../weights/quantization.ts";
import { readStored } from "../weights/stored.ts";

/** A model's files, opened but not read. */
export interface QuantizeSource {
  readonly model: CausalLm;
  readonly config: JsonObject;
  /** Every weight's shape, by Hugging Face's names. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Bytes of all weights as they are. */
  readonly bytes: number;
  rowsOf(weight: PlannedWeight): FloatRows;
  floatsOf(name: string): Float32Array;
  /** Where a session finds a weight as it is. */
  place(name: string): Placement;
  readonly tokenizer: Tokenizer | undefined;
  /** What belongs to the model besides config and weights, by file name. */
  files(): ReadonlyMap<string, Uint8Array>;
}

/** Opens a folder or a GGUF file. Throws what opening it to run throws, and UNSUPPORTED for weights that are packed already. */
export function openSource(host: Host, path: string, onWarning: (message: string) => void): QuantizeSource {
  return isGguf(host, path) ? ggufSource(host, path) : folderSource(host, path, onWarning);
}

function folderSource(host: Host, folder: string, onWarning: (message: string) => void): QuantizeSource {
  const { file, model } = readConfig(host, folder);
  if (readQuantization(model.config, file))
    fail("UNSUPPORTED", `${file}: ${QUANTIZATION}: the weights are packed already. Start from the float32 model.`);
  const weights = weightsOf(host, folder, onWarning);
  const shapes = parameterShapes(model);
  const experts = saysMxfp4(model.config) ? findMxfp4(weights, shapes, folder) : new Map<string, Mxfp4Entry>();
  const plain = [...shapes].filter(([name]) => !experts.has(name));
  const entries = new Map(plain.map(([name, shape]) => [name, findWeight(weights, name, shape, folder)]));
  const held = [...entries.values(), ...[...experts.values()].flatMap(({ blocks, scales }) => [blocks, scales])];
  return {
    model,
    config: model.config,
    shapes,
    bytes: held.reduce((sum, { length }) => sum + length, 0),
    rowsOf: (weight) => folderRows(host, weight, entries, experts),
    floatsOf: (name) => readFloat32(host, entries.get(name)!),
    place(name) {
      const expert = experts.get(name);
      if (expert) return { kind: "memory", data: readMxfp4(host, expert) };
      const { file, dtype, offset, length } = entries.get(name)!;
      return { kind: "file", dtype, at: { file: host.absolute(file), offset, length } };
    },
    tokenizer: host.kindOf(host.join(folder, "tokenizer.json")) ? openTokenizer(host, folder) : undefined,
    files: () => belongings(host, folder),
  };
}

function ggufSource(host: Host, file: string): QuantizeSource {
  const { model, metadata, weights } = openGgufModel(host, file);
  const shapes = parameterShapes(model);
  const tokenizer = tokenizerFromGguf(metadata, file);
  const stored = (name: string) => weights.get(name) ?? fail("BAD_WEIGHTS", `${file}: the weight ${name} is missing`);
  for (const [name, shape] of shapes)
    if (stored(name).shape.join() !== shape.join())
      fail("BAD_WEIGHTS", `${file}: ${name}: got shape [${stored(name).shape}], expected [${shape}]`);
  return {
    model,
    config: model.config,
    shapes,
    bytes: [...shapes.keys()].reduce((sum, name) => sum + stored(name).length, 0),
    rowsOf({ name, layout }) {
      const rows = storedRows(host, stored(name));
      return layout === "in-out" ? transposedRows(rows) : rows;
    },
    floatsOf: (name) => readStored(host, stored(name)),
    place: (name) => ({ kind: "memory", data: readStored(host, stored(name)) }),
    tokenizer,
    files: () => tokenizerFiles(tokenizer, model.maxPositions),
  };
}
