/** Lends engines, and lets them remember: a text that begins as an earlier one is read on from where they part. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { Host } from "../host/types.ts";
import type { BatchEngine } from "./batch-types.ts";
import { loadCache, saveCache } from "./cache-file.ts";
import type { Engine, Engines } from "./engine.ts";
import { commonPrefix } from "./prefix.ts";

/** An engine for a time. */
export interface Loan extends Disposable {
  readonly engine: Engine;
}

/** Engines lent out of one loaded model. */
export interface Lending extends Disposable {
  /**
   * Lends an engine until the loan is disposed. It holds the beginning of `ids` that it knows from an earlier text, all but
   * the last of them at most, or nothing where none are given. Several may be lent at once.
   */
  borrow(ids?: ArrayLike<number>): Loan;
  /** An engine of its own for several sequences at once: see {@link Engines.openBatch}. */
  readonly openBatch?: (slots: number, tokens?: number) => BatchEngine;
  /** True where a text may outgrow the context. */
  readonly slides: boolean;
  /** Writes what the engine last given back holds to a file. Throws BAD_CACHE where there is none, and DISK. */
  saveCache(file: string): void;
  /** Reads a file of {@link Lending.saveCache} that the same model made. Throws NOT_FOUND or BAD_CACHE. */
  loadCache(file: string): void;
  dispose(): void;
}

/**
 * An engine that comes back is lent again; one more is let go, since a cache may be large. `fingerprint` is asked for when
 * a cache goes to a file or comes from one.
 */
export function lending(host: Host, engines: Engines, fingerprint: () => string): Lending {
  let idle: Engine | undefined;
  let disposed = false;
  const takeBack = (engine: Engine) => {
    if (!disposed && engine.length > 0) {
      idle?.dispose();
      idle = engine;
    } else if (disposed || idle) engine.dispose();
    else idle = engine;
  };
  const take = (): Engine => {
    if (disposed) fail("DISPOSED", "the model was disposed");
    const engine = idle ?? engines.open();
    idle = undefined;
    return engine;
  };
  const dispose = () => {
    disposed = true;
    engines.dispose();
  };
  return {
    borrow(ids = []) {
      const engine = take();
      const { own, dispose: giveBack } = createOwner();
      engine.truncate(Math.max(0, Math.min(commonPrefix(engine.ids, ids), ids.length - 1)));
      own({ [Symbol.dispose]: () => takeBack(engine) });
      return { engine, [Symbol.dispose]: giveBack };
    },
    slides: engines.slides,
    ...(engines.openBatch && {
      openBatch(slots: number, tokens?: number) {
        if (disposed) fail("DISPOSED", "the model was disposed");
        return engines.openBatch!(slots, tokens);
      },
    }),
    saveCache(file) {
      if (disposed) fail("DISPOSED", "the model was disposed");
      const engine = idle ?? fail("BAD_CACHE", `${file}: nothing was read yet, expected a text. Generate first.`);
      saveCache(host, file, engine, fingerprint());
    },
    loadCache(file) {
      const engine = take();
      try {
        loadCache(host, file, engine, fingerprint());
      } finally {
        takeBack(engine);
      }
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
