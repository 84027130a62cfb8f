/** The weights of a folder that `ownlm quantize` wrote, by the format's definition. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parameterShapes } from "../../src/generate/load.ts";
import { partNumber, wholeName } from "../../src/graph/build.ts";
import { host } from "../../src/host/node.ts";
import { type PlannedWeight, packPlan } from "../../src/models/pack-plan.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { openWeights, readFloat32 } from "../../src/weights/folder.ts";
import { unpackRows } from "../../src/weights/pack.ts";
import { packedNames, readQuantization } from "../../src/weights/quantization.ts";
import type { TensorEntry } from "../../src/weights/safetensors.ts";
import { transpose } from "../../src/weights/stored.ts";

/** A quantised folder's weights as float32, unpacked one by one; experts that are one tensor together lie one after the other. */
export function unpacked(folder: string): ReadonlyMap<string, Float32Array> {
  const config = JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8"));
  const model = modelFromConfig(config, folder);
  const weights = openWeights(host, folder);
  const plan = packPlan(model, readQuantization(config, folder)!).flat();
  const read = (entry: TensorEntry) => host.readBytes(entry.file, entry.offset, entry.length);
  const unpack = ({ name, width, rows, format, layout }: PlannedWeight) => {
    const names = packedNames(name);
    const scales = new Float32Array(read(weights.get(names.scales)!).slice().buffer);
    const values = unpackRows({ quants: read(weights.get(names.quants)!), scales }, width, format);
    return layout === "in-out" ? transpose(values, rows, width) : values;
  };
  const floats = [...parameterShapes(model).keys()].map((name) => {
    const parts = plan.filter((weight) => wholeName(weight.name) === name);
    if (parts.length === 0) return [name, readFloat32(host, weights.get(name)!)] as const;
    const ordered = parts.toSorted((a, b) => (partNumber(a.name) ?? 0) - (partNumber(b.name) ?? 0)).map(unpack);
    const out = new Float32Array(ordered.reduce((sum, { length }) => sum + length, 0));
    for (const [i, part] of ordered.entries()) out.set(part, i * part.length);
    return [name, out] as const;
  });
  return new Map(floats);
}
