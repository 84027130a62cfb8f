/** A live loss curve over a bar and a line of figures, for whatever trains. Knows points, not what makes them. */
import { formatCount, formatDuration } from "../base/format.ts";
import { type LossPoint, lossChart, progressBar } from "./chart.ts";
import { columnsOf, type LiveArea, liveArea, palette, wantsColor, wantsUnicode } from "./terminal.ts";
import type { Io } from "./verb.ts";

/** Columns of the picture at most: wider ones are harder to read. */
const MOST_COLUMNS = 100;
const CHART_LINES = 12;
/** Points of the curve that are kept, at most. */
const MOST_POINTS = 8192;
/** Steps over which the speed is taken. */
const SPEEDS = 20;

/** A step to draw. */
export interface LossStep {
  readonly step: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
}

/** Where a run goes to. */
export interface LossGoal {
  readonly steps: number;
  readonly tokensPerStep: number;
}

/** What is drawn on. */
export interface LossView {
  readonly area: LiveArea;
  readonly paint: ReturnType<typeof palette>;
  readonly width: () => number;
  /** Says how many steps there are to be. */
  goal(goal: LossGoal): void;
  /** Adds a step and draws; `more` are figures for the line, such as the last validation. */
  step(step: LossStep, more: readonly string[]): void;
  /** Adds a point of the second curve. */
  validation(point: LossPoint): void;
  /** Leaves the curve where it is. */
  finish(): void;
}

/** A picture on the terminal, or plain lines now and then where there is none. */
export function lossView({ host, env, stdout, platform }: Pick<Io, "host" | "env" | "stdout" | "platform">): LossView {
  const area = liveArea(stdout, { nowMs: host.nowMs, env });
  const unicode = wantsUnicode(env, platform);
  const width = () => Math.min(MOST_COLUMNS, columnsOf(stdout)) - 1;
  const losses: LossPoint[] = [];
  const validation: LossPoint[] = [];
  /** Tokens/s of the last steps. */
  const speeds: number[] = [];
  let goal: LossGoal | undefined;
  const chartLines = () => lossChart(losses, { width: width(), height: CHART_LINES, unicode, validation });
  const statusLine = ({ step, loss }: LossStep, more: readonly string[]) => {
    const speed = median(speeds);
    const leftMs = goal ? (1000 * (goal.steps - step) * goal.tokensPerStep) / speed : Number.NaN;
    const parts = [`step ${step}/${goal?.steps ?? "?"}`, `loss ${loss.toFixed(3)}`, ...more];
    parts.push(`${formatCount(speed)} tokens/s`, `${formatDuration(leftMs)} left`);
    return parts.join(unicode ? " · " : ", ");
  };
  return {
    area,
    paint: palette(wantsColor(stdout, env)),
    width,
    goal(given) {
      goal = given;
    },
    step(step, more) {
      losses.push({ step: step.step, loss: step.loss });
      if (losses.length > MOST_POINTS) thin(losses);
      speeds.push(step.tokensPerSecond);
      if (speeds.length > SPEEDS) speeds.shift();
      const line = statusLine(step, more);
      const bar = progressBar({ done: step.step, total: goal?.steps ?? step.step, width: width(), unicode });
      area.draw([...chartLines(), bar, line], line);
    },
    validation: (point) => void validation.push(point),
    finish: () => area.finish(losses.length > 0 && area.live ? chartLines() : undefined),
  };
}

/** Pairs of points become their mean: a picture has far fewer columns, and a run may have millions of steps. */
function thin(points: LossPoint[]): void {
  for (let i = 0; 2 * i + 1 < points.length; i++) {
    const [a, b] = [points[2 * i]!, points[2 * i + 1]!];
    points[i] = { step: b.step, loss: (a.loss + b.loss) / 2 };
  }
  points.length = Math.floor(points.length / 2);
}

/** The median: a checkpoint in between does not count. */
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
