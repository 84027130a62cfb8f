/** Lets the rest of the program have its turn during long computations. Knows nothing of what is computed. */

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
