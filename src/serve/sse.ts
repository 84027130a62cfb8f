/** Server-sent events out of a generator, and an end of the work where nobody listens any more. Knows no event. */

/** How often a comment keeps a quiet connection open. */
const PING_MS = 15_000;

/** An event with a name. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

const frameOf = (event: string | ServerEvent) =>
  typeof event === "string" ? `data: ${event}\n\n` : `event: ${event.event}\ndata: ${event.data}\n\n`;

/**
 * A response of events, each with one line of text. What the generator throws must be handled in it. `onGone` is called when the client
 * goes away before the end.
 */
export function eventStream(events: AsyncGenerator<string | ServerEvent>, onGone: () => void): Response {
  const encoder = new TextEncoder();
  let ping: ReturnType<typeof setInterval> | undefined;
  let over = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      ping = setInterval(() => {
        if (!over && (controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(": ping\n\n"));
      }, PING_MS);
      (ping as { unref?: () => void }).unref?.();
    },
    async pull(controller) {
      const { value, done } = await events.next();
      if (over) return;
      if (!done) return controller.enqueue(encoder.encode(frameOf(value)));
      over = true;
      clearInterval(ping);
      controller.close();
    },
    async cancel() {
      over = true;
      clearInterval(ping);
      onGone();
      await events.return(undefined);
    },
  });
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      // Proxies that collect answers would hold the stream back.
      "x-accel-buffering": "no",
    },
  });
}
