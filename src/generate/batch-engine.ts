/** Several sequences over one model, in rows of one cache. Knows no text and chooses no token. */
import { fail } from "../base/errors.ts";
import { createOwner } from "../base/owner.ts";
import type { Tensor } from "../runtime/types.ts";
import { requireAdapter } from "./adapters.ts";
import { rowFeeder } from "./batch-feed.ts";
import { type RowsParts, type RowsPiece, rowsPieces } from "./batch-pieces.ts";
import { createRows } from "./batch-rows.ts";
import type { BatchEngine } from "./batch-types.ts";
import { PARTS } from "./kv-cache.ts";
import { SHOWN_ELEMENTS } from "./pieces.ts";

/** What an engine is made over. */
export interface BatchParts extends Omit<RowsParts, "caches"> {
  readonly slots: number;
  /** Tokens that each slot holds. */
  readonly capacity: number;
  /** Positions of the model's tables. */
  readonly positions: number;
  readonly chunk: number;
  /** The adapter that texts begin with. */
  readonly adapter?: string | undefined;
}

/** An engine with a cache of its own. `onDispose` is called once, when it has given back its memory. */
export function openBatchEngine(parts: BatchParts, onDispose: () => void): BatchEngine {
  const { runtime, model, slots, capacity, chunk, adapter, adapters } = parts;
  requireAdapter(adapters, adapter);
  const owner = createOwner();
  owner.own({ [Symbol.dispose]: onDispose });
  const caches: Record<string, Tensor> = {};
  const { layers, kvHeads, headDim } = model.cache;
  for (let layer = 0; layer < layers; layer++)
    for (const part of PARTS)
      caches[`past_key_values.${layer}.${part}`] = owner.own(
        runtime.tensor("float32", [slots + 1, kvHeads, capacity, headDim]),
      );
  const rows = createRows(Object.values(caches), slots, adapter);
  const pieces = rowsPieces({ ...parts, caches }, slots, owner);
  const feeder = rowFeeder({ ...parts, rows, pieces });
  const exclusively = createTurn();
  const rowOf = (piece: RowsPiece, i: number) => piece.logits.subarray(i * model.vocabSize, (i + 1) * model.vocabSize);
  return {
    model,
    capacity,
    slots,
    adapterOf: (slot) => rows.of(slot).adapter,
    use(slot, name) {
      requireAdapter(adapters, name);
      const row = rows.of(slot);
      if (row.adapter !== name) rows.truncate(slot, 0);
      row.adapter = name;
    },
    idsOf: (slot) => rows.of(slot).ids,
    append: (slot, ids, signal) =>
      exclusively(signal, async () => {
        let last: Float32Array | undefined;
        const use = (piece: RowsPiece, start: number, size: number) => {
          if (start + size === ids.length) last = piece.logits.slice();
        };
        await feeder.append(slot, ids, { most: chunk, shown: "last", use, signal });
        return last!;
      }),
    appendShowing: (slot, ids, show, signal) =>
      exclusively(signal, async () => {
        const most = Math.max(1, Math.min(chunk, Math.floor(SHOWN_ELEMENTS / model.vocabSize)));
        const use = (piece: RowsPiece, start: number, size: number) => {
          for (let i = 0; i < size; i++) show(rowOf(piece, i), start + i);
        };
        await feeder.append(slot, ids, { most, shown: "all", use, signal });
      }),
    step: (stepped, ids, signal) =>
      exclusively(signal, async () => {
        const piece = await feeder.step(stepped, ids, signal);
        return stepped.map((slot) => rowOf(piece, rows.placeOf(slot)));
      }),
    copy: rows.copy,
    reorder: rows.reorder,
    truncate: rows.truncate,
    dispose: owner.dispose,
    [Symbol.dispose]: owner.dispose,
  };
}

/** Runs one action at a time: a second one before the first is done is a fault of the caller's. */
function createTurn() {
  let busy = false;
  return async <R>(signal: AbortSignal | undefined, action: () => Promise<R>): Promise<R> => {
    if (busy) fail("BUG", "the engine was given tokens before it was done with the last ones");
    if (signal?.aborted) fail("ABORTED", "stopped on request");
    busy = true;
    try {
      return await action();
    } finally {
      busy = false;
    }
  };
}
