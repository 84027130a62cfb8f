/** Bindings of a session to rows of a cache: a piece of one row's text, or a token of each of the first rows. Knows no sequence. */
import { createOwner, type Owner } from "../base/owner.ts";
import type { CausalLm } from "../models/types.ts";
import type { Binding, Runtime, Session, Tensor } from "../runtime/types.ts";
import type { AdapterFeeds, AdapterSet } from "./adapters.ts";
import { words } from "./pieces.ts";

/** A binding for `size` tokens of each of `count` rows. */
export interface RowsPiece extends Disposable {
  /** 64-bit integers as pairs of words, of which the low one is written. */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  /** Of each row: tokens after the run, minus one. */
  readonly lengths: Int32Array;
  /** The most tokens of a row after the run. */
  readonly total: Int32Array;
  readonly logits: Float32Array;
  readonly binding: Binding;
  /** Gives the `at`-th row of the piece its adapter. */
  choose(at: number, adapter: string | undefined): void;
}

/** What rows are bound with. */
export interface RowsParts {
  readonly runtime: Runtime;
  readonly session: Session;
  readonly model: CausalLm;
  /** Inputs that are the same at each run. */
  readonly fixed: Readonly<Record<string, Tensor>>;
  /** Caches (rows, KV, P, D) by the names of the graph's inputs. */
  readonly caches: Readonly<Record<string, Tensor>>;
  readonly adapters?: AdapterSet | undefined;
}

type Views = (from: number, count: number) => Readonly<Record<string, Tensor>>;

/** Makers of pieces. */
export interface RowsPieces {
  /** `size` tokens of the row at `place`, of which the last `shown` have logits, with its adapter. To be disposed. */
  ofRow(place: number, size: number, shown: number, adapter: string | undefined): RowsPiece;
  /** One token of each of the first rows, of these adapters. All such pieces share their memory, and live as long as the owner. */
  ofFirst(adapters: readonly (string | undefined)[]): RowsPiece;
}

/** Makers of pieces over `rows` rows. */
export function rowsPieces(parts: RowsParts, rows: number, owner: Owner): RowsPieces {
  const { runtime, model } = parts;
  const total = owner.own(runtime.tensor("int32", []));
  const tensorsFor = ({ own }: Owner, count: number, size: number, shown: number) => {
    const wanted = BigInt64Array.from({ length: count * shown }, (_, i) => {
      const row = Math.floor(i / shown);
      return BigInt((row + 1) * size - shown + (i % shown));
    });
    return {
      input_ids: own(runtime.tensor("int64", [count, size])),
      position_ids: own(runtime.tensor("int64", [count, size])),
      logit_rows: own(runtime.tensor("int64", [wanted.length], wanted)),
      seqlens_k: own(runtime.tensor("int32", [count])),
      logits: own(runtime.tensor("float32", [wanted.length, model.vocabSize])),
    };
  };
  const bound = (
    tensors: ReturnType<typeof tensorsFor>,
    [at, count, size]: readonly [at: number, count: number, size: number],
    feeds: AdapterFeeds | undefined,
    of: Owner,
  ): RowsPiece => {
    const { logits, ...fed } = tensors;
    const choice = feeds?.choice(of.own, count * size);
    const inputs: Record<string, Tensor> = {
      ...parts.fixed,
      ...fed,
      ...feeds?.tensors,
      ...choice?.tensors,
      total_sequence_length: total,
    };
    const outputs: Record<string, Tensor> = { logits };
    for (const [name, cache] of Object.entries(views(at, count))) {
      inputs[name] = of.own(cache);
      outputs[name.replace("past_key_values.", "present.")] = cache;
    }
    return {
      ids: words(tensors.input_ids),
      positions: words(tensors.position_ids),
      lengths: tensors.seqlens_k.data,
      total: total.data,
      logits: logits.data,
      binding: of.own(parts.session.bind(inputs, outputs)),
      choose: (row, adapter) => choice?.set(row * size, (row + 1) * size, adapter),
      [Symbol.dispose]: of.dispose,
    };
  };
  const views: Views = (from, count) =>
    Object.fromEntries(Object.entries(parts.caches).map(([name, cache]) => [name, runtime.rows(cache, from, count)]));
  let whole: ReturnType<typeof tensorsFor> | undefined;
  const steps = new Map<string, RowsPiece>();
  return {
    ofRow(place, size, shown, adapter) {
      const of = createOwner();
      const piece = bound(tensorsFor(of, 1, size, shown), [place, 1, size], parts.adapters?.alone(adapter), of);
      piece.choose(0, adapter);
      return piece;
    },
    ofFirst(adapters) {
      const count = adapters.length;
      const isMixed = adapters.some((each) => each !== adapters[0]);
      const key = isMixed ? `${count}` : `${count} ${adapters[0]}`;
      const known = steps.get(key);
      if (known) return known;
      whole ??= tensorsFor(owner, rows, 1, 1);
      const of = createOwner();
      owner.own({ [Symbol.dispose]: of.dispose });
      const parted = Object.entries(whole).map(([name, tensor]) => [
        name,
        of.own(runtime.rows(tensor as Tensor, 0, count)),
      ]);
      const feeds = isMixed ? parts.adapters?.together() : parts.adapters?.alone(adapters[0]);
      const piece = bound(Object.fromEntries(parted) as typeof whole, [0, count, 1], feeds, of);
      for (const [row, adapter] of adapters.entries()) piece.choose(row, adapter);
      steps.set(key, piece);
      return piece;
    },
  };
}
