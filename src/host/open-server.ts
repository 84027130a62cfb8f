/** The platform's sockets and programs: one module on Node and another elsewhere, as with `./open.ts`. */
import { serverHost as platformServerHost } from "#host-server";
import type { ServerHost } from "./server-types.ts";

/** Sockets and programs of the platform that this runs on. */
export const serverHost: ServerHost = platformServerHost;
