/** Places for texts in a model's memory, each of which remembers the last text it held. Chooses no token. */

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
  readonly loan: Loan;
  isFree: boolean;
  usedAt: number;
}

/** At most `count` places out of a model, each made when it is first needed. */
export function rowsOf(model: Pick<Lending, "borrow">, count: number): Rows {
  const places: Place[] = [];
  let clock = 0;
  const open = (): Place => {
    const loan = model.borrow();
    const { engine } = loan;
    return {
      loan,
      isFree: true,
      usedAt: 0,
      ids: engine.ids,
      read: (ids) => engine.append(ids),
      readShowing: (ids, show) => engine.appendShowing(ids, show),
    };
  };
  /** The place that knows most of a text, and of equals the one that was used longest ago. */
  const best = (ids: readonly number[]): Place | undefined => {
    const known = (place: Place) => commonPrefix(place.ids, ids);
    const free = places.filter((place) => place.isFree);
    free.sort((a, b) => known(b) - known(a) || a.usedAt - b.usedAt);
    const [first] = free;
    // A text that is worth nothing here is forgotten only where there is no room for another.
    if (places.length < count && (!first || known(first) === 0)) {
      const made = open();
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
      const { engine } = place.loan;
      engine.truncate(fresh ? 0 : Math.max(0, Math.min(commonPrefix(engine.ids, ids), ids.length - 1)));
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
