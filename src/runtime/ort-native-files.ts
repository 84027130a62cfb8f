/** Finds the one folder from which ONNX Runtime may read all external data of a model, and watches over its files. */
import { realpathSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { fail } from "../base/errors.ts";
import type { OnnxModel } from "../onnx/model.ts";

/** A folder and the places of files inside it, with no links on the way. */
export interface ExternalFolder {
  readonly folder: string;
  /** The files, links resolved. */
  readonly paths: ReadonlySet<string>;
  locate(file: string): string;
  /**
   * Throws BAD_WEIGHTS when a file was written to since. ONNX Runtime maps files into memory: a run would read the new
   * bytes, and touching what was cut off ends the process. A file that was removed or replaced by another stays as it was.
   */
  checkUnchanged(): void;
}

/** A file by its own path, and what it was when its ranges were checked. */
interface External {
  readonly at: string;
  readonly stat: Stats;
}

/**
 * The common folder of a model's external files, links resolved: ONNX Runtime takes only locations below the folder it
 * is given. Undefined when everything is in memory. Throws NOT_FOUND or BAD_WEIGHTS naming file and tensor.
 */
export function externalFolder(model: OnnxModel): ExternalFolder | undefined {
  const real = new Map<string, External>();
  for (const { name, data } of model.initializers) {
    if (data instanceof Uint8Array) continue;
    if (!real.has(data.file)) real.set(data.file, resolve(data.file));
    const { size } = real.get(data.file)!.stat;
    const whole = [data.offset, data.length].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole || data.offset + data.length > size)
      fail(
        "BAD_WEIGHTS",
        `${data.file}: ${name}: got bytes ${data.offset} to ${data.offset + data.length}, expected a range within the file's ${size}`,
      );
  }
  if (real.size === 0) return undefined;
  const files = [...real.values()];
  const folder = commonFolder(files.map(({ at }) => at));
  return {
    folder,
    paths: new Set(files.map(({ at }) => at)),
    locate: (file) => path.relative(folder, real.get(file)!.at),
    checkUnchanged: () => files.forEach(checkFile),
  };
}

function commonFolder(files: readonly string[]): string {
  const folders = files.map((file) => path.dirname(file).split(path.sep));
  const [first] = folders as [string[]];
  let depth = 0;
  while (depth < first.length && folders.every((parts) => parts[depth] === first[depth])) depth++;
  return first.slice(0, depth).join(path.sep) || path.parse(files[0]!).root;
}

function resolve(file: string): External {
  let found: External;
  try {
    const at = realpathSync(file);
    found = { at, stat: statSync(at) };
  } catch (error) {
    return fail("NOT_FOUND", `${file}: no such file to read weights from`, error);
  }
  if (!found.stat.isFile()) fail("BAD_WEIGHTS", `${file}: it is no file, expected one to read weights from`);
  return found;
}

function checkFile({ at, stat }: External): void {
  const now = statOf(at);
  const same = now && now.ino === stat.ino && now.dev === stat.dev;
  if (same && (now.size !== stat.size || now.mtimeMs !== stat.mtimeMs))
    fail("BAD_WEIGHTS", `${at}: the file was written to while its weights are in use. Load the model again.`);
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
