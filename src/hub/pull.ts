/** Brings a repository, or what a model needs of it, into the cache. Knows what is missing, and fetches that. */
import { fail } from "../base/errors.ts";
import { formatBytes } from "../base/format.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { readShardMap } from "../weights/folder.ts";
import { cachedFile, markMissing, placeBlob, repoFolder, snapshotFolder, writeRef } from "./cache.ts";
import { commitOf, filesAt, type RepoFile } from "./client.ts";
import { fetchBlob } from "./download.ts";
import { isCommit, type ModelName, type RepoAt, readRepo } from "./id.ts";
import { PULL_OPTIONS } from "./options.ts";
import { createRequests, type Requests } from "./requests.ts";
import {
  BESIDE,
  checkNames,
  chosenFiles,
  INDEX,
  type ModelPart,
  modelFiles,
  SINGLE,
  TOKENIZER_FILES,
} from "./selection.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/** How far a pull is. Bytes are those of all files wanted; what was in the cache counts as done from the start. */
export interface PullProgress {
  readonly event: "progress";
  readonly id: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Bytes that came over the network, those of parts that were thrown away too. */
  readonly receivedBytes: number;
  readonly doneFiles: number;
  readonly files: number;
}

/** Who hears of a pull, and who may stop it. */
export interface PullHooks {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** What a pull gives. */
export interface Pulled {
  readonly id: string;
  readonly type: RepoAt["type"];
  readonly revision: string;
  readonly commit: string;
  /** The folder with the files by their names. */
  readonly path: string;
  readonly files: readonly string[];
  readonly bytes: number;
  readonly receivedBytes: number;
}

/** Files that are fetched at once. */
const LANES = 4;

/** One pull: where to, and what for. */
interface Pull extends PullHooks {
  readonly host: Host;
  readonly settings: HubSettings;
  readonly requests: Requests;
  readonly repo: RepoAt;
  /** What `repo.revision` is at. */
  readonly commit: string;
}

/**
 * Fetches `ORG/NAME[@REVISION]`, all of its files or those that patterns choose, but no pickled ones. Throws USAGE,
 * NOT_FOUND, DENIED, OFFLINE, NETWORK, BAD_HUB (what came is not what was promised), UNSUPPORTED, DISK, ABORTED.
 */
export async function pull(
  host: Host,
  id: string,
  given: GivenOptions<typeof PULL_OPTIONS> = {},
  hooks: PullHooks = {},
): Promise<Pulled> {
  const { type, include, exclude } = readOptions(PULL_OPTIONS, given);
  const { begun, files } = await begin(host, readRepo(id, type), hooks);
  const chosen = chosenFiles(begun.repo, files, { include, exclude }, hooks.onWarning ?? (() => {}));
  const pulled = await fetchAll(begun, chosen);
  writeRef(host, begun.settings, begun.repo, begun.commit);
  return pulled;
}

/** Fetches what running a model takes, or what reading its tokenizer or its config takes. Throws what {@link pull} does. */
export async function pullModel(host: Host, name: ModelName, part: ModelPart, hooks: PullHooks = {}): Promise<Pulled> {
  const { begun, files } = await begin(host, name, hooks);
  const chosen = await neededFiles(begun, name, part, files);
  const pulled = await fetchAll(begun, chosen);
  // Last, so that a pull that is cut leaves the revision at what is there as a whole.
  writeRef(host, begun.settings, begun.repo, begun.commit);
  for (const path of [...BESIDE, SINGLE, INDEX])
    if (!files.has(path)) markMissing(host, begun.settings, name, begun.commit, path);
  return pulled;
}

async function neededFiles(
  begun: Pull,
  name: ModelName,
  part: ModelPart,
  files: ReadonlyMap<string, RepoFile>,
): Promise<RepoFile[]> {
  const plain = name.file === undefined && name.variant === undefined;
  if (part === "config" && plain && files.has("config.json")) return [files.get("config.json")!];
  if (part === "tokenizer" && plain && files.has("tokenizer.json"))
    return TOKENIZER_FILES.flatMap((path) => files.get(path) ?? []);
  return modelFiles(name, files, async (index) => {
    await fetchAll(begun, [index], { quiet: true });
    const { host, settings, repo, commit } = begun;
    return [...new Set(readShardMap(host, cachedFile(host, settings, repo, commit, index.path)!).values())];
  });
}

/** Asks what the revision is at and which files there are. */
async function begin(
  host: Host,
  repo: RepoAt,
  hooks: PullHooks,
): Promise<{ begun: Pull; files: Map<string, RepoFile> }> {
  const settings = hubSettings(host);
  const { signal, onWarning } = hooks;
  const requests = createRequests(host, settings, { signal, ...(onWarning && { onWarning }) });
  const commit = isCommit(repo.revision) ? repo.revision : await commitOf(settings, requests, repo);
  const files = await filesAt(settings, requests, { ...repo, revision: commit });
  return { begun: { ...hooks, host, settings, requests, repo, commit }, files };
}

/** Fetches files that are not there yet, several at once, and gives them their names. */
async function fetchAll(pull: Pull, files: readonly RepoFile[], { quiet = false } = {}): Promise<Pulled> {
  const { host, settings, repo, commit } = pull;
  checkNames(repo, files);
  const missing = files.filter(({ path }) => cachedFile(host, settings, repo, commit, path) === undefined);
  checkSpace(pull, missing);
  const count = counter(pull, files, missing, quiet);
  await inLanes(pull, missing, async (file, signal) => {
    await fetchBlob(host, settings, pull.requests, {
      repo: { ...repo, revision: commit },
      file,
      signal,
      onBytes: (bytes, received) => count.bytes(file, bytes, received),
      onWarning: pull.onWarning ?? (() => {}),
    });
    if (cachedFile(host, settings, repo, commit, file.path) === undefined)
      placeBlob(host, settings, repo, commit, file.path, file.hash);
    count.file();
  });
  return {
    id: repo.id,
    type: repo.type,
    revision: repo.revision,
    commit,
    path: snapshotFolder(host, settings, repo, commit),
    files: files.map(({ path }) => path),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    receivedBytes: count.received(),
  };
}

function counter({ repo, onProgress }: Pull, files: readonly RepoFile[], missing: readonly RepoFile[], quiet: boolean) {
  const sum = (list: readonly RepoFile[]) => list.reduce((total, { bytes }) => total + bytes, 0);
  const totalBytes = sum(files);
  const here = new Map<string, number>();
  let doneBytes = totalBytes - sum(missing);
  let doneFiles = files.length - missing.length;
  let receivedBytes = 0;
  const tell = () => {
    if (!quiet)
      onProgress?.({
        event: "progress",
        id: repo.id,
        doneBytes,
        totalBytes,
        receivedBytes,
        doneFiles,
        files: files.length,
      });
  };
  if (missing.length > 0) tell();
  return {
    bytes({ path }: RepoFile, bytes: number, received: number) {
      doneBytes += bytes - (here.get(path) ?? 0);
      here.set(path, bytes);
      receivedBytes += received;
      tell();
    },
    file() {
      doneFiles++;
      tell();
    },
    received: () => receivedBytes,
  };
}

/** Refuses what the disk has no room for, before it is full. */
function checkSpace({ host, settings, repo }: Pull, missing: readonly RepoFile[]): void {
  if (missing.length === 0) return;
  host.makeFolder(repoFolder(host, settings, repo));
  const needed = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = host.freeDiskBytes(settings.cache);
  if (needed > free)
    fail(
      "DISK",
      `${settings.cache}: ${repo.id} takes ${formatBytes(needed)}, and ${formatBytes(free)} are free. Remove something with ownlm rm, or set HF_HUB_CACHE to a larger disk.`,
    );
}

/** Runs the work on all files, {@link LANES} at once. The first error stops the others, and is thrown when they have. */
async function inLanes(
  { signal }: Pull,
  files: readonly RepoFile[],
  work: (file: RepoFile, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const waiting = [...files];
  const faults: unknown[] = [];
  const lane = async () => {
    for (let file = waiting.shift(); file && faults.length === 0; file = waiting.shift())
      try {
        await work(file, both);
      } catch (error) {
        faults.push(error);
        stop.abort();
      }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (faults.length > 0) throw faults[0];
}
