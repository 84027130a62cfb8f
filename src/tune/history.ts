/** What a run's log says of it, as a record for its report. Reads the log, and nothing else. */
import type { Host } from "../host/types.ts";
import { loggedLines } from "../train/log.ts";
import type {
  DataEvent,
  SamplesEvent,
  TuneDoneEvent,
  TuneEvalEvent,
  TuneEvent,
  TuneStartEvent,
  TuneStepEvent,
} from "./events.ts";
import type { TuneRecord } from "./record.ts";
import type { TuneSettings } from "./settings.ts";

/** The answers of the model as it was, where the log has them. */
export function answersBefore(host: Host, out: string): SamplesEvent | undefined {
  return eventsOf(host, out).find(
    (event): event is SamplesEvent => event.event === "samples" && event.when === "before",
  );
}

/** The record of a run that ends with `done`; `told` and `start` are those of this process, for a log that was lost. */
export function recordOf(
  host: Host,
  settings: TuneSettings,
  { told, start, done }: { readonly told: DataEvent; readonly start: TuneStartEvent; readonly done: TuneDoneEvent },
): TuneRecord {
  const events = eventsOf(host, settings.options.out);
  const all = <E extends TuneEvent>(is: (event: TuneEvent) => event is E) => events.filter(is);
  const samples = all((event): event is SamplesEvent => event.event === "samples");
  const [before, after] = (["before", "after"] as const).map((when) =>
    samples.findLast((event) => event.when === when),
  );
  return {
    command: settings.command,
    finishedAt: new Date().toISOString(),
    settings,
    data: told,
    start: all((event): event is TuneStartEvent => event.event === "start")[0] ?? start,
    steps: all((event): event is TuneStepEvent => event.event === "step"),
    evals: all((event): event is TuneEvalEvent => event.event === "eval"),
    ...(before && { before }),
    ...(after && { after }),
    done,
  };
}

/** The events of a log; a line that was cut off is none. */
function eventsOf(host: Host, out: string): TuneEvent[] {
  return loggedLines(host, out).flatMap((line) => {
    try {
      return [JSON.parse(line) as TuneEvent];
    } catch {
      return [];
    }
  });
}
