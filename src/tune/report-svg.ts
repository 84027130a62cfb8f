/** Curves as SVG inside a page, coloured by its style sheet. Knows no run. */
import { formatCount } from "../base/format.ts";
import type { Curve, CurvePoint } from "./report-data.ts";
import { escapeHtml } from "./report-text.ts";

/** One line of a chart; `kind` is its class. */
export interface Line {
  readonly kind: "train" | "valid";
  readonly label: string;
  readonly curve: Curve;
}

const [WIDTH, HEIGHT] = [640, 220];
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 14, 14, 28];
/** Lines across at about this many heights. */
const TICKS = 5;
/** Where the largest value is so many times the least, equal heights are equal ratios. */
const RATIO = 8;
/** Fewer points are marked. */
const MARKED = 40;

/** How a chart shows its values. `ratios`: those that fall far are drawn by their ratios. */
export interface ChartOptions {
  readonly show: (value: number) => string;
  readonly ratios: boolean;
}

/** A chart with its title; empty where no line has a point. */
export function chart(title: string, lines: readonly Line[], { show, ratios: may }: ChartOptions): string {
  const drawn = lines.filter(({ curve }) => curve.points.length > 0);
  const points = drawn.flatMap(({ curve }) => curve.points);
  if (points.length === 0) return "";
  const x = scale(range(points.map(({ step }) => step)), [LEFT, WIDTH - RIGHT], (value) => value);
  const heights = range(points.map(({ mean }) => mean));
  const ratios = may && heights[0] > 0 && heights[1] > RATIO * heights[0];
  const ticks = ratios ? ratioTicks(heights) : evenTicks(heights);
  const y = scale(range([...ticks, ...heights]), [HEIGHT - BOTTOM, TOP], ratios ? Math.log : (value) => value);
  const legend = drawn.map(({ kind, label }) => `<span class="key ${kind}">${escapeHtml(label)}</span>`).join(" ");
  return `<figure><figcaption>${escapeHtml(title)} ${legend}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(summary(title, drawn, show))}">
${axis(x, y, ticks, show)}
${drawn.map((line) => drawLine(line, x, y)).join("\n")}
</svg></figure>`;
}

/** What a curve says, for who cannot see it. */
function summary(title: string, lines: readonly Line[], show: (value: number) => string): string {
  const ends = lines.map(({ label, curve: { points } }) => {
    const [first, last] = [points[0]!, points.at(-1)!];
    return `${label} from ${show(first.mean)} at step ${first.step} to ${show(last.mean)} at step ${last.step}`;
  });
  return `${title}: ${ends.join("; ")}`;
}

/** From values to places. */
interface Scale {
  readonly from: number;
  readonly to: number;
  at(value: number): number;
}

function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
  measure: (value: number) => number,
): Scale {
  const [low, high] = [measure(from), measure(to)];
  const at = (value: number) => {
    const inside = Math.min(to, Math.max(from, value));
    return Number((start + ((end - start) * (measure(inside) - low)) / (high - low || 1)).toFixed(1));
  };
  return { from, to, at };
}

function range(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Round heights with equal distances from below the least value to above the largest. */
function evenTicks([from, to]: readonly [number, number]): number[] {
  const span = to - from || Math.abs(from) || 1;
  const digits = 10 ** Math.floor(Math.log10(span / TICKS));
  const size = digits * ([1, 2, 5, 10].find((factor) => factor * digits * TICKS >= span) ?? 10);
  const first = Math.floor(from / size);
  const count = Math.max(1, Math.ceil(to / size) - first);
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * size).toPrecision(12)));
}

/** Round heights at about equal ratios, around both ends. */
function ratioTicks([from, to]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap((power) =>
    factors.map((factor) => Number(`${factor}e${power}`)),
  );
  const [low, high] = [all.findLastIndex((tick) => tick <= from), all.findIndex((tick) => tick >= to)];
  const inner = all.slice(low, high + 1);
  const every = Math.ceil(inner.length / (2 * TICKS));
  return inner.filter((_, i) => i % every === 0 || i === inner.length - 1);
}

function axis(x: Scale, y: Scale, ticks: readonly number[], show: (value: number) => string): string {
  const rules = ticks.map(
    (value) => `<line class="rule" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.at(value)}" y2="${y.at(value)}"/>
<text x="${LEFT - 8}" y="${y.at(value) + 4}" text-anchor="end">${escapeHtml(show(value))}</text>`,
  );
  const steps = x.to > x.from ? [x.from, Math.round((x.from + x.to) / 2), x.to] : [x.from];
  const marks = steps.map((step, i) => {
    const anchor = i === 0 ? "start" : i === steps.length - 1 ? "end" : "middle";
    return `<text x="${x.at(step)}" y="${HEIGHT - 8}" text-anchor="${anchor}">${i === 0 ? "step " : ""}${formatCount(step)}</text>`;
  });
  return [...rules, ...marks].join("\n");
}

function drawLine({ kind, curve: { points } }: Line, x: Scale, y: Scale): string {
  const place = ({ step }: CurvePoint, value: number) => `${x.at(step)},${y.at(value)}`;
  const spread = points.some(({ min, max }) => max > min);
  const edge = [...points.map((p) => place(p, p.max)), ...points.toReversed().map((p) => place(p, p.min))];
  const band = spread ? `<polygon class="band ${kind}" points="${edge.join(" ")}"/>` : "";
  const line = `<polyline class="line ${kind}" points="${points.map((p) => place(p, p.mean)).join(" ")}"/>`;
  const dots = points.map((p) => `<circle class="dot ${kind}" cx="${x.at(p.step)}" cy="${y.at(p.mean)}" r="2.5"/>`);
  return [band, line, ...(points.length <= MARKED ? dots : [])].join("");
}
