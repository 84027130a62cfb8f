/** What a person should know of a set before it is learnt from, as plain JSON and in lines. Knows no terminal. */
import type { Shape } from "./example.ts";
import type { Examples } from "./examples.ts";
import { placeText } from "./record.ts";
import { SHAPE_NAMES } from "./shapes.ts";
import type { TokenReport } from "./tokenize-examples.ts";

/** A set of examples in numbers. */
export interface DataReport extends TokenReport {
  readonly files: readonly string[];
  readonly shape: Shape;
  /** Other shapes that the records have too, and as which they are not read. */
  readonly alsoShapes: readonly Shape[];
  readonly records: number;
  readonly badCount: number;
  /** Bad records by what is wrong, values left out. */
  readonly badReasons: Readonly<Record<string, number>>;
  /** The first of them, `chats.jsonl: line 12: ...`. */
  readonly badRecords: readonly string[];
}

const SHOWN_BAD = 20;

/** One report of what was read and what became of it. */
export function dataReport(read: Omit<Examples, "examples">, tokens: TokenReport): DataReport {
  const badReasons = new Map<string, number>();
  for (const { problem } of read.bad) {
    const reason = problem.replace(/(is|got) .*?(, expected|$)/s, "$1 ...$2").replace(/\[\d+\]/g, "[]");
    badReasons.set(reason, (badReasons.get(reason) ?? 0) + 1);
  }
  return {
    files: read.files,
    shape: read.shape,
    alsoShapes: read.alsoShapes,
    records: read.records,
    badCount: read.badCount,
    badReasons: Object.fromEntries(badReasons),
    badRecords: read.bad.slice(0, SHOWN_BAD).map((bad) => `${placeText(bad)}: ${bad.problem}`),
    ...tokens,
  };
}

/** The report for a person, a line each. */
export function reportLines(report: DataReport): string[] {
  const { lengths, shape, alsoShapes, files, records, kept, badCount, truncated, cutTokens } = report;
  const also = alsoShapes.map((other) => SHAPE_NAMES[other]).join("; ");
  const share = report.tokens > 0 ? Math.round((100 * report.lossTokens) / report.tokens) : 0;
  const hidden = badCount - report.badRecords.length;
  return [
    `${kept} examples of ${counted(records, "record")} in ${counted(files.length, "file")}, of the shape ${SHAPE_NAMES[shape]}`,
    ...(also === "" ? [] : [`the records could also be read as ${also}`]),
    `${report.tokens} tokens, ${report.lossTokens} of them carry loss (${share} %)`,
    `lengths: half have at most ${lengths.p50} tokens, 95 % at most ${lengths.p95}, the longest ${lengths.max}`,
    ...(truncated > 0 ? [`${counted(truncated, "example")} cut, by ${counted(cutTokens, "token")}`] : []),
    ...Object.entries(report.dropped).map(([reason, count]) => `${counted(count, "example")} left out: ${reason}`),
    ...(badCount > 0 ? [`${counted(badCount, "bad record")} left out:`] : []),
    ...report.badRecords.map((bad) => `  ${bad}`),
    ...(hidden > 0 && badCount > 0 ? [`  and ${hidden} more`] : []),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
