/** Writes a quantised model into a folder of its own, one group of weights in memory at a time. Judges nothing. */
import { inTurns } from "../base/pause.ts";
import { wholeName } from "../graph/build.ts";
import type { Host } from "../host/types.ts";
import { type PlannedGroup, packPlan } from "../models/pack-plan.ts";
import type { Feedback } from "../weights/feedback.ts";
import { type Packed, packedSizes, type Rounding } from "../weights/pack.ts";
import { packMatrix } from "../weights/pack-rows.ts";
import { SINGLE } from "../weights/publish.ts";
import { packedNames, QUANTIZATION, type Quantization, quantizationJson } from "../weights/quantization.ts";
import {
  openSafetensors,
  type SafetensorsWriter,
  type TensorSpec,
  writeText,
  writeWhole,
} from "../weights/safetensors.ts";
import type { QuantizeSource } from "./source.ts";

/** How the writing is watched and shared. */
export interface WriteHooks {
  readonly rounding: Rounding;
  /** Feedback for the matrix of a name; see {@link packMatrix}. */
  feedbackOf(name: string): Feedback | undefined;
  /** Awaited between pieces of work; throws to stop. */
  turn(): Promise<void>;
  onProgress(done: number, elements: number): void;
}

/** Groups begin at a multiple of this as long as those before them have such sizes. */
const ALIGNMENT = 64;

/**
 * Writes config.json with `quantization_config`, what belongs to the model, and model.safetensors: for each packed
 * weight NAME the tensors NAME_packed and NAME_scale, those of a group side by side, and all other weights as float32.
 * Returns the bytes of the weights' file. Throws what reading and writing throw, BAD_WEIGHTS for what is not finite.
 */
export async function writeQuantized(
  host: Host,
  folder: string,
  source: QuantizeSource,
  quantization: Quantization,
  hooks: WriteHooks,
): Promise<number> {
  const config = { ...source.config, [QUANTIZATION]: quantizationJson(quantization) };
  writeText(host, host.join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  for (const [name, bytes] of source.files()) writeWhole(host, host.join(folder, name), () => [bytes]);
  const groups = inOrder(packPlan(source.model, quantization));
  const packed = new Set(groups.flat().map(({ name }) => wholeName(name)));
  const floats = [...source.shapes].filter(([name]) => !packed.has(name));
  const specs = [
    ...groups.flatMap(specsOf),
    ...floats.map(([name, shape]): TensorSpec => ({ name, dtype: "float32", shape })),
  ];
  const writer = openSafetensors(host, host.join(folder, SINGLE), specs);
  try {
    await writeGroups(writer, source, groups, hooks);
    for (const [name] of floats) {
      writer.write(source.floatsOf(name));
      await hooks.turn();
    }
    return writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

async function writeGroups(
  writer: SafetensorsWriter,
  source: QuantizeSource,
  groups: readonly PlannedGroup[],
  { rounding, feedbackOf, turn, onProgress }: WriteHooks,
): Promise<void> {
  const elements = groups.flat().reduce((sum, { rows, width }) => sum + rows * width, 0);
  let done = 0;
  for (const group of groups) {
    const feedback = feedbackOf(group[0]!.name);
    const parts: Packed[] = [];
    for (const weight of group) {
      const work = packMatrix(source.rowsOf(weight), weight.format, { rounding, ...(feedback && { feedback }) });
      parts.push(
        await inTurns(work, turn, (count) => {
          done += count;
          onProgress(done, elements);
        }),
      );
    }
    for (const { quants } of parts) writer.write(quants);
    for (const { scales } of parts) writer.write(scales);
  }
}

function specsOf(group: PlannedGroup): TensorSpec[] {
  const sized = group.map(({ name, rows, width, format }) => ({
    names: packedNames(name),
    rows,
    ...packedSizes(width, format),
  }));
  return [
    ...sized.map(({ names, rows, blocks, blockBytes }): TensorSpec => {
      return { name: names.quants, dtype: "uint8", shape: [rows, blocks, blockBytes] };
    }),
    ...sized.map(({ names, rows, blocks }): TensorSpec => {
      return { name: names.scales, dtype: "float32", shape: [rows, blocks] };
    }),
  ];
}

/** Groups whose sizes keep the next one aligned come first, else in the model's order. */
function inOrder(groups: readonly PlannedGroup[]): PlannedGroup[] {
  const isEven = (group: PlannedGroup) => {
    const blocks = group.map(({ rows, width, format }) => rows * packedSizes(width, format).blocks);
    const quants = group.reduce(
      (sum, { width, format }, i) => sum + blocks[i]! * packedSizes(width, format).blockBytes,
      0,
    );
    return quants % ALIGNMENT === 0 && (4 * blocks.reduce((a, b) => a + b, 0)) % ALIGNMENT === 0;
  };
  return [...groups.filter(isEven), ...groups.filter((group) => !isEven(group))];
}
