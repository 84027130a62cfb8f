/** Opens a model folder in Hugging Face's layout: config, tokenizer, weights left where they are. Runs no token. */
import { fail } from "../base/errors.ts";
import { readOptions } from "../base/options.ts";
import { createPause } from "../base/pause.ts";
import type { Host } from "../host/types.ts";
import type { GgufModelOptions } from "../models/gguf.ts";
import { type PlannedGroup, type PlannedWeight, packPlan, suitedBlock } from "../models/pack-plan.ts";
import type { CausalLm } from "../models/types.ts";
import { trainingBuilder } from "../nn/builder.ts";
import { openRuntime } from "../runtime/open.ts";
import type { Runtime } from "../runtime/types.ts";
import { tokenizerFromGguf } from "../tokenizer/gguf.ts";
import { tokenizerFromJson } from "../tokenizer/json.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import { latestCheckpoint } from "../weights/checkpoint.ts";
import { findWeight, openWeights, readJson } from "../weights/folder.ts";
import { findMxfp4, type Mxfp4Entry, saysMxfp4 } from "../weights/mxfp4.ts";
import { readQuantization } from "../weights/quantization.ts";
import { readSafetensors, type TensorEntry } from "../weights/safetensors.ts";
import { adaptedGguf, adapterFile, onItsBase, requireFloats, withAdapters } from "./adapted-model.ts";
import { adapterSet } from "./adapters.ts";
import { calibrateCache } from "./calibrate-cache.ts";
import { readConfig } from "./config.ts";
import { type Engines, openEngines, type Weights } from "./engine.ts";
import { exactExpert, expertPlan, folderRows, wholesOf } from "./experts.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { readGenerationDefaults } from "./generation-config.ts";
import { ggufTokenizerOf, ggufWeights, isGguf, openGgufModel } from "./gguf-model.ts";
import { lending } from "./lending.ts";
import { type LoadedAdapters, loadAdapters, type NamedAdapter, namedAdapters } from "./load-adapters.ts";
import { HUGGING_FACE } from "./merged-weights.ts";
import type { OpenModel, OpenModelOptions } from "./open-model.ts";
import { MODEL_OPTIONS } from "./options.ts";
import { packedBytes, packedInFolder, packingOf, packToScratch, rowsToPack, withPacked } from "./packed.ts";
import { createPolicies } from "./speculated.ts";

export type { OpenModel, OpenModelOptions } from "./open-model.ts";

/** Tokens of context where nobody says how many: the cache of a model for book-long texts would fill the memory. */
const MOST_CONTEXT = 8192;

/** The best runtime of the platform, reading weights through `host` where it has no files of its own. */
export function openRuntimeFor(host: Host): Promise<Runtime> {
  return openRuntime(undefined, {
    readBytes: async ({ file, offset, length }) => host.readBytes(file, offset, length),
  });
}

/**
 * Opens a folder with config.json, model.safetensors (or an index and its shards), and tokenizer.json and
 * generation_config.json where they are there. A training run's folder without model.safetensors gives its newest
 * whole checkpoint. Throws NOT_FOUND, BAD_CONFIG, BAD_TOKENIZER, BAD_WEIGHTS, BAD_CHECKPOINT, UNSUPPORTED or
 * OUT_OF_MEMORY naming the file, and BAD_OPTION. A GGUF file is opened alike: it holds all of these. An adapter's folder
 * is opened on the base that it names.
 */
export async function openModel(
  host: Host,
  runtime: Runtime,
  folder: string,
  options: OpenModelOptions = {},
): Promise<OpenModel> {
  const { onWarning = () => {}, ...given } = options;
  if (isAdapterFolder(host, folder)) return openModel(host, runtime, ...(await onItsBase(host, folder, options)));
  const {
    context: wanted,
    threads = host.cpuThreads(),
    quantize,
    cacheType,
    adapter,
  } = readOptions(MODEL_OPTIONS, given);
  const named = namedAdapters(adapter);
  const { model, tokenizer, tokenizerFile, adapted, weights } = openModelFiles(host, folder, {
    quantize,
    named,
    onWarning,
  });
  if (tokenizer && tokenizer.vocabSize > model.vocabSize)
    fail(
      "BAD_TOKENIZER",
      `${tokenizerFile}: got ${tokenizer.vocabSize} tokens, expected at most vocab_size ${model.vocabSize} of config.json. They are of different models.`,
    );
  const defaults = readGenerationDefaults(
    host,
    defaultsFolder(host, folder, named),
    model.config,
    model.vocabSize,
    tokenizer,
    onWarning,
  );
  const context = wanted ?? Math.min(model.maxPositions, MOST_CONTEXT);
  if (context > model.maxPositions)
    fail("BAD_OPTION", `context: got ${context}, expected at most the model's ${model.maxPositions} positions`);
  const ready = await weights();
  try {
    const session = { threads };
    const scales = cacheType === "q8" ? await calibrateCache(runtime, model, ready, tokenizer, session) : undefined;
    const adapters = adapted && adapterSet(runtime, adapted);
    const engines = await openEngines(runtime, model, ready, { capacity: context, scales, session, adapters });
    const files = (name: string | undefined) => [
      ...(isGguf(host, folder) ? [folder] : weightFiles(host, folder)),
      ...named.filter((each) => each.name === name).map((each) => adapterFile(host, each.folder)),
    ];
    const lend = (name: string | undefined, all: Engines) =>
      lending(host, all, () => fingerprintOf(host, files(name), JSON.stringify([model.config, quantize, cacheType])));
    const opened = { folder, model, tokenizer, defaults, context, threads, packed: ready.groups ?? [] };
    return withAdapters({ ...opened, policies: createPolicies() }, engines, adapters, lend);
  } finally {
    if (ready.scratch !== undefined) host.remove(ready.scratch);
  }
}

/** What a folder or a GGUF file holds. The weights are looked for when all else is right. */
export interface ModelFiles {
  readonly model: CausalLm;
  readonly tokenizer: Tokenizer | undefined;
  readonly tokenizerFile: string;
  readonly adapted: LoadedAdapters | undefined;
  weights(): Promise<ReadyWeights>;
}

/** Weights, and the file that is removed when a session has read them. */
export type ReadyWeights = Weights & { readonly scratch?: string };

/** How files are opened. */
export interface ModelFilesOptions extends GgufModelOptions {
  readonly quantize?: 4 | 8 | undefined;
  /** Adapters for the model. */
  readonly named?: readonly NamedAdapter[];
  readonly onWarning: (message: string) => void;
}

/** Opens what {@link openModel} does, up to the weights' places. Throws what it does. */
export function openModelFiles(host: Host, path: string, options: ModelFilesOptions): ModelFiles {
  const { quantize: bits, named = [], onWarning, ...gguf } = options;
  if (isGguf(host, path)) return openGgufFile(host, path, bits, named, gguf);
  const { file: configFile, model: base } = readConfig(host, path);
  const adapted = named.length > 0 ? loadAdapters(host, path, { model: base, configFile }, named) : undefined;
  const model = adapted?.model ?? base;
  // What was trained with one adapter may have been trained with tokens of its own.
  const own = named.length === 1 ? named[0]!.folder : path;
  const tokenizerFolder = host.kindOf(host.join(own, "tokenizer.json")) ? own : path;
  const tokenizerFile = host.join(tokenizerFolder, "tokenizer.json");
  const tokenizer = host.kindOf(tokenizerFile) ? openTokenizer(host, tokenizerFolder) : undefined;
  return {
    model,
    tokenizer,
    tokenizerFile,
    adapted,
    weights: () => folderWeights(host, path, configFile, model, bits, adapted, onWarning),
  };
}

function openGgufFile(
  host: Host,
  file: string,
  bits: 4 | 8 | undefined,
  named: readonly NamedAdapter[],
  options: GgufModelOptions,
): ModelFiles {
  const held = openGgufModel(host, file, named.length > 0 ? HUGGING_FACE : options);
  const adapted = named.length > 0 ? loadAdapters(host, file, { ...held, configFile: file }, named) : undefined;
  const source = adapted ? adaptedGguf(held, adapted) : held;
  const { model, metadata, weights } = source;
  return {
    model,
    tokenizer: tokenizerFromGguf(metadata, file),
    tokenizerFile: file,
    adapted,
    async weights() {
      checkSizes(model, weights, file);
      return ggufWeights(host, source, parameterShapes(model), bits, (bytes) => checkMemory(host, file, bytes));
    },
  };
}

/**
 * The tokenizer of a folder, of a GGUF file, or of a path to a tokenizer.json; tokenizer_config.json beside it is read where it is.
 * Throws NOT_FOUND, BAD_CONFIG, BAD_TOKENIZER or UNSUPPORTED naming the file.
 */
export function openTokenizer(host: Host, path: string): Tokenizer {
  const kind = host.kindOf(path);
  if (kind === undefined) fail("NOT_FOUND", `${path}: there is no such file or folder`);
  if (isGguf(host, path))
    return ggufTokenizerOf(host, path) ?? fail("BAD_TOKENIZER", `${path}: the file holds no tokenizer`);
  const file = kind === "folder" ? host.join(path, "tokenizer.json") : path;
  if (kind === "folder" && host.kindOf(file) === undefined)
    fail(
      "NOT_FOUND",
      `${path}: no tokenizer.json, expected the folder of a model or tokenizer.${otherVocabulary(host, path)}`,
    );
  const besideFile =
    kind === "folder" ? host.join(path, "tokenizer_config.json") : file.replace(/[^/\\]*$/, "tokenizer_config.json");
  const config = host.kindOf(besideFile) === "file" ? readJson(host, besideFile) : undefined;
  return tokenizerFromJson(readJson(host, file), file, config);
}

/** A hint where a folder has its vocabulary in a form that only transformers reads. */
function otherVocabulary(host: Host, folder: string): string {
  const other = ["tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"].find(
    (name) => host.kindOf(host.join(folder, name)) === "file",
  );
  if (other === undefined) return "";
  return ` Its vocabulary is ${other} alone: AutoTokenizer.from_pretrained(folder).save_pretrained(folder) of transformers writes a tokenizer.json.`;
}

/** Checks every weight and says where it is; packs those that are to be packed and are not yet. */
async function folderWeights(
  host: Host,
  folder: string,
  configFile: string,
  model: CausalLm,
  bits: 4 | 8 | undefined,
  adapted: LoadedAdapters | undefined,
  onWarning: (message: string) => void,
): Promise<ReadyWeights> {
  const weights = weightsOf(host, folder, onWarning);
  checkSizes(model, weights, configFile);
  const held = readQuantization(model.config, configFile);
  if (held && bits)
    fail("BAD_OPTION", `--quantize: ${configFile} says that the weights are packed already. Leave it out.`);
  const shapes = parameterShapes(model);
  const experts = saysMxfp4(model.config) ? findMxfp4(weights, shapes, folder) : new Map<string, Mxfp4Entry>();
  const wanted = held ?? (bits && packingOf(bits, suitedBlock(model)));
  const plan = wanted ? packPlan(model, wanted) : expertPlan(model, experts);
  const packed = held ? packedInFolder(host, weights, plan, folder) : undefined;
  const names = packed ? packed.groups.flat().map(({ name }) => name) : plan.flat().map(({ name }) => name);
  const inBlocks = wholesOf(plan, new Set(names));
  if (packed && adapted) requireFloats(adapted, inBlocks);
  const entries = new Map<string, TensorEntry>();
  for (const [name, shape] of shapes)
    if (!(packed && inBlocks.has(name)) && !experts.has(name))
      entries.set(
        name,
        adapted?.replaced.get(name) ??
          findWeight(weights, name === adapted?.head?.name ? adapted.head.from : name, shape, folder),
      );
  checkMemory(
    host,
    folder,
    floatBytes([...entries].filter(([name]) => !inBlocks.has(name)).map(([, e]) => e)) + packedBytes(plan),
  );
  const ready = packed ?? (plan.length > 0 ? await packFolder(host, plan, entries, experts) : undefined);
  return withPacked(ready, (name) => {
    const { file, dtype, offset, length } = entries.get(name)!;
    return { kind: "file", dtype, at: { file: host.absolute(file), offset, length } };
  });
}

function packFolder(
  host: Host,
  plan: readonly PlannedGroup[],
  entries: ReadonlyMap<string, TensorEntry>,
  experts: ReadonlyMap<string, Mxfp4Entry>,
) {
  const rowsOf = (weight: PlannedWeight) => folderRows(host, weight, entries, experts);
  const toPack = rowsToPack(plan, rowsOf, "nearest").map((group) =>
    group.map((each) => exactExpert(host, each, experts) ?? each),
  );
  return packToScratch(host, toPack, createPause());
}

/** The files of a folder's weights. */
/** Where it is said how to generate: one adapter may have learnt ends of its own. */
export function defaultsFolder(host: Host, folder: string, named: readonly Pick<NamedAdapter, "folder">[]): string {
  const own = named.length === 1 ? named[0]!.folder : folder;
  return host.kindOf(host.join(own, "generation_config.json")) === "file" ? own : folder;
}

/** The files that a folder's weights are in. */
export const weightFiles = (host: Host, folder: string) =>
  [...new Set([...weightsOf(host, folder, () => {}).values()].map(({ file }) => file))].sort();

/** A folder's tensors, or those of a training run's newest whole checkpoint. */
export function weightsOf(
  host: Host,
  folder: string,
  onWarning: (message: string) => void,
): ReadonlyMap<string, TensorEntry> {
  const has = (name: string) => host.kindOf(host.join(folder, name)) !== undefined;
  if (has("model.safetensors") || has("model.safetensors.index.json") || !has("checkpoints"))
    return openWeights(host, folder);
  const checkpoint = latestCheckpoint(host, folder, onWarning);
  if (!checkpoint)
    return fail("BAD_CHECKPOINT", `${folder}: no model.safetensors and no whole checkpoint yet. Try again later.`);
  onWarning(`${folder}: not trained to the end; using the checkpoint of step ${checkpoint.step}.`);
  return readSafetensors(host, host.join(checkpoint.path, "params.safetensors")).tensors;
}

type Shaped = Pick<TensorEntry, "shape">;

/** Refuses sizes that no weight has, before anything is made of them. */
function checkSizes(model: CausalLm, weights: ReadonlyMap<string, Shaped>, configFile: string): void {
  const widest = Math.max(0, ...[...weights.values()].flatMap(({ shape }) => shape));
  const { layers, headDim, kvHeads } = model.cache;
  // A head is padded to a multiple of 8 in the cache.
  for (const [what, got, most] of [
    ["layers", layers, weights.size],
    ["a width", model.hiddenSize, widest],
    ["a head width", headDim, widest + 7],
    ["key heads", kvHeads, widest],
  ] as const)
    if (got > most)
      fail("BAD_CONFIG", `${configFile}: got ${what} of ${got}, and the weights have room for ${most} at most`);
}

/** A model's parameters and their shapes, by name. */
export function parameterShapes(model: CausalLm): Map<string, readonly number[]> {
  const b = trainingBuilder("shapes", 1, 1);
  model.head(b, model.hidden(b));
  return new Map(b.graph.parameters.map(({ value }) => [value.name, value.shape as number[]]));
}

/** Weights are computed with as float32, whatever they are in the file. */
const floatBytes = (entries: readonly Shaped[]): number =>
  entries.reduce((sum, { shape }) => sum + 4 * shape.reduce((n, dim) => n * dim, 1), 0);

function checkMemory(host: Host, folder: string, needed: number): void {
  const available = host.availableMemoryBytes();
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (needed > available)
    fail("OUT_OF_MEMORY", `${folder}: its weights take ${gib(needed)} of memory, and ${gib(available)} are free`);
}
