/** A weight as float32, wherever a loader has put it: in a file of any float type, in memory, or in blocks. */
import { toFloat32, viewAs } from "../base/dtypes.ts";
import { fail } from "../base/errors.ts";
import { groupNames } from "../graph/pack.ts";
import type { Placement } from "../graph/types.ts";
import type { Host } from "../host/types.ts";
import { type PlannedWeight, packPlan } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { unpackRows } from "../weights/pack.ts";
import { transpose } from "../weights/stored.ts";
import type { Weights } from "./engine.ts";

/** What reads a model's weights by name, whole ones of the model's own shape. */
export function placedFloats(
  host: Host,
  model: CausalLm,
  { place, groups = [] }: Pick<Weights, "place" | "groups">,
): (parameter: string) => Float32Array {
  const packed = new Map(groups.flat().map((weight) => [weight.name, weight]));
  const layouts = packed.size > 0 ? layoutsOf(model) : undefined;
  return (parameter) => {
    const weight = packed.get(parameter);
    if (!weight) return floatsAt(host, place(parameter), parameter);
    const { rows, width, bits, blockSize } = weight;
    const names = groupNames([weight]);
    const scales = floatsAt(host, place(names.scales), names.scales);
    const floats = unpackRows({ quants: bytesAt(host, place(names.quants), names.quants), scales }, width, {
      bits,
      block: blockSize,
    });
    return layouts?.get(parameter) === "in-out" ? transpose(floats, rows, width) : floats;
  };
}

/** How weights lie in the model's files, whose blocks are rows of outputs in any case. */
function layoutsOf(model: CausalLm): ReadonlyMap<string, PlannedWeight["layout"]> {
  const plan = packPlan(model, { bits: 8, block: 64, headBits: 8, embeddingBits: 8 });
  return new Map(plan.flat().map(({ name, layout }) => [name, layout]));
}

function bytesAt(host: Host, placement: Placement, name: string): Uint8Array {
  switch (placement.kind) {
    case "file":
      return host.readBytes(placement.at.file, placement.at.offset, placement.at.length);
    case "memory":
      return new Uint8Array(placement.data.buffer, placement.data.byteOffset, placement.data.byteLength);
    case "input":
      return fail("BUG", `${name}: is fed at each run, expected a weight that has its place`);
  }
}

function floatsAt(host: Host, placement: Placement, name: string): Float32Array {
  const bytes = bytesAt(host, placement, name).slice();
  const dtype = placement.kind === "file" ? placement.dtype : "float32";
  return toFloat32(dtype, viewAs(dtype, bytes.buffer));
}
