/** `export`: a model, or an adapter with the base it is for, as one file of another program's format. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { PullHooks } from "../hub/pull.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import { writeText } from "../weights/safetensors.ts";
import { openChatTokenizer } from "./chat.ts";
import { readConfig } from "./config.ts";
import { EXPORT_OPTIONS, type ExportResult, exportGguf } from "./export-gguf.ts";
import { findBase } from "./find-base.ts";
import { readGenerationDefaults } from "./generation-config.ts";
import { isGguf } from "./gguf-model.ts";
import { defaultsFolder } from "./load.ts";
import { modelfileOf } from "./modelfile.ts";

/**
 * Exports what is at `path`; see {@link exportGguf}. An adapter's folder is exported worked into its base. With
 * `modelfile` Ollama's `Modelfile` is written beside the file; EXISTS where there is one.
 */
export async function exportPath(
  host: Host,
  path: string,
  given: GivenOptions<typeof EXPORT_OPTIONS>,
  hooks: PullHooks = {},
): Promise<ExportResult> {
  const isAdapter = isAdapterFolder(host, path);
  const base = isAdapter ? await findBase(host, path, hooks) : path;
  const { gguf, modelfile, adapter } = readOptions(EXPORT_OPTIONS, given);
  const adapters = isAdapter ? [path, ...adapter] : adapter;
  const file = gguf?.replace(/[^/\\]*$/, "Modelfile");
  if (modelfile && file && host.kindOf(file) !== undefined)
    fail("EXISTS", `${file}: exists already. Choose another folder for --gguf.`);
  const folder = gguf?.replace(/[^/\\]*$/, "");
  if (folder) host.makeFolder(folder);
  const result = exportGguf(host, base, { ...given, adapter: adapters });
  if (!modelfile || !file) return result;
  writeText(host, file, modelfileFor(host, base, adapters, result.file));
  return { ...result, modelfile: file };
}

function modelfileFor(host: Host, base: string, adapters: readonly string[], gguf: string): string {
  const { model } = readConfig(host, base);
  const has = (path: string) => isGguf(host, path) || host.kindOf(host.join(path, "tokenizer.json")) !== undefined;
  const source = [...(adapters.length === 1 ? adapters : []), base].find(has);
  const tokenizer = source === undefined ? undefined : openChatTokenizer(host, source);
  const from = defaultsFolder(
    host,
    base,
    adapters.map((folder) => ({ folder })),
  );
  const defaults = readGenerationDefaults(host, from, model.config, model.vocabSize, tokenizer);
  return modelfileOf({ gguf: gguf.replace(/^.*[/\\]/, ""), model, defaults, tokenizer });
}
