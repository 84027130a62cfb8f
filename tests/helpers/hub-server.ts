/** A server on this machine that speaks the hub's API, with a second one beside it as its store of large files. */
import { createHash } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

/** Files of a repository by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A request that came, on the hub itself or on its store. */
export interface Came {
  readonly at: "hub" | "store";
  readonly method: string;
  readonly path: string;
  readonly token: string | undefined;
  readonly range: string | undefined;
}

/** What goes wrong with an answer. `cutAfter` and `extra` concern the bytes of a file, `body` replaces them. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly silent?: boolean;
  readonly cutAfter?: number;
  readonly extra?: number;
  readonly noRange?: boolean;
  /** Stops sending after so many bytes, and keeps the connection. */
  readonly hangAfter?: number;
}

/** The server as a test sees it. */
export interface HubServer {
  readonly url: string;
  readonly storeUrl: string;
  readonly came: Came[];
  /** Puts a commit on a branch of a repository (main where none is said), and gives its hash. */
  commit(repo: string, files: Files, branch?: string): string;
  /** What to change of an answer: asked for every request. */
  fault: (request: Came) => Fault | undefined;
  /** Rows of a listing to a page. */
  pageSize: number;
  /** Changes a listing before it is sent. */
  listing: (rows: object[]) => unknown;
  /** Tokens that may read and write; without any all may. */
  readonly tokens: string[];
  /** What searches find. */
  found: object[];
  /** What was uploaded: repositories made, files by path. */
  readonly made: { readonly body: unknown }[];
  readonly uploaded: Map<string, Uint8Array>;
  close(): Promise<void>;
}

interface Stored {
  readonly bytes: Buffer;
  readonly lfs: boolean;
  readonly sha1: string;
  readonly sha256: string;
}

const sha = (algorithm: string, ...pieces: (string | Uint8Array)[]) => {
  const hash = createHash(algorithm);
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};

/** Git's name of a blob. */
export const gitHash = (bytes: Uint8Array): string => sha("sha1", `blob ${bytes.length}\0`, bytes);

const isLarge = (path: string) => /\.(safetensors|gguf|bin)$/.test(path);

function stored(path: string, content: string | Uint8Array): Stored {
  const bytes = Buffer.from(content);
  return { bytes, lfs: isLarge(path), sha1: gitHash(bytes), sha256: sha("sha256", bytes) };
}

/** Starts a hub. Repositories are named as in its addresses: "org/name", "datasets/org/name". */
export async function startHub(): Promise<HubServer> {
  /** Files by repository and commit, and commits by repository and branch. */
  const commits = new Map<string, Map<string, Stored>>();
  const heads = new Map<string, string>();
  const came: Came[] = [];
  const stores = new Map<string, Buffer>();
  const hub = http.createServer((request, response) => void serve("hub", request, response));
  const store = http.createServer((request, response) => void serve("store", request, response));
  const urls = await Promise.all([listening(hub), listening(store)]);
  const server: HubServer = {
    url: urls[0],
    storeUrl: urls[1],
    came,
    fault: () => undefined,
    pageSize: 1000,
    listing: (rows) => rows,
    tokens: [],
    found: [],
    made: [],
    uploaded: new Map(),
    commit(repo, files, branch = "main") {
      const all = new Map(Object.entries(files).map(([path, content]) => [path, stored(path, content)]));
      const commit = sha("sha1", repo, ...[...all].flatMap(([path, { sha1 }]) => [path, sha1]));
      commits.set(`${repo}@${commit}`, all);
      heads.set(`${repo}@${branch}`, commit);
      for (const { sha256, bytes } of all.values()) stores.set(sha256, bytes);
      return commit;
    },
    async close() {
      for (const each of [hub, store]) {
        each.closeAllConnections();
        await new Promise((resolve) => each.close(resolve));
      }
    },
  };

  async function serve(at: Came["at"], request: http.IncomingMessage, response: http.ServerResponse) {
    const { method = "GET", url = "/" } = request;
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1];
    const item: Came = { at, method, path: decodeURIComponent(url), token, range: request.headers.range };
    came.push(item);
    const fault = server.fault(item) ?? {};
    const body = await bodyOf(request);
    if (fault.silent) return;
    if (fault.status !== undefined) return send(response, fault.status, fault.headers ?? {}, fault.body ?? "");
    if (at === "store") return serveStore(item, body, response, fault);
    if (server.tokens.length > 0 && !server.tokens.includes(token ?? ""))
      return send(response, 401, { "x-error-code": "RepoNotFound" }, { error: "Invalid username or password." });
    serveHub(new URL(url, server.url), item, body, response, fault);
  }

  function serveStore({ path, method, range }: Came, body: Buffer, response: http.ServerResponse, fault: Fault) {
    const hash = path.split("/").pop()!;
    if (method === "PUT") {
      stores.set(hash, body);
      return send(response, 200, { etag: `"${hash}"` }, "");
    }
    const bytes = stores.get(hash);
    if (!bytes) return send(response, 404, {}, "");
    return sendFile(response, bytes, range, method, fault, {});
  }

  function serveHub(url: URL, item: Came, body: Buffer, response: http.ServerResponse, fault: Fault) {
    const path = decodeURIComponent(url.pathname);
    const api = /^\/api\/(models|datasets|spaces)\/(.+?)\/(revision|tree|preupload|commit)\/(.+)$/.exec(path);
    if (api) {
      const [, type = "", id = "", action, rest = ""] = api;
      const repo = type === "models" ? id : `${type}/${id}`;
      if (action === "preupload") return preupload(body, response);
      if (action === "commit") return takeCommit(repo, body, response);
      const commit = heads.get(`${repo}@${rest}`) ?? rest;
      const files = commits.get(`${repo}@${commit}`);
      if (!files)
        return notFound(response, [...heads.keys()].some((key) => key.startsWith(`${repo}@`)) ? "Revision" : "Repo");
      if (action === "revision")
        return send(
          response,
          200,
          {},
          { id, sha: commit, siblings: [...files.keys()].map((rfilename) => ({ rfilename })) },
        );
      return sendTree(url, files, response);
    }
    if (/^\/api\/(models|datasets|spaces)$/.test(path)) return send(response, 200, {}, server.found);
    if (path === "/api/repos/create") {
      server.made.push({ body: JSON.parse(body.toString()) });
      return send(response, 200, {}, { url: `${server.url}/made`, id: "made" });
    }
    if (path.endsWith(".git/info/lfs/objects/batch")) return lfsBatch(body, response);
    const file = /^\/(.+?)\/resolve\/([^/]+|refs\/[^/]+\/[^/]+)\/(.+)$/.exec(path);
    if (!file) return send(response, 404, {}, "");
    return resolve(file[1]!, file[2]!, file[3]!, item, response, fault);
  }

  function sendTree(url: URL, files: ReadonlyMap<string, Stored>, response: http.ServerResponse) {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const rows = [...files].map(([path, { bytes, lfs, sha1, sha256 }]) => ({
      type: "file",
      path,
      size: bytes.length,
      oid: sha1,
      ...(lfs && { lfs: { oid: sha256, size: bytes.length, pointerSize: 134 } }),
    }));
    const folders = [...new Set(rows.flatMap(({ path }) => (path.includes("/") ? [path.split("/")[0]!] : [])))];
    const all = [...folders.map((path) => ({ type: "directory", path, size: 0, oid: "0".repeat(40) })), ...rows];
    const more = from + server.pageSize < all.length;
    url.searchParams.set("cursor", String(from + server.pageSize));
    const link: Record<string, string> = more ? { link: `<${url.href}>; rel="next"` } : {};
    send(response, 200, link, server.listing(all.slice(from, from + server.pageSize)));
  }

  function resolve(
    repo: string,
    revision: string,
    path: string,
    item: Came,
    response: http.ServerResponse,
    fault: Fault,
  ) {
    const commit = heads.get(`${repo}@${revision}`) ?? revision;
    const found = commits.get(`${repo}@${commit}`)?.get(path);
    if (!found) return notFound(response, "Entry");
    const { bytes, lfs, sha1, sha256 } = found;
    const known = { "x-repo-commit": commit };
    if (!lfs) return sendFile(response, bytes, item.range, item.method, fault, { ...known, etag: `"${sha1}"` });
    const linked = { "x-linked-etag": `"${sha256}"`, "x-linked-size": String(bytes.length) };
    send(response, 302, { ...known, ...linked, location: `${server.storeUrl}/${sha256}` }, "");
  }

  function preupload(body: Buffer, response: http.ServerResponse) {
    const { files } = JSON.parse(body.toString()) as { files: { path: string }[] };
    const modes = files.map(({ path }) => ({ path, uploadMode: isLarge(path) ? "lfs" : "regular" }));
    send(response, 200, {}, { files: modes });
  }

  function lfsBatch(body: Buffer, response: http.ServerResponse) {
    const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
    const answers = objects.map(({ oid, size }) => ({
      oid,
      size,
      ...(!stores.has(oid) && { actions: { upload: { href: `${server.storeUrl}/${oid}` } } }),
    }));
    send(response, 200, {}, { transfer: "basic", objects: answers });
  }

  function takeCommit(repo: string, body: Buffer, response: http.ServerResponse) {
    const rows = body
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line) as { key: string; value: Record<string, string> });
    for (const { key, value } of rows) {
      if (key === "file")
        server.uploaded.set(value.path!, Buffer.from(value.content!, value.encoding as BufferEncoding));
      if (key === "lfsFile") server.uploaded.set(value.path!, stores.get(value.oid!)!);
    }
    const oid = server.commit(repo, Object.fromEntries(server.uploaded));
    send(response, 200, {}, { commitOid: oid, commitUrl: `${server.url}/${repo}/commit/${oid}` });
  }

  return server;
}

function notFound(response: http.ServerResponse, what: "Repo" | "Revision" | "Entry"): void {
  const status = what === "Repo" ? 401 : 404;
  send(response, status, { "x-error-code": `${what}NotFound` }, { error: `${what} not found` });
}

function send(
  response: http.ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): void {
  const bytes = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const type = bytes === body ? {} : { "content-type": "application/json" };
  response.writeHead(status, { ...type, ...headers });
  response.end(bytes);
}

function sendFile(
  response: http.ServerResponse,
  bytes: Buffer,
  range: string | undefined,
  method: string,
  fault: Fault,
  headers: Readonly<Record<string, string>>,
): void {
  const from = fault.noRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  const whole = fault.body === undefined ? bytes : Buffer.from(fault.body);
  const content = Buffer.concat([whole.subarray(from), Buffer.alloc(fault.extra ?? 0, 7)]);
  response.writeHead(from > 0 ? 206 : 200, {
    "accept-ranges": "bytes",
    "content-length": String(content.length),
    ...(from > 0 && { "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` }),
    ...headers,
    ...fault.headers,
  });
  const stop = fault.cutAfter ?? fault.hangAfter;
  if (method === "HEAD") response.end();
  else if (stop === undefined || stop >= content.length) response.end(content);
  else
    response.write(content.subarray(0, stop), () => {
      // The bytes are on their way before the connection goes.
      if (fault.cutAfter !== undefined) setTimeout(() => response.destroy(), 20);
    });
}

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function listening(server: http.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
