/** What was measured, as rows of one Markdown table: figures of each program, and ownlm's over the others'. Measures nothing. */
import { median } from "../measure.ts";
import type { Measured, Program, Result, Turn, Work } from "./measure.ts";

const PROGRAMS: readonly Program[] = ["ownlm", "llama.cpp", "transformers.js"];

/** A figure: its value in every round or once, and how it is written. */
interface Figure {
  readonly name: string;
  readonly values: (contender: Measured) => readonly (number | undefined)[];
  readonly digits: number;
  readonly unit?: string;
}

/** The table's head. */
export function tableHead(): string[] {
  const columns = ["weights", "figure", ...PROGRAMS, "ownlm / llama.cpp", "ownlm / transformers.js"];
  return [row(columns), row(columns.map(() => "---"))];
}

/** The rows of one shape. */
export function tableRows(name: string, { measured, bandwidth }: Result, work: Work): string[] {
  return ([4, 8] as const).flatMap((bits) => {
    const side = (program: Program) => measured.find((one) => one.program === program && one.bits === bits);
    const sides = PROGRAMS.map(side);
    if (!sides.some(Boolean)) return [];
    return figures(work, bandwidth).map((figure, turn) =>
      row([
        turn === 0 ? `${name}, ${bits} bits` : "",
        figure.name,
        ...sides.map((one) => (one ? cell(figure.values(one), figure) : "-")),
        ...sides.slice(1).map((peer) => ratio(figure, sides[0], peer)),
      ]),
    );
  });
}

function figures({ decode, promptTokens }: Work, bandwidth: number): Figure[] {
  const MIB = 2 ** 20;
  const eachTurn = (get: (turn: Turn) => number | undefined) => (one: Measured) => one.turns.map(get);
  const memory = (name: string, key: "resident" | "anonymous" | "file" | "peak"): Figure => ({
    name,
    values: eachTurn((turn) => turn.memory && turn.memory[key] / MIB),
    digits: 0,
  });
  return [
    ...decode.map(([depth, tokens], i): Figure => {
      const name = `decode at ${depth}, tokens/s (${tokens} tokens)`;
      return { name, values: eachTurn((turn) => turn.decode[i]), digits: 1 };
    }),
    {
      name: `share of the read bandwidth at ${decode[0]![0]}`,
      values: (one) => one.turns.map((turn) => (turn.decode[0]! * one.weightBytes) / 1e7 / bandwidth),
      digits: 0,
      unit: " %",
    },
    { name: `prompt of ${promptTokens}, tokens/s`, values: eachTurn((turn) => turn.prefill), digits: 0 },
    { name: "start to first token, s", values: eachTurn((turn) => turn.startSeconds), digits: 2 },
    { name: "bits per weight, whole file", values: (one) => [one.bitsPerWeight], digits: 2 },
    {
      name: "weights + keys and values, MiB",
      values: (one) => [(one.weightBytes + one.cacheBytes) / MIB],
      digits: 0,
    },
    memory("resident, MiB", "resident"),
    {
      name: "resident / (weights + keys and values)",
      values: (one) =>
        one.turns.map((turn) => turn.memory && turn.memory.resident / (one.weightBytes + one.cacheBytes)),
      digits: 2,
    },
    memory("of it anonymous, MiB", "anonymous"),
    memory("of it files, MiB", "file"),
    memory("most resident, MiB", "peak"),
    {
      name: "a second process adds, MiB",
      values: ({ secondProcessBytes }) => [secondProcessBytes && secondProcessBytes / MIB],
      digits: 0,
    },
  ];
}

/** Median and range. */
function cell(values: readonly (number | undefined)[], { digits, unit = "" }: Figure): string {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return "-";
  const text = (value: number) => value.toFixed(digits);
  const [low, high] = [text(Math.min(...known)), text(Math.max(...known))];
  return `${text(median(known))}${unit}${low === high ? "" : ` (${low}-${high})`}`;
}

/** The median of what the rounds say. */
function ratio({ values }: Figure, own: Measured | undefined, peer: Measured | undefined): string {
  if (!own || !peer) return "-";
  const others = values(peer);
  const ratios = values(own).flatMap((value, i) => (value === undefined || !others[i] ? [] : [value / others[i]]));
  return ratios.length === 0 ? "-" : median(ratios).toFixed(2);
}

const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
