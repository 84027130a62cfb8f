/** Checkpoints that a crash cannot halve: written beside, made durable, renamed; verified by hash before use. */
import { fail, OwnlmError } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import type { Host } from "../host/types.ts";
import { discard, isFileName } from "./files.ts";
import { readJson } from "./folder.ts";
import { show } from "./header.ts";
import { type NamedTensor, readSafetensors, readTensorInto, writeSafetensors, writeText } from "./safetensors.ts";

export { type FileLock, lockFolder } from "./lock.ts";

/** The version of the layout; a newer one is refused. */
const FORMAT = 1;
const FOLDER = "checkpoints";
const MANIFEST = "manifest.json";
const STATE = "state.json";

/** What a checkpoint holds besides tensors: plain JSON of the trainer's own. */
export type CheckpointState = Readonly<Record<string, unknown>>;

/** Tensors by the file they are kept in, e.g. `{ params, optimizer }`. */
export type TensorFiles = Readonly<Record<string, readonly NamedTensor[]>>;

interface Manifest {
  readonly format: number;
  readonly step: number;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** A checkpoint on disk that has been verified. */
export interface Checkpoint {
  readonly path: string;
  readonly step: number;
  readonly state: CheckpointState;
}

const stepName = (step: number) => `step-${String(step).padStart(8, "0")}`;

/** Where a checkpoint waits while another of the same step takes its place. */
const ASIDE = ".old";
const TEMPORARY = ".tmp";

/**
 * Writes `<out>/checkpoints/step-N/` and then removes the older ones but the newest `keep - 1`; later steps stay. Until
 * the rename at the end the old checkpoints are all there is, and one of the same step is only moved aside: whenever
 * the process or the power fails, {@link latestCheckpoint} finds the old state or the new one whole. When writing
 * fails, what was written is removed as far as possible. Returns the path.
 */
export function saveCheckpoint(
  host: Host,
  out: string,
  step: number,
  content: { readonly tensors: TensorFiles; readonly state: CheckpointState },
  { keep = 2 }: { readonly keep?: number } = {},
): string {
  if (!Number.isSafeInteger(step) || step < 0) fail("BUG", `checkpoint: got step ${step}, expected a whole number`);
  if (!Number.isSafeInteger(keep) || keep < 1) fail("BAD_OPTION", `checkpoint: keep: got ${keep}, expected 1 or more`);
  const folder = host.join(out, FOLDER);
  const path = host.join(folder, stepName(step));
  const temporary = `${path}${TEMPORARY}`;
  try {
    host.remove(temporary);
    host.makeFolder(temporary);
    host.syncFolder(out);
    writeContent(host, temporary, step, content);
    putInPlace(host, folder, temporary, path);
  } catch (error) {
    discard(host, temporary);
    throw error;
  }
  const older = listCheckpoints(host, out).filter((found) => found.step < step);
  for (const { name } of older.slice(keep - 1)) host.remove(host.join(folder, name));
  return path;
}

function writeContent(
  host: Host,
  folder: string,
  step: number,
  content: { readonly tensors: TensorFiles; readonly state: CheckpointState },
): void {
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, tensors] of Object.entries(content.tensors)) {
    if (!isFileName(name)) fail("BUG", `checkpoint: got the file name ${show(name)}`);
    files[`${name}.safetensors`] = writeSafetensors(host, host.join(folder, `${name}.safetensors`), tensors);
  }
  files[STATE] = writeText(host, host.join(folder, STATE), JSON.stringify(content.state));
  const manifest: Manifest = { format: FORMAT, step, files };
  writeText(host, host.join(folder, MANIFEST), JSON.stringify(manifest, null, 2));
  host.syncFolder(folder);
}

function putInPlace(host: Host, folder: string, temporary: string, path: string): void {
  const aside = `${path}${ASIDE}`;
  if (host.kindOf(path) !== undefined) {
    host.remove(aside);
    host.rename(path, aside);
  }
  host.rename(temporary, path);
  host.syncFolder(folder);
  host.remove(aside);
}

interface Found {
  readonly name: string;
  readonly step: number;
}

/** Checkpoints that have a folder, newest first, one that waits aside after the one in its place. */
function listCheckpoints(host: Host, out: string): Found[] {
  const folder = host.join(out, FOLDER);
  if (host.kindOf(folder) !== "folder") return [];
  const found = host.listFolder(folder).flatMap((name): Found[] => {
    const step = Number(/^step-(\d{8,16})(?:\.old)?$/.exec(name)?.[1] ?? Number.NaN);
    return name === stepName(step) || name === stepName(step) + ASIDE ? [{ name, step }] : [];
  });
  return found.sort((a, b) => b.step - a.step || a.name.length - b.name.length);
}

/**
 * Removes what a crash left half-written, and puts back what it left aside. Call it only when no other run can be
 * writing.
 */
export function cleanCheckpoints(host: Host, out: string): void {
  const folder = host.join(out, FOLDER);
  if (host.kindOf(folder) !== "folder") return;
  for (const name of host.listFolder(folder)) if (/^step-\d+\.tmp$/.test(name)) host.remove(host.join(folder, name));
  for (const { name, step } of listCheckpoints(host, out)) {
    if (!name.endsWith(ASIDE)) continue;
    const [aside, path] = [host.join(folder, name), host.join(folder, stepName(step))];
    if (!isWhole(host, path, step) && isWhole(host, aside, step)) {
      host.remove(path);
      host.rename(aside, path);
      host.syncFolder(folder);
    } else host.remove(aside);
  }
}

function isWhole(host: Host, path: string, step: number): boolean {
  try {
    verified(host, path, step);
    return true;
  } catch (error) {
    if (error instanceof OwnlmError) return false;
    throw error;
  }
}

/** The newest checkpoint that is whole; `onSkip` is told of each one that is not. Undefined when there is none. */
export function latestCheckpoint(host: Host, out: string, onSkip: (message: string) => void): Checkpoint | undefined {
  for (const { name, step } of listCheckpoints(host, out)) {
    const path = host.join(out, FOLDER, name);
    try {
      return verified(host, path, step);
    } catch (error) {
      if (!(error instanceof OwnlmError)) throw error;
      onSkip(`${error.message} Falling back to the checkpoint before it.`);
    }
  }
  return undefined;
}

function verified(host: Host, path: string, step: number): Checkpoint {
  const manifest = readManifest(host, host.join(path, MANIFEST));
  if (manifest.step !== step) fail("BAD_CHECKPOINT", `${path}: got step ${show(manifest.step)} in its manifest.`);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = host.join(path, name);
    if (host.kindOf(file) !== "file") fail("BAD_CHECKPOINT", `${file}: is missing.`);
    const bytes = host.fileSize(file);
    if (bytes !== expected.bytes) fail("BAD_CHECKPOINT", `${file}: got ${bytes} bytes, expected ${expected.bytes}.`);
    if (hashFile(host, file, bytes) !== expected.sha256)
      fail("BAD_CHECKPOINT", `${file}: its content is damaged (SHA-256 differs).`);
  }
  const state = readJson(host, host.join(path, STATE));
  if (!isJsonObject(state))
    return fail("BAD_CHECKPOINT", `${host.join(path, STATE)}: got ${show(state)}, expected an object.`);
  return { path, step, state };
}

/** A manifest is a line for each file. */
const MAX_MANIFEST_BYTES = 2 ** 20;

function readManifest(host: Host, file: string): Manifest {
  const bad = (what: string): never => fail("BAD_CHECKPOINT", `${file}: ${what}.`);
  if (host.kindOf(file) !== "file") bad("is missing");
  if (host.fileSize(file) > MAX_MANIFEST_BYTES) bad(`got ${host.fileSize(file)} bytes, expected a short list of files`);
  const json = readJson(host, file);
  if (!isJsonObject(json) || !Number.isSafeInteger(json.format) || !isJsonObject(json.files))
    return bad("no manifest of a checkpoint");
  if (json.format !== FORMAT) bad(`got format ${json.format}, expected ${FORMAT}: made by another version of ownlm`);
  for (const [name, entry] of Object.entries(json.files)) {
    if (!isFileName(name)) bad(`got the file name ${show(name)}, expected one in the same folder`);
    if (!isJsonObject(entry) || !Number.isSafeInteger(entry.bytes) || !/^[\da-f]{64}$/.test(String(entry.sha256)))
      bad(`${show(name)}: got ${show(entry)}, expected bytes and sha256`);
  }
  if (!Object.hasOwn(json.files, STATE)) bad(`does not list ${STATE}`);
  return json as unknown as Manifest;
}

function hashFile(host: Host, file: string, bytes: number): string {
  const hash = host.sha256();
  const piece = new Uint8Array(Math.min(bytes, 2 ** 22));
  for (let offset = 0; offset < bytes; offset += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, bytes - offset));
    host.readInto(file, offset, part);
    hash.update(part);
  }
  return hash.hex();
}

/**
 * Fills tensors from one file of a checkpoint. BAD_CHECKPOINT names the tensor when names or shapes differ, before any
 * tensor is touched.
 */
export function loadTensors(host: Host, checkpoint: Checkpoint, name: string, tensors: readonly NamedTensor[]): void {
  const file = host.join(checkpoint.path, `${name}.safetensors`);
  if (host.kindOf(file) !== "file") fail("BAD_CHECKPOINT", `${file}: is missing`);
  const { tensors: entries } = readSafetensors(host, file);
  const found = tensors.map((tensor) => {
    const entry = entries.get(tensor.name) ?? fail("BAD_CHECKPOINT", `${file}: ${show(tensor.name)}: is missing`);
    if (entry.dtype !== tensor.dtype || entry.shape.join() !== tensor.shape.join())
      fail(
        "BAD_CHECKPOINT",
        `${file}: ${show(tensor.name)}: got ${entry.dtype} [${entry.shape}], expected ${tensor.dtype} [${tensor.shape}]`,
      );
    return [entry, tensor.data] as const;
  });
  for (const [entry, data] of found) readTensorInto(host, entry, data);
}
