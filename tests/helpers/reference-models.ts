/** The golden models for tests at the reference level: their config, weights, golden tensors, and graphs with feeds. */
import { readFileSync } from "node:fs";
import { host } from "../../src/host/node.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import type { CausalLm } from "../../src/models/types.ts";
import { readSafetensors, type TensorEntry } from "../../src/weights/safetensors.ts";
import { golden } from "./paths.ts";
import { fill, type NdArray, ndArray } from "./reference-array.ts";

export const GOLDEN_MODELS = ["gpt2-tiny", "llama-tiny", "llama-tied"] as const;

/** A golden model: what ownlm makes of its config, its weights, and PyTorch's tensors. */
export interface GoldenModel {
  readonly model: CausalLm;
  readonly weights: ReadonlyMap<string, NdArray>;
  readonly golden: ReadonlyMap<string, NdArray>;
}

/** Reads one of the folders of tests/golden/models. */
export function goldenModel(name: (typeof GOLDEN_MODELS)[number]): GoldenModel {
  const file = (part: string) => golden("models", name, part);
  const config: unknown = JSON.parse(readFileSync(file("config.json"), "utf8"));
  return {
    model: modelFromConfig(config, `${name}/config.json`),
    weights: readArrays(file("model.safetensors")),
    golden: readArrays(file("golden.safetensors")),
  };
}

/** All tensors of a safetensors file, of 32-bit floats or 64-bit integers. */
export function readArrays(file: string): Map<string, NdArray> {
  const arrays = new Map<string, NdArray>();
  for (const [name, entry] of readSafetensors(host, file).tensors) arrays.set(name, readArray(entry));
  return arrays;
}

/** One tensor's elements. */
export function readArray({ file, dtype, shape, offset, length }: TensorEntry): NdArray {
  const { buffer } = Uint8Array.from(host.readBytes(file, offset, length));
  return ndArray(shape, dtype === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer));
}

/** 0, 1, 2, ... from `start` in every row, (B, T). */
export const positions = (batch: number, tokens: number, start = 0): NdArray =>
  fill([batch, tokens], ([, t]) => start + t!);

/** What a loss graph is fed for a golden batch: its weights sum to 1, as the golden loss is a mean. */
export function goldenFeeds({ weights, golden: g }: GoldenModel): Map<string, NdArray> {
  const sum = g.get("weights")!.data.reduce((total, w) => total + w, 0);
  const [batch, tokens] = g.get("input_ids")!.shape as [number, number];
  return new Map([
    ...weights,
    ["input_ids", g.get("input_ids")!],
    ["position_ids", positions(batch, tokens)],
    ["targets", g.get("targets")!],
    [
      "weights",
      ndArray(
        [batch, tokens],
        g.get("weights")!.data.map((w) => w / sum),
      ),
    ],
  ]);
}

/** The largest difference between two arrays of one size. */
export function distance(a: NdArray, b: NdArray): number {
  if (a.data.length !== b.data.length) throw new Error(`distance: [${a.shape}] and [${b.shape}]`);
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - b.data[i]!)), 0);
}

/** The Euclidean distance over the length of the second. */
export function relativeDistance(a: NdArray, b: NdArray): number {
  const squares = (f: (i: number) => number) => Math.sqrt(b.data.reduce((sum, _, i) => sum + f(i) ** 2, 0));
  return (
    squares((i) => a.data[i]! - b.data[i]!) /
    Math.max(
      1e-30,
      squares((i) => b.data[i]!),
    )
  );
}
