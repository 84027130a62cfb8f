/** Pages have no sockets and no programs beside them. */
import { fail } from "../base/errors.ts";
import type { ServerHost } from "./server-types.ts";

/** Refuses. */
export const serverHost: ServerHost = {
  listen: () => fail("UNSUPPORTED", "a page cannot listen on a socket. Use the server's fetch in the page itself."),
  startChild: () => fail("UNSUPPORTED", "a page cannot start a program"),
  parentPort: () => undefined,
};
