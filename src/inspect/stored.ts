/** Where a model's weights are, in what form, and what they take in memory here. Reads headers, no weight. */
import { fail, OwnlmError } from "../base/errors.ts";
import { expertPlan, wholesOf } from "../generate/experts.ts";
import { ggufPlan, isGguf, openGgufModel } from "../generate/gguf-model.ts";
import { parameterShapes, weightsOf } from "../generate/load.ts";
import { packingOf } from "../generate/packed.ts";
import { wholeName } from "../graph/build.ts";
import type { Host } from "../host/types.ts";
import { type PlannedGroup, type PlannedWeight, packPlan, suitedBlock } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { findMxfp4, saysMxfp4 } from "../weights/mxfp4.ts";
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
  const experts = saysMxfp4(model.config) ? findMxfp4(entries, parameterShapes(model), path) : new Map();
  const packing = held ?? (bits && packingOf(bits, suitedBlock(model)));
  const plan = packing ? packPlan(model, packing) : expertPlan(model, experts);
  const isPacked = ({ name }: PlannedWeight) => !held || entries.has(packedNames(name).quants);
  return {
    formats: formatsOf([...entries.values()].map(({ dtype, length }) => [dtype, length])),
    ...filesOf(host, entries.values()),
    packedBytes: packedBytesOf(plan, isPacked),
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
  const missing = [...parameterShapes(model).keys()].find((name) => !weights.has(name));
  if (missing !== undefined) fail("BAD_WEIGHTS", `${file}: the weight ${missing} is missing`);
  return {
    formats: formatsOf([...weights.values()].map(({ format, length }) => [format, length])),
    ...filesOf(host, weights.values()),
    packedBytes: packedBytesOf(ggufPlan(model, weights, bits), () => true),
  };
}

function filesOf(host: Host, tensors: Iterable<{ readonly file: string }>): { files: number; diskBytes: number } {
  const files = [...new Set(Array.from(tensors, ({ file }) => file))];
  return { files: files.length, diskBytes: files.reduce((sum, file) => sum + host.fileSize(file), 0) };
}

/** Bytes of each parameter that is computed with in packed form; one of several experts is, when all of them are. */
function packedBytesOf(
  plan: readonly PlannedGroup[],
  isPacked: (weight: PlannedWeight) => boolean,
): ReadonlyMap<string, number> {
  const packed = plan.flat().filter(isPacked);
  const wholes = wholesOf(plan, new Set(packed.map(({ name }) => name)));
  const sums = new Map<string, number>();
  for (const { name, rows, width, format } of packed) {
    const whole = wholeName(name);
    const { blocks, blockBytes } = packedSizes(width, format);
    if (wholes.has(whole)) sums.set(whole, (sums.get(whole) ?? 0) + rows * blocks * (blockBytes + 4));
  }
  return sums;
}

function formatsOf(parts: readonly (readonly [string, number])[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [format, bytes] of parts) sums.set(format, (sums.get(format) ?? 0) + bytes);
  return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]));
}
