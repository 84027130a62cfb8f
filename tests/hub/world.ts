/** A hub, an empty cache and a host that looks there, for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { host as nodeHost } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";
import { type HubServer, startHub } from "../helpers/hub-server.ts";

/** Environment variables that a test may change as it goes. */
export type Variables = Record<string, string | undefined>;

/** All that a test of the hub needs; dispose it. */
export interface HubWorld extends AsyncDisposable {
  readonly server: HubServer;
  readonly root: string;
  readonly cache: string;
  readonly variables: Variables;
  readonly host: Host;
}

/** Starts a hub with a cache of its own. Timeouts are short, so that a test of one does not wait. */
export async function hubWorld(variables: Variables = {}): Promise<HubWorld> {
  const server = await startHub();
  const root = mkdtempSync(path.join(os.tmpdir(), "ownlm-hub-"));
  const all: Variables = {
    HF_ENDPOINT: server.url,
    HF_HOME: root,
    HF_HUB_ETAG_TIMEOUT: "5",
    HF_HUB_DOWNLOAD_TIMEOUT: "5",
    ...variables,
  };
  return {
    server,
    root,
    cache: path.join(root, "hub"),
    variables: all,
    host: { ...nodeHost, env: (name) => all[name] },
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** Bytes that do not repeat, of a seed. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
