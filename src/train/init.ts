/** Draws a new model's numbers. */
import { rng } from "../base/rng.ts";
import { knownShape } from "../base/shapes.ts";
import type { Parameter } from "../graph/types.ts";

/** The first value of a parameter, from the run's seed and its own name: adding a layer changes no other. */
export function initialValue({ value, init }: Parameter, seed: number): Float32Array {
  const data = new Float32Array(knownShape(value.shape, value.name).reduce((n, dim) => n * dim, 1));
  if (init.kind === "zeros") return data;
  if (init.kind === "ones") return data.fill(1);
  const random = rng(seed, value.name);
  const draw =
    init.kind === "uniform" ? () => init.bound * (2 * random.uniform() - 1) : () => init.std * random.normal();
  for (let i = 0; i < data.length; i++) data[i] = draw();
  return data;
}
