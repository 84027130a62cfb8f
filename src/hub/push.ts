/** Puts a finished model folder on the hub, with its card. Sends a model's files and nothing else of the folder. */
import { fail } from "../base/errors.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { finishPublishing, openWeights } from "../weights/folder.ts";
import { writeText } from "../weights/safetensors.ts";
import { modelCard } from "./card.ts";
import { commitFiles, createRepository } from "./client.ts";
import { isPickle, readRepo } from "./id.ts";
import { PUSH_OPTIONS } from "./options.ts";
import { createRequests } from "./requests.ts";
import { hubSettings } from "./settings.ts";

/** How far a push is. A file's bytes count when the hub has them. */
export interface PushProgress {
  readonly event: "progress";
  readonly id: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneFiles: number;
  readonly files: number;
}

/** Who hears of a push, and who may stop it. */
export interface PushHooks {
  readonly onProgress?: (progress: PushProgress) => void;
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** What a push gives. */
export interface Pushed {
  readonly id: string;
  readonly url: string;
  readonly commit: string;
  /** True where the repository is new. */
  readonly created: boolean;
  readonly files: readonly string[];
  readonly bytes: number;
  /** The card that was written into the folder, where it had none. */
  readonly card?: string;
}

const CARD = "README.md";

/** What belongs to a model: a training run's checkpoints, settings and logs do not. */
const BELONGS =
  /^(README\.md|(LICEN[CS]E|NOTICE)[\w.-]*|config\.json|generation_config\.json|tokenizer[\w.-]*|vocab[\w.-]*|merges\.txt|special_tokens_map\.json|added_tokens\.json|chat_template[\w.-]*|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json|.*\.gguf)$/i;

/**
 * Uploads a folder in Hugging Face's layout as one commit to `ORG/NAME`, which is made where there is none. A folder
 * without a README.md is given one. Throws NOT_FOUND and BAD_WEIGHTS for a folder that is no finished model,
 * UNSUPPORTED for pickled weights, DENIED without a token that may write, NETWORK, BAD_HUB, OFFLINE, ABORTED.
 */
export async function push(
  host: Host,
  folder: string,
  id: string,
  given: GivenOptions<typeof PUSH_OPTIONS> = {},
  { onProgress, onWarning, signal }: PushHooks = {},
): Promise<Pushed> {
  const options = readOptions(PUSH_OPTIONS, given);
  const { revision, ...repo } = readRepo(id, "model");
  if (id.includes("@")) fail("USAGE", `${id}: got a revision, ${revision}. Say it with --branch`);
  if (!repo.id.includes("/")) fail("USAGE", `${id}: expected ORG/NAME, with your own name or an organisation's`);
  checkFolder(host, folder);
  const settings = hubSettings(host);
  if (!settings.token)
    fail("DENIED", "push: no token. Make one that may write in the hub's settings, and set HF_TOKEN.");
  const card = writeCard(host, folder, id);
  const names = host.listFolder(folder).filter((name) => BELONGS.test(name));
  const paths = names.map((name) => ({ path: name, file: host.join(folder, name) }));
  const files = await Promise.all(paths.map(async ({ path, file }) => ({ path, content: await host.blobOf(file) })));
  const bytes = files.reduce((sum, { content }) => sum + content.size, 0);
  const requests = createRequests(host, settings, { signal, ...(onWarning && { onWarning }) });
  const upload = { repo, branch: options.branch, private: options.private || undefined, title: options.message, files };
  const tell = sentCounter(id, files, onProgress);
  tell();
  const created = await createRepository(settings, requests, upload);
  const commit = await commitFiles(settings, requests, upload, tell, signal);
  // The client tells of large files as they go; the small ones came with the commit.
  for (const { path } of files) tell(path, 1);
  const url = `${settings.endpoint}/${id}`;
  return { id, url, commit, created, files: names, bytes, ...(card !== undefined && { card }) };
}

/** Throws where the folder is no finished model. */
function checkFolder(host: Host, folder: string): void {
  if (host.kindOf(folder) !== "folder") fail("NOT_FOUND", `${folder}: there is no such folder`);
  finishPublishing(host, folder);
  if (host.kindOf(host.join(folder, "config.json")) !== "file")
    fail("NOT_FOUND", `${folder}: no config.json, expected a finished model in Hugging Face's layout`);
  openWeights(host, folder);
  const pickled = host.listFolder(folder).find((name) => isPickle({ type: "model" }, name));
  if (pickled !== undefined)
    fail("UNSUPPORTED", `${host.join(folder, pickled)}: pickled Python is not uploaded. Remove it from the folder.`);
}

function writeCard(host: Host, folder: string, id: string): string | undefined {
  const file = host.join(folder, CARD);
  if (host.kindOf(file) !== undefined) return undefined;
  writeText(host, file, modelCard(host, folder, id));
  return file;
}

type Sent = (path?: string, share?: number) => void;

function sentCounter(
  id: string,
  files: readonly { readonly path: string; readonly content: Blob }[],
  onProgress: PushHooks["onProgress"],
): Sent {
  const shares = new Map<string, number>();
  const totalBytes = files.reduce((sum, { content }) => sum + content.size, 0);
  return (path, share = 0) => {
    if (path !== undefined) shares.set(path, Math.max(shares.get(path) ?? 0, share));
    const doneBytes = files.reduce(
      (sum, file) => sum + Math.floor(file.content.size * (shares.get(file.path) ?? 0)),
      0,
    );
    const doneFiles = files.filter((file) => shares.get(file.path) === 1).length;
    onProgress?.({ event: "progress", id, doneBytes, totalBytes, doneFiles, files: files.length });
  };
}
