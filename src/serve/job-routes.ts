/** Files and fine-tuning jobs as OpenAI's paths. Knows no router and no run. */
import { fail } from "../base/errors.ts";
import { readBody, readBytes } from "./body.ts";
import { refuse } from "./faults.ts";
import type { FileStore } from "./file-store.ts";
import type { JobStore } from "./job-store.ts";
import type { Jobs } from "./jobs.ts";

/** What the paths are about. */
export interface JobRoutes {
  readonly files: FileStore;
  readonly store: JobStore;
  readonly jobs: Jobs;
  readonly maxFileBytes: number;
  readonly maxBodyBytes: number;
}

/** What a multipart body may have besides the file itself. */
const AROUND_BYTES = 64 * 1024;

/** Answers a request for a path below /v1/files or /v1/fine_tuning. */
export async function answerJobs(request: Request, routes: JobRoutes): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, area, id, verb] = /^\/v1\/(files|fine_tuning\/jobs)(?:\/([\w-]+))?(?:\/(\w+))?\/?$/.exec(pathname) ?? [];
  if (area === undefined)
    refuse(404, `${request.method} ${pathname.slice(0, 200)}: there is no such path`, "not_found");
  return area === "files"
    ? answerFiles(request, routes, id, verb, searchParams)
    : answerFineTuning(request, routes, id, verb, searchParams);
}

async function answerFiles(
  request: Request,
  routes: JobRoutes,
  id: string | undefined,
  verb: string | undefined,
  query: URLSearchParams,
): Promise<Response> {
  const { files } = routes;
  const { method } = request;
  if (id === undefined && method === "POST") return Response.json(await upload(request, routes));
  if (id === undefined && method === "GET") return page(files.list(), query, 10_000);
  if (id !== undefined && verb === undefined && method === "GET") return Response.json(files.get(id));
  if (id !== undefined && verb === undefined && method === "DELETE") {
    files.remove(id);
    return Response.json({ id, object: "file", deleted: true });
  }
  if (id !== undefined && verb === "content" && method === "GET")
    return new Response(new Uint8Array(files.read(id)), { headers: { "content-type": "application/jsonl" } });
  return refuse(method === "GET" ? 404 : 405, `${method}: there is no such path`, "not_found");
}

async function answerFineTuning(
  request: Request,
  { jobs, store, maxBodyBytes }: JobRoutes,
  id: string | undefined,
  verb: string | undefined,
  query: URLSearchParams,
): Promise<Response> {
  const key = `${request.method} ${verb ?? ""}`.trim();
  if (id === undefined) {
    if (key === "POST") return Response.json(await jobs.create(await readBody(request, maxBodyBytes)));
    if (key === "GET")
      return page(
        store
          .list()
          .map(({ job }) => job)
          .reverse(),
        query,
        100,
      );
  } else {
    if (key === "GET") return Response.json(store.get(id).job);
    if (key === "POST cancel") return Response.json(jobs.cancel(id));
    if (key === "GET events") return page(store.events(id).reverse(), query, 1000);
    if (key === "GET checkpoints") return page(store.checkpoints(id).reverse(), query, 1000, 10);
  }
  return refuse(request.method === "GET" ? 404 : 405, `${request.method}: there is no such path`, "not_found");
}

/** Some of a list, from behind the id `after` on. */
function page(all: readonly { readonly id: string }[], query: URLSearchParams, most: number, usual = 20): Response {
  const limit = Number(query.get("limit") ?? usual);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= most))
    fail("BAD_OPTION", `limit: got ${query.get("limit")?.slice(0, 20)}, expected a whole number from 1 to ${most}`);
  const after = query.get("after");
  const place = after === null ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== null && place < 0) fail("NOT_FOUND", `after: there is no ${JSON.stringify(after.slice(0, 80))} here`);
  const data = all.slice(place + 1, place + 1 + limit);
  const [first, last] = [data[0]?.id ?? null, data.at(-1)?.id ?? null];
  return Response.json({
    object: "list",
    data,
    first_id: first,
    last_id: last,
    has_more: place + 1 + limit < all.length,
  });
}

async function upload(request: Request, { files, maxFileBytes }: JobRoutes) {
  const type = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type))
    refuse(
      415,
      `content-type: got ${type.slice(0, 100) || "none"}, expected multipart/form-data`,
      "unsupported_media_type",
    );
  const body = await readBytes(request, maxFileBytes + AROUND_BYTES);
  let form: FormData;
  try {
    form = await new Response(body, { headers: { "content-type": type } }).formData();
  } catch {
    return refuse(400, "the body is no multipart/form-data", "invalid_form");
  }
  const [file, purpose] = [form.get("file"), form.get("purpose")];
  if (purpose !== "fine-tune") fail("BAD_OPTION", `purpose: got ${JSON.stringify(purpose)}, expected "fine-tune"`);
  if (!(file instanceof Blob)) return fail("BAD_OPTION", "file: expected a file");
  if (file.size > maxFileBytes)
    refuse(413, `file: got ${file.size} bytes, and ${maxFileBytes} are the most`, "too_large");
  return files.add((file as File).name ?? "file", new Uint8Array(await file.arrayBuffer()));
}
