/** Writes a model folder as one GGUF file: weights in a block format, tokenizer and chat template inside. Reads no weight itself. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { type GivenOptions, type OptionSpecs, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { ggufPlan, type PlannedTensor } from "../models/gguf-export.ts";
import type { CausalLm } from "../models/types.ts";
import { ggufTokenizer } from "../tokenizer/gguf-write.ts";
import { type BlockFormatName, blockFormat } from "../weights/blocks.ts";
import { readJson } from "../weights/folder.ts";
import { type GgufField, type GgufTensorSource, writeGguf } from "../weights/gguf-write.ts";
import { readConfig } from "./config.ts";
import { exportWeights, tensorSource } from "./export-weights.ts";
import { isGguf, openGgufModel } from "./gguf-model.ts";
import { openTokenizer, parameterShapes } from "./load.ts";
import { openMerged } from "./merged-weights.ts";

/** How a model is exported. */
export const EXPORT_OPTIONS = {
  gguf: { kind: "text", placeholder: "FILE", help: "The GGUF file to write" },
  type: {
    kind: "choice",
    choices: ["f32", "f16", "bf16", "q8_0", "q4_0"],
    default: "f16",
    help: "How weights are stored",
  },
  modelfile: { kind: "flag", help: "Write Ollama's Modelfile beside it, with template and parameters" },
  adapter: { kind: "list", placeholder: "DIR", help: "Work this adapter into the weights first; again for more" },
} as const satisfies OptionSpecs;

/** What was written. */
export interface ExportResult {
  readonly file: string;
  readonly architecture: string;
  readonly type: string;
  readonly tensors: number;
  readonly bytes: number;
  /** Ollama's file, where it was asked for. */
  readonly modelfile?: string;
}

/** llama.cpp's numbers for what most tensors of a file are (llama_ftype). */
const FILE_TYPES = { F32: 0, F16: 1, BF16: 32, Q8_0: 7, Q4_0: 2 } as const;

/**
 * Writes `options.gguf` from a folder in Hugging Face's layout. Vectors, norms, routers and position tables stay
 * float32; embedding and head are Q8_0 where the rest is Q4_0; rows that are no whole blocks become float16. Weights that
 * `ownlm quantize` packed keep their integers in Q4_0 and Q8_0, where those have as many bits. Throws what opening the
 * folder throws, UNSUPPORTED for a model or tokenizer that the format cannot state, BAD_WEIGHTS for elements that the
 * type cannot hold, and EXISTS; nothing is left half-written. `options.adapter` are worked into the weights, as `merge` does it; of
 * one adapter the name and its own tokenizer and template go first.
 */
export function exportGguf(host: Host, folder: string, options: GivenOptions<typeof EXPORT_OPTIONS>): ExportResult {
  const { gguf: file, type, adapter: adapters } = readOptions(EXPORT_OPTIONS, options);
  if (file === undefined) return fail("USAGE", "export: got no --gguf, expected the file to write");
  if (host.kindOf(file) !== undefined) fail("EXISTS", `${file}: exists already. Choose another --gguf.`);
  const format = type.toUpperCase() as keyof typeof FILE_TYPES;
  const { configFile, model, shapes, weights } = contentOf(host, folder, adapters);
  const plan = ggufPlan(model, shapes, configFile);
  const fields = [
    ...plan.fields,
    { key: "general.type", type: "string", value: "model" } as const,
    ...nameFields(adapters.length === 1 ? adapters[0]! : folder),
    { key: "general.file_type", type: "uint32", value: FILE_TYPES[format] } as const,
    { key: "general.quantization_version", type: "uint32", value: 2 } as const,
    ...tokenizerFields(host, folder, adapters, model),
  ];
  const sources = plan.tensors.map((tensor) => tensorSource(tensor, formatOf(tensor, format), weights));
  const small = plan.small.map(({ name, shape, values }): GgufTensorSource => {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { name, shape, format: "F32", pieces: () => [bytes] };
  });
  const { bytes } = writeGguf(host, file, fields, [...small, ...sources]);
  return { file, architecture: plan.architecture, type, tensors: sources.length + small.length, bytes };
}

/** llama.cpp expects the tokens of published models in vocabularies of files with such names, and refuses them without. */
const SPECIAL_NAMES = /phi-?3|jina|modern-?bert/i;

function nameFields(folder: string): GgufField[] {
  const name = folder.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");
  return SPECIAL_NAMES.test(name) ? [] : [{ key: "general.name", type: "string", value: name }];
}

/** A model and its weights as they are written. */
function contentOf(host: Host, folder: string, adapters: readonly string[]) {
  if (adapters.length > 0) {
    const merged = openMerged(
      host,
      folder,
      adapters.map((adapter) => ({ folder: adapter, share: 1 })),
    );
    return { ...merged, weights: new Map([...merged.shapes.keys()].map((name) => [name, merged.weightOf(name)])) };
  }
  const { file: configFile, model } = readConfig(host, folder);
  const shapes = parameterShapes(model);
  return { configFile, model, shapes, weights: exportWeights(host, folder, model, shapes, configFile) };
}

function tokenizerFields(host: Host, folder: string, adapters: readonly string[], model: CausalLm): GgufField[] {
  const has = (path: string) => isGguf(host, path) || host.kindOf(host.join(path, "tokenizer.json")) !== undefined;
  const paths = adapters.length === 1 ? [adapters[0]!, folder] : [folder];
  const path = paths.find(has);
  if (path === undefined) return [];
  const file = isGguf(host, path) ? path : host.join(path, "tokenizer.json");
  const fields = ggufTokenizer(openTokenizer(host, path), model.vocabSize, file);
  const template = paths.map((each) => templateOf(host, each)).find((each) => each !== undefined);
  return template === undefined
    ? fields
    : [...fields, { key: "tokenizer.chat_template", type: "string", value: template }];
}

function templateOf(host: Host, folder: string): string | undefined {
  if (isGguf(host, folder)) {
    const template = openGgufModel(host, folder).metadata.get("tokenizer.chat_template");
    return typeof template === "string" ? template : undefined;
  }
  const file = host.join(folder, "chat_template.jinja");
  if (host.kindOf(file) === "file") return host.readText(file);
  const config = host.join(folder, "tokenizer_config.json");
  const json = host.kindOf(config) === "file" ? readJson(host, config) : undefined;
  return isJsonObject(json) && typeof json.chat_template === "string" ? json.chat_template : undefined;
}

/** What llama.cpp takes only as float32. */
const ALWAYS_FLOAT32 = /_norm\.weight$|\.bias$|ffn_gate_inp\.weight$|position_embd\.weight$/;

function formatOf({ name, shape }: PlannedTensor, wanted: BlockFormatName): BlockFormatName {
  if (shape.length < 2 || ALWAYS_FLOAT32.test(name)) return "F32";
  const own = wanted === "Q4_0" && /^(token_embd|output)\.weight$/.test(name) ? "Q8_0" : wanted;
  return shape.at(-1)! % blockFormat(own).elements === 0 ? own : "F16";
}
