/** Shows a person how fine-tuning goes: the data and one example, what it will take, a live curve, answers before and after. */
import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import { reportLines } from "../data/data-report.ts";
import type {
  DataEvent,
  SamplesEvent,
  TuneEvalEvent,
  TuneEvent,
  TuneSample,
  TuneStartEvent,
  TuneStepEvent,
} from "../tune/events.ts";
import { type LossView, lossView } from "./loss-view.ts";
import { fitText, visibleText } from "./text.ts";
import type { Io } from "./verb.ts";

/** A listener that draws on the terminal, or writes plain lines now and then where there is none. */
export function tuneView(io: Io): { readonly onEvent: (event: TuneEvent) => void; readonly end: () => void } {
  const view: View = { loss: lossView(io) };
  return { onEvent: (event) => show(view, event), end: () => view.loss.area.finish() };
}

interface View {
  readonly loss: LossView;
  lastEval?: TuneEvalEvent;
  before?: SamplesEvent;
}

function show(view: View, event: TuneEvent): void {
  const { area, paint } = view.loss;
  switch (event.event) {
    case "warning":
      area.log(paint.yellow(`warning: ${visibleText(event.message)}`));
      break;
    case "stage":
      area.log(paint.dim(visibleText(event.message)));
      break;
    case "data":
      for (const line of dataLines(event, paint)) area.log(line);
      break;
    case "start":
      view.loss.goal({ steps: event.steps, tokensPerStep: event.tokensPerStep });
      for (const line of planLines(event)) area.log(line);
      break;
    case "step":
      view.loss.step(event, [...rewardText(event), ...(view.lastEval ? [evalText(view.lastEval)] : [])]);
      break;
    case "eval":
      if (event.step > 0) view.loss.validation({ step: event.step, loss: event.valLoss });
      view.lastEval = event;
      if (!area.live || event.step === 0) area.log(`step ${event.step}: ${evalText(event)}`);
      break;
    case "samples":
      if (event.when === "before") view.before = event;
      else for (const line of sampleLines(view, event)) area.log(line);
      break;
    case "checkpoint":
      if (!area.live) area.log(`step ${event.step}: saved ${event.path}`);
      break;
    case "done":
      view.loss.finish();
  }
}

type Paint = LossView["paint"];

/** Characters of the example that are shown. */
const SHOWN_CHARS = 1200;

function dataLines(event: DataEvent, paint: Paint): string[] {
  const { example, report } = event;
  const marked = example.parts.map(({ text, loss }) => (loss ? paint.green(`⟦${shown(text)}⟧`) : shown(text))).join("");
  return [
    ...reportLines(report).map(visibleText),
    paint.dim(`${visibleText(example.at)} as the model sees it, what carries loss in ⟦ ⟧:`),
    ...marked.split("\n").map((line) => `  ${line}`),
    splitLine(event),
  ];
}

function splitLine({ trainExamples, valExamples, rowTokens, filled }: DataEvent): string {
  const rows = `in rows of ${rowTokens} tokens, ${Math.round(100 * filled)} % filled`;
  return `data     ${formatCount(trainExamples)} examples to train on ${rows}; ${formatCount(valExamples)} to validate with`;
}

/** Lines stay lines; what is long is cut in its middle. */
function shown(text: string): string {
  const cut =
    text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS / 2)} ... ${text.slice(-SHOWN_CHARS / 2)}` : text;
  return cut.split("\n").map(visibleText).join("\n");
}

/** The run before it starts. */
function planLines(e: TuneStartEvent): string[] {
  const todo = e.steps - e.resumedFrom;
  const from = e.resumedFrom > 0 ? `from step ${e.resumedFrom}, ` : "";
  const count = e.tokensPerStep / e.rowTokens;
  const trained =
    e.method === "full"
      ? "all of them trained"
      : `and ${formatCount(e.trainedParameters)} of adapters (${((100 * e.trainedParameters) / e.parameters).toFixed(2)} %), which are trained`;
  const rows = `${count} ${count === 1 ? "row" : "rows"} of ${e.rowTokens} tokens`;
  return [
    `model    ${e.model}, ${formatCount(e.parameters)} parameters, ${trained}`,
    `memory   ${formatBytes(e.plannedBytes)} of ${formatBytes(e.availableBytes)} free`,
    `work     ${from}${formatCount(todo)} steps of ${rows}: ${e.epochs.toFixed(1)} epochs, ${formatCount(todo * e.tokensPerStep)} tokens`,
    `time     about ${formatDuration(e.minutes * 60_000)} at ${formatCount(e.tokensPerSecond)} tokens/s`,
    `output   ${visibleText(e.out)}`,
  ];
}

function evalText({ valLoss, tokenAccuracy, metrics }: TuneEvalEvent): string {
  const right = tokenAccuracy === undefined ? "" : ` (${percent(tokenAccuracy)} of tokens right)`;
  const [won, margin] = [metrics?.["rewards/accuracies"], metrics?.["rewards/margins"]];
  const pairs = won === undefined ? "" : ` (${percent(won)} of pairs the right way round, by ${margin!.toFixed(3)})`;
  return `validation ${valLoss.toFixed(3)}${right}${pairs}`;
}

/** The mean reward of answers that were scored. */
const rewardText = ({ metrics }: TuneStepEvent): string[] =>
  metrics?.reward === undefined ? [] : [`reward ${metrics.reward.toFixed(3)}`];

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;

/** Answers shown on the terminal; all are in the events and the report. */
const SHOWN_SAMPLES = 4;

function sampleLines(view: View, { samples }: SamplesEvent): string[] {
  const { paint, width } = view.loss;
  const line = (name: string, text: string) => `  ${name.padEnd(9)}${fitText(oneLine(text), width() - 12)}`;
  return samples.slice(0, SHOWN_SAMPLES).flatMap((sample, i) => {
    const before: TuneSample | undefined = view.before?.samples[i];
    return [
      paint.cyan(fitText(oneLine(sample.prompt), width() - 2)),
      ...(before ? [line("before", before.text)] : []),
      line("after", sample.text),
      ...(sample.expected === undefined ? [] : [line("expected", sample.expected)]),
    ];
  });
}

const oneLine = (text: string) => visibleText(text.trim());
