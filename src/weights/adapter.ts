/** PEFT's adapter folders: each tensor found, named as the base's graph names it, and checked against the base. Computes nothing. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  type AdapterConfig,
  endsWithAny,
  rankOf,
  readAdapterConfig,
  scaleOf,
} from "./adapter-config.ts";
import { readJson } from "./folder.ts";
import { show } from "./header.ts";
import { readSafetensors, type TensorEntry } from "./safetensors.ts";

/** A linear layer of a base model. */
export interface BaseLinear {
  readonly inner: number;
  readonly outer: number;
  /** How its weight lies: GPT-2's are (in, out). */
  readonly layout: "out-in" | "in-out";
  readonly biased: boolean;
}

/** What an adapter is checked against: see `adapterBase` of the room models. */
export interface AdapterBase {
  /** Shapes of all parameters, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Linear layers by module, the head included even where its weight is the embedding. */
  readonly linears: ReadonlyMap<string, BaseLinear>;
  /** Embedding tables by module: (rows, width). */
  readonly tables: ReadonlyMap<string, readonly [rows: number, width: number]>;
  /** Where the head's weight is the embedding: the head's module, and the parameter it shares. */
  readonly tied?: { readonly head: string; readonly table: string } | undefined;
}

/** The low-rank update of one module: its weight W gains scale B A, or (scale B A)^T for an embedding. */
export interface AdapterModule {
  readonly module: string;
  readonly kind: "linear" | "embedding";
  readonly rank: number;
  readonly scale: number;
  /** (r, in); of an embedding (r, rows). */
  readonly a: TensorEntry;
  /** (out, r); of an embedding (width, r). */
  readonly b: TensorEntry;
  /** A bias of B (out). */
  readonly bias?: TensorEntry | undefined;
  /** DoRA's magnitudes (out), of an embedding (width). */
  readonly magnitude?: TensorEntry | undefined;
}

/** An adapter whose tensors are still in their file. */
export interface Adapter {
  readonly folder: string;
  readonly config: AdapterConfig;
  readonly modules: ReadonlyMap<string, AdapterModule>;
  /** Parameters of the base that are trained whole, by the graph's names. */
  readonly replaced: ReadonlyMap<string, TensorEntry>;
  /** True where embedding and head, one weight in the base, are two with the adapter. */
  readonly unties: boolean;
}

/** What every name in an adapter's file begins with. */
export const PREFIX = "base_model.model.";

/** Gemma 3's text model inside of the one with eyes, as transformers names its modules and as its files name their tensors. */
export const MODULES = "model.language_model.";
export const FILES = "language_model.model.";

/** True for a folder with an adapter's config. */
export const isAdapterFolder = (host: Host, folder: string): boolean =>
  host.kindOf(folder) === "folder" && host.kindOf(host.join(folder, ADAPTER_CONFIG)) === "file";

/** The config of an adapter's folder. Throws NOT_FOUND where there is none, else what {@link readAdapterConfig} does. */
export function openAdapterConfig(host: Host, folder: string): AdapterConfig {
  const file = host.join(folder, ADAPTER_CONFIG);
  if (!isAdapterFolder(host, folder))
    fail("NOT_FOUND", `${folder}: no ${ADAPTER_CONFIG}, expected an adapter's folder`);
  return readAdapterConfig(readJson(host, file), file);
}

/**
 * Opens an adapter's folder and checks it against its base. Throws NOT_FOUND, BAD_CONFIG, BAD_WEIGHTS naming the tensor,
 * what was got and what the base expects, or UNSUPPORTED naming the key, the pickled file or the tensor.
 */
export function openAdapter(host: Host, folder: string, base: AdapterBase): Adapter {
  const config = openAdapterConfig(host, folder);
  const file = weightsFile(host, folder);
  const parts = partsOf(file, readSafetensors(host, file).tensors, base);
  const modules = new Map<string, AdapterModule>();
  for (const [module, found] of parts.modules) modules.set(module, checkedModule(file, module, found, config, base));
  if (modules.size === 0 && parts.replaced.size === 0) fail("BAD_WEIGHTS", `${file}: holds no tensor of an adapter`);
  checkSaved(file, config, parts.replaced, base);
  const replaced = joinedHead(host, parts.replaced, base);
  const isJoined = replaced !== parts.replaced;
  return { folder, config, modules, replaced, unties: !isJoined && unties(config, modules, replaced, base) };
}

function weightsFile(host: Host, folder: string): string {
  const file = host.join(folder, ADAPTER_WEIGHTS);
  if (host.kindOf(file) === "file") return file;
  const pickled = host.listFolder(folder).find((name) => /^adapter_model\.(bin|pt|pth)$/i.test(name));
  if (pickled !== undefined)
    fail(
      "UNSUPPORTED",
      `${host.join(folder, pickled)}: pickled Python, which can run code as it is read, is never opened. In Python, PeftModel.from_pretrained(base, folder).save_pretrained(folder) writes ${ADAPTER_WEIGHTS} beside it.`,
    );
  return fail("NOT_FOUND", `${folder}: no ${ADAPTER_WEIGHTS} beside ${ADAPTER_CONFIG}`);
}

type PartName = "a" | "b" | "bias" | "magnitude" | "embeddingA" | "embeddingB";
type Parts = Partial<Record<PartName, TensorEntry>>;

const PARTS: readonly (readonly [suffix: string, part: PartName])[] = [
  [".lora_A.weight", "a"],
  [".lora_B.weight", "b"],
  [".lora_B.bias", "bias"],
  [".lora_magnitude_vector", "magnitude"],
  [".lora_magnitude_vector.weight", "magnitude"],
  [".lora_embedding_A", "embeddingA"],
  [".lora_embedding_B", "embeddingB"],
];

/** The tensors of a file, by module and part, and those that take a parameter's place. */
function partsOf(file: string, tensors: ReadonlyMap<string, TensorEntry>, base: AdapterBase) {
  const modules = new Map<string, Parts>();
  const replaced = new Map<string, TensorEntry>();
  for (const [key, entry] of tensors) {
    const where = `${file}: ${show(key)}`;
    if (!["float32", "float16", "bfloat16"].includes(entry.dtype))
      fail("BAD_WEIGHTS", `${where}: got ${entry.dtype}, expected float32, float16 or bfloat16`);
    if (!key.startsWith(PREFIX)) fail("BAD_WEIGHTS", `${where}: expected a name that begins with ${PREFIX}`);
    const name = graphName(key.slice(PREFIX.length));
    const found = PARTS.find(([suffix]) => name.endsWith(suffix));
    if (found) {
      const module = name.slice(0, -found[0].length);
      const parts = modules.get(module) ?? {};
      if (parts[found[1]]) fail("BAD_WEIGHTS", `${where}: is there twice, under two names`);
      parts[found[1]] = entry;
      modules.set(module, parts);
    } else replaced.set(...replacedParameter(where, name, entry, base));
  }
  return { modules, replaced };
}

const graphName = (name: string): string =>
  name.startsWith(MODULES)
    ? `${FILES}${name.slice(MODULES.length)}`
    : name.replace(/^language_model\.lm_head\./, "lm_head.");

function replacedParameter(
  where: string,
  name: string,
  entry: TensorEntry,
  base: AdapterBase,
): [name: string, entry: TensorEntry] {
  const parameter = name.replace(/\.(base_layer|modules_to_save)\.(?=[^.]+$)/, ".");
  const shape =
    base.tied && parameter === `${base.tied.head}.weight`
      ? base.shapes.get(base.tied.table)
      : base.shapes.get(parameter);
  if (!shape)
    return fail("BAD_WEIGHTS", `${where}: the base model has no such weight. The adapter is of another model.`);
  if (entry.shape.join() !== shape.join())
    fail("BAD_WEIGHTS", `${where}: got shape [${entry.shape}], expected [${shape}] as in the base model`);
  return [parameter, entry];
}

function checkedModule(
  file: string,
  module: string,
  parts: Parts,
  config: AdapterConfig,
  base: AdapterBase,
): AdapterModule {
  const where = `${file}: ${show(module)}`;
  const isEmbedding = parts.embeddingA !== undefined || parts.embeddingB !== undefined;
  const [inner, outer] = sizesOf(where, module, isEmbedding, base);
  if (Array.isArray(config.targets) && config.targets.length > 0 && !endsWithAny(module, config.targets))
    fail("BAD_WEIGHTS", `${where}: is none of target_modules of ${ADAPTER_CONFIG}. The files are of two adapters.`);
  const rank = rankOf(config, module);
  const tensor = (part: PartName, name: string, shape: readonly number[], meaning: string): TensorEntry => {
    const entry = parts[part] ?? fail("BAD_WEIGHTS", `${where}: has no ${name}`);
    if (entry.shape.join() !== shape.join())
      fail("BAD_WEIGHTS", `${where}: ${name}: got shape [${entry.shape}], expected [${shape}] (${meaning})`);
    return entry;
  };
  const optional = (part: PartName, key: string, isWanted: boolean): TensorEntry | undefined => {
    if (!isWanted && parts[part])
      fail("BAD_WEIGHTS", `${where}: has a tensor that ${key} of ${ADAPTER_CONFIG} says is not there`);
    return isWanted ? tensor(part, `tensor for ${key}`, [outer], "out") : undefined;
  };
  if (isEmbedding && (parts.a || parts.b)) fail("BAD_WEIGHTS", `${where}: has lora_A and lora_embedding_A`);
  const [aName, bName] = isEmbedding ? ["lora_embedding_A", "lora_embedding_B"] : ["lora_A.weight", "lora_B.weight"];
  return {
    module,
    kind: isEmbedding ? "embedding" : "linear",
    rank,
    scale: scaleOf(config, module),
    a: tensor(isEmbedding ? "embeddingA" : "a", aName!, [rank, inner], "r, in"),
    b: tensor(isEmbedding ? "embeddingB" : "b", bName!, [outer, rank], "out, r"),
    bias: optional("bias", "lora_bias", config.loraBias && !isEmbedding),
    magnitude: optional("magnitude", "use_dora", config.dora),
  };
}

function sizesOf(where: string, module: string, isEmbedding: boolean, base: AdapterBase): readonly [number, number] {
  const linear = base.linears.get(module);
  const table = base.tables.get(module);
  if (isEmbedding && table) return table;
  if (!isEmbedding && linear) return [linear.inner, linear.outer];
  return fail(
    "BAD_WEIGHTS",
    `${where}: the base model has no ${isEmbedding ? "embedding" : "linear layer"} of that name. The adapter is of another model, or of a part of it that this version does not adapt.`,
  );
}

/** Every module that the config says was trained whole has a weight in the file. */
function checkSaved(
  file: string,
  { modulesToSave }: AdapterConfig,
  replaced: ReadonlyMap<string, TensorEntry>,
  base: AdapterBase,
): void {
  const saved = [...replaced.keys()].map(moduleOf);
  for (const name of modulesToSave)
    if (!saved.some((module) => endsWithAny(module, [name]) || `.${module}`.includes(`.${name}.`))) {
      const known = [...base.shapes.keys()].some((each) => endsWithAny(moduleOf(each), [name]));
      fail(
        "BAD_WEIGHTS",
        known
          ? `${file}: has no weights of ${show(name)}, which modules_to_save of ${ADAPTER_CONFIG} names`
          : `${file}: modules_to_save of ${ADAPTER_CONFIG} names ${show(name)}, and the base model has no such module`,
      );
    }
}

const moduleOf = (parameter: string): string => parameter.slice(0, Math.max(0, parameter.lastIndexOf(".")));

/** Without a head that is the same as the embedding it is tied to: PEFT writes both. */
function joinedHead(
  host: Host,
  replaced: ReadonlyMap<string, TensorEntry>,
  { tied }: AdapterBase,
): ReadonlyMap<string, TensorEntry> {
  const [head, table] = [replaced.get(`${tied?.head}.weight`), replaced.get(`${tied?.table}`)];
  if (!head || !table || !sameBytes(host, head, table)) return replaced;
  return new Map([...replaced].filter(([, entry]) => entry !== head));
}

/** Bytes that are compared at a time. */
const COMPARED_BYTES = 2 ** 22;

function sameBytes(host: Host, a: TensorEntry, b: TensorEntry): boolean {
  if (a.dtype !== b.dtype || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += COMPARED_BYTES) {
    const count = Math.min(COMPARED_BYTES, a.length - at);
    const [left, right] = [host.readBytes(a.file, a.offset + at, count), host.readBytes(b.file, b.offset + at, count)];
    if (left.some((byte, i) => byte !== right[i])) return false;
  }
  return true;
}

/** As in PEFT: what is trained of the embedding alone, or of the head alone, leaves the other as it was. */
function unties(
  { modulesToSave }: AdapterConfig,
  modules: ReadonlyMap<string, AdapterModule>,
  replaced: ReadonlyMap<string, TensorEntry>,
  { tied }: AdapterBase,
): boolean {
  if (!tied) return false;
  const table = moduleOf(tied.table);
  if (modules.has(tied.head) || replaced.has(`${tied.head}.weight`)) return true;
  return modules.has(table) || (replaced.has(tied.table) && endsWithAny(table, modulesToSave));
}
