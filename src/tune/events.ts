/** What a fine-tuning run tells while it goes on: plain JSON, one object an event. */
import type { DataReport } from "../data/data-report.ts";
import type { RenderedExample } from "../data/rendered-example.ts";

/** What was read, and one example of it as the model is going to see it. */
export interface DataEvent {
  readonly event: "data";
  readonly report: DataReport;
  /** Examples that are trained on, and that only validate. */
  readonly trainExamples: number;
  readonly valExamples: number;
  /** Rows of a step's length that the training examples take, and the share of their positions that hold a token. */
  readonly rows: number;
  readonly rowTokens: number;
  readonly filled: number;
  readonly example: RenderedExample & { readonly at: string };
}

/** The run as it is about to start: sizes, and what they will take. */
export interface TuneStartEvent {
  readonly event: "start";
  readonly out: string;
  readonly base: string;
  readonly model: string;
  readonly method: string;
  readonly objective: string;
  /** Parameters of the model, and how many of all move (those of adapters are not the model's). */
  readonly parameters: number;
  readonly trainedParameters: number;
  /** Memory that the run will take, and what was free. */
  readonly plannedBytes: number;
  readonly availableBytes: number;
  /** Rows, positions of each, and micro-batches of a step. */
  readonly batch: number;
  readonly rowTokens: number;
  readonly accumulation: number;
  /** Positions of a step, padding included: an example may be several rows. */
  readonly tokensPerStep: number;
  /** Steps done before, by the run that is continued. */
  readonly resumedFrom: number;
  readonly steps: number;
  readonly epochs: number;
  readonly lr: number;
  readonly tokensPerSecond: number;
  readonly minutes: number;
}

/** One optimiser step. */
export interface TuneStepEvent {
  readonly event: "step";
  readonly step: number;
  /** The mean over the tokens (preferences: the pairs) of the step, before the update. */
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm: number;
  /** Positions computed so far, padding included, over the whole run. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  /** Figures of the objective: rewards, margins. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** A validation. Step 0 is the model as it was. */
export interface TuneEvalEvent {
  readonly event: "eval";
  readonly step: number;
  readonly valLoss: number;
  /** The share of tokens with loss that the model finds most probable. */
  readonly tokenAccuracy?: number;
  /** Tokens (preferences: pairs) that were measured. */
  readonly tokens: number;
  /** True for the lowest loss so far. */
  readonly best: boolean;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What a model says to one prompt. */
export interface TuneSample {
  readonly prompt: string;
  readonly text: string;
  /** What the data says, where the prompt comes from there. */
  readonly expected?: string;
}

/** What a model says to the fixed set of prompts, before and after. */
export interface SamplesEvent {
  readonly event: "samples";
  readonly step: number;
  readonly when: "before" | "after";
  readonly samples: readonly TuneSample[];
  /** The share of samples that are what the data says to the letter; absent where it says nothing. */
  readonly exactMatch?: number;
}

/** The end of a run. */
export interface TuneDoneEvent {
  readonly event: "done";
  readonly out: string;
  /** What the folder holds now. */
  readonly result: "model" | "reward model" | "adapter" | "reward adapter";
  readonly step: number;
  /** The step whose weights are the result. */
  readonly resultStep: number;
  /** Of the last step. */
  readonly loss: number;
  /** Of the result, and of the model as it was; absent where nothing validates. */
  readonly valLoss?: number;
  readonly valLossBefore?: number;
  readonly tokenAccuracy?: number;
  readonly exactMatch?: number;
  readonly exactMatchBefore?: number;
  /** True where validation had stopped falling before the last step. */
  readonly stoppedEarly: boolean;
  readonly trainedParameters: number;
  readonly seconds: number;
}

/** Everything a run tells. */
export type TuneEvent =
  | DataEvent
  | TuneStartEvent
  | TuneStepEvent
  | TuneEvalEvent
  | SamplesEvent
  | TuneDoneEvent
  | { readonly event: "warning"; readonly message: string }
  | { readonly event: "stage"; readonly stage: "model" | "data" | "graph" | "samples"; readonly message: string }
  | { readonly event: "checkpoint"; readonly step: number; readonly path: string };
