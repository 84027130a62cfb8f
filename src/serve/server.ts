/** A server over models: its routes as a function, and that function on a socket. */
import { fail, messageOf } from "../base/errors.ts";
import { type GivenOptions, type OptionValues, readOptions } from "../base/options.ts";
import { createOwner } from "../base/owner.ts";
import { type NamedAdapter, namedAdapters } from "../generate/load-adapters.ts";
import { MODEL_OPTIONS } from "../generate/options.ts";
import type { Listening, ServerHost } from "../host/server-types.ts";
import type { Host } from "../host/types.ts";
import { locateModel } from "../hub/locate.ts";
import type { PullHooks } from "../hub/pull.ts";
import { createApp, type LogEntry } from "./app.ts";
import { type Base, openBase } from "./bases.ts";
import type { ServedModel } from "./context.ts";
import { createGuard, hostsOf } from "./guard.ts";
import { openFolder } from "./job-folder.ts";
import type { JobRoutes } from "./job-routes.ts";
import { openLocal } from "./open.ts";
import { SERVE_OPTIONS } from "./options.ts";
import { openRemote } from "./remote.ts";

/** {@link SERVE_OPTIONS}, how the models are opened, and who listens. */
export interface ServeSettings
  extends GivenOptions<typeof SERVE_OPTIONS>,
    GivenOptions<typeof MODEL_OPTIONS>,
    PullHooks {
  /** Compute in this process, whose loop then stands still for each step. Default: in one beside it, where there are such. */
  readonly inProcess?: boolean | undefined;
  /** Told of each request and fault. */
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
}

/** A server. */
export interface Server {
  /** Answers a request in this process: `new OpenAI({ baseURL: "http://localhost/v1", apiKey: "none", fetch: server.fetch })`. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Names that clients ask for. */
  readonly models: readonly string[];
  /** Listens on `host` and `port`. Throws BUSY where the port is taken. */
  listen(): Promise<{ readonly url: string }>;
  /** Takes no more requests, ends those that run after `graceMs` (default 10,000), and the engines. */
  close(graceMs?: number): Promise<void>;
}

/** Seconds for a request's headers and for all of it; who is slower is cut off. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 4096;

/** Opens models and makes a server of them. Throws what opening models throws, and BAD_OPTION. */
export async function createServer(
  host: Host,
  serverHost: ServerHost,
  given: readonly string[],
  settings: ServeSettings,
): Promise<Server> {
  const { inProcess = false, onLog = () => {}, onProgress, onWarning, signal, ...rest } = settings;
  const { context, threads, quantize, cacheType, adapter, ...serve } = rest;
  const options = readOptions(SERVE_OPTIONS, serve);
  readOptions(MODEL_OPTIONS, { context, threads, quantize, cacheType, adapter });
  if (given.length === 0) fail("BAD_OPTION", "models: got none, expected one at least");
  const names = namesOf(given, options.alias);
  const adapters = namedAdapters(adapter ?? []).map((each) => ({ ...each, alias: each.name }));
  checkAdapters(
    names,
    adapters.map((each) => each.name),
  );
  const owner = createOwner();
  const bases: Base[] = [];
  try {
    const work = options.jobs === undefined ? undefined : openFolder(host, options.jobs, options, owner.own);
    for (const [i, name] of names.entries()) {
      const hooks = { ...(onProgress && { onProgress }), ...(onWarning && { onWarning }), ...(signal && { signal }) };
      const path = host.absolute(await locateModel(host, given[i]!, "model", hooks));
      const onCrash = (why: string) => onLog({ event: "engine-ended", model: name, why });
      const isLocal = inProcess || host.name !== "node";
      const open = (all: readonly NamedAdapter[]) => {
        const named = all.map((each) => `${each.name}=${each.folder}`);
        const model = { context, threads, quantize, cacheType, ...(named.length > 0 && { adapter: named }) };
        const ask = { path, model, slots: options.slots, queue: options.queue };
        return isLocal ? openLocal(host, ask) : openRemote(serverHost, ask, { onCrash });
      };
      bases.push(await openBase({ name, path }, [...adapters, ...(work?.adaptersOf(name) ?? [])], open));
    }
    const models = bases.flatMap((base) => base.models);
    const onFault = (error: unknown) => onLog({ event: "fault", message: messageOf(error) });
    const onModel = (model: ServedModel) => {
      models.push(model);
      onLog({ event: "model", message: `${model.name} is served` });
    };
    const jobs = work?.begin({ host, serverHost, bases, quantize, threads, onModel, onFault });
    const dispose = async () => {
      jobs?.jobs.close();
      await Promise.all(bases.map(({ backend }) => backend.dispose()));
      owner.dispose();
    };
    return serverOf(serverHost, { models, jobs, dispose }, options, apiKeys(host, options), onLog);
  } catch (error) {
    await Promise.all(bases.map(({ backend }) => backend.dispose()));
    owner.dispose();
    throw error;
  }
}

function checkAdapters(names: readonly string[], adapters: readonly string[]): void {
  if (adapters.length > 0 && names.length > 1)
    fail("BAD_OPTION", `adapter: got it with ${names.length} models, expected one model that they are for`);
  const twice = adapters.find((each) => names.includes(each));
  if (twice !== undefined) fail("BAD_OPTION", `adapter: ${twice} is the model's name too. Name it: NAME=DIR.`);
}

/** What clients call a model: its alias, or the last part of its path or id. */
function namesOf(given: readonly string[], aliases: readonly string[]): string[] {
  if (aliases.length > given.length) fail("BAD_OPTION", `alias: got ${aliases.length} names of ${given.length} models`);
  const names = given.map((model, i) => aliases[i] ?? model.replace(/[/\\]+$/, "").match(/[^/\\]+$/)?.[0] ?? model);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail("BAD_OPTION", `alias: got two models named ${twice}. Give each a name of its own.`);
  return names;
}

function apiKeys(host: Host, { apiKey }: OptionValues<typeof SERVE_OPTIONS>): string[] {
  const shared = (host.env("OWNLM_API_KEYS") ?? "").split(",").map((key) => key.trim());
  return [...apiKey, ...shared.filter((key) => key !== "")];
}

/** What is served. */
interface Served {
  /** More may come. */
  readonly models: readonly ServedModel[];
  readonly jobs: JobRoutes | undefined;
  readonly dispose: () => Promise<void>;
}

function serverOf(
  serverHost: ServerHost,
  { models, jobs, dispose }: Served,
  options: OptionValues<typeof SERVE_OPTIONS>,
  keys: readonly string[],
  onLog: (entry: LogEntry) => void,
): Server {
  let isOpen = true;
  let listening: Listening | undefined;
  const shared = {
    models,
    maxBodyBytes: options.maxBodyBytes,
    requestTimeoutMs: 1000 * options.requestTimeout,
    log: onLog,
    isOpen: () => isOpen,
    jobs,
  };
  // In process nobody can come from elsewhere.
  const local = createApp({ ...shared, guard: createGuard({ origins: ["*"], keys: [] }) });
  return {
    get models() {
      return models.map(({ name }) => name);
    },
    fetch: (input, init) => local(input instanceof Request && !init ? input : new Request(input, init)),
    async listen() {
      if (listening) fail("BUSY", `the server listens already, on port ${listening.port}`);
      const hosts = hostsOf(options.host, options.allowedHost);
      const guard = createGuard({ hosts, origins: options.cors, keys });
      listening = await serverHost.listen(createApp({ ...shared, guard }), {
        host: options.host,
        port: options.port,
        headersTimeoutMs: HEADERS_TIMEOUT_MS,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        maxConnections: MAX_CONNECTIONS,
      });
      const shown = options.host.includes(":") ? `[${options.host}]` : options.host;
      return { url: `http://${shown}:${listening.port}` };
    },
    async close(graceMs = 10_000) {
      isOpen = false;
      await listening?.close(graceMs);
      await dispose();
    },
  };
}
