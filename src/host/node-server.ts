/** Sockets and child processes on Node. */
import { type ChildProcess, fork } from "node:child_process";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createAdaptorServer } from "@hono/node-server";
import { OwnlmError } from "../base/errors.ts";
import type { Child, Listening, ListenOptions, Port, ServerHost } from "./server-types.ts";

/** Largest headers of a request, in bytes. */
const MOST_HEADERS = 16 * 1024;

function listen(answer: (request: Request) => Promise<Response>, options: ListenOptions): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: answer,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: MOST_HEADERS,
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, options.headersTimeoutMs),
    },
  }) as Server;
  server.maxConnections = options.maxConnections;
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(error, options)));
    server.listen(options.port, options.host, () => {
      const { address, port } = server.address() as AddressInfo;
      resolve({ host: address, port, close: (graceMs) => closed(server, graceMs) });
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ListenOptions): OwnlmError {
  if (error.code === "EADDRINUSE")
    return new OwnlmError("BUSY", `port: ${port} is taken by another program. Try another one, or 0 for a free one.`, {
      cause: error,
    });
  if (error.code === "EACCES")
    return new OwnlmError("BAD_OPTION", `port: ${port} is not this user's to take. Try one above 1023.`, {
      cause: error,
    });
  return new OwnlmError("BAD_OPTION", `host: ${host}: ${error.message}`, { cause: error });
}

function closed(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function startChild(module: URL): Child {
  const child: ChildProcess = fork(fileURLToPath(module), [], {
    serialization: "advanced",
    stdio: ["ignore", 2, 2, "ipc"],
  });
  let why: string | undefined;
  return {
    send(message) {
      // A child that is gone is told of by its end.
      if (child.connected) child.send(message as object, () => {});
    },
    onMessage: (listener) => void child.on("message", listener),
    onEnd(listener) {
      child.on("error", (error) => {
        why = error.message;
        if (child.pid === undefined) listener(why);
      });
      child.on("exit", (status, signal) => listener(why ?? (signal ? `signal ${signal}` : `exit status ${status}`)));
    },
    kill: () => void child.kill("SIGKILL"),
    setBusy(busy) {
      if (busy) {
        child.ref();
        child.channel?.ref();
      } else {
        child.unref();
        child.channel?.unref();
      }
    },
  };
}

/** The line to the parent. This process ends with it, and leaves the terminal's Ctrl-C to the parent. */
function parentPort(): Port | undefined {
  if (!process.send) return undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("disconnect", () => process.exit(0));
  return {
    send(message) {
      if (process.connected) process.send!(message, undefined, undefined, () => {});
    },
    onMessage: (listener) => void process.on("message", listener),
    onEnd: (listener) => void process.on("disconnect", () => listener("the parent is gone")),
  };
}

/** Node's sockets and processes. */
export const serverHost: ServerHost = { listen, startChild, parentPort };
