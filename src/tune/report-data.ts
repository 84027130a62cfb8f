/** A finished run as plain JSON: figures, curves of a size that can be drawn, samples side by side, data, settings. Knows no form. */
import type { TuneSample } from "./events.ts";
import type { TuneRecord } from "./record.ts";

/** A stretch of steps as one point. */
export interface CurvePoint {
  /** The last step of the stretch. */
  readonly step: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
}

/** One figure over the steps. */
export interface Curve {
  readonly name: string;
  readonly points: readonly CurvePoint[];
}

/** What a model said to a prompt before and after. */
export interface SampleRow {
  readonly prompt: string;
  readonly before?: string;
  readonly after?: string;
  readonly expected?: string;
}

/** Everything that report.json and report.html show. */
export interface TuneReport {
  readonly format: 1;
  readonly record: Omit<TuneRecord, "steps" | "evals" | "before" | "after">;
  /** Loss, learning rate, norm of the gradient, then the objective's own figures. */
  readonly training: readonly Curve[];
  /** Validation loss, then token accuracy and the objective's own figures. */
  readonly validation: readonly Curve[];
  readonly samples: readonly SampleRow[];
}

/** Points of a curve at most: more than a screen has columns. */
const MOST_POINTS = 500;

/** The report of a run. */
export function tuneReport(record: TuneRecord): TuneReport {
  const { steps, evals, before, after, ...rest } = record;
  const training = [
    curve("loss", steps, ({ loss }) => loss),
    curve("learning rate", steps, ({ lr }) => lr),
    curve("gradient norm", steps, ({ gradNorm }) => gradNorm),
    ...metricNames(steps).map((name) => curve(name, steps, ({ metrics }) => metrics?.[name])),
  ];
  const validation = [
    curve("loss", evals, ({ valLoss }) => valLoss),
    curve("token accuracy", evals, ({ tokenAccuracy }) => tokenAccuracy),
    ...metricNames(evals).map((name) => curve(name, evals, ({ metrics }) => metrics?.[name])),
  ];
  const drawn = (curves: readonly Curve[]) => curves.filter(({ points }) => points.length > 0);
  const samples = sampleRows(before?.samples ?? [], after?.samples ?? []);
  return { format: 1, record: rest, training: drawn(training), validation: drawn(validation), samples };
}

/** The text of report.json: numbers to seven digits. */
export function reportJson(report: TuneReport): string {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value;
  return `${JSON.stringify(report, rounded, 1)}\n`;
}

type AtStep = { readonly step: number; readonly metrics?: Readonly<Record<string, number>> };

function metricNames(events: readonly AtStep[]): string[] {
  return [...new Set(events.flatMap(({ metrics }) => Object.keys(metrics ?? {})))];
}

/** Figures by step, in at most {@link MOST_POINTS} stretches of equally many; those that are no numbers are left out. */
export function curve<E extends AtStep>(
  name: string,
  events: readonly E[],
  figure: (event: E) => number | undefined,
): Curve {
  const found = events.flatMap((event) => {
    const value = figure(event);
    return value !== undefined && Number.isFinite(value) ? [{ step: event.step, value }] : [];
  });
  const size = Math.max(1, Math.ceil(found.length / MOST_POINTS));
  const points = Array.from({ length: Math.ceil(found.length / size) }, (_, i) => {
    const stretch = found.slice(i * size, (i + 1) * size);
    const values = stretch.map(({ value }) => value);
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    return { step: stretch.at(-1)!.step, mean, min: Math.min(...values), max: Math.max(...values) };
  });
  return { name, points };
}

/** Answers to the same prompts side by side, in the order of those after. */
function sampleRows(before: readonly TuneSample[], after: readonly TuneSample[]): SampleRow[] {
  const count = Math.max(before.length, after.length);
  return Array.from({ length: count }, (_, i) => {
    const [old, now] = [before[i], after[i]];
    const expected = now?.expected ?? old?.expected;
    return {
      prompt: (now ?? old)!.prompt,
      ...(old && { before: old.text }),
      ...(now && { after: now.text }),
      ...(expected !== undefined && { expected }),
    };
  });
}
