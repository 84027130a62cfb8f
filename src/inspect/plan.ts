/** Plans a model by its name or config, with this machine's speed measured for a moment. Computes no figure of the plan. */
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import type { GivenOptions, OptionSpecs } from "../base/options.ts";
import { readConfig } from "../generate/config.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { PullHooks } from "../hub/pull.ts";
import { modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { NAMED_MODELS, type PublishedRun } from "../plan/named.ts";
import { PLAN_OPTIONS } from "../plan/options.ts";
import { type ModelPlan, planModel } from "../plan/plan.ts";
import type { Runtime } from "../runtime/types.ts";
import { readJson } from "../weights/folder.ts";
import { measureFlops } from "./measure.ts";

/** {@link PLAN_OPTIONS}, and what concerns this machine. */
export const PLAN_HERE_OPTIONS = {
  ...PLAN_OPTIONS,
  gflops: {
    kind: "number",
    min: 0,
    max: 1e12,
    auto: "measured in a second",
    help: "Peak of this machine in GFLOP/s; 0: leave it out",
  },
} as const satisfies OptionSpecs;

export type PlanOptions = GivenOptions<typeof PLAN_HERE_OPTIONS>;

/** How names of options are shown, and where the runtime comes from when it is needed. */
export interface PlanSettings extends PullHooks {
  readonly showName?: (name: string) => string;
  runtime(): Promise<Runtime>;
}

/**
 * Plans a named model, a model folder, a config.json, a GGUF file or the hub's `ORG/NAME`, of which the config alone is fetched. Throws
 * NOT_FOUND listing the names, what reading a config and {@link locateModel} throw, and BAD_OPTION.
 */
export async function planHere(
  host: Host,
  operand: string,
  { gflops, ...options }: PlanOptions,
  { runtime, showName, ...hooks }: PlanSettings,
): Promise<ModelPlan> {
  const { name, model, run } = await describedModel(host, operand, hooks);
  const flopsPerSecond =
    gflops === undefined ? (await measureFlops(host, await runtime(), host.cpuThreads())).flopsPerSecond : 1e9 * gflops;
  const machine = flopsPerSecond > 0 ? { flopsPerSecond, availableBytes: host.availableMemoryBytes() } : undefined;
  return planModel(model, options, { name, run, machine, ...(showName && { showName }) });
}

interface Described {
  readonly name: string;
  readonly model: CausalLm;
  readonly run?: PublishedRun | undefined;
}

/** What lies in a path comes before what has a name, and the hub is asked for names with a slash only. */
async function describedModel(host: Host, operand: string, hooks: PullHooks): Promise<Described> {
  const kind = host.kindOf(operand);
  if (kind === "file" && /\.json$/i.test(operand))
    return { name: operand, model: modelFromConfig(readJson(host, operand), operand) };
  if (kind !== undefined) return { name: operand, model: readConfig(host, operand).model };
  const name = operand.toLowerCase();
  const named = NAMED_MODELS.get(name);
  if (named) return { name, model: modelFromConfig(named.config, name), run: named.run };
  if (operand.includes("/")) {
    const path = await locateModel(host, operand, "config", hooks);
    return { name: operand, model: readConfig(host, path).model };
  }
  const names = [...NAMED_MODELS.keys()];
  const meant = nearest(name, names);
  return fail(
    "NOT_FOUND",
    `${operand}: there is no such folder or file, and no model of this name is known here (the hub's have an owner: ORG/NAME). ${meant ? `Did you mean ${meant}? ` : ""}Known: ${names.join(", ")}.`,
  );
}
