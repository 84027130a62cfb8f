/** Who may ask: names that the server goes by, origins of pages, and keys. Knows no route. */
import { sha256 } from "@noble/hashes/sha2.js";
import { refuse } from "./faults.ts";

/** Whom a server answers. */
export interface GuardOptions {
  /** Names in a request's Host that are the server's own; any where undefined. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins of pages that may ask besides the server's own; "*" for all. */
  readonly origins: readonly string[];
  /** Keys of which one must be shown; none are needed where there are none. */
  readonly keys: readonly string[];
}

/** Checks of a request, which throw a Refusal. */
export interface Guard {
  /** 403 for a name that is not the server's, as when a page's name was pointed at this machine, and for other pages' requests. */
  checkPlace(request: Request): void;
  /** 401 without a known key. */
  checkKey(request: Request): void;
  /** The origin to be named in the answer, where a page of another one may read it. */
  allowedOrigin(request: Request): string | undefined;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]", "::1"];

/** The names of a server that listens on an address: any for one that is open to other machines. */
export function hostsOf(address: string, allowed: readonly string[]): readonly string[] | undefined {
  if (LOOPBACK.includes(address) || /^127\./.test(address)) return [...LOOPBACK, address, ...allowed];
  return allowed.length > 0 ? [...LOOPBACK, address, ...allowed] : undefined;
}

/** The checks that options ask for. */
export function createGuard({ hosts, origins, keys }: GuardOptions): Guard {
  const digests = keys.map(digestOf);
  const known = new Set(hosts?.map((name) => name.toLowerCase()));
  const mayAsk = (origin: string) => origins.includes("*") || origins.includes(origin);
  return {
    checkPlace(request) {
      const { host, hostname } = new URL(request.url);
      if (hosts && !known.has(hostname.toLowerCase()) && !known.has(host.toLowerCase()))
        refuse(403, `host: got ${hostname}, which is no name of this server. Try --allowed-host`, "host_not_allowed");
      const origin = request.headers.get("origin");
      if (origin !== null && !mayAsk(origin) && hostOfOrigin(origin) !== host)
        refuse(
          403,
          `origin: pages of ${origin.slice(0, 100)} may not ask this server. Try --cors`,
          "origin_not_allowed",
        );
    },
    checkKey(request) {
      if (digests.length === 0) return;
      const [scheme = "", shown = ""] = (request.headers.get("authorization") ?? "").split(/\s+/, 2);
      const digest = digestOf(/^bearer$/i.test(scheme) ? shown : "");
      // All are compared, each as a whole: the time tells nothing.
      let found = 0;
      for (const each of digests) found |= isEqual(each, digest) ? 1 : 0;
      if (!found) refuse(401, "authorization: expected Bearer and a key of this server", "invalid_api_key");
    },
    allowedOrigin(request) {
      const origin = request.headers.get("origin");
      return origin !== null && mayAsk(origin) ? origin : undefined;
    },
  };
}

const digestOf = (key: string) => sha256(new TextEncoder().encode(key));

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function hostOfOrigin(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
