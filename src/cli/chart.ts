/** Pictures made of characters: loss curves, progress, probabilities. Pure functions from numbers to lines. */
import { displayWidth, fitText, padText, visibleText } from "./text.ts";

/** A loss at a step. */
export interface LossPoint {
  readonly step: number;
  /** In nats. */
  readonly loss: number;
}

/** The size of a picture, axes included. */
export interface ChartOptions {
  /** Columns, from 20. */
  readonly width: number;
  /** Lines, from 4. */
  readonly height: number;
  /** Braille dots and box lines; ASCII otherwise. */
  readonly unicode?: boolean;
  /** Losses on other text, drawn as single marks. */
  readonly validation?: readonly LossPoint[];
}

/** Dots of a picture; a braille cell holds 2 x 4 of them, an ASCII cell 1 x 1. */
interface Canvas {
  readonly columns: number;
  readonly rows: number;
  set(x: number, y: number): void;
  mark(x: number, y: number, character: string): void;
  lines(): string[];
}

/** Bits of a braille pattern by dot row and column (Unicode block U+2800). */
const BRAILLE = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

function canvas(width: number, height: number, unicode: boolean): Canvas {
  const [across, down] = unicode ? [2, 4] : [1, 1];
  const bits = new Uint8Array(width * height);
  const marks = new Map<number, string>();
  const cell = (x: number, y: number) => Math.floor(y / down) * width + Math.floor(x / across);
  const draw = (i: number) =>
    marks.get(i) ?? (bits[i] === 0 ? " " : unicode ? String.fromCodePoint(0x2800 + bits[i]!) : "*");
  return {
    columns: width * across,
    rows: height * down,
    set(x, y) {
      bits[cell(x, y)]! |= unicode ? BRAILLE[y % 4]![x % 2]! : 1;
    },
    mark: (x, y, character) => void marks.set(cell(x, y), character),
    lines: () =>
      Array.from({ length: height }, (_, row) =>
        Array.from({ length: width }, (_, column) => draw(row * width + column)).join(""),
      ),
  };
}

/** The mean loss of the points that fall into each dot column; undefined where there are none. */
function columnMeans(points: readonly LossPoint[], columns: number, xOf: (step: number) => number) {
  const sums = new Float64Array(columns);
  const counts = new Int32Array(columns);
  for (const { step, loss } of points) {
    sums[xOf(step)]! += loss;
    counts[xOf(step)]!++;
  }
  return Array.from(sums, (sum, x) => (counts[x]! > 0 ? sum / counts[x]! : undefined));
}

/**
 * A loss curve with its axes, as lines of at most `width` columns. Several points in a column are averaged, which
 * smooths long runs; points that are not finite (or beyond 1e30) are left out.
 */
export function lossChart(points: readonly LossPoint[], options: ChartOptions): string[] {
  const { unicode = true, validation = [] } = options;
  const width = Math.max(20, Math.floor(options.width));
  const height = Math.max(4, Math.floor(options.height));
  const finite = ({ step, loss }: LossPoint) => Number.isFinite(step) && Math.abs(loss) < 1e30;
  const [curve, marks] = [points.filter(finite), validation.filter(finite)];
  const all = [...curve, ...marks];
  if (all.length === 0) return ["no loss yet"];
  const [firstStep, lastStep] = rangeOf(all.map(({ step }) => step));
  const [lowest, highest] = rangeOf(all.map(({ loss }) => loss));
  const labelOf = lossLabels(lowest, highest);
  const rows = height - 2;
  // Means lie inside the range of the points, so no label is longer than these; the hundredth is for rounding.
  const labelWidth = Math.max(...[lowest - 0.51, highest + 0.51].map((loss) => labelOf(loss).length));
  const picture = canvas(width - labelWidth - 2, rows, unicode);
  const xOf = (step: number) => scaled(step, firstStep, lastStep, picture.columns);
  const means = columnMeans(curve, picture.columns, xOf);
  const drawn = [...means.filter((mean) => mean !== undefined), ...marks.map(({ loss }) => loss)];
  const [low, high] = widened(rangeOf(drawn));
  const yOf = (loss: number) => picture.rows - 1 - scaled(loss, low, high, picture.rows);
  connect(picture, means, yOf);
  for (const { step, loss } of marks) picture.mark(xOf(step), yOf(loss), unicode ? "●" : "o");
  const labels = Array.from({ length: rows }, (_, row) => labelOf(high - ((high - low) * row) / (rows - 1)));
  const shown = (row: number) =>
    ((row % 2 === 0 && row !== rows - 2) || row === rows - 1 ? labels[row]! : "").padStart(labelWidth);
  const [tick, side, corner, floor] = unicode ? ["┤", "│", "└", "─"] : ["+", "|", "+", "-"];
  return [
    ...picture.lines().map((line, row) => `${shown(row)} ${shown(row).trim() ? tick : side}${line}`.trimEnd()),
    `${" ".repeat(labelWidth)} ${corner}${floor.repeat(width - labelWidth - 2)}`,
    stepAxis(firstStep, lastStep, labelWidth + 2, width),
  ];
}

function rangeOf(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

/** A range that is not empty. */
function widened([low, high]: readonly [number, number]): [number, number] {
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** A value's place among `places`, from 0; the middle when there is no range. */
function scaled(value: number, low: number, high: number, places: number): number {
  if (high === low) return Math.floor((places - 1) / 2);
  return Math.max(0, Math.min(places - 1, Math.round(((value - low) / (high - low)) * (places - 1))));
}

/** How the losses of a range are written: all in one form, none longer than those at its ends. */
function lossLabels(lowest: number, highest: number): (loss: number) => string {
  if (Math.max(-lowest, highest) >= 1e4) {
    // Beside ten thousand, next to nothing is nothing, and its exponent would need another digit.
    return (loss) => (Math.abs(loss) < 1e-9 ? 0 : loss).toExponential(1).padStart("-1.0e+10".length);
  }
  const range = highest - lowest;
  return (loss) => loss.toFixed(range > 0 && range < 0.05 ? 4 : 2);
}

/** Draws a line through the means, across columns that have none. */
function connect(picture: Canvas, means: readonly (number | undefined)[], yOf: (loss: number) => number): void {
  let before: { x: number; y: number } | undefined;
  means.forEach((mean, x) => {
    if (mean === undefined) return;
    const y = yOf(mean);
    const from = before ?? { x, y };
    const steps = Math.max(x - from.x, Math.abs(y - from.y), 1);
    for (let i = 0; i <= steps; i++)
      picture.set(Math.round(from.x + ((x - from.x) * i) / steps), Math.round(from.y + ((y - from.y) * i) / steps));
    before = { x, y };
  });
}

function stepAxis(first: number, last: number, indent: number, width: number): string {
  const [left, right] = [String(first), String(last)];
  const name = "step";
  const room = width - indent;
  if (first === last) return `${" ".repeat(indent)}${[`step ${left}`, left].find((text) => text.length <= room) ?? ""}`;
  const gap = room - left.length - right.length;
  if (gap < 1) return right.slice(-room).padStart(width);
  if (gap < name.length + 2) return `${" ".repeat(indent)}${left}${" ".repeat(gap)}${right}`;
  const before = Math.floor((gap - name.length) / 2);
  return `${" ".repeat(indent)}${left}${" ".repeat(before)}${name}${" ".repeat(gap - name.length - before)}${right}`;
}

/** How far something is. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  /** Columns of the whole bar. */
  readonly width: number;
  readonly unicode?: boolean;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** "█████▌      47%", exactly `width` columns; "?" instead of a share when the total is not known. */
export function progressBar({ done, total, width, unicode = true }: Progress): string {
  const share = total > 0 ? Math.max(0, Math.min(1, done / total)) : Number.NaN;
  const label = Number.isNaN(share) ? "   ?" : `${Math.floor(share * 100)}%`.padStart(4);
  const room = Math.max(0, width - label.length - 1);
  return `${bar(Number.isNaN(share) ? 0 : share, room, unicode, true)} ${label}`;
}

/** A bar of `share` of `room` columns. */
function bar(share: number, room: number, unicode: boolean, padded: boolean): string {
  const eighths = Math.round(share * room * 8);
  const full = unicode ? Math.floor(eighths / 8) : Math.round(share * room);
  const drawn = unicode ? "█".repeat(full) + EIGHTHS[eighths % 8]! : "#".repeat(full);
  return padded ? drawn.padEnd(room, unicode ? " " : ".") : drawn;
}

/** One bar of a picture. */
export interface BarItem {
  readonly label: string;
  /** 0 to 1. */
  readonly value: number;
}

/**
 * Probabilities as bars, one line each: label, share, bar. The longest bar fills the line. Control characters of labels
 * are written out, and blanks at their ends are shown in quotes.
 */
export function barPicture(
  items: readonly BarItem[],
  { width = 60, unicode = true }: { readonly width?: number; readonly unicode?: boolean } = {},
): string[] {
  const columns = Math.max(20, width);
  const ellipsis = unicode ? "…" : "~";
  const labels = items.map(({ label }) => fitText(`"${visibleText(label)}"`, Math.floor(columns / 2), ellipsis));
  const labelWidth = labels.reduce((most, label) => Math.max(most, displayWidth(label)), 0);
  const largest = items.reduce((most, { value }) => Math.max(most, value), Number.MIN_VALUE);
  return items.map(({ value }, i) => {
    const share = `${(100 * value).toFixed(1)}%`.padStart(6);
    const room = Math.max(0, columns - labelWidth - share.length - 2);
    return `${padText(labels[i]!, labelWidth, ellipsis)} ${share} ${bar(value / largest, room, unicode, false)}`.trimEnd();
  });
}
