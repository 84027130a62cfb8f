/** `serve` as programs call it, over one host. */
import type { ServerHost } from "../host/server-types.ts";
import type { Host } from "../host/types.ts";
import { createServer, type Server, type ServeSettings } from "./server.ts";

/**
 * Opens models and answers OpenAI's clients: in this process by `server.fetch`, on a socket once `server.listen()` was called. Each model computes in
 * a process of its own. Close the server after use. Throws what opening models throws, and BAD_OPTION.
 */
export function createServe(host: Host, serverHost: ServerHost) {
  return (models: string | readonly string[], settings: ServeSettings = {}): Promise<Server> =>
    createServer(host, serverHost, typeof models === "string" ? [models] : models, settings);
}
