/** An engine for models that turn positions otherwise in long texts, from their beginning (LongRoPE). Chooses no token. */
import { fail } from "../base/errors.ts";
import type { Engine } from "./engine-types.ts";

/**
 * Keeps the ids of `engine`, and feeds them to it anew when a text grows beyond `border` tokens or is cut back to fewer,
 * as transformers does for Phi-3. `setLong` says by which angles the tokens that follow are turned.
 */
export function overBorder(engine: Engine, border: number, setLong: (isLong: boolean) => void): Engine {
  const known: number[] = [];
  let isLong = false;
  /** Makes the cache that of the known ids, turned as a text of `total` tokens is. */
  const prepare = async (total: number, signal: AbortSignal | undefined): Promise<void> => {
    const wanted = total > border;
    if (wanted === isLong && engine.length === known.length) return;
    engine.truncate(0);
    setLong(wanted);
    isLong = wanted;
    if (known.length > 0) await engine.append(known, signal);
  };
  const learn = (ids: ArrayLike<number>) => {
    for (let i = 0; i < ids.length; i++) known.push(ids[i]!);
  };
  return {
    model: engine.model,
    capacity: engine.capacity,
    cache: engine.cache,
    ids: known,
    get length() {
      return known.length;
    },
    async append(ids, signal) {
      await prepare(known.length + ids.length, signal);
      const logits = await engine.append(ids, signal);
      learn(ids);
      return logits;
    },
    async appendShowing(ids, show, signal) {
      await prepare(known.length + ids.length, signal);
      await engine.appendShowing(ids, show, signal);
      learn(ids);
    },
    adopt() {
      fail(
        "UNSUPPORTED",
        "a cache from a file: this model turns long texts otherwise (LongRoPE), and its cache is not kept",
      );
    },
    truncate(to) {
      if (!(Number.isInteger(to) && to >= 0 && to <= known.length))
        fail("BAD_OPTION", `truncate: got ${to}, expected 0 to ${known.length}`);
      // It holds less where feeding it anew was broken off.
      if (engine.length > to) engine.truncate(to);
      known.length = to;
    },
    dispose: engine.dispose,
    [Symbol.dispose]: engine.dispose,
  };
}
