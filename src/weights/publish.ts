/** A finished model put into a folder so that no reader ever meets half of it. Knows file names, not what is in them. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { ADAPTER_WEIGHTS } from "./adapter-config.ts";
import { discard, isFileName } from "./files.ts";
import { show } from "./header.ts";
import { type NamedTensor, writeSafetensors, writeText } from "./safetensors.ts";

/** The weights in one file, and the list of files where they are in several. */
export const SINGLE = "model.safetensors";
export const INDEX = "model.safetensors.index.json";

/** Files by which weights are found: they go first and come last. */
const WEIGHTS = [SINGLE, INDEX, ADAPTER_WEIGHTS] as const;

/** A model that is complete and durable, on its way to the folder it is in. */
export const PUBLISHING = ".publishing";

/** The files of a finished model besides its weights, by name. */
export type ModelFiles = Readonly<Record<string, unknown>>;

/**
 * Writes a model folder: each of `files` as JSON, then the weights. Everything is first written and made durable beside
 * the model that is there; then the old weights go, the files take their places, and the new weights come last. Whenever
 * the process or the power fails, the folder holds the old model, the new one, or none whose new one is complete in
 * `.publishing`, for {@link finishPublishing} to go on with, which this also does first. Never does it hold weights
 * with another model's configuration. Files of the old model that the new one has not stay, but for the index of its
 * shards. `weights` is the file the tensors go to: an adapter's has a name of its own.
 */
export function publishModel(
  host: Host,
  folder: string,
  files: ModelFiles,
  tensors: readonly NamedTensor[],
  weights: typeof SINGLE | typeof ADAPTER_WEIGHTS = SINGLE,
): void {
  for (const name of Object.keys(files))
    if (isWeights(name) || !isFileName(name))
      fail("BUG", `${folder}: got ${show(name)}, expected the name of a file besides the weights`);
  host.makeFolder(folder);
  finishPublishing(host, folder);
  const staging = beginStaging(host, folder);
  try {
    for (const [name, content] of Object.entries(files))
      writeText(host, host.join(staging, name), `${JSON.stringify(content, null, 2)}\n`);
    writeSafetensors(host, host.join(staging, weights), tensors);
    endStaging(host, folder, staging);
  } catch (error) {
    discard(host, staging);
    throw error;
  }
  host.syncFolder(folder);
  finishPublishing(host, folder);
}

/**
 * A model put into a new folder by `fill`, which is given a folder beside it to write to, and may look at the finished
 * model there before it has a name: what it throws leaves nothing. The promises of {@link publishModel} hold.
 */
export async function publishStaged<R>(host: Host, folder: string, fill: (staging: string) => Promise<R>): Promise<R> {
  host.remove(host.join(folder, PUBLISHING));
  const staging = beginStaging(host, folder);
  let result: R;
  try {
    result = await fill(staging);
    endStaging(host, folder, staging);
  } catch (error) {
    discard(host, staging);
    throw error;
  }
  host.syncFolder(folder);
  finishPublishing(host, folder);
  return result;
}

/**
 * Throws EXISTS unless a folder is new or empty. What a run that was killed has left of a whole model is put in place
 * first, and is there then; the rest may go.
 */
export function requireNewFolder(host: Host, folder: string): void {
  const kind = host.kindOf(folder);
  if (kind === undefined) return;
  if (kind !== "folder") fail("EXISTS", `${folder}: is a file, expected a new folder`);
  finishPublishing(host, folder);
  const found = host.listFolder(folder).filter((name) => !name.startsWith(PUBLISHING));
  if (found.length > 0) fail("EXISTS", `${folder}: holds ${found[0]}, expected a new or empty folder`);
}

function beginStaging(host: Host, folder: string): string {
  const staging = host.join(folder, `${PUBLISHING}.tmp`);
  host.remove(staging);
  host.makeFolder(staging);
  return staging;
}

function endStaging(host: Host, folder: string, staging: string): void {
  host.syncFolder(staging);
  host.rename(staging, host.join(folder, PUBLISHING));
}

/** Goes on with a publication that was broken off after it was complete; nothing where there is none. */
export function finishPublishing(host: Host, folder: string): void {
  const from = host.join(folder, PUBLISHING);
  if (host.kindOf(from) !== "folder") return;
  const names = host.listFolder(from);
  const weights = names.filter(isWeights);
  if (weights.length > 0) {
    const old = weights.some((name) => name !== ADAPTER_WEIGHTS) ? [INDEX, SINGLE] : [ADAPTER_WEIGHTS];
    for (const name of old) host.remove(host.join(folder, name));
    host.syncFolder(folder);
  }
  for (const name of names) if (!isWeights(name)) host.rename(host.join(from, name), host.join(folder, name));
  host.syncFolder(folder);
  for (const name of weights) host.rename(host.join(from, name), host.join(folder, name));
  host.syncFolder(folder);
  host.remove(from);
}

const isWeights = (name: string): boolean => (WEIGHTS as readonly string[]).includes(name);
