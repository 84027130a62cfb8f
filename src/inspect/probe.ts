/** Runs small random models for a moment, to see what of the machine's peaks this program reaches. Opens no files. */
import { fail } from "../base/errors.ts";
import { rng } from "../base/rng.ts";
import { readBytesPerToken } from "../generate/bench.ts";
import { openEngine } from "../generate/engine.ts";
import { packingOf } from "../generate/packed.ts";
import { type PackedGroup, packGraph } from "../graph/pack.ts";
import type { Host } from "../host/types.ts";
import { cachedGraph } from "../models/heads.ts";
import { packPlan } from "../models/pack-plan.ts";
import { modelFromConfig, newConfig } from "../models/registry.ts";
import type { CausalLm, ModelSizes } from "../models/types.ts";
import type { Runtime } from "../runtime/types.ts";
import { causalLmBatch, causalLmObjective } from "../train/objective.ts";
import { PRESETS } from "../train/options.ts";
import { planTraining, type RunShape } from "../train/plan.ts";
import { createStepper } from "../train/stepper.ts";

const CAPACITY = 64;
const ADAMW = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 } as const;

/** Some 220 MB of weights at each width, more than processors' caches hold. */
const SIZES: Readonly<Record<32 | 8 | 4, Pick<ModelSizes, "layers" | "dim">>> = {
  32: { layers: 5, dim: 1024 },
  8: { layers: 4, dim: 2048 },
  4: { layers: 8, dim: 2048 },
};

function probeModel(bits: 32 | 8 | 4): CausalLm {
  const { layers, dim } = SIZES[bits];
  const heads = dim / 128;
  const sizes = { vocabSize: 4096, layers, dim, heads, kvHeads: heads / 2, context: CAPACITY, tied: true };
  return modelFromConfig(newConfig("llama", sizes), "probe");
}

/** What decoding with weights of so many bits reaches of `bandwidth`, the bytes a second that memory is read at. */
export async function probeDecoding(
  host: Host,
  runtime: Runtime,
  { bits, threads, bandwidth }: { readonly bits: 32 | 8 | 4; readonly threads: number; readonly bandwidth: number },
): Promise<number> {
  const model = probeModel(bits);
  const plan = bits === 32 ? [] : packPlan(model, { ...packingOf(bits, 128), headBits: bits, embeddingBits: bits });
  const groups: PackedGroup[] = plan.map((group) =>
    group.map(({ name, rows, width, format }) => ({ name, rows, width, bits: format.bits, blockSize: format.block })),
  );
  const data = randomData(model, groups);
  const place = (name: string) =>
    ({ kind: "memory", data: data.get(name) ?? fail("BUG", `${name}: the probe has no such weight`) }) as const;
  using engine = await openEngine(runtime, model, { place, groups }, { capacity: CAPACITY, session: { threads } });
  data.clear();
  const ms: number[] = [];
  for (let i = 0; i < 24; i++) {
    const start = host.nowMs();
    await engine.append([i]);
    if (i >= 4) ms.push(host.nowMs() - start);
  }
  const median = ms.toSorted((a, b) => a - b)[ms.length >> 1]!;
  return (readBytesPerToken(model, groups) * 1000) / median / bandwidth;
}

/** Numbers for every parameter, each from another place of one random piece, so that no two tensors are the same. */
function randomData(model: CausalLm, groups: readonly PackedGroup[]): Map<string, Float32Array | Uint8Array> {
  const random = rng(1, "probe");
  const floats = Float32Array.from({ length: 65521 }, () => 0.02 * random.normal());
  const bytes = Uint8Array.from({ length: 65521 }, () => random.below(256));
  const data = new Map<string, Float32Array | Uint8Array>();
  let turn = 0;
  // The names that a group has in graphs over one input and over several.
  for (const parts of [groups, groups.flatMap((group) => group.map((weight) => [weight]))])
    for (const { value } of packGraph(cachedGraph(model, 1, CAPACITY), parts).parameters) {
      if (data.has(value.name)) continue;
      const length = (value.shape as number[]).reduce((n, dim) => n * dim, 1);
      const whole = value.dtype === "uint8" ? new Uint8Array(length) : new Float32Array(length);
      repeat(whole, value.dtype === "uint8" ? bytes : floats, (turn++ * 1009) % floats.length);
      data.set(value.name, whole);
    }
  return data;
}

function repeat(target: Uint8Array | Float32Array, piece: Uint8Array | Float32Array, start: number): void {
  target.set(piece.subarray(start, start + target.length));
  for (let i = piece.length - start; i < target.length; i += piece.length)
    target.set(piece.subarray(0, target.length - i), i);
}

/** A preset of `train` as it is trained, with its own vocabulary. */
export function presetRun(name: keyof typeof PRESETS): { readonly model: CausalLm; readonly shape: RunShape } {
  const { vocab, layers, heads, dim, context, batch } = PRESETS[name];
  const sizes = { vocabSize: vocab, layers, heads, kvHeads: heads, dim, context, tied: true };
  const shape = { batch, context, adamw: ADAMW, clipNorm: 1, checkpointing: false, accumulation: 1 };
  return { model: modelFromConfig(newConfig("llama", sizes), name), shape };
}

/** What training a small model reaches of `flopsPerSecond`, the peak of matrix products. */
export async function probeTraining(
  host: Host,
  runtime: Runtime,
  { threads, flopsPerSecond }: { readonly threads: number; readonly flopsPerSecond: number },
): Promise<number> {
  const { model, shape } = presetRun("tiny");
  using stepper = await createStepper(runtime, causalLmObjective(model, shape.batch, shape.context), {
    ...shape,
    seed: 0,
    session: { threads },
  });
  const { inputIds, targets, weights } = causalLmBatch(stepper.inputs);
  const fill = () => {
    for (let i = 0; i < inputIds.data.length; i++) {
      inputIds.data[i] = BigInt((7 * i) % model.vocabSize);
      targets.data[i] = BigInt((7 * i + 7) % model.vocabSize);
    }
    weights.data.fill(1 / weights.data.length);
  };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const start = host.nowMs();
    await stepper.rehearse(fill);
    if (i > 0) best = Math.min(best, host.nowMs() - start);
  }
  return (planTraining(model, shape).flopsPerStep * 1000) / best / flopsPerSecond;
}
