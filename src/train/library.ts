/** `train` as programs call it, over one host. */
import type { Host } from "../host/types.ts";
import { openRuntime } from "../runtime/open.ts";
import type { Runtime } from "../runtime/types.ts";
import type { DoneEvent } from "./events.ts";
import type { TrainOptions } from "./options.ts";
import { type TrainHooks, train } from "./train.ts";

/** Hooks, and a runtime other than the platform's best. */
export interface TrainSettings extends TrainHooks {
  readonly runtime?: Runtime;
}

/** Trains a tokenizer and a model on files and folders of text; see {@link train} for what it throws. */
export type Train = (
  texts: string | readonly string[],
  options: TrainOptions,
  settings?: TrainSettings,
) => Promise<DoneEvent>;

/** `train` with files and memory of a host. */
export function createTrain(host: Host): Train {
  return async (texts, options, settings = {}) => {
    const { runtime, ...hooks } = settings;
    return train(host, runtime ?? (await openRuntime()), [texts].flat(), options, hooks);
  };
}
