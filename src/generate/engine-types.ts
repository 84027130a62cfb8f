/** What an engine is to those who use one or wrap it. */
import type { CausalLm } from "../models/types.ts";
import type { KvCache } from "./kv-cache.ts";

/** One sequence in the making. */
export interface Engine extends Disposable {
  readonly model: CausalLm;
  readonly capacity: number;
  /** Tokens in the cache. */
  readonly length: number;
  /** Which they are; it changes as they do. */
  readonly ids: readonly number[];
  readonly cache: KvCache;
  /**
   * Appends tokens and returns the logits (V) that follow the last one: a live view, valid until the next call. Throws
   * BAD_TOKEN_ID for an id outside the vocabulary, CONTEXT_OVERFLOW when the cache is full and ABORTED when `signal`
   * is, and appends nothing then.
   */
  append(ids: ArrayLike<number>, signal?: AbortSignal): Promise<Float32Array>;
  /** Appends tokens and shows the logits that follow each, in order: `show(logits, i)` after `ids[i]`. */
  appendShowing(
    ids: ArrayLike<number>,
    show: (logits: Float32Array, index: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Forgets the tokens that no later one can see, where every layer sees a window only: what follows gets the logits of an
   * endless cache, but for rounding. The ids of those that stay are -1 from then on, for no text begins with them. Absent
   * where layers see all, and where the cache has little room beyond the window.
   */
  readonly slide?: () => void;
  /** Says which tokens the cache holds, to an engine that held none: whoever filled its tensors knows. */
  adopt(ids: readonly number[]): void;
  /** Forgets all tokens from position `length` on. */
  truncate(length: number): void;
  dispose(): void;
}
