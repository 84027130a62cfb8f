/** Shows a person how a run goes: what it will take, a live loss curve, a bar, samples. Knows events, not training. */

import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import type { EvalEvent, StartEvent, StepEvent, TrainEvent } from "../train/events.ts";
import { type LossPoint, lossChart, progressBar } from "./chart.ts";
import { columnsOf, type LiveArea, liveArea, palette, wantsColor, wantsUnicode } from "./terminal.ts";
import { fitText, visibleText } from "./text.ts";
import type { Io } from "./verb.ts";

/** Columns of the picture at most: wider ones are harder to read. */
const MOST_COLUMNS = 100;
const CHART_LINES = 12;
/** Points of the curve that are kept, at most. */
const MOST_POINTS = 8192;
/** Steps over which the speed is taken. */
const SPEEDS = 20;

/** A listener that draws on the terminal, or writes plain lines now and then where there is none. */
export function trainView(io: Io): { readonly onEvent: (event: TrainEvent) => void; readonly end: () => void } {
  const { host, env, stdout } = io;
  const area = liveArea(stdout, { nowMs: host.nowMs, env });
  const view: View = {
    area,
    paint: palette(wantsColor(stdout, env)),
    unicode: wantsUnicode(env, io.platform),
    width: () => Math.min(MOST_COLUMNS, columnsOf(stdout)) - 1,
    losses: [],
    validation: [],
    speeds: [],
  };
  return { onEvent: (event) => show(view, event), end: () => area.finish() };
}

/** What the picture is drawn from. */
interface View {
  readonly area: LiveArea;
  readonly paint: ReturnType<typeof palette>;
  readonly unicode: boolean;
  readonly width: () => number;
  readonly losses: LossPoint[];
  readonly validation: LossPoint[];
  /** Tokens/s of the last steps. */
  readonly speeds: number[];
  start?: StartEvent;
  lastEval?: EvalEvent;
}

function show(view: View, event: TrainEvent): void {
  const { area, paint } = view;
  switch (event.event) {
    case "warning":
      area.log(paint.yellow(`warning: ${visibleText(event.message)}`));
      break;
    case "stage":
      area.log(paint.dim(event.message));
      break;
    case "start":
      view.start = event;
      for (const line of planLines(event)) area.log(line);
      break;
    case "step":
      view.losses.push({ step: event.step, loss: event.loss });
      if (view.losses.length > MOST_POINTS) thin(view.losses);
      view.speeds.push(event.tokensPerSecond);
      if (view.speeds.length > SPEEDS) view.speeds.shift();
      area.draw(picture(view, event), statusLine(view, event));
      break;
    case "eval":
      view.validation.push({ step: event.step, loss: event.valLoss });
      view.lastEval = event;
      if (!area.live) area.log(`step ${event.step}: ${evalText(event)}`);
      break;
    case "sample":
      area.log(`${paint.cyan(`step ${event.step}:`)} ${fitText(visibleText(event.text), view.width() - 12)}`);
      break;
    case "checkpoint":
      if (!area.live) area.log(`step ${event.step}: saved ${event.path}`);
      break;
    case "done":
      area.finish(view.losses.length > 0 && area.live ? chartLines(view) : undefined);
  }
}

/** Pairs of points become their mean: a picture has far fewer columns, and a run may have millions of steps. */
function thin(points: LossPoint[]): void {
  for (let i = 0; 2 * i + 1 < points.length; i++) {
    const [a, b] = [points[2 * i]!, points[2 * i + 1]!];
    points[i] = { step: b.step, loss: (a.loss + b.loss) / 2 };
  }
  points.length = Math.floor(points.length / 2);
}

/** The run before it starts. */
function planLines(e: StartEvent): string[] {
  const { plan } = e;
  const todo = e.steps - e.resumedFrom;
  const from = e.resumedFrom > 0 ? `from step ${e.resumedFrom}, ` : "";
  return [
    `model    ${e.model}, ${formatCount(plan.parameters)} parameters, ${formatCount(e.vocabSize)} tokens in its vocabulary`,
    `text     ${formatCount(e.trainTokens)} tokens to train on, ${formatCount(e.valTokens)} to validate with`,
    `memory   ${formatBytes(e.plannedBytes)} of ${formatBytes(e.availableBytes)} free`,
    `work     ${from}${formatCount(todo)} steps of ${formatCount(plan.tokensPerStep)} tokens: ${formatCount(todo * plan.tokensPerStep)} tokens`,
    `time     about ${formatDuration(e.minutes * 60_000)} at ${formatCount(e.tokensPerSecond)} tokens/s`,
    `output   ${visibleText(e.out)}`,
  ];
}

function chartLines(view: View): string[] {
  const { losses, validation, unicode } = view;
  return lossChart(losses, { width: view.width(), height: CHART_LINES, unicode, validation });
}

function picture(view: View, event: StepEvent): string[] {
  const steps = view.start?.steps ?? event.step;
  const bar = progressBar({ done: event.step, total: steps, width: view.width(), unicode: view.unicode });
  return [...chartLines(view), bar, statusLine(view, event)];
}

function statusLine(view: View, event: StepEvent): string {
  const parts = [`step ${event.step}/${view.start?.steps ?? "?"}`, `loss ${event.loss.toFixed(3)}`];
  if (view.lastEval) parts.push(evalText(view.lastEval));
  parts.push(`${formatCount(speedOf(view))} tokens/s`, `${formatDuration(leftMs(view, event))} left`);
  return parts.join(view.unicode ? " · " : ", ");
}

const evalText = ({ valLoss, bitsPerByte }: EvalEvent) =>
  `validation ${valLoss.toFixed(3)} (${bitsPerByte.toFixed(3)} bits/byte)`;

/** The median of the last steps: a checkpoint in between does not count. */
function speedOf({ speeds }: View): number {
  return speeds.toSorted((a, b) => a - b)[speeds.length >> 1] ?? 0;
}

function leftMs(view: View, event: StepEvent): number {
  const { start } = view;
  if (!start) return Number.NaN;
  return (1000 * (start.steps - event.step) * start.plan.tokensPerStep) / speedOf(view);
}
