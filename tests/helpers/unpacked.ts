/** The weights of a folder that `ownlm quantize` wrote, by the format's definition. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parameterShapes } from "../../src/generate/load.ts";
import { host } from "../../src/host/node.ts";
import { packPlan } from "../../src/models/pack-plan.ts";
import { modelFromConfig } from "../../src/models/registry.ts";
import { openWeights, readFloat32 } from "../../src/weights/folder.ts";
import { unpackRows } from "../../src/weights/pack.ts";
import { packedNames, readQuantization } from "../../src/weights/quantization.ts";
import type { TensorEntry } from "../../src/weights/safetensors.ts";
import { transpose } from "../../src/weights/stored.ts";

/** A quantised folder's weights as float32, unpacked one by one. */
export function unpacked(folder: string): ReadonlyMap<string, Float32Array> {
  const config = JSON.parse(readFileSync(path.join(folder, "config.json"), "utf8"));
  const model = modelFromConfig(config, folder);
  const weights = openWeights(host, folder);
  const plan = packPlan(model, readQuantization(config, folder)!).flat();
  const planned = new Map(plan.map((weight) => [weight.name, weight]));
  const read = (entry: TensorEntry) => host.readBytes(entry.file, entry.offset, entry.length);
  const floats = [...parameterShapes(model).keys()].map((name) => {
    const weight = planned.get(name);
    if (!weight) return [name, readFloat32(host, weights.get(name)!)] as const;
    const names = packedNames(name);
    const scales = new Float32Array(read(weights.get(names.scales)!).slice().buffer);
    const rows = unpackRows({ quants: read(weights.get(names.quants)!), scales }, weight.width, weight.format);
    return [name, weight.layout === "in-out" ? transpose(rows, weight.rows, weight.width) : rows] as const;
  });
  return new Map(floats);
}
