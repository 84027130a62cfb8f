/** The verb `tune`: a model and data in, a model or an adapter of your own out. */
import { fail } from "../base/errors.ts";
import { formatCount, formatDuration, shellPath } from "../base/format.ts";
import { flagName } from "../base/options.ts";
import { openRuntime } from "../runtime/open.ts";
import type { TuneDoneEvent } from "../tune/events.ts";
import { TUNE_OPTIONS } from "../tune/options.ts";
import { tune } from "../tune/tune.ts";
import { locateForVerb } from "./model-operand.ts";
import { loadRewards } from "./reward-files.ts";
import { visibleText } from "./text.ts";
import { tuneView } from "./tune-view.ts";
import { verb } from "./verb.ts";

export const TUNE = verb({
  name: "tune",
  summary: "Fine-tune a model on data: adapters (LoRA) or all weights",
  operands: "MODEL DATA...",
  arity: [0, 100_000],
  options: TUNE_OPTIONS,
  examples: [
    ["ownlm tune mymodel chats.jsonl --out myadapter", "trains a LoRA adapter on what the assistant wrote"],
    [
      "ownlm tune mymodel data.csv --method full --out tuned --epochs 2",
      "trains every weight: prompt,completion in the CSV",
    ],
    [
      "ownlm tune mymodel prompts.jsonl --objective grpo --reward score.js --out rewarded",
      "lets the model answer prompts, and makes likelier what the functions of score.js score high",
    ],
    ["ownlm tune --resume --out myadapter", "continues after Ctrl-C or a crash"],
  ],
  async run(io, { operands, given, options }) {
    const [name, ...data] = operands;
    if (name === undefined && !options.resume)
      fail("USAGE", "tune: got no model, expected one and files or folders of data. Try ownlm tune --help");
    if (name !== undefined && data.length === 0 && !options.resume)
      fail("USAGE", `tune: got the model ${name} and no data. Try: ownlm tune ${shellPath(name)} data.jsonl --out DIR`);
    const base = name === undefined ? {} : { name, folder: await locateForVerb(io, name) };
    const runtime = await openRuntime();
    const view = io.machine ? undefined : tuneView(io);
    try {
      const done = await tune(io.host, runtime, { ...base, data }, given, {
        loadRewards,
        onEvent: view?.onEvent ?? io.json,
        signal: io.signal,
        showName: flagName,
      });
      view?.end();
      if (!io.machine) for (const line of doneLines(done)) io.print(line);
    } finally {
      view?.end();
    }
  },
});

const RESULTS: Readonly<Record<TuneDoneEvent["result"], (out: string, path: string) => string>> = {
  model: (out, path) => `Your model is in ${out}. Try: ownlm generate ${path} "..."`,
  "reward model": (out) => `Your reward model is in ${out}, for AutoModelForSequenceClassification of transformers`,
  "reward adapter": (out) =>
    `Your reward model is in ${out}, an adapter in PEFT's layout for AutoModelForSequenceClassification of transformers`,
  adapter: (out, path) =>
    `Your adapter is in ${out}, in PEFT's layout. Into its base: ownlm merge ${path} --out MERGED`,
};

function doneLines(done: TuneDoneEvent): string[] {
  const { out, result, step, resultStep, seconds, trainedParameters } = done;
  const early = done.stoppedEarly ? ", as validation had stopped falling" : "";
  const kept = resultStep === step ? "" : `; kept those of step ${resultStep}, the best`;
  return [
    `${formatCount(trainedParameters)} parameters trained in ${formatCount(step)} steps and ${formatDuration(1000 * seconds)}${early}${kept}`,
    ...change("validation loss", done.valLossBefore, done.valLoss, (value) => value.toFixed(4)),
    ...change("exact answers", done.exactMatchBefore, done.exactMatch, (value) => `${(100 * value).toFixed(1)} %`),
    RESULTS[result](visibleText(out), shellPath(out)),
  ];
}

function change(
  what: string,
  before: number | undefined,
  after: number | undefined,
  show: (value: number) => string,
): string[] {
  if (after === undefined) return [];
  return [before === undefined ? `${what} ${show(after)}` : `${what} ${show(before)} before, ${show(after)} after`];
}
