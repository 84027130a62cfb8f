/** Adapters of a base read into memory, to be chosen at each request. Opens no session. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { adapterBase } from "../models/adapted.ts";
import type { CausalLm } from "../models/types.ts";
import type { Adapter, AdapterBase, AdapterModule } from "../weights/adapter.ts";
import { readFloat32 } from "../weights/folder.ts";
import { lowRankOf, outputFactors } from "../weights/merge-rows.ts";
import type { TensorEntry } from "../weights/safetensors.ts";
import type { BaseModule, LoadedAdapter, ModuleTensors } from "./adapters.ts";
import type { ExportWeight } from "./export-weights.ts";
import { baseWeights, modelWithAdapters } from "./merged-weights.ts";

/** An adapter's folder under a name. */
export interface NamedAdapter {
  readonly name: string;
  readonly folder: string;
}

/** "NAME=DIR", or a folder whose last part is the name. Throws BAD_OPTION for a name twice. */
export function namedAdapters(given: readonly string[]): NamedAdapter[] {
  const named = given.map((text) => {
    const [, name, folder] = /^([\w.-]+)=(.+)$/.exec(text) ?? [undefined, undefined, text];
    return { name: name ?? lastPart(folder!), folder: folder! };
  });
  for (const [i, { name }] of named.entries())
    if (named.findIndex((each) => each.name === name) !== i)
      fail("BAD_OPTION", `adapter: got two of the name ${name}. Name them: NAME=DIR.`);
  return named;
}

const lastPart = (path: string): string => path.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");

/** A base with adapters in memory. */
export interface LoadedAdapters {
  /** The base, with a head of its own where an adapter parts it from the embedding. */
  readonly model: CausalLm;
  readonly modules: readonly BaseModule[];
  readonly adapters: readonly LoadedAdapter[];
  /** Weights that the one adapter there is brings whole. Without them the base is not what it was. */
  readonly replaced: ReadonlyMap<string, TensorEntry>;
  /** A head that was tied to the embedding: its parameter, and the one it begins as. */
  readonly head?: { readonly name: string; readonly from: string } | undefined;
}

/**
 * Reads adapters for the base at `path`, whose model is given. Where they have magnitudes (DoRA) the weights they belong to
 * are read once. Throws what {@link modelWithAdapters} does, and UNSUPPORTED where one of several adapters brings whole
 * weights: then the base cannot be all of theirs.
 */
export function loadAdapters(
  host: Host,
  path: string,
  { model, configFile }: { readonly model: CausalLm; readonly configFile: string },
  named: readonly NamedAdapter[],
): LoadedAdapters {
  const folders = named.map(({ folder }) => folder);
  const { model: adapted, base, adapters } = modelWithAdapters(host, model, configFile, folders);
  const whole = adapters.find(({ replaced }) => replaced.size > 0);
  if (whole && adapters.length > 1)
    fail(
      "UNSUPPORTED",
      `${whole.folder}: brings whole weights (${[...whole.replaced.keys()][0]}), which only one adapter of a base can. Try ownlm merge.`,
    );
  const { tied } = base;
  const head = tied && adapted !== model ? { name: `${tied.head}.weight`, from: tied.table } : undefined;
  const held = baseWeights(host, path, model, adapterBase(model).shapes, configFile);
  const weightOf = (name: string) => held(name === head?.name ? head.from : name);
  const loaded = adapters.map((adapter, i): LoadedAdapter => {
    const tensors = (module: AdapterModule) => tensorsOf(host, adapter, module, base, weightOf);
    return {
      name: named[i]!.name,
      modules: new Map([...adapter.modules].map(([name, module]) => [name, tensors(module)])),
    };
  });
  return {
    model: adapted,
    modules: modulesOf(adapters, loaded, base),
    adapters: loaded,
    replaced: whole?.replaced ?? new Map(),
    head,
  };
}

function tensorsOf(
  host: Host,
  { replaced }: Adapter,
  module: AdapterModule,
  base: AdapterBase,
  weightOf: (name: string) => ExportWeight,
): ModuleTensors {
  const { rank, scale, magnitude, bias, kind } = module;
  const a = readFloat32(host, module.a);
  const b = readFloat32(host, module.b).map((x) => scale * x);
  const linear = base.linears.get(module.module);
  const added = bias && readFloat32(host, bias).map((x) => scale * x);
  if (!magnitude) return { rank, a, b, offset: added };
  const source = weightOf(`${module.module}.weight`);
  const outFirst = (kind === "linear" && linear!.layout === "out-in") !== source.turned;
  const rows = { where: module.module, rowBytes: 4 * source.width, ...source };
  const factors = outputFactors(rows, lowRankOf(host, module, outFirst));
  const outer = factors.length;
  const biasName = `${module.module}.bias`;
  const whole = replaced.get(biasName);
  const own = linear?.biased ? (whole ? readFloat32(host, whole) : weightOf(biasName).read(0, 1)) : undefined;
  return {
    rank,
    a,
    b: b.map((x, i) => factors[Math.floor(i / rank)]! * x),
    gain: Float32Array.from({ length: outer }, (_, o) => factors[o]! - 1),
    // The base's bias stands outside of what the factor is for.
    offset: own && Float32Array.from({ length: outer }, (_, o) => (1 - factors[o]!) * own[o]!),
  };
}

/** What any of the adapters changes, in the order of the base's own modules. */
function modulesOf(adapters: readonly Adapter[], loaded: readonly LoadedAdapter[], base: AdapterBase): BaseModule[] {
  const kinds = new Map(
    adapters.flatMap(({ modules }) => [...modules].map(([name, { kind }]) => [name, kind] as const)),
  );
  return [...kinds].map(([module, kind]) => {
    const tensors = loaded.flatMap((each) => each.modules.get(module) ?? []);
    const linear = base.linears.get(module);
    const [inner, outer] = kind === "linear" ? [linear!.inner, linear!.outer] : base.tables.get(module)!;
    return {
      module,
      kind,
      inner,
      outer,
      gains: tensors.some(({ gain }) => gain !== undefined),
      offsets: tensors.some(({ offset }) => offset !== undefined),
    };
  });
}
