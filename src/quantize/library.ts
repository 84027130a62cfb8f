/** `quantize` as programs call it, over one host. */

import { openRuntimeFor } from "../generate/load.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { Runtime } from "../runtime/types.ts";
import type { QuantizeOptions } from "./options.ts";
import { type QuantizeHooks, type QuantizeResult, quantize } from "./quantize.ts";

/** Hooks, and a runtime other than the platform's best. */
export interface QuantizeSettings extends QuantizeHooks {
  readonly runtime?: Runtime;
}

/** Quantises a model folder, a GGUF file or a model of the hub; see {@link quantize} for what it throws. */
export type Quantize = (
  model: string,
  options: QuantizeOptions,
  settings?: QuantizeSettings,
) => Promise<QuantizeResult>;

/** `quantize` with files and memory of a host. */
export function createQuantize(host: Host): Quantize {
  return async (model, options, { runtime, ...hooks } = {}) =>
    quantize(
      host,
      runtime ?? (await openRuntimeFor(host)),
      await locateModel(host, model, "model", {
        ...(hooks.signal && { signal: hooks.signal }),
        ...(hooks.onWarning && { onWarning: hooks.onWarning }),
      }),
      options,
      hooks,
    );
}
