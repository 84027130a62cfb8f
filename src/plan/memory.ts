/** Bytes that training, fine-tuning and running a model take on each of some devices. Formulas alone; knows no device. */
import type { Anatomy } from "./anatomy.ts";

export const TRAINING_METHODS = ["full", "lora", "qlora"] as const;
/** All weights; low-rank matrices beside 16-bit weights (Hu et al. 2021); the same beside 4-bit ones (Dettmers et al. 2023). */
export type TrainingMethod = (typeof TRAINING_METHODS)[number];

/** Bits of a stored weight by the bits of its numbers: 8 and 4 have a float32 scale for each block of 64. */
export const STORED_BITS = { 16: 16, 8: 8.5, 4: 4.5 } as const;
export type WeightBits = keyof typeof STORED_BITS;

/** 16-bit weights and gradients; Adam's float32 weights and two moments (Rajbhandari et al. 2020, section 3.1). */
const [WEIGHT, GRADIENT, ADAM] = [2, 2, 12] as const;
/** 16 bits an activation. */
const ACTIVATION = 2;
/** Float32 logits and their gradient. */
const LOGIT = 4 + 4;

/** What fixes a training step's memory besides the model. */
export interface TrainingShape {
  readonly method: TrainingMethod;
  /** Tokens of a device's batch. */
  readonly tokens: number;
  /** Devices that weights, gradients and optimiser state are spread over (ZeRO stage 3, FSDP). */
  readonly devices: number;
  readonly rank: number;
  readonly width: number;
  readonly vocabSize: number;
}

/** Bytes on each device. */
export interface TrainingMemory {
  readonly weights: number;
  readonly gradients: number;
  readonly optimiser: number;
  /** Two blocks' weights, and the gradients of one, that are put together for the time they are needed. */
  readonly gathered: number;
  /** With each block computed again in the backward pass: its input is kept, and one block's activations. */
  readonly activations: number;
  /** The same with all activations kept, which is about a quarter less work; not in the total. */
  readonly keptActivations: number;
  readonly logits: number;
  readonly total: number;
}

/** Parameters of LoRA's two matrices beside every matrix of the blocks: rank x (inputs + outputs). */
export function adapterParameters({ linears }: Pick<Anatomy, "linears">, rank: number): number {
  return linears.reduce((sum, { inputs, outputs, count }) => sum + count * rank * (inputs + outputs), 0);
}

/** Bytes on each device of a training step with AdamW in 16-bit mixed precision. */
export function trainingMemory(anatomy: Anatomy, shape: TrainingShape): TrainingMemory {
  const { method, tokens, devices, rank, width, vocabSize } = shape;
  const trained = method === "full" ? anatomy.parameters : adapterParameters(anatomy, rank);
  const frozen = method === "full" ? 0 : weightBytes(anatomy, method === "lora" ? 16 : 4);
  const blockBytes = method === "full" ? WEIGHT * anatomy.blockParameters : frozen / anatomy.layers;
  const parts = {
    weights: (frozen + WEIGHT * trained) / devices,
    gradients: (GRADIENT * trained) / devices,
    optimiser: (ADAM * trained) / devices,
    gathered: devices === 1 ? 0 : 2 * blockBytes + (method === "full" ? GRADIENT * anatomy.blockParameters : 0),
    activations: tokens * ACTIVATION * (anatomy.layers * width + anatomy.keptElements / anatomy.layers),
    logits: tokens * vocabSize * LOGIT,
  };
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  return { ...parts, keptActivations: tokens * ACTIVATION * anatomy.keptElements, total };
}

/** Bytes of all weights; at 8 and 4 bits the matrices alone are packed, as here. */
export function weightBytes(anatomy: Anatomy, bits: WeightBits): number {
  const { norms = 0, positions = 0, other = 0 } = anatomy.parts;
  const plain = bits === 16 ? anatomy.parameters : norms + positions + other;
  return 2 * plain + ((anatomy.parameters - plain) * STORED_BITS[bits]) / 8;
}

/** Bytes of the cache of keys and values for a token, at 16 bits. */
export function kvBytesPerToken({ kvElements }: Pick<Anatomy, "kvElements">): number {
  return 2 * kvElements;
}

/** Bytes of weights that a new token reads: those it is multiplied with, but only rows of the tables. */
export function readBytes(anatomy: Anatomy, bits: WeightBits): number {
  const { embedding = 0, positions = 0 } = anatomy.parts;
  const tables = (anatomy.tied ? 0 : embedding) + positions;
  return (weightBytes(anatomy, bits) * (anatomy.activeParameters - tables)) / anatomy.parameters;
}

/** Devices come in ones, twos and fours, and then in nodes of eight. */
export function wholeNodes(devices: number): number {
  return devices <= 8 ? 2 ** Math.ceil(Math.log2(Math.max(1, devices))) : 8 * Math.ceil(devices / 8);
}

/** The fewest devices of `usableBytes` each that a step fits on; undefined where no number is enough. */
export function fewestDevices(
  anatomy: Anatomy,
  shape: Omit<TrainingShape, "devices">,
  usableBytes: number,
): number | undefined {
  if (trainingMemory(anatomy, { ...shape, devices: 1 }).total <= usableBytes) return 1;
  const { weights, gradients, optimiser, total } = trainingMemory(anatomy, { ...shape, devices: 2 });
  const spread = weights + gradients + optimiser;
  const room = usableBytes - (total - spread);
  if (room <= 0) return undefined;
  return wholeNodes(Math.max(2, Math.ceil((2 * spread) / room)));
}
