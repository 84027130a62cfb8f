/** Weights of a folder that are parts of a stored tensor, one an expert, and those in MXFP4. Packs nothing itself. */
import { partNumber, wholeName } from "../graph/build.ts";
import type { Host } from "../host/types.ts";
import { type PlannedGroup, type PlannedWeight, packPlan } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { type FloatRows, partEntry, tensorRows, transposedRows } from "../weights/float-rows.ts";
import { MXFP4_FORMAT, type Mxfp4Entry, mxfp4Rows, packMxfp4 } from "../weights/mxfp4.ts";
import type { TensorEntry } from "../weights/safetensors.ts";
import type { WeightToPack } from "./packed.ts";

/** The plan for experts in MXFP4 alone, in the form that holds their numbers. */
export function expertPlan(model: CausalLm, experts: ReadonlyMap<string, Mxfp4Entry>): PlannedGroup[] {
  if (experts.size === 0) return [];
  const { bits, block } = MXFP4_FORMAT;
  const plan = packPlan(model, { bits, block, headBits: bits, embeddingBits: bits });
  return plan.filter((group) => group.every(({ name }) => experts.has(wholeName(name))));
}

/** The stored tensors of which every part of the plan is among `names`. */
export function wholesOf(plan: readonly PlannedGroup[], names: ReadonlySet<string>): Set<string> {
  const all = plan.flat().map(({ name }) => name);
  const broken = new Set(all.filter((name) => !names.has(name)).map(wholeName));
  return new Set([...names].map(wholeName).filter((name) => !broken.has(name)));
}

/** A planned weight's rows of outputs, from a tensor of its own, a part of one, or MXFP4. */
export function folderRows(
  host: Host,
  { name, layout }: PlannedWeight,
  entries: ReadonlyMap<string, TensorEntry>,
  experts: ReadonlyMap<string, Mxfp4Entry>,
): FloatRows {
  const [whole, part] = [wholeName(name), partNumber(name)];
  const expert = experts.get(whole);
  if (expert) return mxfp4Rows(host, expert, part ?? 0);
  const entry = entries.get(whole)!;
  const source = tensorRows(host, name, part === undefined ? entry : partEntry(entry, part));
  return layout === "in-out" ? transposedRows(source) : source;
}

/** An expert in MXFP4 packed with its very numbers, where that is the planned form. */
export function exactExpert(
  host: Host,
  { weight, format }: WeightToPack,
  experts: ReadonlyMap<string, Mxfp4Entry>,
): WeightToPack | undefined {
  const expert = experts.get(wholeName(weight.name));
  if (!expert || format.bits !== MXFP4_FORMAT.bits || format.block !== MXFP4_FORMAT.block) return undefined;
  return {
    weight,
    format,
    *pack() {
      const packed = packMxfp4(host, expert, partNumber(weight.name) ?? 0);
      yield weight.rows * weight.width;
      return packed;
    },
  };
}
