/** What a server can be told: declared once, for the command line and the library. */
import type { OptionSpecs } from "../base/options.ts";

/** Where a server listens, whom it answers, and how much at once. */
export const SERVE_OPTIONS = {
  host: { kind: "text", placeholder: "ADDRESS", default: "127.0.0.1", help: "Address to listen on; 0.0.0.0 for all" },
  port: { kind: "int", min: 0, max: 65535, default: 8080, help: "Port to listen on; 0 takes a free one" },
  alias: { kind: "list", placeholder: "NAME", help: "Name of a model for clients, in the models' order" },
  slots: { kind: "int", min: 1, max: 256, default: 4, help: "Texts made at once, each with a cache of its own" },
  queue: { kind: "int", min: 0, max: 100_000, default: 256, help: "Requests that may wait; more are turned away" },
  apiKey: { kind: "list", placeholder: "KEY", help: "Answer only who knows one of these, besides OWNLM_API_KEYS" },
  allowedHost: { kind: "list", placeholder: "NAME", help: "Answer to this name too, as behind a proxy" },
  cors: { kind: "list", placeholder: "ORIGIN", help: "Let pages of this origin ask; * for all" },
  maxBodyBytes: {
    kind: "int",
    min: 1024,
    max: 2 ** 30,
    default: 8 * 2 ** 20,
    help: "Bytes of the largest request",
  },
  jobs: { kind: "text", placeholder: "DIR", help: "Take files and fine-tune models on request, in this folder" },
  maxFileBytes: {
    kind: "int",
    min: 1024,
    max: 2 ** 30,
    default: 64 * 2 ** 20,
    help: "With --jobs: bytes of the largest file; all together may be 16 times as many",
  },
  requestTimeout: { kind: "int", min: 1, max: 86_400, default: 600, help: "Seconds after which a request is ended" },
} as const satisfies OptionSpecs;
