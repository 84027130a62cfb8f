/** Several generators as one, each told apart by its index; what comes first comes out first. */

/** A value of one of the sources, or its end. */
export type Merged<T, R> =
  | { readonly index: number; readonly value: T }
  | { readonly index: number; readonly ending: R };

/**
 * All values of all sources. The first that throws ends them all with what it threw. `stop` is called where it ends before they do: it makes
 * them come to an end.
 */
export async function* merged<T, R>(
  sources: readonly AsyncGenerator<T, R>[],
  stop: () => void,
): AsyncGenerator<Merged<T, R>, void> {
  const step = async (index: number) => ({ index, result: await sources[index]!.next() });
  const pending = new Map(sources.map((_, index) => [index, step(index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(index);
      else pending.set(index, step(index));
      yield result.done ? { index, ending: result.value } : { index, value: result.value };
    }
  } finally {
    if (pending.size > 0) stop();
    for (const left of pending.values()) left.catch(() => {});
    await Promise.allSettled(sources.map((source) => source.return(undefined as R)));
  }
}
