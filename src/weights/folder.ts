/** A model folder in Hugging Face's layout: where each tensor is, and how a finished model is put there. */
import { type DType, toFloat32, viewAs } from "../base/dtypes.ts";
import { fail, messageOf } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { isFileName } from "./files.ts";
import { show } from "./header.ts";
import { INDEX, PUBLISHING, SINGLE } from "./publish.ts";
import { readSafetensors, readTensorInto, type TensorEntry } from "./safetensors.ts";

export { finishPublishing, type ModelFiles, publishModel } from "./publish.ts";

/** Far above any tokenizer's or index's, and below what one text can hold. */
const MAX_JSON_BYTES = 2 ** 28;

/** Reads a JSON file; BAD_CONFIG names it when it is none. */
export function readJson(host: Host, file: string): unknown {
  if (host.kindOf(file) === "other") fail("BAD_CONFIG", `${file}: is a device or a pipe, expected a file of JSON`);
  const bytes = host.fileSize(file);
  if (bytes > MAX_JSON_BYTES)
    fail("BAD_CONFIG", `${file}: got ${bytes} bytes of JSON, expected at most ${MAX_JSON_BYTES}`);
  const text = host.readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("BAD_CONFIG", `${file}: no JSON: ${messageOf(error)}`, error);
  }
}

/** Makes a folder for what `fill` puts there. One that stays empty, as when that fails, is gone again. */
export async function inFolder<R>(host: Host, folder: string, fill: () => Promise<R>): Promise<R> {
  const made = host.kindOf(folder) === undefined;
  host.makeFolder(folder);
  try {
    return await fill();
  } finally {
    if (made && host.kindOf(folder) === "folder" && host.listFolder(folder).length === 0) host.remove(folder);
  }
}

/**
 * Every tensor of a folder, from one file or from the shards its index lists; of both, the one file counts, as in
 * transformers. Throws NOT_FOUND where there is neither, and BAD_WEIGHTS naming the file and the tensor.
 */
export function openWeights(host: Host, folder: string): ReadonlyMap<string, TensorEntry> {
  const single = host.join(folder, SINGLE);
  if (host.kindOf(single) === "file") return readSafetensors(host, single).tensors;
  const index = host.join(folder, INDEX);
  if (host.kindOf(index) === "file") return readShards(host, folder, index);
  if (host.kindOf(host.join(folder, PUBLISHING, SINGLE)) === "file")
    fail("NOT_FOUND", `${folder}: the model was not put in place to its end. Try the same training with --resume.`);
  refusePickled(host, folder);
  return fail("NOT_FOUND", `${folder}: no ${SINGLE} and no ${INDEX}, expected a model in Hugging Face's layout`);
}

/** Throws UNSUPPORTED where a folder has its weights as pickled Python, which can run code as it is read. */
function refusePickled(host: Host, folder: string): void {
  const names = host.kindOf(folder) === "folder" ? host.listFolder(folder) : [];
  const pickled = names.find((name) => /\.(bin|pt|pth|pkl|ckpt)$/i.test(name));
  if (pickled !== undefined)
    fail(
      "UNSUPPORTED",
      `${host.join(folder, pickled)}: pickled Python, which can run code as it is read, is never opened. In Python, AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder) writes safetensors beside it.`,
    );
}

/** The shard of each tensor that an index lists: names of files in its folder. Throws BAD_WEIGHTS naming file and tensor. */
export function readShardMap(host: Host, index: string): Map<string, string> {
  const json = readJson(host, index);
  const map = isJsonObject(json) ? json.weight_map : undefined;
  if (!isJsonObject(map))
    return fail("BAD_WEIGHTS", `${index}: weight_map: expected an object of tensor names to file names`);
  for (const [name, file] of Object.entries(map))
    if (typeof file !== "string" || !isFileName(file))
      fail("BAD_WEIGHTS", `${index}: ${show(name)}: got ${show(file)}, expected a file name in the same folder`);
  return new Map(Object.entries(map as Record<string, string>));
}

function readShards(host: Host, folder: string, index: string): Map<string, TensorEntry> {
  const shards = new Map<string, ReadonlyMap<string, TensorEntry>>();
  const tensors = new Map<string, TensorEntry>();
  for (const [name, file] of readShardMap(host, index)) {
    const where = `${index}: ${show(name)}`;
    const shard = shards.get(file) ?? readShard(host, host.join(folder, file), where);
    shards.set(file, shard);
    tensors.set(name, shard.get(name) ?? fail("BAD_WEIGHTS", `${where}: is not in ${show(file)}`));
  }
  return tensors;
}

function readShard(host: Host, file: string, where: string): ReadonlyMap<string, TensorEntry> {
  if (host.kindOf(file) !== "file") fail("BAD_WEIGHTS", `${where}: ${file} is missing or no file`);
  return readSafetensors(host, file).tensors;
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
