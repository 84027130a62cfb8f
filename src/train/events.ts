/** What a run tells while it goes on: plain JSON, one object an event. */
import type { Plan } from "./plan.ts";

/** The run as it is about to start: sizes, and what they will take. */
export interface StartEvent {
  readonly event: "start";
  readonly out: string;
  readonly model: string;
  readonly plan: Plan;
  /** Memory that the run will take, and what was free. */
  readonly plannedBytes: number;
  readonly availableBytes: number;
  readonly vocabSize: number;
  readonly trainTokens: number;
  readonly valTokens: number;
  /** Bytes of validation text to a token. */
  readonly valBytesPerToken: number;
  /** Steps done before, by the run that is continued. */
  readonly resumedFrom: number;
  readonly steps: number;
  readonly lr: number;
  readonly tokensPerSecond: number;
  readonly minutes: number;
}

/** One optimiser step. */
export interface StepEvent {
  readonly event: "step";
  readonly step: number;
  /** In nats, before the update. */
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm: number;
  /** Seen so far, over the whole run. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

/** A validation. */
export interface EvalEvent {
  readonly event: "eval";
  readonly step: number;
  /** In nats a token. */
  readonly valLoss: number;
  readonly bitsPerByte: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** Everything a run tells. */
export type TrainEvent =
  | StartEvent
  | StepEvent
  | EvalEvent
  | { readonly event: "warning"; readonly message: string }
  | { readonly event: "stage"; readonly stage: "text" | "tokenizer" | "graph"; readonly message: string }
  | { readonly event: "sample"; readonly step: number; readonly text: string }
  | { readonly event: "checkpoint"; readonly step: number; readonly path: string }
  | DoneEvent;

/** The end of a run. */
export interface DoneEvent {
  readonly event: "done";
  readonly out: string;
  readonly step: number;
  /** Of the last step. */
  readonly loss: number;
  /** Over the validation text; absent where there is none. */
  readonly valLoss?: number;
  readonly bitsPerByte?: number;
  readonly parameters: number;
  readonly seconds: number;
}
