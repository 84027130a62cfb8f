/** A golden model with its weights in blocks, and the float model of the blocks' numbers. */
import { groupNames, type PackedGroup } from "../../src/graph/pack.ts";
import type { Placement } from "../../src/graph/types.ts";
import { packPlan } from "../../src/models/pack-plan.ts";
import { packRows, unpackRows } from "../../src/weights/pack.ts";
import { transpose } from "../../src/weights/stored.ts";
import { type NdArray, ndArray } from "./reference-array.ts";
import type { GoldenModel } from "./reference-models.ts";

/** Every weight by name: of the blocks, and of the parameters that have none. */
export interface PackedModel {
  readonly groups: readonly PackedGroup[];
  readonly places: ReadonlyMap<string, Placement>;
  /** The blocks as arrays, for the reference. */
  readonly arrays: ReadonlyMap<string, NdArray>;
  /** Under the float model's names. */
  readonly floats: ReadonlyMap<string, NdArray>;
}

/** Packs all weights that have a packed form, in blocks of 16. */
export function packedModel({ model, weights }: GoldenModel, bits: 4 | 8): PackedModel {
  const groups: PackedGroup[] = [];
  const arrays = new Map(weights);
  const floats = new Map(weights);
  for (const { name, rows, width, layout, format } of packPlan(model, {
    bits,
    block: 16,
    headBits: bits,
    embeddingBits: bits,
  }).flat()) {
    const { shape, data } = weights.get(name)!;
    const values = Float32Array.from(data);
    const packed = packRows(layout === "in-out" ? transpose(values, width, rows) : values, width, format);
    const unpacked = unpackRows(packed, width, format);
    floats.set(name, ndArray(shape, layout === "in-out" ? transpose(unpacked, rows, width) : unpacked));
    const group = [{ name, rows, width, bits, blockSize: format.block }];
    const names = groupNames(group);
    const blocks = packed.scales.length / rows;
    arrays.delete(name);
    arrays.set(names.quants, ndArray([rows, blocks, 2 * bits], packed.quants));
    arrays.set(names.table, ndArray([rows, blocks * 2 * bits], packed.quants));
    arrays.set(names.scales, ndArray([rows, blocks], packed.scales));
    groups.push(group);
  }
  const places = new Map([...arrays].map(([name, array]) => [name, placed(name, array)] as const));
  return { groups, places, arrays, floats };
}

function placed(name: string, { data }: NdArray): Placement {
  const isBytes = /_(packed|table)$/.test(name);
  return { kind: "memory", data: isBytes ? Uint8Array.from(data) : Float32Array.from(data) };
}
