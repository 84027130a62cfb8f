/** PEFT's adapter folders written: names, config and files. Computes nothing. */
import type { Host } from "../host/types.ts";
import { type AdapterBase, FILES, MODULES, PREFIX } from "./adapter.ts";
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type AdapterConfig, adapterConfigJson } from "./adapter-config.ts";
import { type ModelFiles, publishModel } from "./publish.ts";
import type { NamedTensor } from "./safetensors.ts";

/** PEFT's name for a tensor of the graph: `MODULE.lora_A.weight`, or a parameter that is trained whole. */
export function peftName(graph: string): string {
  const name = graph.startsWith(FILES) ? `${MODULES}${graph.slice(FILES.length)}` : graph;
  return `${PREFIX}${name.replace(/\.(lora_magnitude_vector|lora_embedding_[AB])\.weight$/, ".$1")}`;
}

/** An adapter as it is put into files: its config, and its tensors by PEFT's names, in their order. */
export interface PeftAdapter {
  readonly config: AdapterConfig;
  readonly tensors: readonly NamedTensor[];
}

/**
 * An adapter from tensors named as the graph names them. `tied` is the base's, of `adapterBase`: an embedding that was
 * trained whole and is the head too is written as both, as PEFT has them.
 */
export function peftAdapter(
  config: AdapterConfig,
  tensors: readonly NamedTensor[],
  tied: AdapterBase["tied"],
): PeftAdapter {
  const table = tensors.find(({ name }) => name === tied?.table);
  const all = tied && table ? [...tensors, { ...table, name: `${tied.head}.weight` }] : tensors;
  const named = all.map((tensor) => ({ ...tensor, name: peftName(tensor.name) }));
  return {
    config: tied && table ? withHead(config, tied.head) : config,
    tensors: named.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

const withHead = (config: AdapterConfig, head: string): AdapterConfig => ({
  ...config,
  ensureWeightTying: true,
  modulesToSave: [...new Set([...config.modulesToSave, head])],
});

/**
 * Puts an adapter into a folder, whole or not at all: adapter_config.json, `files` as JSON, and the tensors. The promises
 * of `publishModel` hold.
 */
export function writeAdapter(
  host: Host,
  folder: string,
  { config, tensors }: PeftAdapter,
  files: ModelFiles = {},
): void {
  publishModel(host, folder, { ...files, [ADAPTER_CONFIG]: adapterConfigJson(config) }, tensors, ADAPTER_WEIGHTS);
}
