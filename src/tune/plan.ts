/** What a run will take, and a refusal with the nearest setting that fits. Reads graphs, runs nothing. */
import { fail } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import type { Host } from "../host/types.ts";
import { type Plan, planSteps } from "../train/plan.ts";
import { type BaseModel, parameterCount } from "./base.ts";
import type { RunTune } from "./options.ts";
import type { TuneTask } from "./task.ts";

/** Settings of the optimiser, as a stepper takes them. */
export const stepOptionsOf = ({ beta1, beta2, weightDecay, clip, checkpointing, accumulation }: RunTune) => ({
  accumulation,
  checkpointing,
  clipNorm: clip,
  adamw: { beta1, beta2, epsilon: 1e-8, weightDecay },
});

/** Of a base, what a plan needs. */
export type PlannedBase = Pick<BaseModel, "model" | "groups" | "rounded" | "shapes">;

/**
 * The sizes of a run. Frozen weights count as float32, but for those in blocks, which the graphs tell of: the runtime keeps
 * them so, and copies of some for its products.
 */
export function planTune(base: PlannedBase, options: RunTune, task: TuneTask): Plan {
  const inBlocks = base.groups.flat().reduce((sum, { rows, width }) => sum + rows * width, 0);
  const frozenBytes = options.method === "full" ? 0 : 4 * (parameterCount(base) - inBlocks);
  return planSteps(task.objective, stepOptionsOf(options), {
    tokensPerStep: task.tokensPerBatch * options.accumulation,
    evaluation: task.validation?.objective ?? task.objective,
    frozenBytes,
  });
}

/**
 * Throws OUT_OF_MEMORY when a plan needs more than there is, with the nearest settings that need less; a run that is
 * continued can change only how it computes. `taskOf` makes the task of other settings.
 */
export function requireFits(
  base: BaseModel,
  options: RunTune,
  plan: Plan,
  {
    availableBytes,
    continued,
    taskOf,
    showName,
  }: {
    readonly availableBytes: number;
    readonly continued: boolean;
    readonly taskOf: (options: RunTune) => TuneTask;
    readonly showName: (name: string) => string;
  },
): void {
  if (plan.totalBytes <= availableBytes) return;
  const fitting = fittingTune(base, options, { availableBytes, taskOf, continued, adapters: true });
  const smaller = continued ? "Free some memory" : `Try a smaller ${showName("maxLength")}, or a smaller model`;
  const advice = fitting ? `Try ${describeFit(fitting, options, showName)}.` : `${smaller}.`;
  fail(
    "OUT_OF_MEMORY",
    `this run needs ${formatBytes(plan.totalBytes)}, and ${formatBytes(availableBytes)} of memory is free. ${advice}`,
  );
}

/** The nearest settings that fit; a run that is continued can change only how it computes. `adapters` may stand in for all weights. */
export function fittingTune(
  base: PlannedBase,
  options: RunTune,
  {
    availableBytes,
    taskOf,
    continued = false,
    adapters = false,
  }: {
    readonly availableBytes: number;
    readonly taskOf: (options: RunTune) => TuneTask;
    readonly continued?: boolean;
    readonly adapters?: boolean;
  },
): RunTune | undefined {
  return alternatives(options, adapters)
    .filter(({ batch }) => !continued || batch === options.batch)
    .find((other) => planTune(base, other, taskOf(other)).totalBytes <= availableBytes);
}

/** Settings that take less memory for the same step, nearest first; adapters in place of all weights at last. */
function alternatives(options: RunTune, adapters: boolean): RunTune[] {
  const found: RunTune[] = [];
  const add = (changed: RunTune) => {
    found.push(changed);
    if (!changed.checkpointing) found.push({ ...changed, checkpointing: true });
  };
  if (!options.checkpointing) found.push({ ...options, checkpointing: true });
  for (let parts = 2; options.batch % parts === 0; parts *= 2)
    add({ ...options, batch: options.batch / parts, accumulation: options.accumulation * parts });
  const smallest = found.at(-1) ?? options;
  if (adapters && options.method === "full") add({ ...smallest, method: "lora" });
  return found;
}

/** The options that were changed, as they are typed. */
export function describeFit(fitting: RunTune, asked: RunTune, showName: (name: string) => string): string {
  const parts = [];
  if (fitting.method !== asked.method) parts.push(`${showName("method")} ${fitting.method}`);
  if (fitting.batch !== asked.batch)
    parts.push(`${showName("batch")} ${fitting.batch} ${showName("accumulation")} ${fitting.accumulation}`);
  if (fitting.checkpointing !== asked.checkpointing) parts.push(showName("checkpointing"));
  return parts.join(" ");
}

/** The checkpoints, one more of them while it is written, the best weights twice, and the result with its last copy. */
export function requireDisk(host: Host, { out, keep }: RunTune, { parameters, checkpointBytes }: Plan): void {
  const needed = checkpointBytes * (keep + 1) + 4 * 4 * parameters;
  const free = host.freeDiskBytes(out);
  if (free < needed)
    fail(
      "DISK",
      `${out}: ${keep} checkpoints and the result take ${formatBytes(needed)}, and ${formatBytes(free)} are free. Try a lower --keep`,
    );
}
