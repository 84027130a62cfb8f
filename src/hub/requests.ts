/** The one way to the hub's server: the token goes to no other host, nothing waits for ever, errors have codes. Knows no API. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import { sleep } from "../base/pause.ts";
import type { Host } from "../host/types.ts";
import type { HubSettings } from "./settings.ts";

/** What a request may ask for besides `fetch`'s own. */
export interface Asked {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit | null;
  readonly signal?: AbortSignal;
}

/** A way to the hub. */
export interface Requests {
  /** Sends a request until it is answered well; the body is still to come. */
  send(url: string, asked?: Asked): Promise<Response>;
  /** As `fetch`, for the hub's client: any answer, its body complete and of at most 64 MiB. */
  readonly fetch: typeof globalThis.fetch;
}

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 500;
/** A server that wants a longer wait than this is told to the user instead. */
const MOST_WAIT_MS = 60_000;
const MOST_REDIRECTS = 8;
const MOST_BYTES = 2 ** 26;
/** Slowest sending that is waited for, in bytes a second. */
const SLOWEST_SENDING = 20_000;
const TRY_AGAIN = new Set([408, 429, 500, 502, 503, 504]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What errors and waits of a way to the hub need to know. */
interface Way {
  readonly host: Host;
  readonly settings: HubSettings;
  readonly signal: AbortSignal | undefined;
  readonly onWarning: (message: string) => void;
}

/**
 * Opens the way. OFFLINE where HF_HUB_OFFLINE is set; NETWORK for a server that cannot be reached, does not answer or
 * is out of order, after five attempts where repeating does no harm; DENIED and NOT_FOUND as the server says.
 */
export function createRequests(
  host: Host,
  settings: HubSettings,
  { signal, onWarning = () => {} }: { signal?: AbortSignal | undefined; onWarning?: (message: string) => void } = {},
): Requests {
  const way: Way = { host, settings, signal, onWarning };
  return {
    async send(url, asked = {}) {
      const answer = await attempted(way, url, asked);
      if (answer.ok) return answer;
      return refused(way, url, answer, await wholeText(way, answer));
    },
    async fetch(input, init = {}) {
      const url = input instanceof Request ? input.url : String(input);
      const { method, headers, body, signal: own } = init;
      const answer = await attempted(way, url, {
        ...(method !== undefined && { method }),
        ...(headers !== undefined && { headers }),
        ...(body !== undefined && { body }),
        ...(own && { signal: own }),
      });
      const bytes = await wholeBody(way, url, answer);
      if (!answer.ok) return refused(way, url, answer, new TextDecoder().decode(bytes));
      return new Response(bytes.length > 0 ? bytes : null, { status: answer.status, headers: answer.headers });
    },
  };
}

/** Sends again where the answer, or its lack, may be another one next time. */
async function attempted(way: Way, url: string, asked: Asked): Promise<Response> {
  if (way.settings.offline)
    fail("OFFLINE", `${hostOf(url)}: HF_HUB_OFFLINE is set, so nothing is asked of the hub. Unset it to go on.`);
  const harmless = ["GET", "HEAD", "PUT"].includes(asked.method ?? "GET");
  for (let attempt = 1; ; attempt++) {
    const last = attempt === ATTEMPTS;
    try {
      const answer = await followed(way, url, asked);
      if (last || !TRY_AGAIN.has(answer.status) || !(harmless || answer.status === 429)) return answer;
      const waitMs = waitOf(answer, attempt);
      if (waitMs > MOST_WAIT_MS) return answer;
      await answer.body?.cancel();
      way.onWarning(`${hostOf(url)}: status ${answer.status}; trying again in ${(waitMs / 1000).toFixed(1)} s`);
      await sleep(waitMs, way.signal);
    } catch (error) {
      if (last || !harmless || !(error instanceof OwnlmError) || error.code !== "NETWORK") throw error;
      const waitMs = FIRST_WAIT_MS * 2 ** (attempt - 1);
      way.onWarning(`${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} s`);
      await sleep(waitMs, way.signal);
    }
  }
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3), or twice the wait before. */
function waitOf(answer: Response, attempt: number): number {
  const given = answer.headers.get("retry-after");
  const seconds = given === null ? Number.NaN : /^\d+$/.test(given) ? Number(given) : untilDate(given);
  return Number.isNaN(seconds) ? FIRST_WAIT_MS * 2 ** (attempt - 1) : 1000 * seconds;
}

const untilDate = (date: string) => Math.max(0, (Date.parse(date) - Date.now()) / 1000);

/** Follows redirects by hand: the token stays with the hub, and nothing goes from https to http. */
async function followed(way: Way, first: string, asked: Asked): Promise<Response> {
  let url = new URL(first);
  let { method = "GET", body } = asked;
  const headers = new Headers(asked.headers);
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const answer = await once(way, url, { ...asked, headers, method, ...(body !== undefined && { body }) });
    const location = REDIRECTS.has(answer.status) ? answer.headers.get("location") : null;
    if (location === null) return answer;
    await answer.body?.cancel();
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (!next || !/^https?:$/.test(next.protocol))
      return fail("BAD_HUB", `${url.host}: sends elsewhere, to ${JSON.stringify(location)}, which is no web address`);
    if (url.protocol === "https:" && next.protocol === "http:")
      fail("BAD_HUB", `${url.host}: sends from https to ${next.protocol}//${next.host}, which is not followed`);
    if (answer.status === 303 || (answer.status < 303 && method === "POST")) [method, body] = ["GET", null];
    if (next.origin !== url.origin) headers.delete("authorization");
    url = next;
  }
  return fail("BAD_HUB", `${hostOf(first)}: sends from one place to another without end`);
}

async function once({ host, settings, signal, onWarning: _ }: Way, url: URL, asked: Asked): Promise<Response> {
  const headers = new Headers(asked.headers);
  // Where we ask for a place, it must be the hub's own; a client that knows of no token writes one of its own.
  if (url.origin === new URL(settings.endpoint).origin) {
    headers.delete("authorization");
    if (settings.token) headers.set("authorization", `Bearer ${settings.token}`);
  } else if (settings.token && headers.get("authorization")?.includes(settings.token)) headers.delete("authorization");
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  const limit = new AbortController();
  const waitMs = settings.answerTimeoutMs + (1000 * sizeOf(asked.body)) / SLOWEST_SENDING;
  const endWait = afterIdle(waitMs, () => limit.abort());
  const signals = [signal, asked.signal, limit.signal].filter((each) => each !== undefined);
  try {
    return await host.fetch(url.href, {
      method: asked.method ?? "GET",
      headers,
      body: asked.body ?? null,
      signal: AbortSignal.any(signals),
      // A browser does not show where a redirect leads, and keeps tokens from other hosts itself.
      redirect: host.name === "web" ? "follow" : "manual",
    });
  } catch (error) {
    if (signal?.aborted || asked.signal?.aborted) return fail("ABORTED", `${url.host}: stopped`, error);
    if (limit.signal.aborted) return fail("NETWORK", `${url.host}: no answer within ${waitMs / 1000} s.`, error);
    return fail("NETWORK", `${url.host}: cannot be reached: ${causeOf(error)}.`, error);
  } finally {
    endWait();
  }
}

const sizeOf = (body: BodyInit | null | undefined) =>
  typeof body === "string" ? body.length : body instanceof Blob ? body.size : 0;

/** `fetch` hides what happened one or two causes deep. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? messageOf(error) : messageOf(cause) || String((cause as { code?: string }).code);
}

/** The pieces of a body; NETWORK where none comes for too long or the connection breaks. */
export async function* bodyPieces(
  settings: HubSettings,
  url: string,
  answer: Response,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = answer.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { value, done } = await inTime(reader.read(), settings.bytesTimeoutMs, url, signal);
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (error instanceof OwnlmError) throw error;
    if (signal?.aborted) fail("ABORTED", `${hostOf(url)}: stopped`, error);
    fail("NETWORK", `${hostOf(url)}: the connection broke: ${causeOf(error)}.`, error);
  } finally {
    // Closes the connection where the body did not come to its end.
    reader.cancel().catch(() => {});
  }
}

const TICKS = 4;

/**
 * Calls `late` when the time is over; gives a function that ends the wait. Counted in ticks, so that a program that is
 * busy for long hears of what has come before it is told that nothing came.
 */
function afterIdle(limitMs: number, late: () => void): () => void {
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks === TICKS) late();
  }, limitMs / TICKS);
  return () => clearInterval(timer);
}

function inTime<R>(work: Promise<R>, limitMs: number, url: string, signal?: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const end = () => {
      endWait();
      signal?.removeEventListener("abort", stop);
    };
    const stop = () => {
      end();
      reject(new OwnlmError("ABORTED", `${hostOf(url)}: stopped`));
    };
    const endWait = afterIdle(limitMs, () => {
      end();
      reject(new OwnlmError("NETWORK", `${hostOf(url)}: no more bytes within ${limitMs / 1000} s.`));
    });
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    void work.then(resolve, reject).finally(end);
  });
}

async function wholeBody({ settings, signal }: Way, url: string, answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bodyPieces(settings, url, answer, signal)) {
    size += piece.length;
    if (size > MOST_BYTES) fail("BAD_HUB", `${hostOf(url)}: answers with more than ${MOST_BYTES} bytes`);
    pieces.push(piece);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What the server says of an error, as far as it comes. */
async function wholeText(way: Way, answer: Response): Promise<string> {
  try {
    return new TextDecoder().decode(await wholeBody(way, answer.url || "https://hub", answer));
  } catch {
    return "";
  }
}

const hostOf = (url: string) => new URL(url).host;

/** An answer that is an error, by the hub's own header and the status. */
function refused({ settings }: Way, url: string, answer: Response, body: string): never {
  const code = answer.headers.get("x-error-code") ?? "";
  const said = saidIn(body) ?? answer.headers.get("x-error-message") ?? answer.statusText;
  const where = new URL(url);
  const what = `${where.host}${decoded(where.pathname)}: status ${answer.status}${said ? `: ${said}` : ""}.`;
  if (code === "GatedRepo")
    fail(
      "DENIED",
      `${what} Its owner gives access on the model's page; ask there, then set HF_TOKEN to a token of yours.`,
    );
  if (answer.status === 404 || /^(Repo|Revision|Entry)NotFound$/.test(code)) {
    const hint =
      code === "EntryNotFound" || code === "RevisionNotFound" || settings.token
        ? ""
        : " If it is private, set HF_TOKEN.";
    fail("NOT_FOUND", `${what}${hint}`);
  }
  if (answer.status === 401)
    fail(
      "DENIED",
      `${what} ${settings.token ? "HF_TOKEN is not accepted. Make a new one" : "Set HF_TOKEN to a token of yours"}.`,
    );
  if (answer.status === 409) fail("EXISTS", what);
  if (answer.status === 403) fail("DENIED", `${what} The token may not do this.`);
  if (answer.status === 429)
    fail(
      "NETWORK",
      `${what} Too many requests${laterText(answer)}${settings.token ? "" : "; with HF_TOKEN more are allowed"}.`,
    );
  return fail(answer.status >= 500 ? "NETWORK" : "BAD_HUB", what);
}

function laterText(answer: Response): string {
  const wait = answer.headers.get("retry-after");
  return wait === null ? ", try again later" : `, try again ${/^\d+$/.test(wait) ? `in ${wait} s` : `at ${wait}`}`;
}

const decoded = (path: string) => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** The `error` of a JSON body, short. */
function saidIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === "string" ? error.slice(0, 300).replace(/[\s.]+$/, "") : undefined;
  } catch {
    return undefined;
  }
}
