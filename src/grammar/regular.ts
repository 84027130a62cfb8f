/** Intersections and differences of graphs that call no rules. Knows nothing of where they come from. */
import { fail } from "../base/errors.ts";
import { addRule, addState, type Graph, newGraph } from "./graph.ts";

/** Most pairs of states, and most sets of states, that are looked at. */
const MOST_PAIRS = 2 ** 16;
const MOST_SETS = 4096;
/** Most states in all sets together. */
const MOST_IN_SETS = 2 ** 20;

/** Texts that both graphs take. */
export function intersect(a: Graph, b: Graph): Graph {
  const made = pairs(b.starts[0]!, b.ends[0]!, a, ([stateA, stateB], goTo) => {
    for (const next of a.silent[stateA]!) goTo(next, stateB);
    for (const next of b.silent[stateB]!) goTo(stateA, next);
    const [edgesA, edgesB] = [a.bytes[stateA]!, b.bytes[stateB]!];
    for (let i = 0; i < edgesA.length; i += 3)
      for (let j = 0; j < edgesB.length; j += 3) {
        const first = Math.max(edgesA[i]!, edgesB[j]!);
        const last = Math.min(edgesA[i + 1]!, edgesB[j + 1]!);
        if (first <= last) goTo(edgesA[i + 2]!, edgesB[j + 2]!, first, last);
      }
  });
  return made;
}

/** Texts of `a` that `b` does not take. */
export function subtract(a: Graph, b: Graph): Graph {
  const sets = stateSets(b);
  return pairs(
    sets.first,
    (set) => !sets.ends(set),
    a,
    ([state, set], goTo) => {
      for (const next of a.silent[state]!) goTo(next, set);
      const edges = a.bytes[state]!;
      for (let i = 0; i < edges.length; i += 3)
        for (const [first, last, next] of sets.after(set, edges[i]!, edges[i + 1]!))
          goTo(edges[i + 2]!, next, first, last);
    },
  );
}

/** Adds an edge to a pair; without a byte where no first and last one are given. */
type GoTo = (stateA: number, other: number, first?: number, last?: number) => void;

/** The graph whose states are pairs of a state of `a` and something else that is numbered. */
function pairs(
  start: number,
  ends: number | ((other: number) => boolean),
  a: Graph,
  walk: (pair: readonly [number, number], goTo: GoTo) => void,
): Graph {
  const made = newGraph();
  addRule(made, "");
  const isEnd = typeof ends === "number" ? (other: number) => other === ends : ends;
  const known = new Map<number, number>();
  const waiting: [number, number][] = [];
  const stateOf = (stateA: number, other: number) => {
    const key = other * a.bytes.length + stateA;
    let state = known.get(key);
    if (state === undefined) {
      if (known.size >= MOST_PAIRS)
        fail(
          "BAD_GRAMMAR",
          `pattern: got more than ${MOST_PAIRS} states in conditions that hold together. Try simpler ones`,
        );
      state = addState(made);
      known.set(key, state);
      waiting.push([stateA, other]);
    }
    return state;
  };
  made.silent[made.starts[0]!]!.push(stateOf(a.starts[0]!, start));
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    const from = stateOf(...pair);
    walk(pair, (stateA, other, first, last) => {
      const to = stateOf(stateA, other);
      if (first === undefined) made.silent[from]!.push(to);
      else made.bytes[from]!.push(first, last!, to);
    });
    if (pair[0] === a.ends[0] && isEnd(pair[1])) made.silent[from]!.push(made.ends[0]!);
  }
  return made;
}

/** Sets of states in which a graph may be, numbered; the empty set is one. */
function stateSets(graph: Graph) {
  const numbers = new Map<string, number>();
  const members: (readonly number[])[] = [];
  let total = 0;
  const numberOf = (states: Iterable<number>) => {
    const set = new Set(states);
    for (const state of set) for (const next of graph.silent[state]!) set.add(next);
    const sorted = [...set].sort((x, y) => x - y);
    const key = sorted.join();
    const known = numbers.get(key);
    if (known !== undefined) return known;
    total += sorted.length;
    if (members.length >= MOST_SETS || total > MOST_IN_SETS)
      fail("BAD_GRAMMAR", "pattern: what it rules out has too many states. Try a simpler look-ahead or exception");
    numbers.set(key, members.length);
    return members.push(sorted) - 1;
  };
  const first = numberOf([graph.starts[0]!]);
  return {
    first,
    ends: (set: number) => members[set]!.includes(graph.ends[0]!),
    /** Where bytes lead: stretches of them with the set behind. */
    *after(set: number, low: number, high: number): Generator<[first: number, last: number, set: number]> {
      const edges = members[set]!.flatMap((state) => graph.bytes[state]!);
      const borders = new Set([low]);
      for (let i = 0; i < edges.length; i += 3) {
        if (edges[i]! > low && edges[i]! <= high) borders.add(edges[i]!);
        if (edges[i + 1]! >= low && edges[i + 1]! < high) borders.add(edges[i + 1]! + 1);
      }
      const sorted = [...borders].sort((x, y) => x - y);
      for (let i = 0; i < sorted.length; i++) {
        const byte = sorted[i]!;
        const targets: number[] = [];
        for (let j = 0; j < edges.length; j += 3)
          if (edges[j]! <= byte && byte <= edges[j + 1]!) targets.push(edges[j + 2]!);
        yield [byte, (sorted[i + 1] ?? high + 1) - 1, numberOf(targets)];
      }
    },
  };
}
