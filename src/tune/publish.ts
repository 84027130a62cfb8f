/** The result of a run as a folder that others load: a model in Hugging Face's layout, or a PEFT adapter. Knows no training. */
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { isGguf } from "../generate/gguf-model.ts";
import type { Host } from "../host/types.ts";
import { adapterBase } from "../models/adapted.ts";
import { familyOf } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { trainingBuilder } from "../nn/builder.ts";
import type { LoraOptions } from "../nn/lora.ts";
import { tokenizerFilesOfGguf } from "../tokenizer/gguf.ts";
import type { Stepper } from "../train/stepper.ts";
import {
  ADAPTER_CONFIG,
  ADAPTER_WEIGHTS,
  adapterConfig,
  adapterConfigJson,
  endsWithAny,
} from "../weights/adapter-config.ts";
import { peftAdapter } from "../weights/adapter-write.ts";
import { readJson } from "../weights/folder.ts";
import { openGguf } from "../weights/gguf.ts";
import { publishStaged } from "../weights/publish.ts";
import { type NamedTensor, writeSafetensors, writeText } from "../weights/safetensors.ts";
import type { BaseModel } from "./base.ts";
import { rewardConfig, SCORE_WEIGHT } from "./objectives/reward.ts";
import { tensorFiles } from "./weights.ts";

/** What is published besides the trained weights. */
export interface Publication {
  readonly base: BaseModel;
  /** True where the model gives a score and no text. */
  readonly isReward: boolean;
  /** Undefined where all weights were trained. */
  readonly lora: LoraOptions | undefined;
  /** The chat template that the data went through in place of the model's own. */
  readonly template: string | undefined;
  /** Ids that end what was learnt, besides those that the base's files name. */
  readonly endIds: readonly number[];
  /** More files by name: texts. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Files of a tokenizer, which the result takes over as they are. */
const TOKENIZER_FILES = [
  ...["tokenizer.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt"],
  ...["vocab.txt", "chat_template.jinja", "chat_template.json"],
];
const [CONFIG, GENERATION, TOKENIZER] = ["config.json", "generation_config.json", "tokenizer_config.json"] as const;

/** Puts the result into `out`, whole or not at all. */
export async function publishTuned(host: Host, out: string, stepper: Stepper, what: Publication): Promise<void> {
  await publishStaged(host, out, async (staging) => {
    const writeJson = (name: string, json: JsonObject) =>
      writeText(host, host.join(staging, name), `${JSON.stringify(json, null, 2)}\n`);
    copyTokenizer(host, what, staging, writeJson);
    const { params } = tensorFiles(stepper);
    if (what.lora) writeAdapterFiles(host, what, what.lora, params, staging, writeJson);
    else writeModelFiles(host, what, params, staging, writeJson);
    for (const [name, text] of Object.entries(what.texts)) writeText(host, host.join(staging, name), text);
  });
}

type WriteJson = (name: string, json: JsonObject) => void;

function copyTokenizer(host: Host, { base, template }: Publication, staging: string, writeJson: WriteJson): void {
  if (isGguf(host, base.folder)) {
    const { json, config } = tokenizerFilesOfGguf(openGguf(host, base.folder).metadata, base.folder);
    writeJson("tokenizer.json", json as JsonObject);
    writeTokenizerConfig(host, config, template, staging, writeJson);
    return;
  }
  const isThere = (name: string) => host.kindOf(host.join(base.folder, name)) === "file";
  for (const name of TOKENIZER_FILES) {
    if (!isThere(name) || (template !== undefined && name.startsWith("chat_template"))) continue;
    const file = host.createFile(host.join(staging, name));
    file.write(host.readBytes(host.join(base.folder, name)));
    file.finish();
  }
  const config = isThere(TOKENIZER) ? readJson(host, host.join(base.folder, TOKENIZER)) : {};
  if (isJsonObject(config)) writeTokenizerConfig(host, config, template, staging, writeJson);
}

function writeTokenizerConfig(
  host: Host,
  config: JsonObject,
  template: string | undefined,
  staging: string,
  writeJson: WriteJson,
): void {
  // Programs that know no chat_template.jinja look here.
  writeJson(TOKENIZER, template === undefined ? config : { ...config, chat_template: template });
  if (template !== undefined) writeText(host, host.join(staging, "chat_template.jinja"), template);
}

function writeModelFiles(
  host: Host,
  { base, endIds, isReward }: Publication,
  params: readonly NamedTensor[],
  staging: string,
  writeJson: WriteJson,
): void {
  const { dtype: _, torch_dtype: __, ...config } = base.model.config;
  const written = { ...config, dtype: "float32" };
  if (isReward) {
    writeJson(CONFIG, rewardConfig(written, architectureOf(base)));
    const names = new Set([SCORE_WEIGHT, ...hiddenParameters(base.model)]);
    writeSafetensors(
      host,
      host.join(staging, "model.safetensors"),
      params.filter(({ name }) => names.has(name)),
    );
    return;
  }
  writeJson(CONFIG, written);
  const generation = host.join(base.folder, GENERATION);
  const json = host.kindOf(generation) === "file" ? readJson(host, generation) : {};
  writeJson(GENERATION, withEnds(isJsonObject(json) ? json : {}, base, endIds));
  writeSafetensors(host, host.join(staging, "model.safetensors"), params);
}

function architectureOf({ model }: BaseModel): string {
  const [own] = Array.isArray(model.config.architectures) ? model.config.architectures : [];
  return typeof own === "string" ? own : familyOf(model.modelType, "config.json").architecture;
}

/** What a model's last hidden state depends on: all but its head. */
function hiddenParameters(model: CausalLm): string[] {
  const b = trainingBuilder("hidden", 1, 1);
  model.hidden(b);
  return b.graph.parameters.map(({ value }) => value.name);
}

/** Texts end where answers of the data did. */
function withEnds(json: JsonObject, { tokenizer, model }: BaseModel, endIds: readonly number[]): JsonObject {
  const own = json.eos_token_id ?? model.config.eos_token_id ?? tokenizer.eosId ?? [];
  const ids = [...new Set([own, endIds].flat() as number[])];
  return ids.length === 0 ? json : { ...json, eos_token_id: ids.length === 1 ? ids[0]! : ids };
}

function writeAdapterFiles(
  host: Host,
  { base, isReward }: Publication,
  lora: LoraOptions,
  params: readonly NamedTensor[],
  staging: string,
  writeJson: WriteJson,
): void {
  const { linears, tied } = adapterBase(base.model);
  const found = params.flatMap(({ name }) => /^(.*)\.lora_A\.weight$/.exec(name)?.[1] ?? []);
  const modules = [...new Set(found)];
  const { rank, alpha, rsLora = false, dora = false, dropout = 0, modulesToSave = [] } = lora;
  const saved = [...modulesToSave, ...(isReward ? ["score"] : [])];
  const config = adapterConfig({
    ...{ rank, alpha, rsLora, dora, dropout, modulesToSave: saved },
    targets: shortNames(modules, [...linears.keys()]),
    fanInFanOut: modules.some((module) => linears.get(module)?.layout === "in-out"),
    baseModel: base.name,
    ensureWeightTying: tied !== undefined && params.some(({ name }) => name === tied.table),
    ...(isReward && { taskType: "SEQ_CLS" }),
  });
  const peft = peftAdapter(config, params, tied);
  writeJson(ADAPTER_CONFIG, adapterConfigJson(peft.config));
  writeSafetensors(host, host.join(staging, ADAPTER_WEIGHTS), peft.tensors);
}

/** The last parts of modules' names, or all of them where a last part would mean other modules too. */
export function shortNames(modules: readonly string[], all: readonly string[]): string[] {
  const ends = [...new Set(modules.map((module) => module.slice(module.lastIndexOf(".") + 1)))].sort();
  const meant = all.filter((module) => endsWithAny(module, ends));
  return meant.length === modules.length ? ends : [...modules].sort();
}
