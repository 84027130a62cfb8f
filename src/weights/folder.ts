/** A model folder in Hugging Face's layout: where each tensor is, and how a finished model is put there. */
import { type DType, toFloat32, viewAs } from "../base/dtypes.ts";
import { fail, messageOf } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import {
  type NamedTensor,
  readSafetensors,
  readTensorInto,
  type TensorEntry,
  writeSafetensors,
  writeText,
} from "./safetensors.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** Reads a JSON file; BAD_CONFIG names it when it is none. */
export function readJson(host: Host, file: string): unknown {
  const text = host.readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("BAD_CONFIG", `${file}: no JSON: ${messageOf(error)}`, error);
  }
}

/** Every tensor of a folder, from one file or from the shards its index lists. */
export function openWeights(host: Host, folder: string): ReadonlyMap<string, TensorEntry> {
  const index = host.join(folder, INDEX);
  if (host.kindOf(index) === "file") return readShards(host, folder, index);
  const single = host.join(folder, SINGLE);
  if (host.kindOf(single) !== "file")
    fail("NOT_FOUND", `${folder}: no ${SINGLE} and no ${INDEX}, expected a model in Hugging Face's layout`);
  return readSafetensors(host, single).tensors;
}

function readShards(host: Host, folder: string, index: string): Map<string, TensorEntry> {
  const json = readJson(host, index) as { weight_map?: unknown } | null;
  const map = json?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map))
    return fail("BAD_WEIGHTS", `${index}: weight_map: expected an object of tensor names to file names`);
  const shards = new Map<string, ReadonlyMap<string, TensorEntry>>();
  const tensors = new Map<string, TensorEntry>();
  for (const [name, shard] of Object.entries(map as Record<string, unknown>)) {
    if (typeof shard !== "string" || shard === "" || /[/\\]|^\.\.?$/.test(shard))
      fail("BAD_WEIGHTS", `${index}: ${name}: got ${JSON.stringify(shard)}, expected a file name in the same folder`);
    const file = shard as string;
    if (!shards.has(file)) shards.set(file, readSafetensors(host, host.join(folder, file)).tensors);
    const entry = shards.get(file)!.get(name);
    tensors.set(name, entry ?? fail("BAD_WEIGHTS", `${index}: ${name}: is not in ${file}`));
  }
  return tensors;
}

const FLOATS: readonly DType[] = ["float32", "float16", "bfloat16"];

/** The entry of a weight, by its name or without its first part (GPT-2's own files leave out "transformer."). */
export function findWeight(
  weights: ReadonlyMap<string, TensorEntry>,
  name: string,
  shape: readonly number[],
  where: string,
): TensorEntry {
  const entry = weights.get(name) ?? weights.get(name.slice(name.indexOf(".") + 1));
  if (!entry) return fail("BAD_WEIGHTS", `${where}: the weight ${name} is missing`);
  if (entry.shape.join() !== shape.join())
    fail("BAD_WEIGHTS", `${where}: ${name}: got shape [${entry.shape}], expected [${shape}] from config.json`);
  if (!FLOATS.includes(entry.dtype))
    fail("UNSUPPORTED", `${where}: ${name}: got ${entry.dtype}, and this version runs only ${FLOATS.join(", ")}`);
  return entry;
}

/** A weight's elements as float32, whatever float type the file holds. */
export function readFloat32(host: Host, entry: TensorEntry): Float32Array {
  const data = viewAs(entry.dtype, new ArrayBuffer(entry.length));
  readTensorInto(host, entry, data);
  return entry.dtype === "float32" ? (data as Float32Array) : toFloat32(entry.dtype, data);
}

/** The files of a finished model besides its weights, by name. */
export type ModelFiles = Readonly<Record<string, unknown>>;

/**
 * Writes a model folder: JSON for each of `files`, then the weights, each file whole or not at all. Weights come last,
 * since a folder is a model once it has them.
 */
export function publishModel(host: Host, folder: string, files: ModelFiles, tensors: readonly NamedTensor[]): void {
  host.makeFolder(folder);
  for (const [name, content] of Object.entries(files))
    writeText(host, host.join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  writeSafetensors(host, host.join(folder, SINGLE), tensors);
  host.syncFolder(folder);
}
