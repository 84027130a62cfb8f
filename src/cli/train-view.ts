/** Shows a person how a run goes: what it will take, a live loss curve, a bar, samples. Knows events, not training. */

import { formatBytes, formatCount, formatDuration } from "../base/format.ts";
import type { EvalEvent, StartEvent, TrainEvent } from "../train/events.ts";
import { type LossView, lossView } from "./loss-view.ts";
import { fitText, visibleText } from "./text.ts";
import type { Io } from "./verb.ts";

/** A listener that draws on the terminal, or writes plain lines now and then where there is none. */
export function trainView(io: Io): { readonly onEvent: (event: TrainEvent) => void; readonly end: () => void } {
  const view: View = { loss: lossView(io) };
  return { onEvent: (event) => show(view, event), end: () => view.loss.area.finish() };
}

/** What the picture is drawn from. */
interface View {
  readonly loss: LossView;
  lastEval?: EvalEvent;
}

function show(view: View, event: TrainEvent): void {
  const { area, paint, width } = view.loss;
  switch (event.event) {
    case "warning":
      area.log(paint.yellow(`warning: ${visibleText(event.message)}`));
      break;
    case "stage":
      area.log(paint.dim(event.message));
      break;
    case "start":
      view.loss.goal({ steps: event.steps, tokensPerStep: event.plan.tokensPerStep });
      for (const line of planLines(event)) area.log(line);
      break;
    case "step":
      view.loss.step(event, view.lastEval ? [evalText(view.lastEval)] : []);
      break;
    case "eval":
      view.loss.validation({ step: event.step, loss: event.valLoss });
      view.lastEval = event;
      if (!area.live) area.log(`step ${event.step}: ${evalText(event)}`);
      break;
    case "sample":
      area.log(`${paint.cyan(`step ${event.step}:`)} ${fitText(visibleText(event.text), width() - 12)}`);
      break;
    case "checkpoint":
      if (!area.live) area.log(`step ${event.step}: saved ${event.path}`);
      break;
    case "done":
      view.loss.finish();
  }
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

const evalText = ({ valLoss, bitsPerByte }: EvalEvent) =>
  `validation ${valLoss.toFixed(3)} (${bitsPerByte.toFixed(3)} bits/byte)`;
