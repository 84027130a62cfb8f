/** Who is next: a bounded line, fair between clients. Knows no work. */
import { fail } from "../base/errors.ts";

/** A line of items. */
export interface Line<T> {
  readonly length: number;
  /** Puts an item at the end of its client's own line. Throws BUSY where the most wait, unless it has `joined` one that was let in. */
  push(client: string, item: T, joined?: boolean): void;
  /** The oldest item of the client that was served longest ago. */
  next(): T | undefined;
  /** Takes out all items that are so. */
  remove(isSo: (item: T) => boolean): T[];
}

/** A line in which at most `most` wait. */
export function createLine<T>(most: number): Line<T> {
  /** Clients in the order they are served; each has an item at least. */
  const lines = new Map<string, T[]>();
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(client, item, joined = false) {
      if (!joined && length >= most)
        fail("BUSY", `${length} texts wait already, and ${most} are the most. Try again later.`);
      length++;
      const own = lines.get(client);
      if (own) own.push(item);
      else lines.set(client, [item]);
    },
    next() {
      const [client, own] = lines.entries().next().value ?? [];
      if (client === undefined) return undefined;
      length--;
      const item = own!.shift()!;
      // Behind all others, where it has more.
      lines.delete(client);
      if (own!.length > 0) lines.set(client, own!);
      return item;
    },
    remove(isSo) {
      const removed: T[] = [];
      for (const [client, own] of [...lines]) {
        removed.push(...own.filter(isSo));
        const kept = own.filter((item) => !isSo(item));
        if (kept.length > 0) lines.set(client, kept);
        else lines.delete(client);
      }
      length -= removed.length;
      return removed;
    },
  };
}
