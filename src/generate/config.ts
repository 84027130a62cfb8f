/** Reads a model folder's config.json, or what a GGUF file says in its place. Looks at no weight. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { modelFromConfig } from "../models/registry.ts";
import type { CausalLm } from "../models/types.ts";
import { isAdapterFolder } from "../weights/adapter.ts";
import { readJson } from "../weights/folder.ts";
import { isGguf, openGgufModel } from "./gguf-model.ts";

/** A model as its config.json describes it. */
export interface DescribedModel {
  readonly file: string;
  readonly model: CausalLm;
}

/** The config of a folder in Hugging Face's layout. Throws NOT_FOUND, BAD_CONFIG or UNSUPPORTED naming the file. */
export function readConfig(host: Host, folder: string): DescribedModel {
  const kind = host.kindOf(folder);
  const hint = "Try the path of a folder with config.json and model.safetensors, or of a GGUF file.";
  if (kind === undefined) fail("NOT_FOUND", `${folder}: there is no such folder. ${hint}`);
  if (isGguf(host, folder)) return openGgufModel(host, folder);
  if (kind !== "folder") fail("NOT_FOUND", `${folder}: is a file, expected a folder. ${hint}`);
  const file = host.join(folder, "config.json");
  if (host.kindOf(file) === undefined && isAdapterFolder(host, folder))
    fail(
      "NOT_FOUND",
      `${folder}: is an adapter, which this cannot take. Try its base, or first: ownlm merge ${folder} --out DIR`,
    );
  if (host.kindOf(file) === undefined)
    fail("NOT_FOUND", `${folder}: no config.json, expected a model in Hugging Face's layout`);
  return { file, model: modelFromConfig(readJson(host, file), file) };
}
