/** Ids as they are made: a typed array that grows. Knows nothing of text. */

/** Takes ids one at a time; a plain array is one. */
export interface IdSink {
  push(id: number): unknown;
}

/** A growing list of ids. */
export interface IdList extends IdSink {
  /** Room for ids; the first `length` are set. Replaced when it grows: read it anew after every append. */
  ids: Int32Array<ArrayBuffer>;
  length: number;
}

/** An empty list with room for `capacity` ids before it first grows. */
export function idList(capacity = 1024): IdList {
  const list: IdList = {
    ids: new Int32Array(Math.max(16, capacity)),
    length: 0,
    push(id) {
      if (list.length === list.ids.length) reserve(list, 1);
      list.ids[list.length++] = id;
    },
  };
  return list;
}

/** Makes room for `count` more ids. */
export function reserve(list: IdList, count: number): void {
  const needed = list.length + count;
  if (needed <= list.ids.length) return;
  const larger = new Int32Array(Math.max(needed, list.ids.length * 2));
  larger.set(list.ids.subarray(0, list.length));
  list.ids = larger;
}

/** Longer arrays made at once are hash tables in V8. */
const MADE_AT_ONCE = 2 ** 24;

/** The ids as a plain array. */
export function plainIds({ ids, length }: IdList): number[] {
  const plain: number[] = length <= MADE_AT_ONCE ? new Array(length) : [];
  for (let i = 0; i < length; i++) plain[i] = ids[i]!;
  return plain;
}
