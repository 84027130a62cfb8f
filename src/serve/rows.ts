/** Places for texts in a model's memory, each of which remembers the last text it held. Chooses no token. */
import type { BatchEngine } from "../generate/batch-types.ts";
import type { Lending, Loan } from "../generate/lending.ts";
import { commonPrefix } from "../generate/prefix.ts";

/** A place for a text. */
export interface Row {
  /** The tokens it holds. */
  readonly ids: readonly number[];
  /** Reads tokens and gives the logits (V) behind the last: a live view, valid until the row's next call. */
  read(ids: readonly number[]): Promise<Float32Array>;
  /** Reads tokens and shows the logits behind each. */
  readShowing(ids: readonly number[], show: (logits: Float32Array, index: number) => void): Promise<void>;
}

/** All places of a model. */
export interface Rows extends Disposable {
  readonly count: number;
  /** A free place that holds the beginning of `ids` it knows, all but the last at most; none of it with `fresh`. Undefined where none is free. */
  take(ids: readonly number[], fresh: boolean): Row | undefined;
  /** Gives a place back; it remembers what it holds. */
  giveBack(row: Row): void;
  /** One token for each of some rows, and the logits behind it: live views, valid until the rows' next call. */
  step(rows: readonly Row[], ids: readonly number[]): Promise<readonly Float32Array[]>;
}

interface Place extends Row {
  readonly at: number;
  isFree: boolean;
  usedAt: number;
}

/** What places are made of, by their numbers. */
interface Ground extends Disposable {
  open(at: number): Row;
  /** Makes a place hold the first `length` tokens of another, or of itself. */
  keep(at: number, from: number, length: number): void;
  /** A place may begin with what others hold. */
  readonly isShared: boolean;
  step(places: readonly number[], ids: readonly number[]): Promise<readonly Float32Array[]>;
}

type Model = Pick<Lending, "borrow" | "openBatch">;

/**
 * At most `count` places out of a model, each made when it is first needed. Where the model makes texts side by side, a step is one run for
 * all rows, and a text begins with what any other holds of it.
 */
export function rowsOf(model: Model, count: number): Rows {
  const ground = count > 1 && model.openBatch ? slotsOf(model.openBatch(count)) : enginesOf(model);
  const places: Place[] = [];
  let clock = 0;
  /** The place that knows most of a text, and of equals the one that was used longest ago. */
  const best = (ids: readonly number[]): Place | undefined => {
    const known = (place: Place) => commonPrefix(place.ids, ids);
    const free = places.filter((place) => place.isFree);
    free.sort((a, b) => known(b) - known(a) || a.usedAt - b.usedAt);
    const [first] = free;
    // A text that is worth nothing here is forgotten only where there is no room for another.
    if (places.length < count && (!first || known(first) === 0)) {
      const made: Place = { ...ground.open(places.length), at: places.length, isFree: true, usedAt: 0 };
      places.push(made);
      return made;
    }
    return first;
  };
  return {
    count,
    take(ids, fresh) {
      const place = best(ids);
      if (!place) return undefined;
      const known = (each: Place) => (fresh ? 0 : Math.max(0, Math.min(commonPrefix(each.ids, ids), ids.length - 1)));
      const others = ground.isShared ? places : [];
      const from = others.reduce((most, each) => (known(each) > known(most) ? each : most), place);
      ground.keep(place.at, from.at, known(from));
      place.isFree = false;
      return place;
    },
    giveBack(row) {
      const place = row as Place;
      place.isFree = true;
      place.usedAt = ++clock;
    },
    step: (rows, ids) =>
      ground.step(
        rows.map((row) => (row as Place).at),
        ids,
      ),
    [Symbol.dispose]: () => ground[Symbol.dispose](),
  };
}

/** Places that are slots of one engine. */
function slotsOf(engine: BatchEngine): Ground {
  return {
    isShared: true,
    open: (slot) => ({
      ids: engine.idsOf(slot),
      read: (ids) => engine.append(slot, ids),
      readShowing: (ids, show) => engine.appendShowing(slot, ids, show),
    }),
    keep: (slot, from, length) => engine.copy(from, slot, length),
    step: (slots, ids) => engine.step(slots, ids),
    [Symbol.dispose]: engine.dispose,
  };
}

/** Places with an engine each. */
function enginesOf(model: Model): Ground {
  const loans: Loan[] = [];
  return {
    isShared: false,
    open(at) {
      const loan = model.borrow();
      loans[at] = loan;
      const { engine } = loan;
      return {
        ids: engine.ids,
        read: (ids) => engine.append(ids),
        readShowing: (ids, show) => engine.appendShowing(ids, show),
      };
    },
    keep: (at, _, length) => loans[at]!.engine.truncate(length),
    async step(places, ids) {
      const all: Float32Array[] = [];
      for (const [i, at] of places.entries()) all.push(await loans[at]!.engine.append([ids[i]!]));
      return all;
    },
    [Symbol.dispose]() {
      for (const loan of loans) loan[Symbol.dispose]();
    },
  };
}
