/** The variable `loop`. */
import { bind } from "./arguments.ts";
import { wrong } from "./machine.ts";
import { type Args, equal, type Fn, type Machine, missing, tuple, type Value } from "./values.ts";

/** What `loop` is in each round; `again` runs the loop over other items, where it is recursive. */
export function loopOver(
  m: Machine,
  items: readonly Value[],
  depth: number,
  again: ((over: Value) => Value) | undefined,
): { at(index: number): Value } {
  let last: Value | undefined;
  const changed = (args: Args) => {
    const now = tuple(args.at);
    if (last !== undefined && equal(m, last, now)) return false;
    last = now;
    return true;
  };
  const count = items.length;
  const method = (name: string, call: Fn["call"]): Fn => ({ kind: "function", name, call });
  const get = (i: number, name: string): Value | undefined => {
    switch (name) {
      case "index":
        return i + 1;
      case "index0":
        return i;
      case "revindex":
        return count - i;
      case "revindex0":
        return count - i - 1;
      case "first":
        return i === 0;
      case "last":
        return i === count - 1;
      case "length":
        return count;
      case "depth":
        return depth + 1;
      case "depth0":
        return depth;
      case "previtem":
        return i > 0 ? items[i - 1]! : missing("there is no previous item");
      case "nextitem":
        return i < count - 1 ? items[i + 1]! : missing("there is no next item");
      case "changed":
        return method("changed", changed);
      case "cycle":
        return method("cycle", ({ at }) => (at.length > 0 ? at[i % at.length]! : wrong("no items for cycling given")));
    }
    return undefined;
  };
  const call = (args: Args) => {
    if (!again) return wrong("The loop must have the 'recursive' marker to be called recursively.");
    return again(bind(args, "loop", ["iterable"])[0] ?? null);
  };
  return {
    at: (i) => ({
      kind: "function",
      name: "loop",
      length: count,
      shown: `<LoopContext ${i + 1}/${count}>`,
      get: (name) => get(i, name),
      call,
    }),
  };
}
