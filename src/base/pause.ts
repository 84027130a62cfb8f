/** Lets the rest of the program have its turn during long computations. Knows nothing of what is computed. */
import { fail, OwnlmError } from "./errors.ts";

/** Longest time, in milliseconds, that a computation keeps everything else waiting between two of its steps. */
const TURN_MS = 12;

/**
 * A function to be awaited between steps: now and then it waits for one turn of the event loop, so that signals, timers
 * and other requests are heard although each step holds the thread.
 */
export function createPause(nowMs: () => number = () => performance.now()): () => Promise<void> {
  let last = nowMs();
  return async () => {
    if (nowMs() - last < TURN_MS) return;
    await turn();
    last = nowMs();
  };
}

/** A pause after which the signal counts: throws ABORTED with the message once somebody has aborted. */
export function createTurn(
  signal: AbortSignal | undefined,
  message: string,
  nowMs?: () => number,
): () => Promise<void> {
  const pause = createPause(nowMs);
  return async () => {
    await pause();
    if (signal?.aborted) fail("ABORTED", message);
  };
}

/** Runs a long computation to its end with a turn after each of its steps; `onStep` hears of them. */
export async function inTurns<Step, Result>(
  steps: Generator<Step, Result>,
  turn: () => Promise<void>,
  onStep: (step: Step) => void = () => {},
): Promise<Result> {
  for (;;) {
    const { value, done } = steps.next();
    if (done) return value;
    onStep(value);
    await turn();
  }
}

/** Waits for so many milliseconds, or throws ABORTED with the message as soon as somebody aborts. */
export function sleep(ms: number, signal?: AbortSignal, message = "stopped while waiting"): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new OwnlmError("ABORTED", message));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** One turn of the event loop. Browsers have no `setImmediate`; a message comes sooner there than a timer. */
function turn(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
