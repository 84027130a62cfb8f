/** A model with adapters worked into its weights: each weight as merged rows, when it is asked for. Writes nothing. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { adapterBase } from "../models/adapted.ts";
import { modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { type Adapter, type AdapterBase, openAdapter } from "../weights/adapter.ts";
import { type FloatRows, tensorRows } from "../weights/float-rows.ts";
import { readFloat32 } from "../weights/folder.ts";
import { type LowRank, lowRankOf, mergedRows, type WeightUpdate } from "../weights/merge-rows.ts";
import type { TensorEntry } from "../weights/safetensors.ts";
import { isPlain, readStored, type StoredTensor } from "../weights/stored.ts";
import { readConfig } from "./config.ts";
import { type ExportWeight, folderWeights } from "./export-weights.ts";
import { isGguf, openGgufModel } from "./gguf-model.ts";

/** An adapter's folder, and its share in the sum of all changes. */
export interface AdapterShare {
  readonly folder: string;
  readonly share: number;
}

/** Rows of queries and keys in the order that adapters are made for. */
export const HUGGING_FACE = { rotation: "halves" } as const;

/** A base with adapters. */
export interface MergedModel {
  /** The base, with a head of its own where an adapter parts it from the embedding. */
  readonly model: CausalLm;
  readonly configFile: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly adapters: readonly Adapter[];
  /** The base's parameter that gives a parameter its first values: another one for a head that was tied. */
  sourceOf(parameter: string): string;
  /** True for a parameter that some adapter changes. */
  isChanged(parameter: string): boolean;
  weightOf(parameter: string): ExportWeight;
}

/** The model that an adapter makes of its base: with a head of its own where it changes only one of head and embedding. */
export function modelWithAdapters(
  host: Host,
  model: CausalLm,
  configFile: string,
  folders: readonly string[],
): { readonly model: CausalLm; readonly base: AdapterBase; readonly adapters: readonly Adapter[] } {
  const base = adapterBase(model);
  const adapters = folders.map((folder) => openAdapter(host, folder, base));
  const untying = adapters.find(({ unties }) => unties);
  if (!untying) return { model, base, adapters };
  const untied = modelFromConfig({ ...model.config, tie_word_embeddings: false }, configFile);
  const own = adapterBase(untied);
  if (own.tied || !own.shapes.has(`${base.tied!.head}.weight`))
    fail(
      "UNSUPPORTED",
      `${untying.folder}: changes only one of embedding and head, which are one weight in every ${model.modelType}`,
    );
  return { model: untied, base: { ...own, tied: base.tied }, adapters };
}

/**
 * Opens a base, a folder in Hugging Face's layout, packed or not, or a GGUF file, and adapters for it. Headers alone are
 * read. Throws what opening them throws, and UNSUPPORTED for a change that no weight of the base can take up.
 */
export function openMerged(host: Host, path: string, shares: readonly AdapterShare[]): MergedModel {
  const { file: configFile, model: baseModel } = isGguf(host, path)
    ? openGgufModel(host, path, HUGGING_FACE)
    : readConfig(host, path);
  const opened = modelWithAdapters(
    host,
    baseModel,
    configFile,
    shares.map(({ folder }) => folder),
  );
  const { base, adapters } = opened;
  const { shapes } = base;
  const held = baseWeights(host, path, baseModel, adapterBase(baseModel).shapes, configFile);
  const tied = base.tied;
  const sourceOf = (name: string) => (tied && name === `${tied.head}.weight` ? tied.table : name);
  const changes = changesOf(adapters, base);
  const weightOf = (name: string): ExportWeight => {
    const source = held(sourceOf(name));
    const changed = changes.get(name);
    if (!changed) return { ...source, name };
    const layout = base.linears.get(moduleOf(name))?.layout ?? "in-out";
    const outFirst = (layout === "out-in") !== source.turned;
    const updates = changed.map(({ adapter, ...change }) =>
      updateOf(host, name, change, shares[adapters.indexOf(adapter)]!.share, outFirst, source),
    );
    const rows: FloatRows = { where: `${path}: ${name}`, rowBytes: 4 * source.width, ...source };
    return { ...source, name, read: mergedRows(rows, updates).read, blocks: () => undefined };
  };
  return {
    model: opened.model,
    configFile,
    shapes,
    adapters,
    sourceOf,
    isChanged: (name) => changes.has(name),
    weightOf,
  };
}

const moduleOf = (parameter: string): string => parameter.slice(0, parameter.lastIndexOf("."));

/** What one adapter has for a parameter. */
interface Change {
  readonly adapter: Adapter;
  readonly replaced?: TensorEntry;
  /** A module's update of its weight, or, of a bias, the bias of B. */
  readonly module?: ReturnType<Adapter["modules"]["get"]>;
}

function changesOf(adapters: readonly Adapter[], base: AdapterBase): Map<string, Change[]> {
  const changes = new Map<string, Change[]>();
  const add = (name: string, change: Change, where: string) => {
    if (!base.shapes.has(name)) fail("UNSUPPORTED", `${where}: has a change for ${name}, which the base model has not`);
    changes.set(name, [...(changes.get(name) ?? []), change]);
  };
  for (const adapter of adapters) {
    for (const [name, replaced] of adapter.replaced) add(name, { adapter, replaced }, adapter.folder);
    for (const module of adapter.modules.values()) {
      add(`${module.module}.weight`, { adapter, module }, adapter.folder);
      if (module.bias) add(`${module.module}.bias`, { adapter, module }, adapter.folder);
    }
  }
  return changes;
}

function updateOf(
  host: Host,
  name: string,
  { replaced, module }: Omit<Change, "adapter">,
  share: number,
  outFirst: boolean,
  source: ExportWeight,
): WeightUpdate {
  if (replaced) return { share, replaced: replacement(host, name, replaced, source) };
  if (!name.endsWith(".bias")) return { share, low: lowRankOf(host, module!, outFirst) };
  const low: LowRank = {
    rank: 1,
    scale: module!.scale,
    left: Float32Array.of(1),
    right: readFloat32(host, module!.bias!),
  };
  return { share, low };
}

/** A whole weight as rows like those of the source. */
function replacement(host: Host, name: string, entry: TensorEntry, { rows, width, turned }: ExportWeight): FloatRows {
  if (turned) fail("UNSUPPORTED", `${entry.file}: ${name}: this weight of a packed base cannot be trained whole`);
  const shape = [rows, width];
  return tensorRows(host, name, { ...entry, shape });
}

/** Weights of a folder or a GGUF file, each opened when it is asked for. */
export function baseWeights(
  host: Host,
  path: string,
  model: CausalLm,
  shapes: ReadonlyMap<string, readonly number[]>,
  configFile: string,
): (name: string) => ExportWeight {
  if (!isGguf(host, path)) {
    const weightOf = folderWeights(host, path, model, configFile);
    return (name) => weightOf(name, shapes.get(name)!);
  }
  const { weights } = openGgufModel(host, path, HUGGING_FACE);
  return (name) =>
    storedWeight(host, weights.get(name) ?? fail("BAD_WEIGHTS", `${path}: the weight ${name} is missing`));
}

function storedWeight(host: Host, tensor: StoredTensor): ExportWeight {
  const width = tensor.shape.at(-1) ?? 1;
  const rows = tensor.shape.reduce((n, dim) => n * dim, 1) / width;
  const rowBytes = tensor.length / rows;
  let whole: Float32Array | undefined;
  return {
    name: tensor.name,
    rows,
    width,
    turned: false,
    blocks: () => undefined,
    read(first, count) {
      if (isPlain(tensor) && tensor.shape.length > 1)
        return readStored(host, {
          ...tensor,
          shape: [count, width],
          offset: tensor.offset + first * rowBytes,
          length: count * rowBytes,
        });
      whole ??= readStored(host, tensor);
      return whole.slice(first * width, (first + count) * width);
    },
  };
}
