/** Where the hub and its cache are, and who asks: the environment variables of Python's huggingface_hub. Reads nothing else. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";

/** Everything that the environment decides. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The folder of `models--org--name`. */
  readonly cache: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** False where snapshots are to hold the files themselves. */
  readonly links: boolean;
  /** Longest wait for an answer to begin, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** Longest wait for the next bytes of a file. */
  readonly bytesTimeoutMs: number;
}

const ENDPOINT = "https://huggingface.co";
const TIMEOUT_S = 10;

/**
 * Reads HF_ENDPOINT, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HF_TOKEN, HF_TOKEN_PATH,
 * HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_HUB_DISABLE_SYMLINKS, HF_HUB_ETAG_TIMEOUT and
 * HF_HUB_DOWNLOAD_TIMEOUT (seconds) as Python does. Throws BAD_OPTION naming a variable that makes no sense.
 */
export function hubSettings(host: Host): HubSettings {
  const home = folderOf(host, "HF_HOME") ?? host.join(cacheHome(host), "huggingface");
  return {
    endpoint: endpointOf(host.env("HF_ENDPOINT") || ENDPOINT),
    cache: folderOf(host, "HF_HUB_CACHE") ?? folderOf(host, "HUGGINGFACE_HUB_CACHE") ?? host.join(home, "hub"),
    token: tokenOf(host, home),
    offline: isTrue(host.env("HF_HUB_OFFLINE") || host.env("TRANSFORMERS_OFFLINE")),
    links: !isTrue(host.env("HF_HUB_DISABLE_SYMLINKS")),
    answerTimeoutMs: secondsOf(host, "HF_HUB_ETAG_TIMEOUT"),
    bytesTimeoutMs: secondsOf(host, "HF_HUB_DOWNLOAD_TIMEOUT"),
  };
}

const isTrue = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? "");

const cacheHome = (host: Host) => folderOf(host, "XDG_CACHE_HOME") ?? host.join(host.homeFolder(), ".cache");

/** A folder that a variable names; "~" is the user's own. */
function folderOf(host: Host, name: string): string | undefined {
  const value = host.env(name);
  if (!value) return undefined;
  const expanded = value.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, a, b) => host.env(a ?? b) ?? whole);
  return host.absolute(expanded.replace(/^~(?=$|[/\\])/, () => host.homeFolder()));
}

function endpointOf(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash)
    return fail(
      "BAD_OPTION",
      `HF_ENDPOINT: got ${JSON.stringify(value)}, expected the address of a hub, as ${ENDPOINT}`,
    );
  return value.replace(/\/+$/, "");
}

function tokenOf(host: Host, home: string): string | undefined {
  const given = clean(host.env("HF_TOKEN")) ?? clean(host.env("HUGGING_FACE_HUB_TOKEN"));
  const implicit = isTrue(host.env("HF_HUB_DISABLE_IMPLICIT_TOKEN")) ? undefined : (given ?? storedToken(host, home));
  // A line end in a header would be a header of its own.
  if (implicit !== undefined && !/^[\x21-\x7e]+$/.test(implicit))
    return fail(
      "BAD_OPTION",
      "HF_TOKEN: it holds characters that no token has. Copy it again from the hub's settings.",
    );
  return implicit;
}

function storedToken(host: Host, home: string): string | undefined {
  const file = folderOf(host, "HF_TOKEN_PATH") ?? host.join(home, "token");
  return host.kindOf(file) === "file" ? clean(host.readText(file)) : undefined;
}

const clean = (token: string | undefined) => token?.replaceAll(/[\r\n]/g, "").trim() || undefined;

function secondsOf(host: Host, name: string): number {
  const value = host.env(name);
  if (!value) return 1000 * TIMEOUT_S;
  const seconds = Number(value);
  if (!(seconds > 0 && seconds <= 86_400))
    fail("BAD_OPTION", `${name}: got ${JSON.stringify(value)}, expected seconds up to 86400`);
  return 1000 * seconds;
}
