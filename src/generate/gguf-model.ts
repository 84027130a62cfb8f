/** Opens a GGUF file as a model: plain floats stay where they are, blocks become float32 in memory. Runs no token. */

import type { DType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { createPause } from "../base/pause.ts";
import type { Placement } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import { type GgufModelOptions, ggufModel } from "../models/gguf.ts";
import { type PlannedWeight, packPlan, suitedBlock } from "../models/pack-plan.ts";
import { modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { tokenizerFromGguf } from "../tokenizer/gguf.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { BlockFormatName } from "../weights/blocks.ts";
import type { GgufTensor } from "../weights/gguf.ts";
import { openGgufParts } from "../weights/gguf-split.ts";
import type { GgufValue } from "../weights/gguf-values.ts";
import { isPlain, readStored, type StoredTensor } from "../weights/stored.ts";
import { packedFormatOf, packStored } from "../weights/stored-packed.ts";
import { packedBytes, packingOf, packToScratch, type WeightToPack, withPacked } from "./packed.ts";

/** A model in one file, or in parts. */
export interface GgufSource {
  readonly file: string;
  readonly model: CausalLm;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By Hugging Face's names. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

/** True for a file that is meant to be, or is, in the format. */
export function isGguf(host: Host, path: string): boolean {
  if (host.kindOf(path) !== "file") return false;
  if (/\.gguf$/i.test(path)) return true;
  return host.fileSize(path) >= 4 && new TextDecoder("latin1").decode(host.readBytes(path, 0, 4)) === "GGUF";
}

/** Reads the header of a file, or of all the parts of a model whose first part it is; `options` as in {@link ggufModel}. Throws BAD_WEIGHTS, BAD_CONFIG or UNSUPPORTED naming file and key or tensor. */
export function openGgufModel(host: Host, file: string, options: GgufModelOptions = {}): GgufSource {
  const { metadata, tensors } = openGgufParts(host, file);
  const values = ({ type, ...tensor }: GgufTensor) => readStored(host, { ...tensor, format: type.name });
  const { config, weights } = ggufModel(metadata, tensors, file, values, options);
  return { file, model: modelFromConfig(config, file), metadata, weights };
}

/** The tokenizer inside; undefined where there is none. */
export function ggufTokenizerOf(host: Host, file: string): Tokenizer | undefined {
  return tokenizerFromGguf(openGgufParts(host, file).metadata, file);
}

/** Formats that the runtime reads where they are. */
const IN_PLACE: ReadonlyMap<BlockFormatName, DType> = new Map([
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/**
 * Finds every weight of the model. Plain floats stay where they are, matrices in blocks become packed rows, with the
 * numbers of the file where their format allows it, and the rest is float32 in memory. `bits` packs the plain ones too.
 * Throws BAD_WEIGHTS naming one that is missing or of another shape; `checkBytes` is told of the memory it will take.
 */
export async function ggufWeights(
  host: Host,
  { file, model, weights }: GgufSource,
  shapes: ReadonlyMap<string, readonly number[]>,
  bits: 4 | 8 | undefined,
  checkBytes: (bytes: number) => void,
) {
  const found = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    const tensor = weights.get(name) ?? fail("BAD_WEIGHTS", `${file}: the weight ${name} is missing`);
    if (tensor.shape.join() !== shape.join())
      fail("BAD_WEIGHTS", `${file}: ${name}: got shape [${tensor.shape}], expected [${shape}] from the file's keys`);
    found.set(name, tensor);
  }
  const plan = ggufPlan(model, found, bits);
  const inBlocks = new Set(plan.flat().map(({ name }) => name));
  const rest = [...found.values()].filter(({ name }) => !inBlocks.has(name));
  const restBytes = rest.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, dim) => n * dim, 1), 0);
  checkBytes(restBytes + packedBytes(plan));
  const packed = plan.length > 0 ? await packToScratch(host, ggufToPack(host, plan, found), createPause()) : undefined;
  return withPacked(packed, (name): Placement => {
    const tensor = found.get(name)!;
    const dtype = isPlain(tensor) ? IN_PLACE.get(tensor.format) : undefined;
    if (!dtype) return { kind: "memory", data: readStored(host, tensor) };
    return {
      kind: "file",
      dtype,
      at: { file: host.absolute(tensor.file), offset: tensor.offset, length: tensor.length },
    };
  });
}

/** The plan for what is in blocks already, in the blocks' own form where there is one; groups are of one form. */
export function ggufPlan(
  model: CausalLm,
  found: ReadonlyMap<string, StoredTensor>,
  bits: 4 | 8 | undefined,
): PlannedWeight[][] {
  const plan: PlannedWeight[][] = [];
  for (const group of packPlan(model, packingOf(bits ?? 8, suitedBlock(model)))) {
    const members = group.flatMap((weight): PlannedWeight[] => {
      const tensor = found.get(weight.name)!;
      if (bits) return [weight];
      return IN_PLACE.has(tensor.format) ? [] : [{ ...weight, format: packedFormatOf(tensor.format) }];
    });
    const alike = members.length === group.length && new Set(members.map(({ format }) => format.bits)).size === 1;
    if (alike) plan.push(members);
    else plan.push(...members.map((weight) => [weight]));
  }
  return plan;
}

function ggufToPack(
  host: Host,
  plan: readonly (readonly PlannedWeight[])[],
  found: ReadonlyMap<string, StoredTensor>,
): WeightToPack[][] {
  return plan.map((group) =>
    group.map((weight) => {
      const tensor = found.get(weight.name)!;
      return {
        weight,
        format: weight.format,
        *pack() {
          const rows = weight.layout === "in-out" ? turned(tensor) : tensor;
          const packed = packStored(host, rows, weight.format);
          yield weight.rows * weight.width;
          return packed;
        },
      };
    }),
  );
}

/** The transposed weight: what the file holds, where the weight is the transposed of it. */
function turned({ transposed, ...tensor }: StoredTensor): StoredTensor {
  const shape = tensor.shape.toReversed();
  return transposed ? { ...tensor, shape } : { ...tensor, shape, transposed: true };
}
