/** From what somebody typed as a model to a path: a file or folder here, what is in the cache, or what the hub has. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { readShardMap } from "../weights/folder.ts";
import { cachedCommit, cachedFile, cachedPaths, isKnownMissing, snapshotFolder } from "./cache.ts";
import { isPickle, type ModelName, readModelName } from "./id.ts";
import { type PullHooks, pullModel } from "./pull.ts";
import { ggufOf, INDEX, type ModelPart, refusePickle, SINGLE } from "./selection.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/**
 * The path of a model: `given` itself where there is such a file or folder here; else, of `gpt2`, `org/name`,
 * `org/name@revision`, `org/name/file.gguf` or `org/name:Q4_0`, the cached folder or file, which is fetched first where
 * it is not complete. Throws NOT_FOUND where there is neither, saying where it was looked for, and what a pull throws.
 */
export async function locateModel(host: Host, given: string, part: ModelPart, hooks: PullHooks = {}): Promise<string> {
  if (host.kindOf(given) !== undefined) return localModel(host, given);
  const name = readModelName(given);
  if (!name) return fail("NOT_FOUND", `${given}: there is no such file or folder`);
  if (name.file !== undefined && isPickle(name, name.file)) refusePickle(name, name.file);
  const settings = hubSettings(host);
  const { path, missing } = inCache(host, settings, name, part);
  if (path !== undefined && missing === undefined) return path;
  try {
    const pulled = await pullModel(host, name, part, hooks);
    const found = inCache(host, settings, { ...name, revision: pulled.commit }, part).path;
    return found ?? fail("BAD_HUB", `${given}: what was fetched is no model: ${pulled.files.join(", ")}`);
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    return withoutHub(settings, given, name, path, missing, error, hooks);
  }
}

function localModel(host: Host, path: string): string {
  if (host.kindOf(path) === "file" && isPickle({ type: "model" }, path))
    fail(
      "UNSUPPORTED",
      `${path}: pickled Python, which can run code as it is read, is never opened. In Python, save_pretrained("FOLDER") writes safetensors.`,
    );
  return path;
}

/** What is done when the hub does not help: what is here may do, and an error says where all was looked for. */
function withoutHub(
  settings: HubSettings,
  given: string,
  name: ModelName,
  path: string | undefined,
  missing: string | undefined,
  error: OwnlmError,
  { onWarning }: PullHooks,
): string {
  const unreachable = error.code === "OFFLINE" || error.code === "NETWORK";
  if (unreachable && path !== undefined) {
    if (error.code === "NETWORK") onWarning?.(`${error.message} Going on with what the cache has of ${name.id}.`);
    return path;
  }
  const here = `${given}: there is no such file or folder here`;
  if (error.code === "OFFLINE")
    fail(
      missing === undefined ? "NOT_FOUND" : "OFFLINE",
      missing === undefined
        ? `${here}, the cache ${settings.cache} has no ${name.id}@${name.revision}, and HF_HUB_OFFLINE is set, so the hub is not asked.`
        : `${given}: the cache ${settings.cache} lacks ${missing}, and HF_HUB_OFFLINE is set, so the hub is not asked.`,
      error,
    );
  if (error.code === "NOT_FOUND" || error.code === "NETWORK" || error.code === "DENIED")
    fail(error.code, `${here}, and the cache has no such model. The hub: ${error.message}`, error);
  throw error;
}

/** What the cache has of a model: a path where it can be run, and a file that is missing, or may be. */
interface Cached {
  readonly path?: string | undefined;
  readonly missing?: string | undefined;
}

function inCache(host: Host, settings: HubSettings, name: ModelName, part: ModelPart): Cached {
  const commit = cachedCommit(host, settings, name);
  if (commit === undefined || cachedPaths(host, settings, name, commit).length === 0) return {};
  const file = (path: string) => cachedFile(host, settings, name, commit, path);
  if (name.file !== undefined) return file(name.file) ? { path: file(name.file) } : { missing: name.file };
  const folder = snapshotFolder(host, settings, name, commit);
  const paths = cachedPaths(host, settings, name, commit);
  const ggufs = ggufOf(paths, name.variant ?? "");
  const only = ggufs.length === 1 ? file(ggufs[0]!) : undefined;
  if (name.variant !== undefined) return only ? { path: only } : { missing: `a .gguf file of ${name.variant}` };
  const unknown = (path: string) => !file(path) && !isKnownMissing(host, settings, name, commit, path);
  if (part === "config" && file("config.json")) return { path: folder };
  if (part === "tokenizer" && file("tokenizer.json")) {
    const missing = unknown("tokenizer_config.json") ? "tokenizer_config.json" : undefined;
    return { path: folder, missing };
  }
  const missing = missingWeights(host, file);
  if (missing === undefined && file("config.json"))
    return { path: folder, missing: unknown("tokenizer.json") ? "tokenizer.json" : undefined };
  // A GGUF file is the model where there are no other weights, as far as is known.
  if (only && !file(SINGLE) && !file(INDEX) && !unknown(SINGLE) && !unknown(INDEX)) return { path: only };
  return { missing: missing ?? "config.json" };
}

/** The first file of the weights that is not there. Every file is looked at, which also checks where its link leads. */
function missingWeights(host: Host, file: (path: string) => string | undefined): string | undefined {
  if (file(SINGLE)) return undefined;
  const index = file(INDEX);
  if (!index) return SINGLE;
  return [...new Set(readShardMap(host, index).values())].find((shard) => !file(shard));
}
