/** A backend's calls as messages on a line between two processes: both ends of it. Knows no process and no model. */
import { type ErrorCode, fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { Port } from "../host/server-types.ts";
import type { Backend, Ending, GenerateAsk, Generation, Piece } from "./backend.ts";

/** Methods that are answered with one value. */
type Plain = Exclude<keyof Backend, "generate">;

/** What the asking end sends. */
type Request =
  | { readonly id: number; readonly call: Plain; readonly args: readonly unknown[] }
  | { readonly id: number; readonly call: "generate"; readonly args: readonly [GenerateAsk] }
  | { readonly id: number; readonly call: "stop" };

type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly piece: Piece }
  | { readonly id: number; readonly ending: Ending }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** Answers the calls that come over a line with a backend. */
export function answerCalls(port: Pick<Port, "send" | "onMessage">, backend: Backend): void {
  const controllers = new Map<number, AbortController>();
  const send = (answer: Answer) => port.send(answer);
  const generate = async (id: number, ask: GenerateAsk) => {
    const controller = new AbortController();
    controllers.set(id, controller);
    try {
      const { pieces, ...begun } = await backend.generate(ask, controller.signal);
      send({ id, value: begun });
      for (;;) {
        const { value, done } = await pieces.next();
        if (done) return send({ id, ending: value });
        send({ id, piece: value });
      }
    } finally {
      controllers.delete(id);
    }
  };
  const answer = async (request: Request) => {
    const { id } = request;
    try {
      if (request.call === "stop") controllers.get(id)?.abort();
      else if (request.call === "generate") await generate(id, request.args[0]);
      else send({ id, value: await (backend[request.call] as (...args: unknown[]) => unknown)(...request.args) });
    } catch (error) {
      send({ id, error: errorMessage(error) });
    }
  };
  port.onMessage((message) => void answer(message as Request));
}

/** An error as a message. */
export function errorMessage(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof OwnlmError) return { code: error.code, message: error.message };
  return { code: "BUG", message: error instanceof Error ? (error.stack ?? error.message) : messageOf(error) };
}

/** Values that come one by one, and the end of them. */
interface Inbox {
  push(answer: Answer): void;
  next(): Promise<Answer>;
}

/** A call under way. */
interface Pending {
  push(answer: Answer): void;
}

/** The asking end. */
export interface Caller {
  readonly pending: number;
  call(name: Plain, args: readonly unknown[]): Promise<unknown>;
  generate(ask: GenerateAsk, signal: AbortSignal | undefined): Promise<Generation>;
  /** What came over the line. */
  take(message: unknown): void;
  /** Ends all calls with an error. */
  end(code: ErrorCode, message: string): void;
}

/** Calls that `send` carries to the other end. `onCount` is told how many are under way. */
export function createCaller(send: (message: unknown) => void, onCount: (pending: number) => void): Caller {
  const pending = new Map<number, Pending>();
  let last = 0;
  const open = (request: { readonly call: Request["call"]; readonly args?: readonly unknown[] }) => {
    const id = ++last;
    const inbox = createInbox();
    pending.set(id, inbox);
    onCount(pending.size);
    send({ id, ...request });
    return { id, next: inbox.next };
  };
  const close = (id: number) => {
    if (pending.delete(id)) onCount(pending.size);
  };
  return {
    get pending() {
      return pending.size;
    },
    async call(name, args) {
      const { id, next } = open({ call: name, args });
      try {
        return wordOf(await next());
      } finally {
        close(id);
      }
    },
    async generate(ask, signal) {
      if (signal?.aborted) fail("ABORTED", "stopped on request");
      const { id, next } = open({ call: "generate", args: [ask] });
      const stop = () => send({ id, call: "stop" });
      const over = () => {
        signal?.removeEventListener("abort", stop);
        close(id);
      };
      signal?.addEventListener("abort", stop, { once: true });
      try {
        const begun = wordOf(await next()) as Omit<Generation, "pieces">;
        return { ...begun, pieces: piecesOf(next, stop, over) };
      } catch (error) {
        over();
        throw error;
      }
    },
    take(message) {
      const answer = message as Answer;
      pending.get(answer.id)?.push(answer);
    },
    end(code, message) {
      for (const [id, { push }] of [...pending]) push({ id, error: { code, message } });
    },
  };
}

async function* piecesOf(
  next: () => Promise<Answer>,
  stop: () => void,
  over: () => void,
): AsyncGenerator<Piece, Ending> {
  let ended = false;
  try {
    for (;;) {
      const answer = await next();
      ended = "ending" in answer || "error" in answer;
      if ("ending" in answer) return answer.ending;
      if ("piece" in answer) yield answer.piece;
      else wordOf(answer);
    }
  } finally {
    if (!ended) stop();
    over();
  }
}

function wordOf(answer: Answer): unknown {
  if ("value" in answer) return answer.value;
  if ("error" in answer) return fail(answer.error.code, answer.error.message);
  return fail("BUG", "the engine answered out of turn");
}

function createInbox(): Inbox {
  const waiting: Answer[] = [];
  let wake: ((answer: Answer) => void) | undefined;
  return {
    push(answer) {
      if (wake) {
        const give = wake;
        wake = undefined;
        give(answer);
      } else waiting.push(answer);
    },
    next() {
      const first = waiting.shift();
      if (first) return Promise.resolve(first);
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
  };
}
