/** What a model is: its parts, its files, what it takes here and how fast it will be. Runs no token. */
import { type GivenOptions, type OptionSpecs, readOptions } from "../base/options.ts";
import { openChatTokenizer } from "../generate/chat.ts";
import { readConfig } from "../generate/config.ts";
import { ggufTokenizerOf, isGguf, openGgufModel } from "../generate/gguf-model.ts";
import { MODEL_OPTIONS } from "../generate/options.ts";
import type { Host } from "../host/types.ts";
import type { CausalLm } from "../models/types.ts";
import { type Anatomy, anatomyOf, parameterRoles } from "../plan/anatomy.ts";
import type { Runtime } from "../runtime/types.ts";
import { QUANTIZATION } from "../weights/quantization.ts";
import { type Card, readCard } from "./card.ts";
import { measureBandwidth } from "./measure.ts";
import { decodeSpeed, type TokenBytes, USUAL_SHARES } from "./speed.ts";
import { type StoredWeights, storedWeights } from "./stored.ts";

/** Options of `show`. */
export const SHOW_OPTIONS = {
  quantize: MODEL_OPTIONS.quantize,
  threads: MODEL_OPTIONS.threads,
  noSpeed: { kind: "flag", help: "Measure nothing: leave out the speed to expect" },
} as const satisfies OptionSpecs;

/** {@link SHOW_OPTIONS} as they are given. */
export type ShowOptions = GivenOptions<typeof SHOW_OPTIONS>;

/** Where the runtime comes from when it is needed, and who is told of what is odd. */
export interface ShowSettings {
  runtime(): Promise<Runtime>;
  readonly onWarning?: (message: string) => void;
  readonly showName?: (name: string) => string;
}

/** What `show --json` prints. Bytes in memory are those of this program, which computes in float32. */
export interface ShownModel extends Card {
  readonly model: string;
  readonly form: "folder" | "gguf";
  readonly modelType: string;
  readonly architectures: readonly string[];
  readonly parameters: number;
  readonly activeParameters: number;
  readonly parts: Anatomy["parts"];
  readonly tiedHead: boolean;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Positions: the longest text. */
  readonly context: number;
  /** Absent where there are no weights. */
  readonly formats?: Readonly<Record<string, number>>;
  readonly files?: number;
  readonly diskBytes?: number;
  /** `quantization_config` as it is in config.json. */
  readonly quantization?: unknown;
  /** Why this version does not run the weights; memory and speed are then those of float32. */
  readonly unsupported?: string;
  readonly memoryBytes: number;
  readonly kvBytesPerToken: number;
  readonly tokenizer?: { readonly tokens: number; readonly chatTemplates: readonly string[] };
  readonly speed?: {
    readonly threads: number;
    readonly bytesPerToken: number;
    readonly readBandwidth: number;
    readonly tokensPerSecondAtMost: number;
    /** By the share of the bandwidth that decoding usually reaches. */
    readonly tokensPerSecondExpected: number;
  };
}

/** Describes a model folder or a GGUF file. Throws what reading its config, headers and tokenizer does. */
export async function showModel(
  host: Host,
  path: string,
  options: ShowOptions,
  { runtime, onWarning = () => {}, showName }: ShowSettings,
): Promise<ShownModel> {
  const { quantize, threads = host.cpuThreads(), noSpeed } = readOptions(SHOW_OPTIONS, options, showName);
  const { file, model } = readConfig(host, path);
  const stored = storedWeights(host, path, file, model, quantize, onWarning);
  const bytes = memoryOf(model, stored);
  return {
    model: path,
    form: isGguf(host, path) ? "gguf" : "folder",
    ...sizesOf(model),
    ...(stored && { formats: stored.formats, files: stored.files, diskBytes: stored.diskBytes }),
    ...(stored?.unsupported !== undefined && { unsupported: stored.unsupported }),
    ...(model.config[QUANTIZATION] !== undefined && { quantization: model.config[QUANTIZATION] }),
    memoryBytes: bytes.memory,
    kvBytesPerToken: 2 * 4 * model.cache.layers * model.cache.kvHeads * model.cache.headDim,
    ...tokenizerOf(host, path),
    ...cardOf(host, path),
    ...(!noSpeed && { speed: await speedOf(host, await runtime(), bytes.read, threads) }),
  };
}

function sizesOf(model: CausalLm) {
  const { parameters, activeParameters, parts, tied, layers } = anatomyOf(model);
  const { architectures } = model.config;
  return {
    modelType: model.modelType,
    architectures: Array.isArray(architectures) ? architectures.filter((name) => typeof name === "string") : [],
    parameters,
    activeParameters,
    parts,
    tiedHead: tied,
    layers,
    hiddenSize: model.hiddenSize,
    kvHeads: model.cache.kvHeads,
    headDim: model.cache.headDim,
    vocabSize: model.vocabSize,
    context: model.maxPositions,
  };
}

/** Bytes of all weights as they are computed with, and of those that a token reads. */
function memoryOf(model: CausalLm, stored: StoredWeights | undefined): { memory: number; read: TokenBytes } {
  let memory = 0;
  const read = { plain: 0, packed: 0 };
  for (const { name, elements, read: part } of parameterRoles(model)) {
    const packed = stored?.packedBytes.get(name);
    const bytes = packed ?? 4 * elements;
    memory += bytes;
    read[packed === undefined ? "plain" : "packed"] += part * bytes;
  }
  return { memory, read };
}

function tokenizerOf(host: Host, path: string): Pick<ShownModel, "tokenizer"> {
  const isFolder = host.kindOf(path) === "folder";
  if (isFolder && host.kindOf(host.join(path, "tokenizer.json")) === undefined) return {};
  if (!isFolder && !ggufTokenizerOf(host, path)) return {};
  const { vocabSize, chatTemplates } = openChatTokenizer(host, path);
  return { tokenizer: { tokens: vocabSize, chatTemplates: [...chatTemplates.keys()] } };
}

/** Front matter is at the beginning. */
const MOST_CARD_BYTES = 2 ** 16;

function cardOf(host: Host, path: string): Card {
  if (isGguf(host, path)) {
    const { metadata } = openGgufModel(host, path);
    const text = (key: string) => {
      const value = metadata.get(key);
      return typeof value === "string" ? value : undefined;
    };
    const [licence, licenceName, licenceLink, baseModel] = [
      "general.license",
      "general.license.name",
      "general.license.link",
      "general.base_model.0.name",
    ].map(text);
    return {
      ...(licence && { licence }),
      ...(licenceName && { licenceName }),
      ...(licenceLink && { licenceLink }),
      ...(baseModel && { baseModel }),
    };
  }
  const file = host.join(path, "README.md");
  if (host.kindOf(file) !== "file") return {};
  return readCard(new TextDecoder().decode(host.readBytes(file, 0, Math.min(MOST_CARD_BYTES, host.fileSize(file)))));
}

async function speedOf(host: Host, runtime: Runtime, read: TokenBytes, threads: number) {
  const readBandwidth = await measureBandwidth(host, runtime, threads, 1);
  const bytesPerToken = read.plain + read.packed;
  return {
    threads,
    bytesPerToken,
    readBandwidth,
    tokensPerSecondAtMost: readBandwidth / bytesPerToken,
    tokensPerSecondExpected: decodeSpeed(read, readBandwidth, USUAL_SHARES),
  };
}
