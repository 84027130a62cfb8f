/** Who may compute and who waits: a bounded line, fair between clients. Knows no work. */
import { fail, OwnlmError } from "../base/errors.ts";

/** A line with so many places at its head. */
export interface Queue {
  readonly running: number;
  readonly waiting: number;
  /**
   * Resolves with a place, which is given back by disposing it. The client that was served longest ago comes first, and of its requests the
   * oldest. Throws BUSY at once where too many wait, unless it has `joined` somebody let in before, and ABORTED.
   */
  enter(client: string, signal?: AbortSignal, joined?: boolean): Promise<Disposable>;
  /** Turns away all who wait, and who come: DISPOSED. */
  close(): void;
}

interface Waiting {
  readonly resolve: (place: Disposable) => void;
  readonly reject: (error: Error) => void;
}

/** A queue for `places` at once, in which at most `mostWaiting` wait. */
export function createQueue(places: number, mostWaiting: number): Queue {
  /** Clients in the order they are served; each has somebody waiting. */
  const lines = new Map<string, Waiting[]>();
  let running = 0;
  let waiting = 0;
  let closed = false;

  const place = (): Disposable => {
    running++;
    let given = false;
    return {
      [Symbol.dispose]() {
        if (given) return;
        given = true;
        running--;
        admit();
      },
    };
  };
  const admit = () => {
    while (running < places) {
      const [client, line] = lines.entries().next().value ?? [];
      if (client === undefined) return;
      const next = line!.shift()!;
      waiting--;
      // Behind all others, where it has more.
      lines.delete(client);
      if (line!.length > 0) lines.set(client, line!);
      next.resolve(place());
    }
  };
  const leave = (client: string, who: Waiting) => {
    const line = lines.get(client);
    const at = line?.indexOf(who) ?? -1;
    if (at < 0) return false;
    line!.splice(at, 1);
    if (line!.length === 0) lines.delete(client);
    waiting--;
    return true;
  };
  return {
    get running() {
      return running;
    },
    get waiting() {
      return waiting;
    },
    enter(client, signal, joined = false) {
      return new Promise((resolve, reject) => {
        if (closed) fail("DISPOSED", "the engine is going away");
        if (signal?.aborted) fail("ABORTED", "stopped on request");
        if (!joined && running >= places && waiting >= mostWaiting)
          fail("BUSY", `${waiting} requests wait already, which is the most. Try again later.`);
        const stop = () => {
          if (leave(client, who)) reject(new OwnlmError("ABORTED", "stopped on request"));
        };
        const who: Waiting = {
          resolve(value) {
            signal?.removeEventListener("abort", stop);
            resolve(value);
          },
          reject,
        };
        signal?.addEventListener("abort", stop, { once: true });
        lines.set(client, [...(lines.get(client) ?? []), who]);
        waiting++;
        admit();
      });
    },
    close() {
      closed = true;
      const all = [...lines.values()].flat();
      lines.clear();
      waiting = 0;
      for (const who of all) who.reject(new OwnlmError("DISPOSED", "the engine is going away"));
    },
  };
}
