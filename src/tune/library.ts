/** `tune` as programs call it, over one host. */
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import { openRuntime } from "../runtime/open.ts";
import type { Runtime } from "../runtime/types.ts";
import type { TuneDoneEvent } from "./events.ts";
import type { TuneOptions } from "./options.ts";
import { type TuneHooks, tune } from "./tune.ts";

/** Hooks, and a runtime other than the platform's best. */
export interface TuneLibrarySettings extends TuneHooks {
  readonly runtime?: Runtime;
}

/**
 * Fine-tunes a model folder, or a model of the hub, on files and folders of data; see {@link tune} for what it throws.
 * To continue a run: no model, no data, and `resume`.
 */
export type Tune = (
  model: string | undefined,
  data: string | readonly string[],
  options: TuneOptions,
  settings?: TuneLibrarySettings,
) => Promise<TuneDoneEvent>;

/** `tune` with files and memory of a host. */
export function createTune(host: Host): Tune {
  return async (model, data, options, settings = {}) => {
    const { runtime, ...hooks } = settings;
    const fetching = hooks.signal ? { signal: hooks.signal } : {};
    const base = model === undefined ? {} : { name: model, folder: await locateModel(host, model, "model", fetching) };
    return tune(host, runtime ?? (await openRuntime()), { ...base, data: [data].flat() }, options, hooks);
  };
}
