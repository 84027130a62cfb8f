/** The verb `plan`: what a model of any size takes to train, tune and run, before anybody pays for it. */
import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntimeFor } from "../generate/load.ts";
import { PLAN_HERE_OPTIONS, planHere } from "../inspect/plan.ts";
import type { Budget, Fit, ModelPlan, Serving } from "../plan/plan.ts";
import { tableLines } from "./table.ts";
import { visibleText } from "./text.ts";
import { transferView } from "./transfer-view.ts";
import { verb } from "./verb.ts";

export const PLAN = verb({
  name: "plan",
  summary: "Work out what a model takes to train, tune and run: operations, memory, hours, money",
  operands: "MODEL",
  arity: [1, 1],
  options: PLAN_HERE_OPTIONS,
  examples: [
    ["ownlm plan llama3-405b", "a published model by its name; a wrong name lists those there are"],
    ["ownlm plan mymodel/config.json --tokens 2e9 --gpu a100 --days 3", "a config, and how many A100 for three days"],
    ["ownlm plan Qwen/Qwen3-8B", "a model of the hub, of which the config alone is fetched"],
    ["ownlm plan gpt3-175b --gflops 0 --json", "for a program, without a look at this machine"],
  ],
  async run(io, { operands, given }) {
    const runtime = () => openRuntimeFor(io.host);
    using view = transferView(io, { lines: false });
    const plan = await planHere(io.host, operands[0]!, given, { ...view, showName: flagName, runtime });
    view[Symbol.dispose]();
    if (io.machine) io.json(plan);
    else for (const line of planLines(plan)) io.print(line);
  },
});

const PART_NAMES: Readonly<Record<string, string>> = { feedForward: "feed-forward" };
const METHOD_NAMES = { full: "full fine-tuning", lora: "LoRA", qlora: "LoRA on 4 bits" } as const;
const DAY_MS = 86_400_000;

/** Parameters by part on one line: "embedding 525M, attention 1.3B". */
export function partsText(parts: ModelPlan["parts"]): string {
  return Object.entries(parts)
    .map(([part, count]) => `${PART_NAMES[part] ?? part} ${formatCount(count)}`)
    .join(", ");
}

function planLines(plan: ModelPlan): string[] {
  return [
    `${visibleText(plan.model)}: ${plan.modelType}, ${formatCount(plan.parameters)} parameters${activeText(plan)}`,
    `  ${partsText(plan.parts)}`,
    "",
    ...trainingLines(plan),
    "",
    ...memoryLines(plan),
    "",
    ...inferenceLines(plan),
  ];
}

function activeText({ parameters, activeParameters }: ModelPlan): string {
  return activeParameters === parameters ? "" : `, of which a token uses ${formatCount(activeParameters)}`;
}

function trainingLines(plan: ModelPlan): string[] {
  const { budgets, trainingFlops, petaflopsDays, attentionFlops, context } = plan;
  const machine = budgets[0]!.machineDays === undefined ? [] : ["on this machine"];
  return [
    `Training: ${trainingFlops.toExponential(2)} FLOPs (6 x parameters x tokens), ${figure(petaflopsDays)} petaflop/s-days; attention over ${formatCount(context)} tokens adds ${share(attentionFlops / trainingFlops)}`,
    ...tableLines(
      ["", "tokens", "a parameter", "FLOPs", `${plan.gpu} hours`, `at $${plan.pricePerHour}`, ...machine],
      budgets.map((budget) => budgetRow(budget)),
    ),
    `  tokens: ${plan.tokensSource}`,
    `  utilisation ${share(plan.utilisation)}: ${plan.utilisationSource}`,
    `  elsewhere: ${plan.gpuTimes.map(({ gpu, gpuHours }) => `${gpu} ${figure(gpuHours)} h`).join(", ")}`,
    ...clusterLines(plan),
    ...machineLines(plan),
  ];
}

function budgetRow({ name, tokens, tokensPerParameter, flops, gpuHours, cost, machineDays }: Budget): string[] {
  return [
    name,
    formatCount(tokens),
    tokensPerParameter < 100 ? tokensPerParameter.toFixed(1) : formatCount(tokensPerParameter),
    flops.toExponential(2),
    figure(gpuHours),
    `$${figure(cost)}`,
    ...(machineDays === undefined ? [] : [daysText(machineDays)]),
  ];
}

function clusterLines({ cluster, gpu, training, context }: ModelPlan): string[] {
  if (!cluster)
    return [`  no number of ${gpu} holds a sequence of ${formatCount(context)} tokens: try --context or another --gpu`];
  const { gpus, days, fits } = cluster;
  const least = training.full.gpus;
  const count = gpus === 1 ? `one ${gpu}` : `${formatCount(gpus)} x ${gpu}`;
  const short = fits
    ? ""
    : `; it does not fit there: ${least === undefined ? "no number" : formatCount(least)} would do`;
  return [`  ${count}: ${daysText(days)}${gpus === least ? ", the fewest that fit" : ""}${short}`];
}

function machineLines({ machine }: ModelPlan): string[] {
  if (!machine) return [];
  const { gflopsPerSecond, days, trainingBytes, fits } = machine;
  const room = fits === undefined ? "" : fits ? ", which fits" : ", which does not fit";
  return [
    `  this machine: ${gflopsPerSecond.toFixed(0)} GFLOP/s at its peak; at three quarters of it ${daysText(days)}; weights and optimiser take ${formatBytes(trainingBytes)}${room}`,
  ];
}

function memoryLines({ training, gpu, context, cluster }: ModelPlan): string[] {
  const rows = Object.entries(METHOD_NAMES).map(([method, name]) => {
    const fit: Fit = training[method as keyof typeof training];
    const { weights, gradients, optimiser, gathered, activations, logits, total } = fit.bytes;
    const parts = [weights, gradients, optimiser, gathered, activations, logits, total].map(formatBytes);
    return [name, fit.gpus === undefined ? "none" : formatCount(fit.gpus), ...parts];
  });
  const headings = ["", gpu, "weights", "gradients", "optimiser", "gathered", "activations", "logits", "each"];
  return [
    `Memory of training for each device, a batch of ${formatCount(context)} tokens, 16-bit mixed precision, AdamW, blocks computed again backwards${cluster ? "" : " (of 8)"}`,
    ...tableLines(headings, rows),
  ];
}

function inferenceLines({ inference, gpu, context, kvBytesPerToken }: ModelPlan): string[] {
  const rows = inference.map(({ bits, weightBytes, kvBytes, totalBytes, gpus, tokensPerSecondAtMost }: Serving) => [
    `${bits} bits`,
    ...[weightBytes, kvBytes, totalBytes].map(formatBytes),
    formatCount(gpus),
    formatCount(tokensPerSecondAtMost),
  ]);
  return [
    `Running it: ${formatBytes(kvBytesPerToken)} of keys and values a token, ${formatCount(context)} tokens`,
    ...tableLines(["", "weights", "cache", "together", gpu, "tokens/s at most"], rows),
  ];
}

/** A count, or two digits of what is less than ten. */
export const figure = (value: number) =>
  value >= 9.95 || value === 0 ? formatCount(value) : value >= 0.001 ? value.toPrecision(2) : value.toExponential(0);

const share = (part: number) => `${(100 * part).toFixed(part < 0.095 ? 1 : 0)}%`;

/** "3h 20m", "12d 04h", "8.0M years". */
export function daysText(days: number): string {
  if (days < 365) return formatDuration(days * DAY_MS);
  return `${days < 36_525 ? (days / 365.25).toFixed(1) : formatCount(days / 365.25)} years`;
}
