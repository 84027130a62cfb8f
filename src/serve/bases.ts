/** A model and its adapters, each under the name that clients ask for; more adapters come while it answers. */
import type { NamedAdapter } from "../generate/load-adapters.ts";
import type { Backend } from "./backend.ts";
import { nowSeconds, type ServedModel } from "./context.ts";
import { renewable } from "./renewable.ts";

/** An adapter, and what clients call it. */
export interface OfferedAdapter extends NamedAdapter {
  readonly alias: string;
}

/** A model that is served. */
export interface Base {
  readonly name: string;
  readonly path: string;
  readonly backend: Backend;
  /** The model, and each of its adapters. */
  readonly models: readonly ServedModel[];
  /** Opens the model anew with one more adapter; resolves with it when it answers. Throws what opening models throws; all is then as it was. */
  offer(adapter: OfferedAdapter): Promise<ServedModel>;
}

/** Opens a model by `open`, which is given its adapters. */
export async function openBase(
  { name, path }: { readonly name: string; readonly path: string },
  first: readonly OfferedAdapter[],
  open: (adapters: readonly NamedAdapter[]) => Promise<Backend>,
): Promise<Base> {
  let adapters = first;
  const opened = async (all: readonly OfferedAdapter[]) => {
    const backend = await open(all);
    return all.length > 0 ? choosing(backend) : backend;
  };
  const { backend, replace } = renewable(await opened(first));
  const served = (adapter: OfferedAdapter): ServedModel => ({
    name: adapter.alias,
    backend: { ...adapted(backend, adapter.name), dispose: async () => {} },
    created: nowSeconds(),
    parent: name,
  });
  const models: ServedModel[] = [{ name, backend, created: nowSeconds() }, ...first.map(served)];
  let last: Promise<unknown> = Promise.resolve();
  return {
    name,
    path,
    backend,
    models,
    offer(adapter) {
      const done = last.then(async () => {
        replace(await opened([...adapters, adapter]));
        adapters = [...adapters, adapter];
        const model = served(adapter);
        models.push(model);
        return model;
      });
      last = done.catch(() => {});
      return done;
    },
  };
}

const adapted = (backend: Backend, adapterName: string): Backend => ({
  ...backend,
  generate: (ask, signal) => backend.generate({ ...ask, options: { ...ask.options, adapterName } }, signal),
});

/** A model with adapters has the first of them unless it is told otherwise: who names none means the model itself. */
const choosing = (backend: Backend): Backend => ({
  ...backend,
  generate(ask, signal) {
    const adapterName = ask.options.adapterName ?? "none";
    return backend.generate({ ...ask, options: { ...ask.options, adapterName } }, signal);
  },
});
