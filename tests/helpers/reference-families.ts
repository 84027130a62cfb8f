/** The golden families: configs of tests/golden/families, weights drawn from their names, and what transformers makes of them. */
import { readdirSync, readFileSync } from "node:fs";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { golden } from "./paths.ts";
import { type NdArray, ndArray } from "./reference-array.ts";
import { shapesOf } from "./reference-engine.ts";
import { readArrays } from "./reference-models.ts";

/** Every row of the table: the folders that tests/golden/families/make.py writes. */
export const GOLDEN_FAMILIES: readonly string[] = readdirSync(golden("families"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

/** A family's row. */
export interface GoldenFamily {
  readonly config: Readonly<Record<string, unknown>>;
  readonly model: CausalLm;
  /** Names of the weights in a checkpoint, and of those whose gradients are known. */
  readonly parameters: readonly string[];
  readonly differentiated: readonly string[];
  readonly golden: ReadonlyMap<string, NdArray>;
}

/** Reads a row. */
export function goldenFamily(name: string): GoldenFamily {
  const file = golden("families", name, "golden.safetensors");
  const config = JSON.parse(readFileSync(golden("families", name, "config.json"), "utf8")) as Record<string, unknown>;
  const { metadata } = readSafetensors(host, file);
  const parameters = JSON.parse(metadata.get("parameters")!) as string[];
  const differentiated = metadata.get("differentiated");
  return {
    config,
    model: modelFromConfig(config, `${name}/config.json`),
    parameters,
    differentiated: differentiated ? (JSON.parse(differentiated) as string[]) : parameters,
    golden: readArrays(file),
  };
}

/** Numbers from -1 to 1, each from the name and its place by 32-bit arithmetic, as make.py's `pattern`. */
export function pattern(name: string, size: number): Float32Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Float32Array.from({ length: size }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + seed) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    return (x >>> 8) / 2 ** 23 - 1;
  });
}

/** A weight as make.py's `weight`. */
export function patternWeight(name: string, shape: readonly number[]): NdArray {
  const size = shape.reduce((n, dim) => n * dim, 1);
  const factor = shape.length < 2 ? 0.5 : /embed|wte/.test(name) ? 1 : 0.25;
  const centre = shape.length < 2 && name.endsWith("weight") ? 1 : 0;
  return ndArray(
    shape,
    pattern(name, size).map((x) => centre + factor * x),
  );
}

/** All weights of a model by name. */
export function patternWeights(model: CausalLm): Map<string, NdArray> {
  return new Map([...shapesOf(model)].map(([name, shape]) => [name, patternWeight(name, shape)]));
}

/** make.py's `summary` of a gradient: its length and its products with two patterns. */
export function summaryOf(name: string, { data }: NdArray): number[] {
  const dot = (other: ArrayLike<number>) => data.reduce((sum, x, i) => sum + x * other[i]!, 0);
  return [Math.sqrt(dot(data)), ...[0, 1].map((i) => dot(pattern(`${name}:${i}`, data.length)))];
}
