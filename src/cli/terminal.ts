/** What is drawn again and again at the bottom of a terminal, and plain lines where there is none. Gets its stream and clock. */
import { displayWidth, fitText } from "./text.ts";

/** The part of a Node stream that is needed. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
}

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ESC = String.fromCharCode(27);

/** True when lines can be drawn over: a terminal that understands cursor movements. */
export function isTerminal(stream: OutputStream, env: Environment): boolean {
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** True when colours are wanted: on a terminal, unless NO_COLOR is set (no-color.org). */
export function wantsColor(stream: OutputStream, env: Environment): boolean {
  return isTerminal(stream, env) && !env.NO_COLOR;
}

/** True when the terminal's locale is a Unicode one, as far as the environment tells. */
export function wantsUnicode(env: Environment, platform: string): boolean {
  if (platform === "win32") return Boolean(env.WT_SESSION ?? env.TERM_PROGRAM);
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || "UTF-8");
}

/** Columns of a stream, from 20; 80 where it does not tell. */
export function columnsOf(stream: OutputStream): number {
  return Math.max(20, stream.columns || 80);
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Functions that colour a text, or give it back as it is. */
export type Palette = Readonly<Record<keyof typeof CODES, (text: string) => string>>;

/** Colours, or none. */
export function palette(colored: boolean): Palette {
  const paint = ([on, off]: readonly [number, number]) =>
    colored ? (text: string) => `${ESC}[${on}m${text}${ESC}[${off}m` : (text: string) => text;
  const { bold, dim, red, green, yellow, cyan } = CODES;
  return {
    bold: paint(bold),
    dim: paint(dim),
    red: paint(red),
    green: paint(green),
    yellow: paint(yellow),
    cyan: paint(cyan),
  };
}

/** Lines at the bottom of the output that are replaced as things go on. */
export interface LiveArea {
  /** True when lines are drawn over. */
  readonly live: boolean;
  /** Shows `lines` in place of the ones before; off a terminal prints the `plain` line now and then instead. */
  draw(lines: readonly string[], plain?: string): void;
  /** Prints a line that stays, above the area. */
  log(line: string): void;
  /** Leaves the last lines (or `lines`) where they are. Off a terminal prints the last plain line if it was held back. */
  finish(lines?: readonly string[]): void;
}

/** What a live area is made with. */
export interface LiveOptions {
  /** Milliseconds on a clock that never goes back. */
  readonly nowMs: () => number;
  readonly env: Environment;
  /** Between two drawings on a terminal. */
  readonly drawEveryMs?: number;
  /** Between two plain lines elsewhere. */
  readonly plainEveryMs?: number;
}

/** A live area on a terminal, rate-limited plain lines elsewhere. It never hides the cursor, so an exit needs no cleaning up. */
export function liveArea(stream: OutputStream, options: LiveOptions): LiveArea {
  return isTerminal(stream, options.env) ? terminalArea(stream, options) : plainArea(stream, options);
}

function terminalArea(stream: OutputStream, { nowMs, drawEveryMs = 80 }: LiveOptions): LiveArea {
  let shown: readonly string[] = [];
  let held: readonly string[] | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  /** Codes that go back to the first line shown and clear from there; a narrower window has wrapped some. */
  const back = () => {
    if (shown.length === 0) return "";
    const columns = columnsOf(stream);
    const rows = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)), 0);
    return `${ESC}[${rows}A\r${ESC}[J`;
  };
  const show = (lines: readonly string[], above = "") => {
    const room = Math.max(1, (stream.rows || 24) - 1);
    const fitted = lines.slice(-room).map((line) => fitText(line, columnsOf(stream) - 1));
    stream.write(back() + above + fitted.map((line) => `${line}\n`).join(""));
    shown = fitted;
    held = undefined;
    drawnMs = nowMs();
  };
  return {
    live: true,
    draw(lines) {
      if (nowMs() - drawnMs >= drawEveryMs) show(lines);
      else held = [...lines];
    },
    log: (line) => show(held ?? shown, `${line}\n`),
    finish(lines) {
      if (lines || held) show(lines ?? held!);
      shown = [];
    },
  };
}

function plainArea(stream: OutputStream, { nowMs, plainEveryMs = 10_000 }: LiveOptions): LiveArea {
  let printedMs = Number.NEGATIVE_INFINITY;
  let held: string | undefined;
  return {
    live: false,
    draw(lines, plain = lines[0]) {
      if (plain === undefined) return;
      held = plain;
      if (nowMs() - printedMs < plainEveryMs) return;
      stream.write(`${plain}\n`);
      printedMs = nowMs();
      held = undefined;
    },
    log: (line) => void stream.write(`${line}\n`),
    finish(lines) {
      if (held !== undefined) stream.write(`${held}\n`);
      held = undefined;
      for (const line of lines ?? []) stream.write(`${line}\n`);
    },
  };
}
