/** Curves as SVG inside a page, coloured by its style sheet. Knows no run. */
import { formatCount } from "../base/format.ts";
import type { Curve, CurvePoint } from "./report-data.ts";
import { escapeHtml, shownNumber } from "./report-text.ts";

/** One line of a chart; `kind` is its class. */
export interface Line {
  readonly kind: "train" | "valid";
  readonly label: string;
  readonly curve: Curve;
}

const [WIDTH, HEIGHT] = [640, 220];
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 14, 14, 28];
const TICKS = 4;
/** Fewer points are marked. */
const MARKED = 40;

/** A chart with its title; empty where no line has a point. */
export function chart(title: string, lines: readonly Line[], show: (value: number) => string = shownNumber): string {
  const drawn = lines.filter(({ curve }) => curve.points.length > 0);
  const points = drawn.flatMap(({ curve }) => curve.points);
  if (points.length === 0) return "";
  const x = scale(range(points.map(({ step }) => step)), [LEFT, WIDTH - RIGHT]);
  const y = scale(padded(range(points.map(({ mean }) => mean))), [HEIGHT - BOTTOM, TOP]);
  const legend = drawn.map(({ kind, label }) => `<span class="key ${kind}">${escapeHtml(label)}</span>`).join(" ");
  return `<figure><figcaption>${escapeHtml(title)} ${legend}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(summary(title, drawn, show))}">
${axis(x, y, show)}
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

function scale([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale {
  const at = (value: number) => start + ((end - start) * (value - from)) / (to - from || 1);
  return {
    from,
    to,
    at: (value) => Number(Math.min(Math.max(start, end), Math.max(Math.min(start, end), at(value))).toFixed(1)),
  };
}

function range(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Some room above and below; a flat curve lies in the middle. */
function padded([from, to]: readonly [number, number]): [number, number] {
  const room = to > from ? (to - from) * 0.06 : Math.abs(from) * 0.5 || 1;
  return [from - room, to + room];
}

function axis(x: Scale, y: Scale, show: (value: number) => string): string {
  const ticks = Array.from({ length: TICKS + 1 }, (_, i) => y.from + ((y.to - y.from) * i) / TICKS);
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
