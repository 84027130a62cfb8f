/** `show`, `plan` and `doctor` as programs call them, over one host. */
import { openRuntimeFor } from "../generate/load.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { ModelPlan } from "../plan/plan.ts";
import { type Diagnosis, type DoctorOptions, examine } from "./doctor.ts";
import { type PlanOptions, planHere } from "./plan.ts";
import { type ShownModel, type ShowOptions, showModel } from "./show.ts";
import { examineTuning, type TuningDiagnosis, type TuningOptions } from "./tuning.ts";

/** What {@link createInspect} gives. */
export interface Inspect {
  /** What a model folder, a GGUF file or a model of the hub is, what it takes here, and how fast it will be. */
  show(model: string, options?: ShowOptions): Promise<ShownModel>;
  /** What a named model, a config.json, a folder or a GGUF file takes to train, tune and run. */
  plan(model: string, options?: PlanOptions): Promise<ModelPlan>;
  /** What this machine can run, train and tune; takes some ten seconds. `folder` names a disk to be measured too. */
  doctor(options?: DoctorOptions & { readonly folder?: string }): Promise<Diagnosis>;
  /** What tuning a model on data takes on this machine, each way: `doctor MODEL --data DATA`. Loads no weight. */
  forecast(model: string, data: string | readonly string[], options?: TuningOptions): Promise<TuningDiagnosis>;
}

/** The three over a host's files. */
export function createInspect(host: Host): Inspect {
  const runtime = () => openRuntimeFor(host);
  return {
    show: async (model, options = {}) => showModel(host, await locateModel(host, model, "model"), options, { runtime }),
    plan: async (model, options = {}) => planHere(host, model, options, { runtime }),
    async forecast(model, data, options = {}) {
      await locateModel(host, model, "config");
      const folder = await locateModel(host, model, "tokenizer");
      return examineTuning(host, model, { ...options, data: [data].flat() }, { folder, runtime });
    },
    doctor: async ({ folder, ...options } = {}) => examine(host, folder, options, { runtime }),
  };
}
