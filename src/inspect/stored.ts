/** Where a model's weights are, in what form, and what they take in memory here. Reads headers, no weight. */
import { OwnlmError } from "../base/errors.ts";
import { ggufPlan, isGguf, openGgufModel } from "../generate/gguf-model.ts";
import { weightsOf } from "../generate/load.ts";
import { packingOf } from "../generate/packed.ts";
import type { Host } from "../host/types.ts";
import { type PlannedWeight, packPlan } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { packedSizes } from "../weights/pack.ts";
import { packedNames, type Quantization, readQuantization } from "../weights/quantization.ts";

/** A model's weights as they are stored. */
export interface StoredWeights {
  /** Bytes on the disk by dtype or block format, the most first. */
  readonly formats: Readonly<Record<string, number>>;
  readonly files: number;
  readonly diskBytes: number;
  /** Weights that are computed with in packed form, and what each takes in memory. The others are float32. */
  readonly packedBytes: ReadonlyMap<string, number>;
  /** Why this version does not run them: another program packed them. */
  readonly unsupported?: string;
}

/**
 * The weights of a folder or a GGUF file, packed to `bits` where that is asked for; undefined where a folder holds none. Throws
 * what reading headers and quantization_config does.
 */
export function storedWeights(
  host: Host,
  path: string,
  configFile: string,
  model: CausalLm,
  bits: 4 | 8 | undefined,
  onWarning: (message: string) => void,
): StoredWeights | undefined {
  if (isGguf(host, path)) return ggufStored(host, path, bits);
  const entries = folderEntries(host, path, onWarning);
  if (!entries) return undefined;
  const { held, unsupported } = heldPacking(model, configFile);
  const packing = held ?? (bits && packingOf(bits));
  const plan = packing ? packPlan(model, packing).flat() : [];
  const packed = plan.filter(({ name }) => !held || entries.has(packedNames(name).quants));
  const files = [...new Set([...entries.values()].map(({ file }) => file))];
  return {
    formats: formatsOf([...entries.values()].map(({ dtype, length }) => [dtype, length])),
    files: files.length,
    diskBytes: files.reduce((sum, file) => sum + host.fileSize(file), 0),
    packedBytes: new Map(packed.map((weight) => [weight.name, bytesOf(weight)])),
    ...(unsupported !== undefined && { unsupported }),
  };
}

/** How the folder says that its weights are packed, or why this version does not run them. */
function heldPacking(model: CausalLm, configFile: string): { held?: Quantization | undefined; unsupported?: string } {
  try {
    return { held: readQuantization(model.config, configFile) };
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "UNSUPPORTED") return { unsupported: error.message };
    throw error;
  }
}

function folderEntries(host: Host, path: string, onWarning: (message: string) => void) {
  try {
    return weightsOf(host, path, onWarning);
  } catch (error) {
    if (error instanceof OwnlmError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function ggufStored(host: Host, file: string, bits: 4 | 8 | undefined): StoredWeights {
  const { model, weights } = openGgufModel(host, file);
  const names = new Set(packPlan(model, packingOf(8)).flatMap((group) => group.map(({ name }) => name)));
  const missing = [...names].some((name) => !weights.has(name));
  const packed = missing ? [] : ggufPlan(model, weights, bits).flat();
  return {
    formats: formatsOf([...weights.values()].map(({ format, length }) => [format, length])),
    files: 1,
    diskBytes: host.fileSize(file),
    packedBytes: new Map(packed.map((weight) => [weight.name, bytesOf(weight)])),
  };
}

function bytesOf({ rows, width, format }: PlannedWeight): number {
  const { blocks, blockBytes } = packedSizes(width, format);
  return rows * blocks * (blockBytes + 4);
}

function formatsOf(parts: readonly (readonly [string, number])[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [format, bytes] of parts) sums.set(format, (sums.get(format) ?? 0) + bytes);
  return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]));
}
