/** Accelerators by name, as their makers' data sheets state them, and what an hour of one costs about. Data alone. */
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";

/** An accelerator. */
export interface Gpu {
  readonly name: string;
  /** Dense (not sparse) peak of 16-bit matrix products, FLOP/s: bfloat16, or float16 where the card has no bfloat16. */
  readonly peakFlops: number;
  readonly memoryBytes: number;
  /** Bytes a second. */
  readonly bandwidth: number;
  /** US dollars an hour: a round figure among clouds' prices on demand in 2025, an assumption to be replaced by --price. */
  readonly pricePerHour: number;
}

const gpu = (name: string, teraflops: number, gib: number, gigabytesPerSecond: number, pricePerHour: number): Gpu => ({
  name,
  peakFlops: teraflops * 1e12,
  memoryBytes: gib * 2 ** 30,
  bandwidth: gigabytesPerSecond * 1e9,
  pricePerHour,
});

/** By name. Peaks: NVIDIA's and AMD's data sheets, where "with sparsity" is halved; V100 and T4 are float16. */
export const GPUS: ReadonlyMap<string, Gpu> = new Map(
  [
    gpu("b200", 2250, 180, 8000, 5),
    gpu("h200", 989, 141, 4800, 3.5),
    gpu("h100", 989, 80, 3350, 3),
    gpu("h100-pcie", 756, 80, 2000, 2.5),
    gpu("a100", 312, 80, 2039, 1.8),
    gpu("a100-40gb", 312, 40, 1555, 1.3),
    gpu("v100", 125, 32, 900, 0.6),
    gpu("l40s", 362, 48, 864, 1),
    gpu("l4", 121, 24, 300, 0.7),
    gpu("t4", 65, 16, 320, 0.35),
    gpu("rtx-4090", 165, 24, 1008, 0.4),
    gpu("rtx-3090", 71, 24, 936, 0.25),
    gpu("mi300x", 1307, 192, 5300, 3),
  ].map((each) => [each.name, each]),
);

/** The accelerator of a name in any case. Throws BAD_OPTION listing those there are. */
export function gpuOf(name: string, option = "gpu"): Gpu {
  const found = GPUS.get(name.toLowerCase());
  if (found) return found;
  const names = [...GPUS.keys()];
  const meant = nearest(name.toLowerCase(), names);
  return fail(
    "BAD_OPTION",
    `${option}: got ${JSON.stringify(name)}, expected one of ${names.join(", ")}${meant ? `. Did you mean ${meant}?` : ""}`,
  );
}
