/** Everything that is known of a finished run, for its report and its model card. Knows no form of them. */
import type { DataEvent, SamplesEvent, TuneDoneEvent, TuneEvalEvent, TuneStartEvent, TuneStepEvent } from "./events.ts";
import type { TuneSettings } from "./settings.ts";

/** A finished run. Events of a run that was continued are those of its log: each step once. */
export interface TuneRecord {
  /** As it can be typed again. */
  readonly command: string;
  /** When the run ended, as `new Date().toISOString()` writes it. */
  readonly finishedAt: string;
  readonly settings: TuneSettings;
  readonly data: DataEvent;
  /** The first start event of the log. */
  readonly start: TuneStartEvent;
  readonly steps: readonly TuneStepEvent[];
  readonly evals: readonly TuneEvalEvent[];
  readonly before?: SamplesEvent;
  readonly after?: SamplesEvent;
  readonly done: TuneDoneEvent;
}
