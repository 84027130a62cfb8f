/** What an engine of several sequences is to those who use one. */
import type { CausalLm } from "../models/types.ts";

/**
 * Several sequences in the making, each in a slot of its own and of its own length. Any of the slots may take part in a
 * step, so that texts join and leave between steps.
 */
export interface BatchEngine extends Disposable {
  readonly model: CausalLm;
  /** Tokens that each slot holds. */
  readonly capacity: number;
  readonly slots: number;
  /** Gives a slot's text an adapter by name, or none; with another than it had the slot holds nothing. Throws BAD_OPTION. */
  use(slot: number, adapter: string | undefined): void;
  adapterOf(slot: number): string | undefined;
  /** The ids that a slot holds. */
  idsOf(slot: number): readonly number[];
  /**
   * Appends tokens to one slot and returns the logits (V) that follow the last one. Throws BAD_OPTION for no slot, else as
   * {@link import("./engine-types.ts").Engine.append} does, and appends nothing then.
   */
  append(slot: number, ids: ArrayLike<number>, signal?: AbortSignal): Promise<Float32Array>;
  /** Appends tokens to one slot and shows the logits that follow each, in order: `show(logits, i)` after `ids[i]`. */
  appendShowing(
    slot: number,
    ids: ArrayLike<number>,
    show: (logits: Float32Array, index: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * Appends ids[i] to slots[i], all in one run of the model. Returns the logits (V) that follow each: live views, valid
   * until the next call.
   */
  step(slots: readonly number[], ids: ArrayLike<number>, signal?: AbortSignal): Promise<readonly Float32Array[]>;
  /** Makes slot `to` hold the first `length` tokens of slot `from`, default all. What both hold already stays. */
  copy(from: number, to: number, length?: number): void;
  /** Makes slot i what slot from[i] is, for the first slots, all at once. */
  reorder(from: readonly number[]): void;
  /** Forgets the tokens of a slot from position `length` on. */
  truncate(slot: number, length: number): void;
  dispose(): void;
}
