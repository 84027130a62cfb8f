/** Random weights in a file, for benchmarks of models that nobody needs to download. */
import { rng } from "../src/base/rng.ts";
import { parameterShapes } from "../src/generate/load.ts";
import { host } from "../src/host/node.ts";
import type { CausalLm } from "../src/models/types.ts";
import { writeSafetensors } from "../src/weights/safetensors.ts";

/**
 * Writes a model's weights from one piece of random numbers, each from another place in it: tensors with equal elements
 * were read once for all, at 1.6 times the bandwidth of the memory. Returns their bytes.
 */
export function writeRandom(file: string, model: CausalLm): number {
  const random = rng(1, "bench");
  const piece = Float32Array.from({ length: 65521 }, () => 0.02 * random.normal());
  const tensors = [...parameterShapes(model)].map(([name, shape], turn) => {
    const data = new Float32Array(shape.reduce((n, dim) => n * dim, 1));
    const start = (turn * 1009) % piece.length;
    data.set(piece.subarray(start, start + data.length));
    for (let i = piece.length - start; i < data.length; i += piece.length)
      data.set(piece.subarray(0, data.length - i), i);
    return { name, dtype: "float32", shape, data } as const;
  });
  writeSafetensors(host, file, tensors);
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}
