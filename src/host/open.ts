/** The platform's host: `#host` is one module on Node and another elsewhere, so that bundles for browsers hold no Node. */
import { host as platformHost } from "#host";
import type { Host } from "./types.ts";

/** Files, memory and time of the platform that this runs on. */
export const host: Host = platformHost;
