/** Automata over bytes whose edges may call each other. Knows nothing of what they were made from. */
import { fail } from "../base/errors.ts";

/** Most states of a grammar. */
const MOST_STATES = 2 ** 18;

/** Rules as states with edges. A rule is walked from its start to its end. */
export interface Graph {
  /** Edges of each state that take a byte: first, last and the next state, flat. */
  readonly bytes: number[][];
  /** States that each state goes on to without a byte. */
  readonly silent: number[][];
  /** Rules that each state may call and where it goes on behind them: flat pairs. */
  readonly calls: number[][];
  readonly starts: number[];
  readonly ends: number[];
  /** For messages. */
  readonly names: string[];
}

export const newGraph = (): Graph => ({ bytes: [], silent: [], calls: [], starts: [], ends: [], names: [] });

/** A new state. Throws BAD_GRAMMAR where there are too many. */
export function addState({ bytes, silent, calls }: Graph): number {
  if (bytes.length >= MOST_STATES)
    fail(
      "BAD_GRAMMAR",
      `grammar: got more than ${MOST_STATES} states, expected less. Try smaller counts, shorter lists or fewer parts`,
    );
  bytes.push([]);
  silent.push([]);
  return calls.push([]) - 1;
}

/** A new rule without edges. */
export function addRule(graph: Graph, name: string): number {
  graph.starts.push(addState(graph));
  graph.ends.push(addState(graph));
  return graph.names.push(name) - 1;
}

/** States from which the end of their rule can be reached, with bytes or (`withBytes` false) without any. */
function statesThatEnd(graph: Graph, withBytes: boolean): Uint8Array {
  const count = graph.bytes.length;
  const before = newLists(count);
  /** Calls by where they go on, and by the start of the rule called: the calling state and the other of the two. */
  const callsTo = newLists(count);
  const callsOf = newLists(count);
  for (let state = 0; state < count; state++) {
    const bytes = graph.bytes[state]!;
    if (withBytes) for (let i = 2; i < bytes.length; i += 3) add(before, bytes[i]!, state);
    for (const next of graph.silent[state]!) add(before, next, state);
    const calls = graph.calls[state]!;
    for (let i = 0; i < calls.length; i += 2) {
      const start = graph.starts[calls[i]!]!;
      add(callsTo, calls[i + 1]!, state, start);
      add(callsOf, start, state, calls[i + 1]!);
    }
  }
  const ends = new Uint8Array(count);
  const waiting = [...graph.ends];
  while (waiting.length > 0) {
    const state = waiting.pop()!;
    if (ends[state]) continue;
    ends[state] = 1;
    for (const earlier of before[state] ?? NONE) waiting.push(earlier);
    for (const calls of [callsTo[state] ?? NONE, callsOf[state] ?? NONE])
      for (let i = 0; i < calls.length; i += 2) if (ends[calls[i + 1]!]) waiting.push(calls[i]!);
  }
  return ends;
}

type Lists = (number[] | undefined)[];

const NONE: readonly number[] = [];
const newLists = (count: number): Lists => new Array<number[] | undefined>(count).fill(undefined);

function add(lists: Lists, at: number, ...values: number[]): void {
  const list = lists[at];
  if (list) list.push(...values);
  else lists[at] = values;
}

/** Takes away edges from which no end can be reached, so that what has begun can be ended. Throws BAD_GRAMMAR where nothing is left of `root`. */
export function trim(graph: Graph, root: number, where: string): void {
  const ends = statesThatEnd(graph, true);
  if (!ends[graph.starts[root]!])
    fail("BAD_GRAMMAR", `${where}: no text matches it, or none that ends. Look for parts that contradict each other`);
  for (let state = 0; state < ends.length; state++) {
    graph.bytes[state] = keep(graph.bytes[state]!, 3, (edge, i) => ends[edge[i + 2]!] === 1);
    graph.silent[state] = keep(graph.silent[state]!, 1, (edge, i) => ends[edge[i]!] === 1);
    graph.calls[state] = keep(
      graph.calls[state]!,
      2,
      (edge, i) => ends[edge[i + 1]!] === 1 && ends[graph.starts[edge[i]!]!] === 1,
    );
  }
}

function keep(edges: number[], width: number, isKept: (edges: number[], i: number) => boolean): number[] {
  let isWhole = true;
  for (let i = 0; i < edges.length; i += width) isWhole &&= isKept(edges, i);
  if (isWhole) return edges;
  const kept: number[] = [];
  for (let i = 0; i < edges.length; i += width) if (isKept(edges, i)) kept.push(...edges.slice(i, i + width));
  return kept;
}

/** Throws BAD_GRAMMAR where a rule can come to itself without a byte between: it would never be done. */
export function refuseLeftRecursion(graph: Graph, where: string): void {
  const isEmpty = statesThatEnd(graph, false);
  const callees = graph.starts.map((start) => firstCalls(graph, start, isEmpty));
  const UNSEEN = 0;
  const OPEN = 1;
  const seen = new Uint8Array(callees.length);
  for (let first = 0; first < callees.length; first++) {
    if (seen[first] !== UNSEEN) continue;
    const trail: { rule: number; next: number }[] = [{ rule: first, next: 0 }];
    seen[first] = OPEN;
    while (trail.length > 0) {
      const top = trail.at(-1)!;
      const callee = callees[top.rule]![top.next++];
      if (callee === undefined) {
        seen[top.rule] = 2;
        trail.pop();
      } else if (seen[callee] === OPEN) leftRecursion(graph, callee, where);
      else if (seen[callee] === UNSEEN) {
        seen[callee] = OPEN;
        trail.push({ rule: callee, next: 0 });
      }
    }
  }
}

function leftRecursion(graph: Graph, rule: number, where: string): never {
  const name = graph.names[rule]!;
  return fail(
    "BAD_GRAMMAR",
    `${where}: the rule ${name} begins with itself, expected something before it. Try ${name} ::= first rest* in place of ${name} ::= ${name} rest | first`,
  );
}

/** Rules that may be called at the beginning of one. */
function firstCalls(graph: Graph, start: number, isEmpty: Uint8Array): number[] {
  const seen = new Set<number>([start]);
  const called = new Set<number>();
  for (const state of seen) {
    for (const next of graph.silent[state]!) seen.add(next);
    const calls = graph.calls[state]!;
    for (let i = 0; i < calls.length; i += 2) {
      called.add(calls[i]!);
      if (isEmpty[graph.starts[calls[i]!]!]) seen.add(calls[i + 1]!);
    }
  }
  return [...called];
}
