/** An open model and the same with each of its adapters. Reads no weight. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { Host } from "../host/types.ts";
import { ADAPTER_WEIGHTS } from "../weights/adapter-config.ts";
import { type AdapterSet, requireAdapter } from "./adapters.ts";
import type { Engines } from "./engine.ts";
import { findBase } from "./find-base.ts";
import type { GgufSource } from "./gguf-model.ts";
import type { Lending } from "./lending.ts";
import type { LoadedAdapters } from "./load-adapters.ts";
import type { OpenModel, OpenModelOptions } from "./open-model.ts";

/** What is the same of a model whatever its adapter. */
type Shared = Omit<OpenModel, keyof Lending | "adapters" | "adapter" | "withAdapter">;

/**
 * The model with its first adapter, or as it is where there are none. Disposing it ends the others too, which share its
 * weights; disposing one of those lets its own caches go.
 */
export function withAdapters(
  shared: Shared,
  engines: Engines,
  set: AdapterSet | undefined,
  lend: (name: string | undefined, engines: Engines) => Lending,
): OpenModel {
  const names = set?.names ?? [];
  const views = new Map<string | undefined, OpenModel>();
  const view = (name: string | undefined): OpenModel => {
    requireAdapter(set, name);
    const known = views.get(name);
    if (known) return known;
    const isRoot = views.size === 0;
    const lent = lend(name, isRoot ? rooted(engines, set, name) : ofAdapter(engines, name));
    const made = { ...shared, adapters: names, adapter: name, withAdapter: view, ...lent };
    views.set(name, made);
    return made;
  };
  return view(names[0]);
}

/** The model with the adapter that a request names; "none" is the model without, and no name leaves it as it is. */
export const withChosen = (opened: OpenModel, name: string | undefined): OpenModel =>
  name === undefined ? opened : opened.withAdapter(name === "none" ? undefined : name);

/** The engines that end all, and the adapters' memory after them. */
function rooted(engines: Engines, set: AdapterSet | undefined, name: string | undefined): Engines {
  const dispose = () => {
    engines.dispose();
    set?.[Symbol.dispose]();
  };
  const open: Engines["open"] = (onDispose) => engines.open(onDispose, name);
  return { ...engines, open, ...batchOf(engines, name), dispose, [Symbol.dispose]: dispose };
}

/** Engines of one adapter: disposing them ends no others. */
function ofAdapter(engines: Engines, name: string | undefined): Engines {
  const owner = createOwner();
  const open: Engines["open"] = (onDispose) => owner.own(engines.open(onDispose, name));
  return { ...engines, open, ...batchOf(engines, name), dispose: owner.dispose, [Symbol.dispose]: owner.dispose };
}

/** Engines of several sequences that begin with an adapter. */
const batchOf = ({ openBatch }: Engines, name: string | undefined): Pick<Engines, "openBatch"> =>
  openBatch ? { openBatch: (slots, tokens) => openBatch(slots, tokens, name) } : {};

/** The base of an adapter's folder, and the options that open it with that adapter first. */
export async function onItsBase(
  host: Host,
  folder: string,
  options: OpenModelOptions,
): Promise<[base: string, options: OpenModelOptions]> {
  const base = await findBase(host, folder, { ...(options.onWarning && { onWarning: options.onWarning }) });
  return [base, { ...options, adapter: [folder, ...(options.adapter ?? [])] }];
}

/** The file that tells an adapter from others. */
export const adapterFile = (host: Host, folder: string): string => host.join(folder, ADAPTER_WEIGHTS);

/** Throws UNSUPPORTED where an adapter brings a weight whole, or a head of its own, that the base holds packed. */
export function requireFloats({ replaced, head }: LoadedAdapters, packed: ReadonlySet<string>): void {
  const name = [...replaced.keys(), ...(head ? [head.from] : [])].find((each) => packed.has(each));
  if (name !== undefined)
    fail("UNSUPPORTED", `${name}: the adapter needs one of its own, and the base holds it packed. Try ownlm merge.`);
}

/** A GGUF file's weights with a head of its own where an adapter parts it from the embedding. */
export function adaptedGguf(source: GgufSource, { model, replaced, head }: LoadedAdapters): GgufSource {
  const whole = [...replaced.keys()][0];
  if (whole !== undefined)
    fail(
      "UNSUPPORTED",
      `${source.file}: ${whole}: the adapter brings it whole, and the base is a GGUF file. Try ownlm merge.`,
    );
  const table = head && source.weights.get(head.from);
  const weights = table ? new Map([...source.weights, [head.name, { ...table, name: head.name }]]) : source.weights;
  return { ...source, model, weights };
}
