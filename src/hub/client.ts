/** The hub's API through Hugging Face's own client, over our requests; every answer is checked here. Knows no cache. */
import type { CommitFile } from "@huggingface/hub";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { isCommit, type Repo, type RepoAt, type RepoType } from "./id.ts";
import type { Requests } from "./requests.ts";
import type { HubSettings } from "./settings.ts";

/** A file of a repository. */
export interface RepoFile {
  readonly path: string;
  readonly bytes: number;
  /** The name of its blob: what its content hashes to. */
  readonly hash: string;
  /** SHA-256 of the content, or SHA-1 as git takes it of small files. */
  readonly algorithm: "sha256" | "git-sha1";
}

/** What {@link searchHub} finds. */
export interface Found {
  readonly id: string;
  readonly type: RepoType;
  readonly downloads?: number;
  readonly likes?: number;
  /** As the hub files it: "text-generation". */
  readonly task?: string;
  readonly updated?: string;
  readonly gated?: boolean;
  readonly parameters?: number;
  /** `model_type` of its config.json. */
  readonly modelType?: string;
}

/** How {@link searchHub} looks. */
export interface Search {
  readonly type: RepoType;
  readonly query?: string;
  readonly author?: string;
  readonly tag: readonly string[];
  readonly sort: "trending" | "downloads" | "likes" | "created" | "modified";
  readonly limit: number;
}

/** Files of one repository at most, pages of a listing at most. */
const MOST_FILES = 200_000;
const MOST_PAGES = 2000;

/** Calls into the client, whose own errors are about answers that it does not understand. */
async function calling<R>(work: (client: typeof import("@huggingface/hub")) => Promise<R>): Promise<R> {
  const client = await import("@huggingface/hub");
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof OwnlmError) throw error;
    return fail("BAD_HUB", `the hub: its answer is not understood: ${messageOf(error)}`, error);
  }
}

/** The commit that a revision is at. Throws NOT_FOUND, DENIED or NETWORK. */
export async function commitOf(
  { endpoint }: HubSettings,
  requests: Requests,
  { type, id, revision }: RepoAt,
): Promise<string> {
  const url = `${endpoint}/api/${type}s/${id}/revision/${encodeURIComponent(revision)}`;
  const answer = await requests.fetch(url, { headers: { accept: "application/json" } });
  const info: unknown = await jsonOf(answer, id);
  const sha = (info as { sha?: unknown } | null)?.sha;
  if (typeof sha === "string" && isCommit(sha)) return sha;
  return fail(
    "BAD_HUB",
    `${id}@${revision}: the hub gives the commit ${showJson(sha)}, expected 40 hexadecimal digits`,
  );
}

async function jsonOf(answer: Response, where: string): Promise<unknown> {
  try {
    return await answer.json();
  } catch (error) {
    return fail("BAD_HUB", `${where}: the hub's answer is no JSON: ${messageOf(error)}`, error);
  }
}

/** Every file of a repository at a commit, by its path. Names are as the server gives them: check before using one. */
export async function filesAt(
  { endpoint }: HubSettings,
  requests: Requests,
  { type, id, revision }: RepoAt,
): Promise<Map<string, RepoFile>> {
  let pages = 0;
  const fetchPage: typeof fetch = (...request) => {
    if (++pages > MOST_PAGES) fail("BAD_HUB", `${id}: the list of its files has more than ${MOST_PAGES} pages`);
    return requests.fetch(...request);
  };
  return calling(async ({ listFiles }) => {
    const files = new Map<string, RepoFile>();
    const listing = listFiles({
      repo: { type, name: id },
      revision,
      recursive: true,
      hubUrl: endpoint,
      fetch: fetchPage,
    });
    for await (const entry of listing) {
      if (entry.type !== "file") continue;
      const file = readEntry(entry, id);
      if (files.has(file.path)) fail("BAD_HUB", `${id}: the hub lists ${showJson(file.path)} twice`);
      files.set(file.path, file);
      if (files.size > MOST_FILES) fail("BAD_HUB", `${id}: has more than ${MOST_FILES} files`);
    }
    return files;
  });
}

/** One row of a listing: `lfs` where the file is not in git itself. */
function readEntry(entry: { path?: unknown; size?: unknown; oid?: unknown; lfs?: unknown }, id: string): RepoFile {
  const { path, lfs } = entry;
  if (typeof path !== "string") return fail("BAD_HUB", `${id}: the hub lists a file named ${showJson(path)}`);
  const { oid, size } = (lfs ?? entry) as { oid?: unknown; size?: unknown };
  const algorithm = lfs ? "sha256" : "git-sha1";
  const digits = lfs ? 64 : 40;
  if (typeof oid !== "string" || oid.length !== digits || !/^[0-9a-f]+$/.test(oid))
    return fail("BAD_HUB", `${id}: ${path}: got the hash ${showJson(oid)}, expected ${digits} hexadecimal digits`);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    return fail("BAD_HUB", `${id}: ${path}: got a size of ${showJson(size)}`);
  return { path, bytes: size as number, hash: oid, algorithm };
}

const SORTS = {
  trending: "trendingScore",
  downloads: "downloads",
  likes: "likes",
  created: "createdAt",
  modified: "lastModified",
} as const;

/** Looks for repositories. Throws NETWORK, DENIED or BAD_HUB. */
export async function searchHub({ endpoint }: HubSettings, requests: Requests, search: Search): Promise<Found[]> {
  const { type, query, author, tag, limit } = search;
  const how = { hubUrl: endpoint, fetch: requests.fetch, limit, sort: SORTS[search.sort] };
  const asked = { tags: [...tag], ...(query && { query }), ...(author && { owner: author }) };
  return calling(async ({ listModels, listDatasets, listSpaces }) => {
    const listing =
      type === "model"
        ? listModels({ ...how, search: asked, additionalFields: ["safetensors", "config"] })
        : type === "dataset"
          ? listDatasets({ ...how, search: asked })
          : listSpaces({ ...how, search: asked });
    const found: Found[] = [];
    for await (const entry of listing) found.push(readFound(entry as unknown as Record<string, unknown>, type));
    return found;
  });
}

/** What is of another type than it should be is left out: only the name is needed. */
function readFound(entry: Record<string, unknown>, type: RepoType): Found {
  const { name, downloads, likes, task, gated, updatedAt } = entry;
  if (typeof name !== "string") fail("BAD_HUB", `the hub: found one named ${showJson(name)}`);
  const parameters = (entry.safetensors as { total?: unknown } | undefined)?.total;
  const modelType = (entry.config as { model_type?: unknown } | undefined)?.model_type;
  const isTime = updatedAt instanceof Date && !Number.isNaN(updatedAt.getTime());
  return {
    id: name as string,
    type,
    ...(typeof downloads === "number" && { downloads }),
    ...(typeof likes === "number" && { likes }),
    ...(typeof task === "string" && { task }),
    ...(isTime && { updated: updatedAt.toISOString() }),
    ...(gated !== undefined && { gated: Boolean(gated) }),
    ...(typeof parameters === "number" && { parameters }),
    ...(typeof modelType === "string" && { modelType }),
  };
}

/** What is put on the hub, and how. */
export interface Upload {
  readonly repo: Repo;
  readonly branch: string;
  readonly private: boolean | undefined;
  readonly title: string;
  readonly files: readonly { readonly path: string; readonly content: Blob }[];
}

/** Makes a repository; false where there is one already. Needs a token. */
export function createRepository(
  { endpoint, token }: HubSettings,
  requests: Requests,
  { repo, private: isPrivate }: Upload,
): Promise<boolean> {
  return calling(async ({ createRepo }) => {
    try {
      await createRepo({
        repo: { type: repo.type, name: repo.id },
        hubUrl: endpoint,
        fetch: requests.fetch,
        accessToken: token!,
        ...(isPrivate !== undefined && { visibility: isPrivate ? "private" : "public" }),
      });
      return true;
    } catch (error) {
      if (error instanceof OwnlmError && error.code === "EXISTS") return false;
      throw error;
    }
  });
}

/** Sends files as one commit, the large ones first; `onSent` hears of each file's share. Gives the commit. */
export function commitFiles(
  { endpoint, token }: HubSettings,
  requests: Requests,
  { repo, branch, title, files }: Upload,
  onSent: (path: string, share: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  return calling(async ({ commitIter }) => {
    const operations = files.map(({ path, content }): CommitFile => ({ operation: "addOrUpdate", path, content }));
    const steps = commitIter({
      repo: { type: repo.type, name: repo.id },
      branch,
      title,
      operations,
      hubUrl: endpoint,
      fetch: requests.fetch,
      accessToken: token!,
      ...(signal && { abortSignal: signal }),
    });
    for (;;) {
      const { value, done } = await steps.next();
      if (done) return value?.commit.oid ?? fail("BAD_HUB", `${repo.id}: the hub names no commit`);
      if (value.event === "fileProgress" && value.state === "uploading") onSent(value.path, value.progress);
    }
  });
}
