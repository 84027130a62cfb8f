/** A run's log: log.jsonl, one event a line. */
import type { Host } from "../host/types.ts";
import { writeText } from "../weights/safetensors.ts";

/** Adds an event to the log of a run. */
export type Log = (event: { readonly event: string }) => void;

const FILE = "log.jsonl";
const LOGGED: ReadonlySet<string> = new Set([
  "start",
  "step",
  "eval",
  "sample",
  "samples",
  "data",
  "checkpoint",
  "done",
]);

/** The log of the run in `out`. What a broken-off run wrote after step `step`, which is done again, is taken out. */
export function openLog(host: Host, out: string, step: number): Log {
  const file = host.join(out, FILE);
  if (host.kindOf(file) === "file") {
    const kept = loggedLines(host, out).filter((line) => stepOf(line) <= step);
    writeText(host, file, kept.map((line) => `${line}\n`).join(""));
  }
  return (event) => {
    if (LOGGED.has(event.event)) host.appendText(file, `${JSON.stringify(event)}\n`);
  };
}

/** The lines of a run's log, none where there is no log. */
export function loggedLines(host: Host, out: string): string[] {
  const file = host.join(out, FILE);
  if (host.kindOf(file) !== "file") return [];
  return host
    .readText(file)
    .split("\n")
    .filter((line) => line !== "");
}

/** The step a line tells of; a line that was cut off tells of none. */
function stepOf(line: string): number {
  try {
    const event = JSON.parse(line) as { step?: number; resumedFrom?: number };
    return event.step ?? event.resumedFrom ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
