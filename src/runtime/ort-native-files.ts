/** Finds the one folder from which ONNX Runtime may read all external data of a model, and checks every range first. */
import { realpathSync, statSync } from "node:fs";
import path from "node:path";
import { fail } from "../base/errors.ts";
import type { OnnxModel } from "../onnx/model.ts";

/** A folder and the places of files inside it, with no links on the way. */
export interface ExternalFolder {
  readonly folder: string;
  locate(file: string): string;
}

/**
 * The common folder of a model's external files, links resolved: ONNX Runtime takes only locations below the folder it
 * is given. Undefined when everything is in memory. Throws NOT_FOUND or BAD_WEIGHTS naming file and tensor.
 */
export function externalFolder(model: OnnxModel): ExternalFolder | undefined {
  const real = new Map<string, { at: string; size: number }>();
  for (const { name, data } of model.initializers) {
    if (data instanceof Uint8Array) continue;
    if (!real.has(data.file)) real.set(data.file, resolve(data.file));
    const { size } = real.get(data.file)!;
    const whole = [data.offset, data.length].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole || data.offset + data.length > size)
      fail(
        "BAD_WEIGHTS",
        `${data.file}: ${name}: got bytes ${data.offset} to ${data.offset + data.length}, expected a range within the file's ${size}`,
      );
  }
  if (real.size === 0) return undefined;
  const folders = [...real.values()].map(({ at }) => path.dirname(at).split(path.sep));
  const [first] = folders as [string[]];
  let depth = 0;
  while (depth < first.length && folders.every((parts) => parts[depth] === first[depth])) depth++;
  const folder = first.slice(0, depth).join(path.sep) || path.parse(real.values().next().value!.at).root;
  return { folder, locate: (file) => path.relative(folder, real.get(file)!.at) };
}

function resolve(file: string): { at: string; size: number } {
  try {
    const at = realpathSync(file);
    return { at, size: statSync(at).size };
  } catch (error) {
    return fail("NOT_FOUND", `${file}: no such file to read weights from`, error);
  }
}
