/** Keeps what a cache holds in a file, and takes it back: a safetensors file of ids, keys and values. Runs no token. */
import { fail, OwnlmError } from "../base/errors.ts";
import { showShape } from "../base/shapes.ts";
import type { Host } from "../host/types.ts";
import { type NamedTensor, readSafetensors, type TensorEntry, writeSafetensors } from "../weights/safetensors.ts";
import type { Engine } from "./engine-types.ts";
import type { KvCache } from "./kv-cache.ts";

/** What the metadata of a file of this format says, and which reader it needs. */
const FORMAT = "ownlm-kv-cache";
const VERSION = "1";

/** Writes an engine's tokens, keys and values, whole or not at all. `fingerprint` is the model's. Throws BAD_CACHE where there are none. */
export function saveCache(host: Host, file: string, engine: Engine, fingerprint: string): void {
  const { cache, ids } = engine;
  if (ids.length === 0) fail("BAD_CACHE", `${file}: the cache holds no token, expected one at least. Generate first.`);
  if (ids[0]! < 0) fail("BAD_CACHE", `${file}: the text has outgrown the context: its beginning is gone`);
  const tensors: NamedTensor[] = [{ name: "ids", dtype: "int32", shape: [ids.length], data: Int32Array.from(ids) }];
  const { kvHeads, headDim } = cache.shape;
  for (const [name, { dtype }] of cache.tensors)
    tensors.push({ name, dtype, shape: [kvHeads, ids.length, headDim], data: rowsOf(cache, name, ids.length) });
  for (const [name, data] of cache.scales) tensors.push({ name, dtype: "float32", shape: [kvHeads, headDim], data });
  const sums = Object.fromEntries(tensors.map(({ name, data }) => [`sha256:${name}`, sumOf(host, bytesIn(data))]));
  writeSafetensors(host, file, tensors, { format: FORMAT, version: VERSION, model: fingerprint, ...sums });
}

/**
 * Puts a file's tokens, keys and values into an engine, in place of what it holds. All is checked before anything is
 * changed. Throws NOT_FOUND, or BAD_CACHE for a file of another format, version, model, kind of cache or size, and for one
 * that is damaged.
 */
export function loadCache(host: Host, file: string, engine: Engine, fingerprint: string): void {
  if (host.kindOf(file) !== "file") fail("NOT_FOUND", `${file}: there is no such file`);
  const { metadata, tensors } = opened(host, file);
  const expectKey = (key: string, expected: string, hint: string) => {
    const got = metadata.get(key);
    if (got !== expected) fail("BAD_CACHE", `${file}: ${key}: got ${got ?? "none"}, expected ${expected}. ${hint}`);
  };
  expectKey("format", FORMAT, "It is no saved cache.");
  expectKey("version", VERSION, "Another version of ownlm wrote it.");
  expectKey("model", fingerprint, "Another model made it, or the same with other options.");
  const { cache } = engine;
  const { kvHeads, headDim } = cache.shape;
  const tokens = tensors.get("ids")?.shape[0] ?? 0;
  if (tokens < 1 || tokens > engine.capacity)
    fail("BAD_CACHE", `${file}: ids: got ${tokens}, expected 1 to the ${engine.capacity} tokens of the context`);
  const read = (name: string, dtype: TensorEntry["dtype"], shape: readonly number[]) =>
    checkedBytes(host, file, name, tensors.get(name), metadata.get(`sha256:${name}`), dtype, shape);
  const ids = [...new Int32Array(read("ids", "int32", [tokens]).buffer)];
  checkIds(file, ids, engine.model.vocabSize);
  const halves = [...cache.tensors].map(
    ([name, { dtype }]) => [name, read(name, dtype, [kvHeads, tokens, headDim])] as const,
  );
  const scales = [...cache.scales].map(([name, data]) => [data, read(name, "float32", [kvHeads, headDim])] as const);
  const known = 1 + halves.length + scales.length;
  if (tensors.size !== known) fail("BAD_CACHE", `${file}: got ${tensors.size} tensors, expected ${known}`);
  engine.truncate(0);
  for (const [name, bytes] of halves) putRows(cache, name, tokens, bytes);
  for (const [data, bytes] of scales) bytesIn(data).set(bytes);
  engine.adopt(ids);
}

function opened(host: Host, file: string): ReturnType<typeof readSafetensors> {
  try {
    return readSafetensors(host, file);
  } catch (error) {
    if (!(error instanceof OwnlmError) || error.code !== "BAD_WEIGHTS") throw error;
    return fail("BAD_CACHE", error.message, error);
  }
}

/** A tensor's bytes in a buffer of their own, when they are what the file says and the cache takes. */
function checkedBytes(
  host: Host,
  file: string,
  name: string,
  entry: TensorEntry | undefined,
  sum: string | undefined,
  dtype: TensorEntry["dtype"],
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const got = entry ? `${entry.dtype}${showShape(entry.shape)}` : "no such tensor";
  const expected = `${dtype}${showShape(shape)}`;
  if (!entry || got !== expected) return fail("BAD_CACHE", `${file}: ${name}: got ${got}, expected ${expected}`);
  const bytes = new Uint8Array(entry.length);
  host.readInto(file, entry.offset, bytes);
  if (sumOf(host, bytes) !== sum) fail("BAD_CACHE", `${file}: ${name}: its checksum does not fit: the file is damaged`);
  return bytes;
}

function checkIds(file: string, ids: readonly number[], vocabSize: number): void {
  const at = ids.findIndex((id) => id < 0 || id >= vocabSize);
  if (at >= 0) fail("BAD_CACHE", `${file}: ids: got ${ids[at]} at ${at}, expected 0 to ${vocabSize - 1}`);
}

function sumOf(host: Host, bytes: Uint8Array): string {
  const hash = host.sha256();
  hash.update(bytes);
  return hash.hex();
}

const bytesIn = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);

/** The first tokens' rows of each head, (KV, T, D), out of a tensor (1, KV, P, D). */
function rowsOf({ tensors, shape: { kvHeads, headDim }, capacity }: KvCache, name: string, tokens: number) {
  const { data } = tensors.get(name)!;
  const rows =
    data instanceof Int8Array
      ? new Int8Array(kvHeads * tokens * headDim)
      : new Float32Array(kvHeads * tokens * headDim);
  for (let head = 0; head < kvHeads; head++)
    rows.set(data.subarray(head * capacity * headDim, (head * capacity + tokens) * headDim), head * tokens * headDim);
  return rows;
}

/** Undoes {@link rowsOf} from bytes. */
function putRows(
  { tensors, shape: { kvHeads }, capacity }: KvCache,
  name: string,
  tokens: number,
  from: Uint8Array,
): void {
  const to = bytesIn(tensors.get(name)!.data);
  const row = (to.length / (kvHeads * capacity)) | 0;
  for (let head = 0; head < kvHeads; head++)
    to.set(from.subarray(head * tokens * row, (head + 1) * tokens * row), head * capacity * row);
}
