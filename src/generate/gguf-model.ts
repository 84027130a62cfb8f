/** Opens a GGUF file as a model: plain floats stay where they are, blocks become float32 in memory. Runs no token. */

import type { DType } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import type { Placement } from "../graph/lower.ts";
import type { Host } from "../host/types.ts";
import { ggufModel } from "../models/gguf.ts";
import { modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { tokenizerFromGguf } from "../tokenizer/gguf.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { BlockFormatName } from "../weights/blocks.ts";
import { openGguf } from "../weights/gguf.ts";
import type { GgufValue } from "../weights/gguf-values.ts";
import { isPlain, readStored, type StoredTensor } from "../weights/stored.ts";

/** A model in one file. */
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

/** Reads a file's header. Throws BAD_WEIGHTS, BAD_CONFIG or UNSUPPORTED naming file and key or tensor. */
export function openGgufModel(host: Host, file: string): GgufSource {
  const { metadata, tensors } = openGguf(host, file);
  const { config, weights } = ggufModel(metadata, tensors, file, ({ type, name, shape, offset, length }) =>
    readStored(host, { name, shape, format: type.name, file, offset, length }),
  );
  return { file, model: modelFromConfig(config, file), metadata, weights };
}

/** The tokenizer inside; undefined where there is none. */
export function ggufTokenizerOf(host: Host, file: string): Tokenizer | undefined {
  return tokenizerFromGguf(openGguf(host, file).metadata, file);
}

/** Formats that the runtime reads where they are. */
const IN_PLACE: ReadonlyMap<BlockFormatName, DType> = new Map([
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
]);

/** What one graph holds of constants that are not in a file. */
const MOST_INLINE_BYTES = 2 ** 31 - 2 ** 24;

function checkInline(file: string, tensors: readonly StoredTensor[]): void {
  const inMemory = tensors.filter((tensor) => !(isPlain(tensor) && IN_PLACE.has(tensor.format)));
  const bytes = inMemory.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, dim) => n * dim, 1), 0);
  if (bytes > MOST_INLINE_BYTES)
    fail(
      "UNSUPPORTED",
      `${file}: its blocks take ${(bytes / 2 ** 30).toFixed(1)} GiB as float32, and this version holds at most 2 GiB of them. Try the model's safetensors.`,
    );
}

/** Finds every weight of the model, and says where it is. Throws BAD_WEIGHTS naming one that is missing or of another shape. */
export function ggufPlacements(
  host: Host,
  { file, weights }: GgufSource,
  shapes: ReadonlyMap<string, readonly number[]>,
): (name: string) => Placement {
  const found = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    const tensor = weights.get(name) ?? fail("BAD_WEIGHTS", `${file}: the weight ${name} is missing`);
    if (tensor.shape.join() !== shape.join())
      fail("BAD_WEIGHTS", `${file}: ${name}: got shape [${tensor.shape}], expected [${shape}] from the file's keys`);
    found.set(name, tensor);
  }
  checkInline(file, [...found.values()]);
  return (name) => {
    const tensor = found.get(name)!;
    const dtype = isPlain(tensor) ? IN_PLACE.get(tensor.format) : undefined;
    if (!dtype) return { kind: "memory", data: readStored(host, tensor) };
    return { kind: "file", dtype, at: { file: host.absolute(file), offset: tensor.offset, length: tensor.length } };
  };
}
