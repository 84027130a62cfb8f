/** What tuning a model on data takes here, as lines for a person. */
import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import type { TimedWay, TuningDiagnosis } from "../inspect/tuning.ts";
import { steadinessText } from "./steadiness.ts";
import { tableLines } from "./table.ts";
import { visibleText } from "./text.ts";

/** A forecast for a person. */
export function tuningLines(found: TuningDiagnosis): string[] {
  const { model, modelType, parameters, trainExamples, valExamples, tokens, lossTokens } = found;
  const { availableBytes, gflopsPerSecond, share, threads, ways, warnings } = found;
  const { rowTokens } = ways[0]!;
  return [
    `${visibleText(model)}: ${modelType}, ${formatCount(parameters)} parameters. Objective ${found.objective}.`,
    `Data: ${formatCount(trainExamples)} examples to train on, ${formatCount(valExamples)} to validate; ${formatCount(tokens)} tokens, ${formatCount(lossTokens)} of them carry loss; rows of ${formatCount(rowTokens)} tokens.`,
    `Here: ${formatBytes(availableBytes)} of memory free; ${gflopsPerSecond.toFixed(0)} GFLOP/s on ${threads} threads, of which training reached ${(100 * share).toFixed(0)} % (measured now).`,
    ...warnings.map((warning) => `Warning: ${visibleText(warning)}`),
    "",
    ...tableLines(
      ["method", "memory", "fits", "trained", "steps", "rows a step", "about"],
      ways.map((way) => [
        methodText(way),
        formatBytes(way.bytes),
        way.fits ? (way.settings === "" ? "yes" : `with ${way.settings}`) : "no",
        formatCount(way.trainedParameters),
        formatCount(way.steps),
        formatCount(way.batch * way.accumulation),
        formatDuration(60_000 * way.minutes),
      ]),
    ),
    "",
    "Memory as tune plans it. Time is estimated from the measured speed; validations, answers and checkpoints add to it, and products with packed weights are slower.",
    steadinessText(found.steadiness),
  ];
}

function methodText({ method, quantize }: TimedWay): string {
  if (method === "full") return "--method full";
  return quantize === undefined ? "--method lora" : `--method lora --quantize ${quantize}`;
}
