/** A model in a process of its own: one that ends unexpectedly takes its requests with it, and not the server. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Child, ServerHost } from "../host/server-types.ts";
import type { Backend, ModelFacts } from "./backend.ts";
import { type Caller, createCaller } from "./calls.ts";
import type { Opened } from "./engine-process.ts";
import type { OpenAsk } from "./open.ts";

/** Restarts at once are so many within so many milliseconds; then it stays down for as long. */
const MOST_FALLS = 3;
const FALLS_WITHIN_MS = 60_000;

/** An engine that is asked so often how it is and says nothing hangs, and is ended: reading a piece of a prompt takes a second at most. */
const MOST_SILENT = 6;
const WATCH_MS = 10_000;

/** Who is told of an engine's end. */
export interface RemoteHooks {
  readonly onCrash: (why: string) => void;
}

/** A process that runs. */
interface Running {
  readonly child: Child;
  readonly caller: Caller;
  /** Resolves when the model is open. */
  readonly ready: Promise<void>;
}

/** Starts a process for a model, and again after it fell. Throws what opening the model throws. */
export async function openRemote(serverHost: ServerHost, ask: OpenAsk, hooks: RemoteHooks): Promise<Backend> {
  let disposed = false;
  let running: Running | undefined;
  let facts: ModelFacts | undefined;
  const falls: number[] = [];

  const start = (): Running => {
    const child = serverHost.startChild(new URL("./engine-process.js", import.meta.url));
    const caller = createCaller(child.send, (pending) => child.setBusy(pending > 0));
    let isReady = false;
    // Counted in turns of this loop, since machines sleep.
    let silent = 0;
    const watch = setInterval(() => {
      if (!isReady || caller.pending === 0) silent = 0;
      else if (++silent > MOST_SILENT) child.kill();
      else void caller.call("load", []).catch(() => {});
    }, WATCH_MS);
    (watch as { unref?: () => void }).unref?.();
    const ready = new Promise<void>((resolve, reject) => {
      child.onMessage((message) => {
        silent = 0;
        isReady = true;
        const first = message as Opened | { readonly id: number };
        if ("opened" in first) resolve();
        else if ("failed" in first) reject(new OwnlmError(first.failed.code, first.failed.message));
        else caller.take(message);
      });
      child.onEnd((why) => {
        clearInterval(watch);
        if (running?.child === child) running = undefined;
        const text = disposed
          ? "the engine is going away"
          : `the engine ended unexpectedly (${why}); it is started anew`;
        const code = disposed ? "DISPOSED" : "RUNTIME";
        caller.end(code, text);
        reject(new OwnlmError(code, text));
        if (disposed) return;
        falls.push(performance.now());
        hooks.onCrash(why);
      });
    });
    child.send(ask);
    return { child, caller, ready };
  };
  const theEngine = async (): Promise<Caller> => {
    if (disposed) fail("DISPOSED", "the engine is going away");
    while (falls.length > 0 && performance.now() - falls[0]! > FALLS_WITHIN_MS) falls.shift();
    if (!running && falls.length >= MOST_FALLS)
      fail("DISPOSED", `the engine fell ${falls.length} times within a minute and rests. Try again later.`);
    running ??= start();
    const { child, ready, caller } = running;
    try {
      await ready;
    } catch (error) {
      // A model that cannot be opened now may be later.
      if (running?.child === child) running = undefined;
      child.kill();
      throw error;
    }
    return caller;
  };
  const call = async (name: Parameters<Caller["call"]>[0], ...args: unknown[]) => (await theEngine()).call(name, args);
  const backend: Backend = {
    async facts() {
      facts ??= (await call("facts")) as ModelFacts;
      return facts;
    },
    async load() {
      if (!running) return { running: 0, waiting: 0, slots: ask.slots };
      return (await call("load")) as Awaited<ReturnType<Backend["load"]>>;
    },
    generate: async (given, signal) => (await theEngine()).generate(given, signal),
    tokenize: async (prompt) => (await call("tokenize", prompt)) as Awaited<ReturnType<Backend["tokenize"]>>,
    detokenize: async (ids) => (await call("detokenize", ids)) as string,
    embed: async (prompts) => (await call("embed", prompts)) as Awaited<ReturnType<Backend["embed"]>>,
    applyTemplate: async (chat) => (await call("applyTemplate", chat)) as string,
    async dispose() {
      disposed = true;
      running?.child.kill();
    },
  };
  await backend.facts();
  return backend;
}
