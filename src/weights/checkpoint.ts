/** Checkpoints that a crash cannot halve: written beside, made durable, renamed; verified by hash before use. */
import { fail, messageOf } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { readJson } from "./folder.ts";
import { type NamedTensor, readSafetensors, readTensorInto, writeSafetensors, writeText } from "./safetensors.ts";

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

/**
 * Writes `<out>/checkpoints/step-N/` and then removes all but the newest `keep`. Until the rename at the end the old
 * checkpoints are all there is. Returns the path.
 */
export function saveCheckpoint(
  host: Host,
  out: string,
  step: number,
  content: { readonly tensors: TensorFiles; readonly state: CheckpointState },
  { keep = 2 }: { readonly keep?: number } = {},
): string {
  const folder = host.join(out, FOLDER);
  const path = host.join(folder, stepName(step));
  const temporary = `${path}.tmp`;
  host.remove(temporary);
  host.makeFolder(temporary);
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const [name, tensors] of Object.entries(content.tensors))
    files[`${name}.safetensors`] = writeSafetensors(host, host.join(temporary, `${name}.safetensors`), tensors);
  files[STATE] = writeText(host, host.join(temporary, STATE), JSON.stringify(content.state));
  const manifest: Manifest = { format: FORMAT, step, files };
  writeText(host, host.join(temporary, MANIFEST), JSON.stringify(manifest, null, 2));
  host.syncFolder(temporary);
  host.remove(path);
  host.rename(temporary, path);
  host.syncFolder(folder);
  for (const old of listSteps(host, out).slice(keep)) host.remove(host.join(folder, stepName(old)));
  return path;
}

/** Steps that have a folder, newest first. Temporary folders of a crash are not counted. */
function listSteps(host: Host, out: string): number[] {
  const folder = host.join(out, FOLDER);
  if (host.kindOf(folder) !== "folder") return [];
  const steps = host.listFolder(folder).map((name) => Number(/^step-(\d{8,})$/.exec(name)?.[1] ?? Number.NaN));
  return steps.filter((step) => !Number.isNaN(step)).sort((a, b) => b - a);
}

/** Removes what a crash left half-written. Call it only when no other run can be writing. */
export function cleanCheckpoints(host: Host, out: string): void {
  const folder = host.join(out, FOLDER);
  if (host.kindOf(folder) !== "folder") return;
  for (const name of host.listFolder(folder)) if (name.endsWith(".tmp")) host.remove(host.join(folder, name));
}

/** The newest checkpoint that is whole; `onSkip` is told of each one that is not. Undefined when there is none. */
export function latestCheckpoint(host: Host, out: string, onSkip: (message: string) => void): Checkpoint | undefined {
  for (const step of listSteps(host, out)) {
    const path = host.join(out, FOLDER, stepName(step));
    try {
      return verified(host, path, step);
    } catch (error) {
      onSkip(`${messageOf(error)} Falling back to the checkpoint before it.`);
    }
  }
  return undefined;
}

function verified(host: Host, path: string, step: number): Checkpoint {
  const manifest = readManifest(host, host.join(path, MANIFEST));
  if (manifest.step !== step) fail("BAD_CHECKPOINT", `${path}: got step ${manifest.step} in its manifest.`);
  for (const [name, expected] of Object.entries(manifest.files)) {
    const file = host.join(path, name);
    if (host.kindOf(file) !== "file") fail("BAD_CHECKPOINT", `${file}: is missing.`);
    const bytes = host.fileSize(file);
    if (bytes !== expected.bytes) fail("BAD_CHECKPOINT", `${file}: got ${bytes} bytes, expected ${expected.bytes}.`);
    if (hashFile(host, file, bytes) !== expected.sha256)
      fail("BAD_CHECKPOINT", `${file}: its content is damaged (SHA-256 differs).`);
  }
  return { path, step, state: readJson(host, host.join(path, STATE)) as CheckpointState };
}

function readManifest(host: Host, file: string): Manifest {
  if (host.kindOf(file) !== "file") return fail("BAD_CHECKPOINT", `${file}: is missing.`);
  const json = readJson(host, file) as Manifest | null;
  if (typeof json !== "object" || json === null || typeof json.files !== "object" || json.files === null)
    return fail("BAD_CHECKPOINT", `${file}: no manifest of a checkpoint.`);
  if (!(json.format <= FORMAT))
    return fail("BAD_CHECKPOINT", `${file}: got format ${json.format}, expected ${FORMAT}: made by a newer ownlm.`);
  return json;
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

/** Fills tensors from one file of a checkpoint; BAD_CHECKPOINT names the tensor when names or shapes differ. */
export function loadTensors(host: Host, checkpoint: Checkpoint, name: string, tensors: readonly NamedTensor[]): void {
  const file = host.join(checkpoint.path, `${name}.safetensors`);
  const { tensors: entries } = readSafetensors(host, file);
  for (const tensor of tensors) {
    const entry = entries.get(tensor.name);
    if (entry?.dtype !== tensor.dtype || entry.shape.join() !== tensor.shape.join())
      return fail(
        "BAD_CHECKPOINT",
        `${file}: ${tensor.name}: got ${entry?.dtype} [${entry?.shape}], expected ${tensor.dtype} [${tensor.shape}]`,
      );
    readTensorInto(host, entry, tensor.data);
  }
}

/** Held while a run writes into a folder. */
export interface FolderLock extends Disposable {
  readonly path: string;
}

/**
 * Takes a folder for this process; LOCKED names the process that has it. A lock whose process is gone is taken over.
 */
export function lockFolder(host: Host, out: string): FolderLock {
  const path = host.join(out, "train.lock");
  const text = `${host.processId}\n`;
  if (!host.createExclusive(path, text)) {
    const owner = Number.parseInt(host.readText(path), 10);
    if (owner !== host.processId && host.isAlive(owner) !== false && Number.isInteger(owner))
      fail("LOCKED", `${out}: process ${owner} is training there. Wait for it, or choose another --out.`);
    host.remove(path);
    if (!host.createExclusive(path, text)) fail("LOCKED", `${out}: another process has just taken it.`);
  }
  return { path, [Symbol.dispose]: () => host.remove(path) };
}
