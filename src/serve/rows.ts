/** Places for texts in a model's memory, each of which remembers the last text it held. Chooses no token. */
import type { BatchEngine } from "../generate/batch-types.ts";
import type { Loan } from "../generate/lending.ts";
import type { OpenModel } from "../generate/open-model.ts";
import { commonPrefix } from "../generate/prefix.ts";

/** A place for a text. */
export interface Row {
  /** The tokens it holds. */
  readonly ids: readonly number[];
  /** Reads tokens and gives the logits (V) behind the last: a live view, valid until the rows' next call. */
  read(ids: readonly number[]): Promise<Float32Array>;
  /** Reads tokens and shows the logits behind each. */
  readShowing(ids: readonly number[], show: (logits: Float32Array, index: number) => void): Promise<void>;
}

/** All places of a model. */
export interface Rows extends Disposable {
  readonly count: number;
  /** A free place that holds the beginning of `ids` that is known with that adapter, all but the last at most; none of it with `fresh`. Undefined where none is free. */
  take(ids: readonly number[], fresh: boolean, adapter?: string): Row | undefined;
  /** Gives a place back; it remembers what it holds. */
  giveBack(row: Row): void;
  /** One token for each of some rows, and the logits behind it: live views, valid until the rows' next call. */
  step(rows: readonly Row[], ids: readonly number[]): Promise<readonly Float32Array[]>;
}

/** At most `count` places out of a model: in one cache, a step of all of which is one run; one by one where the model has no such cache. */
export function rowsOf(model: Pick<OpenModel, "openBatch" | "withAdapter">, count: number): Rows {
  return model.openBatch && count > 1 ? batchRows(model.openBatch(count)) : engineRows(model, count);
}

/** A place, and when it was used last. */
interface Used {
  isFree: boolean;
  usedAt: number;
}

/** Tokens of a text that a place knows and that need not be read again; the last is always read. */
const knownOf = (place: Pick<Row, "ids">, ids: readonly number[]) =>
  Math.max(0, Math.min(commonPrefix(place.ids, ids), ids.length - 1));

interface Slot extends Row, Used {
  readonly index: number;
}

/** The slots of an engine for several texts, which is disposed with them. */
export function batchRows(engine: BatchEngine): Rows {
  let clock = 0;
  const slots = Array.from({ length: engine.slots }, (_, index): Slot => {
    return {
      index,
      isFree: true,
      usedAt: 0,
      get ids() {
        return engine.idsOf(index);
      },
      read: (ids) => engine.append(index, ids),
      readShowing: (ids, show) => engine.appendShowing(index, ids, show),
    };
  });
  const oldest = (free: readonly Slot[]) => free.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
  const placed = (ids: readonly number[], free: readonly Slot[], adapter: string | undefined): Slot => {
    const known = slots.map((slot) => (engine.adapterOf(slot.index) === adapter ? knownOf(slot, ids) : 0));
    const best = slots.reduce((a, b) => (known[b.index]! > known[a.index]! ? b : a));
    const shared = known[best.index]!;
    // A text that goes on takes its place; one that begins alike leaves the other's in peace and takes the oldest.
    const goesOn = best.isFree && 2 * shared >= best.ids.length;
    const slot = goesOn ? best : oldest(free);
    engine.use(slot.index, adapter);
    if (slot === best || shared === 0) engine.truncate(slot.index, shared);
    else engine.copy(best.index, slot.index, shared);
    return slot;
  };
  return {
    count: engine.slots,
    take(ids, fresh, adapter) {
      const free = slots.filter(({ isFree }) => isFree);
      if (free.length === 0) return undefined;
      const slot = fresh ? oldest(free) : placed(ids, free, adapter);
      engine.use(slot.index, adapter);
      if (fresh) engine.truncate(slot.index, 0);
      slot.isFree = false;
      return slot;
    },
    giveBack(row) {
      const slot = row as Slot;
      slot.isFree = true;
      slot.usedAt = ++clock;
    },
    step: (rows, ids) =>
      engine.step(
        rows.map((row) => (row as Slot).index),
        ids,
      ),
    [Symbol.dispose]: engine.dispose,
  };
}

interface Place extends Row, Used {
  readonly loan: Loan;
  readonly adapter: string | undefined;
}

/** Engines for one text each, made when they are first needed. */
export function engineRows(model: Pick<OpenModel, "withAdapter">, count: number): Rows {
  const places: Place[] = [];
  let clock = 0;
  const open = (adapter: string | undefined): Place => {
    const loan = model.withAdapter(adapter).borrow();
    const { engine } = loan;
    return {
      loan,
      adapter,
      isFree: true,
      usedAt: 0,
      ids: engine.ids,
      read: (ids) => engine.append(ids),
      readShowing: (ids, show) => engine.appendShowing(ids, show),
    };
  };
  /** The place that knows most of a text, and of equals the one that was used longest ago. */
  const best = (ids: readonly number[], adapter: string | undefined): Place | undefined => {
    const known = (place: Place) => (place.adapter === adapter ? knownOf(place, ids) : 0);
    const free = places.filter((place) => place.isFree);
    free.sort((a, b) => known(b) - known(a) || a.usedAt - b.usedAt);
    const [first] = free;
    // A text that is worth nothing here is forgotten only where there is no room for another.
    if (places.length < count && (!first || known(first) === 0)) {
      const made = open(adapter);
      places.push(made);
      return made;
    }
    if (!first || first.adapter === adapter) return first;
    first.loan[Symbol.dispose]();
    const made = open(adapter);
    places[places.indexOf(first)] = made;
    return made;
  };
  return {
    count,
    take(ids, fresh, adapter) {
      const place = best(ids, adapter);
      if (!place) return undefined;
      place.loan.engine.truncate(fresh ? 0 : knownOf(place, ids));
      place.isFree = false;
      return place;
    },
    giveBack(row) {
      const place = row as Place;
      place.isFree = true;
      place.usedAt = ++clock;
    },
    async step(rows, ids) {
      const all: Float32Array[] = [];
      for (const [i, row] of rows.entries()) all.push(await row.read([ids[i]!]));
      return all;
    },
    [Symbol.dispose]() {
      for (const { loan } of places) loan[Symbol.dispose]();
    },
  };
}
