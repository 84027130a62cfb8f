/** The cache on disk in the layout of Python's huggingface_hub: refs, blobs, snapshots. Knows no network. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import { writeText } from "../weights/safetensors.ts";
import { folderName, isCommit, type Repo, type RepoAt, unsafePath } from "./id.ts";
import type { HubSettings } from "./settings.ts";

/** The place of a repository: `models--org--name` in the cache. */
export function repoFolder(host: Host, { cache }: Pick<HubSettings, "cache">, repo: Repo): string {
  return host.join(cache, folderName(repo));
}

/** The folder that holds the files of a commit by their names. */
export function snapshotFolder(host: Host, settings: HubSettings, repo: Repo, commit: string): string {
  return host.join(repoFolder(host, settings, repo), "snapshots", commit);
}

/** The commit that a revision was at when it was last taken; undefined where it never was. */
export function cachedCommit(host: Host, settings: HubSettings, repo: RepoAt): string | undefined {
  if (isCommit(repo.revision)) return repo.revision;
  const file = host.join(repoFolder(host, settings, repo), "refs", ...repo.revision.split("/"));
  if (host.kindOf(file) !== "file" || host.fileSize(file) > 100) return undefined;
  const commit = host.readText(file).trim();
  return isCommit(commit) ? commit : undefined;
}

/**
 * The path of a cached file, or undefined. Links lead within the repository's folder, or to the blobs that repositories
 * share; one that leads anywhere else, as somebody could have put there, is BAD_HUB.
 */
export function cachedFile(
  host: Host,
  settings: HubSettings,
  repo: Repo,
  commit: string,
  path: string,
): string | undefined {
  if (unsafePath(path) !== undefined) return undefined;
  const file = host.join(snapshotFolder(host, settings, repo, commit), ...path.split("/"));
  if (host.kindOf(file) !== "file") return undefined;
  const real = host.realPath(file);
  const homes = [repoFolder(host, settings, repo), host.join(settings.cache, "blobs")];
  const inside = homes.some((home) => host.kindOf(home) === "folder" && isBelow(host, real, host.realPath(home)));
  if (!inside) fail("BAD_HUB", `${file}: leads out of the cache, to ${real}. Remove it and pull again.`);
  return file;
}

const isBelow = (host: Host, path: string, folder: string) => path.startsWith(host.join(folder, "x").slice(0, -1));

/** Every file of a commit that is in the cache, by its path in the repository. */
export function cachedPaths(host: Host, settings: HubSettings, repo: Repo, commit: string): string[] {
  const found: string[] = [];
  const walk = (folder: string, prefix: string) => {
    for (const name of host.listFolder(folder)) {
      const path = host.join(folder, name);
      const kind = host.kindOf(path);
      if (kind === "folder") walk(path, `${prefix}${name}/`);
      else if (kind === "file") found.push(prefix + name);
    }
  };
  const root = snapshotFolder(host, settings, repo, commit);
  if (host.kindOf(root) === "folder") walk(root, "");
  return found;
}

/** True where it is known that a commit has no such file: by huggingface_hub's mark, or by a list of its files. */
export function isKnownMissing(host: Host, settings: HubSettings, repo: Repo, commit: string, path: string): boolean {
  const folder = repoFolder(host, settings, repo);
  if (host.kindOf(host.join(folder, ".no_exist", commit, ...path.split("/"))) === "file") return true;
  const listed = treePaths(host, host.join(folder, "trees", `${commit}.json`));
  return listed !== undefined && !listed.has(path);
}

/** The paths of a list that huggingface_hub keeps, where there is one that can be read. */
function treePaths(host: Host, file: string): ReadonlySet<string> | undefined {
  if (host.kindOf(file) !== "file" || host.fileSize(file) > 2 ** 28) return undefined;
  try {
    const { format_version, files } = JSON.parse(host.readText(file)) as { format_version?: unknown; files?: unknown };
    return format_version === 1 && typeof files === "object" && files ? new Set(Object.keys(files)) : undefined;
  } catch {
    return undefined;
  }
}

/** Marks that a commit has no file of a name, so that nobody asks again. Fails in silence: it only saves a question. */
export function markMissing(host: Host, settings: HubSettings, repo: Repo, commit: string, path: string): void {
  const folder = host.join(repoFolder(host, settings, repo), ".no_exist", commit);
  try {
    host.makeFolder(folder);
    host.createFile(host.join(folder, path)).finish(false);
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
  }
}

/** Where a blob is kept, under the name that its content hashes to. */
export function blobPath(host: Host, settings: HubSettings, repo: Repo, hash: string): string {
  return host.join(repoFolder(host, settings, repo), "blobs", hash);
}

/**
 * Gives a blob its name in a snapshot, by a link relative to it, so that a cache can be moved. Where there are no links
 * the blob itself goes there.
 */
export function placeBlob(
  host: Host,
  settings: HubSettings,
  repo: Repo,
  commit: string,
  path: string,
  hash: string,
): void {
  const parts = path.split("/");
  const file = host.join(snapshotFolder(host, settings, repo, commit), ...parts);
  const blob = blobPath(host, settings, repo, hash);
  host.makeFolder(host.join(file, ".."));
  const target = [...parts.map(() => ".."), "..", "blobs", hash].join("/");
  // A link that is made aside and renamed takes the place of a broken one at once.
  const aside = `${file}.${host.processId}.tmp`;
  host.remove(aside);
  if (settings.links && host.link(target, aside)) host.rename(aside, file);
  else host.rename(blob, file);
}

/** Writes down which commit a revision is at. Nothing is written where that is known already. */
export function writeRef(host: Host, settings: HubSettings, repo: RepoAt, commit: string): void {
  if (repo.revision === commit || cachedCommit(host, settings, repo) === commit) return;
  const file = host.join(repoFolder(host, settings, repo), "refs", ...repo.revision.split("/"));
  host.makeFolder(host.join(file, ".."));
  // Another process may write the same: each has a file of its own, and the last one stays.
  const aside = `${file}.${host.processId}`;
  writeText(host, aside, commit);
  host.rename(aside, file);
}
