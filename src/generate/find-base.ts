/** From an adapter's folder to the model it is for. Opens neither. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { PullHooks } from "../hub/pull.ts";
import { openAdapterConfig } from "../weights/adapter.ts";
import { ADAPTER_CONFIG } from "../weights/adapter-config.ts";

/**
 * The path of an adapter's base by `base_model_name_or_path`: a path from here or from the adapter's folder, a model in
 * the hub's cache, or one of the hub. Throws BAD_CONFIG where the key is missing, and what locating a model throws.
 */
export async function findBase(host: Host, folder: string, hooks: PullHooks = {}): Promise<string> {
  const { baseModel, revision } = openAdapterConfig(host, folder);
  const key = `${host.join(folder, ADAPTER_CONFIG)}: base_model_name_or_path`;
  if (!baseModel)
    return fail(
      "BAD_CONFIG",
      `${key}: is missing, and the base model was not given. Try --adapter ${folder} beside it.`,
    );
  for (const path of [baseModel, host.join(folder, baseModel)]) if (host.kindOf(path) !== undefined) return path;
  try {
    return await locateModel(host, revision === undefined ? baseModel : `${baseModel}@${revision}`, "model", hooks);
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    return fail(error.code, `${key}: ${error.message} Try the base model's path, with --adapter ${folder}.`, error);
  }
}
