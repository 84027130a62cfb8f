/** What the cache holds, and how it is removed again. Knows no network. */
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { type GivenOptions, readOptions } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import { takeLock } from "../weights/lock.ts";
import { cachedCommit, cachedPaths, repoFolder, snapshotFolder } from "./cache.ts";
import { folderName, isCommit, type Repo, type RepoAt, type RepoType, readRepo, repoOfFolder } from "./id.ts";
import { RM_OPTIONS } from "./options.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/** A commit of a cached repository. */
export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that were last seen at it. */
  readonly refs: readonly string[];
  readonly files: number;
  readonly path: string;
}

/** A repository in the cache. */
export interface CachedRepo {
  readonly id: string;
  readonly type: RepoType;
  /** On the disk, each blob once; parts of files that are still to come included. */
  readonly bytes: number;
  readonly path: string;
  readonly revisions: readonly CachedRevision[];
}

/** What {@link removeCached} did. */
export interface Removed {
  readonly id: string;
  readonly type: RepoType;
  readonly commits: readonly string[];
  readonly freedBytes: number;
}

/** Every repository of the cache, by id. What is in its folder and is none is passed over. */
export function listCached(host: Host): CachedRepo[] {
  const settings = hubSettings(host);
  if (host.kindOf(settings.cache) !== "folder") return [];
  const repos = host.listFolder(settings.cache).flatMap((name) => repoOfFolder(name) ?? []);
  const found = repos.filter((repo) => host.kindOf(repoFolder(host, settings, repo)) === "folder");
  return found.map((repo) => contentsOf(host, settings, repo)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function contentsOf(host: Host, settings: HubSettings, repo: Repo): CachedRepo {
  const path = repoFolder(host, settings, repo);
  const refs = refsOf(host, path);
  const commits = foldersIn(host, host.join(path, "snapshots")).filter(isCommit);
  const revisions = commits.map((commit) => ({
    commit,
    refs: [...refs].filter(([, at]) => at === commit).map(([ref]) => ref),
    files: cachedPaths(host, settings, repo, commit).length,
    path: snapshotFolder(host, settings, repo, commit),
  }));
  const bytes = [...realFiles(host, settings, repo)].reduce((sum, file) => sum + host.fileSize(file), 0);
  return { ...repo, bytes, path, revisions };
}

function foldersIn(host: Host, folder: string): string[] {
  if (host.kindOf(folder) !== "folder") return [];
  return host.listFolder(folder).filter((name) => host.kindOf(host.join(folder, name)) === "folder");
}

/** Branches and tags with the commits they were last seen at. */
function refsOf(host: Host, path: string): Map<string, string> {
  const refs = new Map<string, string>();
  const walk = (folder: string, prefix: string) => {
    if (host.kindOf(folder) !== "folder") return;
    for (const name of host.listFolder(folder)) {
      const file = host.join(folder, name);
      if (host.kindOf(file) === "folder") walk(file, `${prefix}${name}/`);
      else if (host.kindOf(file) === "file" && host.fileSize(file) < 100)
        refs.set(prefix + name, host.readText(file).trim());
    }
  };
  walk(host.join(path, "refs"), "");
  return refs;
}

/** The files that a repository takes on the disk, each once: blobs, parts of them, and snapshots that hold files. */
function realFiles(host: Host, settings: HubSettings, repo: Repo): Set<string> {
  const path = repoFolder(host, settings, repo);
  const files = new Set<string>();
  const blobs = host.join(path, "blobs");
  const add = (file: string) => {
    if (host.kindOf(file) === "file") files.add(host.realPath(file));
  };
  if (host.kindOf(blobs) === "folder") for (const name of host.listFolder(blobs)) add(host.join(blobs, name));
  for (const commit of foldersIn(host, host.join(path, "snapshots")))
    for (const name of cachedPaths(host, settings, repo, commit))
      add(host.join(path, "snapshots", commit, ...name.split("/")));
  return files;
}

/**
 * Removes a repository from the cache, or of `ORG/NAME@REVISION` that commit and the blobs that no other commit uses.
 * Throws NOT_FOUND, and LOCKED where something of it is being fetched.
 */
export function removeCached(host: Host, id: string, given: GivenOptions<typeof RM_OPTIONS> = {}): Removed {
  const { type } = readOptions(RM_OPTIONS, given);
  const settings = hubSettings(host);
  const repo = readRepo(id, type);
  const path = repoFolder(host, settings, repo);
  if (host.kindOf(path) !== "folder") notCached(host, settings, repo);
  checkIdle(host, settings, repo);
  const before = contentsOf(host, settings, repo);
  const whole = !id.includes("@");
  const commits = before.revisions.map(({ commit }) => commit);
  if (whole) {
    host.remove(path);
    host.remove(host.join(settings.cache, ".locks", folderName(repo)));
    return { id: repo.id, type, commits, freedBytes: before.bytes };
  }
  const commit = cachedCommit(host, settings, repo);
  if (commit === undefined || !commits.includes(commit))
    return fail("NOT_FOUND", `${id}: is not in the cache, which has ${revisionsText(before)}`);
  removeCommit(host, settings, repo, commit);
  return { id: repo.id, type, commits: [commit], freedBytes: before.bytes - contentsOf(host, settings, repo).bytes };
}

const revisionsText = ({ revisions }: CachedRepo) =>
  revisions.map(({ commit, refs }) => [commit.slice(0, 12), ...refs].join(" ")).join(", ") || "no commit of it";

function notCached(host: Host, settings: HubSettings, { id, type }: RepoAt): never {
  const others = listCached(host).filter((repo) => repo.type === type);
  const meant = nearest(
    id,
    others.map((repo) => repo.id),
  );
  return fail(
    "NOT_FOUND",
    `${id}: is no ${type} in the cache ${settings.cache}. ${meant ? `Did you mean ${meant}?` : "Try ownlm list"}`,
  );
}

/** Throws LOCKED while a process fetches a blob of the repository. */
function checkIdle(host: Host, settings: HubSettings, repo: Repo): void {
  const folder = host.join(settings.cache, ".locks", folderName(repo));
  if (host.kindOf(folder) !== "folder") return;
  for (const name of host.listFolder(folder).filter((each) => each.endsWith(".ownlm"))) {
    const taken = takeLock(host, host.join(folder, name));
    if (typeof taken === "number") fail("LOCKED", `${repo.id}: process ${taken} is fetching it. Wait for it to end.`);
    taken[Symbol.dispose]();
  }
}

function removeCommit(host: Host, settings: HubSettings, repo: Repo, commit: string): void {
  const path = repoFolder(host, settings, repo);
  const others = foldersIn(host, host.join(path, "snapshots")).filter((each) => each !== commit);
  const used = new Set(
    others.flatMap((each) =>
      cachedPaths(host, settings, repo, each).map((name) =>
        host.realPath(host.join(path, "snapshots", each, ...name.split("/"))),
      ),
    ),
  );
  for (const [ref, at] of refsOf(host, path))
    if (at === commit) host.remove(host.join(path, "refs", ...ref.split("/")));
  host.remove(snapshotFolder(host, settings, repo, commit));
  host.remove(host.join(path, ".no_exist", commit));
  host.remove(host.join(path, "trees", `${commit}.json`));
  const blobs = host.join(path, "blobs");
  if (host.kindOf(blobs) !== "folder") return;
  for (const name of host.listFolder(blobs)) {
    const blob = host.join(blobs, name);
    if (host.kindOf(blob) !== "file" || !used.has(host.realPath(blob))) host.remove(blob);
  }
}
