/** The routes of a server, as a function from requests to responses. Knows no socket and no model's inside. */
import { Hono } from "hono";
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import { readBody } from "./body.ts";
import { chatCompletions } from "./chat.ts";
import { completions } from "./completions.ts";
import type { Context, ServedModel } from "./context.ts";
import { embeddings } from "./embedding.ts";
import { faultOf, refuse } from "./faults.ts";
import type { Guard } from "./guard.ts";
import { answerJobs, type JobRoutes } from "./job-routes.ts";
import { metered } from "./metered.ts";
import { createMeters, type Meters } from "./meters.ts";
import { responses } from "./responses.ts";
import { applyTemplate, detokenize, tokenize, tokenizerInfo } from "./texts.ts";

/** A line of the log. */
export interface LogEntry {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What the routes are given. */
export interface AppOptions {
  /** One at least; the first answers requests that name none. More may come. */
  readonly models: readonly ServedModel[];
  readonly guard: Guard;
  readonly maxBodyBytes: number;
  readonly requestTimeoutMs: number;
  readonly log: (entry: LogEntry) => void;
  /** False while the server is going away: then it is not healthy, and takes no more work. */
  readonly isOpen: () => boolean;
  /** Where files are taken and models tuned on request. */
  readonly jobs?: JobRoutes | undefined;
}

type Answer = (body: JsonObject, context: Context) => Promise<Response>;

const POSTS: Readonly<Record<string, Answer>> = {
  "/v1/chat/completions": chatCompletions,
  "/v1/completions": completions,
  "/v1/responses": responses,
  "/v1/embeddings": embeddings,
  "/tokenize": tokenize,
  "/detokenize": detokenize,
  "/apply-template": applyTemplate,
};

/** Paths that answer without a key: probes have none. */
const OPEN_PATHS = ["/health"];

/** The server without its socket. It never throws: errors are responses too. */
export function createApp(options: AppOptions): (request: Request) => Promise<Response> {
  const meters = createMeters(options.models);
  const app = new Hono<{ Bindings: object }>();
  const context = (request: Request): Context => contextOf(request, options, meters);
  for (const [path, answer] of Object.entries(POSTS)) {
    app.post(path, async (c) => {
      if (!options.isOpen()) refuse(503, "The server is going away.", "unavailable");
      return inTime(context(c.req.raw), async (asked) =>
        answer(await readBody(c.req.raw, options.maxBodyBytes), asked),
      );
    });
    app.all(path, () => refuse(405, `expected POST`, "method_not_allowed"));
  }
  app.get("/v1/models", async () => Response.json({ object: "list", data: await modelList(options.models) }));
  app.get("/v1/models/:id{.+}", async (c) => {
    const found = context(c.req.raw).model(c.req.param("id"));
    return Response.json((await modelList([found]))[0]);
  });
  for (const path of ["/v1/files", "/v1/files/*", "/v1/fine_tuning/*"])
    app.all(path, (c) => {
      if (!options.jobs) refuse(404, "this server takes no files and no jobs. Try ownlm serve --jobs DIR", "not_found");
      if (!options.isOpen()) refuse(503, "The server is going away.", "unavailable");
      return answerJobs(c.req.raw, options.jobs);
    });
  app.get("/tokenizer_info", (c) => tokenizerInfo(c.req.query("model"), context(c.req.raw)));
  app.get("/health", () => health(options));
  app.get("/metrics", async () => {
    return new Response(await meters.text(), { headers: { "content-type": "text/plain; version=0.0.4" } });
  });
  app.notFound((c) => refuse(404, `${c.req.method} ${c.req.path.slice(0, 200)}: there is no such path`, "not_found"));
  app.onError((error) => faultResponse(error, options));
  return async (request) => guarded(request, options, meters, async () => app.fetch(request));
}

/** What a request whose time is up was stopped for is no fault of its client's. */
async function inTime(context: Context, answer: (context: Context) => Promise<Response>): Promise<Response> {
  try {
    return await answer(context);
  } catch (error) {
    const isLate = (context.signal.reason as Error | undefined)?.name === "TimeoutError";
    if (isLate) refuse(504, "the answer took longer than the server's --request-timeout", "timeout");
    throw error;
  }
}

/** Checks who asks, and keeps the books. */
async function guarded(
  request: Request,
  options: AppOptions,
  meters: Meters,
  answer: () => Promise<Response>,
): Promise<Response> {
  const startMs = performance.now();
  const path = new URL(request.url).pathname;
  let response: Response;
  try {
    options.guard.checkPlace(request);
    if (request.method === "OPTIONS") response = new Response(null, { status: 204 });
    else {
      if (!OPEN_PATHS.includes(path)) options.guard.checkKey(request);
      response = await answer();
    }
  } catch (error) {
    response = faultResponse(error, options);
  }
  withCors(request, response, options.guard);
  const ms = performance.now() - startMs;
  meters.answered(path, response.status, ms);
  options.log({
    event: "request",
    method: request.method,
    path: path.slice(0, 200),
    status: response.status,
    ms: Math.round(ms),
  });
  return response;
}

function withCors(request: Request, response: Response, guard: Guard): void {
  const origin = guard.allowedOrigin(request);
  if (origin === undefined) return;
  response.headers.set("access-control-allow-origin", origin);
  response.headers.set("vary", "origin");
  response.headers.set("access-control-allow-headers", "authorization, content-type, x-stainless-*");
  const wanted = request.headers.get("access-control-request-headers");
  if (wanted !== null && /^[\w\-, ]{0,2000}$/.test(wanted))
    response.headers.set("access-control-allow-headers", wanted);
  response.headers.set("access-control-allow-methods", "GET, POST, DELETE, OPTIONS");
}

function faultResponse(error: unknown, { log }: AppOptions): Response {
  const { status, body } = faultOf(error);
  if (status === 500) log({ event: "fault", message: messageOf(error), stack: (error as Error).stack });
  const headers = status === 503 ? { "retry-after": "1" } : undefined;
  return Response.json(body, { status, ...(headers && { headers }) });
}

function contextOf(request: Request, { models, log, requestTimeoutMs }: AppOptions, meters: Meters): Context {
  const counted = (model: ServedModel): ServedModel => {
    return { ...model, backend: metered(model.backend, meters.textsOf(model.name)) };
  };
  return {
    model(name) {
      if (name === undefined || name === null) return counted(models[0]!);
      if (typeof name !== "string") return fail("BAD_OPTION", "model: expected the name of a model");
      const found = models.find((model) => model.name === name);
      if (found) return counted(found);
      const names = models.map((model) => model.name);
      return fail(
        "NOT_FOUND",
        `model: there is no ${JSON.stringify(name.slice(0, 200))} here. Try ${nearest(name, names) ?? names.join(", ")}`,
      );
    },
    client: request.headers.get("authorization") ?? "",
    signal: AbortSignal.any([request.signal, AbortSignal.timeout(requestTimeoutMs)]),
    onFault(error) {
      const isGone = error instanceof OwnlmError && error.code === "ABORTED";
      if (!isGone) log({ event: "fault", message: messageOf(error) });
    },
  };
}

async function modelList(models: readonly ServedModel[]): Promise<object[]> {
  return Promise.all(
    models.map(async ({ name, backend, created, parent }) => {
      const { context, maxPositions, vocabSize, hiddenSize } = await backend.facts();
      const meta = { n_ctx: context, n_ctx_train: maxPositions, n_vocab: vocabSize, n_embd: hiddenSize };
      return { id: name, object: "model", created, owned_by: "ownlm", ...(parent !== undefined && { parent }), meta };
    }),
  );
}

async function health({ models, isOpen }: AppOptions): Promise<Response> {
  if (!isOpen()) return Response.json({ status: "going away" }, { status: 503 });
  const loads = await Promise.all(models.map(async ({ name, backend }) => [name, await backend.load()] as const));
  return Response.json({ status: "ok", models: Object.fromEntries(loads) });
}
