/** Makes adapters with random tensors, and what they make of a weight, the simple way. */
import path from "node:path";
import { rng } from "../../src/base/rng.ts";
import { readConfig } from "../../src/generate/config.ts";
import { host } from "../../src/host/node.ts";
import { adapterBase } from "../../src/models/adapted.ts";
import type { Adapter } from "../../src/weights/adapter.ts";
import { type AdapterConfig, adapterConfig, endsWithAny, rankOf } from "../../src/weights/adapter-config.ts";
import { peftAdapter, writeAdapter } from "../../src/weights/adapter-write.ts";
import { readFloat32 } from "../../src/weights/folder.ts";
import type { NamedTensor } from "../../src/weights/safetensors.ts";

/** An adapter's folder with random tensors for the model at `base`: all that its config names. */
export function randomAdapter(folder: string, base: string, given: Partial<AdapterConfig>, seed: number): string {
  const random = rng(seed);
  const { linears, shapes, tied } = adapterBase(readConfig(host, base).model);
  const config = adapterConfig({ rank: 3, alpha: 9, targets: [], baseModel: base, ...given });
  const tensor = (name: string, shape: readonly number[], centre = 0): NamedTensor => {
    const size = shape.reduce((n, dim) => n * dim, 1);
    const data = Float32Array.from({ length: size }, () => centre + 0.3 * random.normal());
    return { name, dtype: "float32", shape, data };
  };
  const modules = [...linears].filter(([module]) => endsWithAny(module, config.targets as string[]));
  const tensors = modules.flatMap(([module, { inner, outer }]) => [
    tensor(`${module}.lora_A.weight`, [rankOf(config, module), inner]),
    tensor(`${module}.lora_B.weight`, [outer, rankOf(config, module)]),
    ...(config.dora ? [tensor(`${module}.lora_magnitude_vector.weight`, [outer], 2)] : []),
  ]);
  const whole = [...shapes].filter(([name]) =>
    config.modulesToSave.some((saved) => endsWithAny(name.replace(/\.[^.]+$/, ""), [saved])),
  );
  tensors.push(...whole.map(([name, shape]) => tensor(name, shape, name.includes("norm") ? 1 : 0)));
  writeAdapter(host, path.resolve(folder), peftAdapter(config, tensors, tied));
  return folder;
}

/** What an adapter makes of one element W[out, in] of a linear layer's weight, given all of them by `at`. */
export function mergedElement(
  { modules }: Adapter,
  module: string,
  at: (out: number, inner: number) => number,
): (out: number, inner: number) => number {
  const { a, b, rank, scale, magnitude } = modules.get(module)!;
  const [aData, bData] = [readFloat32(host, a), readFloat32(host, b)];
  const inners = a.shape[1]!;
  const changed = (out: number, inner: number) => {
    let sum = 0;
    for (let r = 0; r < rank; r++) sum += bData[out * rank + r]! * aData[r * inners + inner]!;
    return at(out, inner) + scale * sum;
  };
  if (!magnitude) return changed;
  const lengths = readFloat32(host, magnitude);
  return (out, inner) => {
    let square = 0;
    for (let i = 0; i < inners; i++) square += changed(out, i) ** 2;
    return (lengths[out]! / Math.sqrt(square)) * changed(out, inner);
  };
}
