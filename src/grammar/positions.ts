/** Where a text stands in a grammar: every way to read it at once, each found once and kept. Knows no tokens. */
import { fail } from "../base/errors.ts";
import type { Graph } from "./graph.ts";

/** Most ways to read a text that are followed at once. */
const MOST_READINGS = 4096;
/** Positions that are kept; more, and the oldest are forgotten all at once. */
const MOST_KEPT = 2 ** 16;
/** Most steps of one byte and one reading for one mask, or for one token. */
const MOST_WORK = 4_000_000;

/** Where rules that were called go on. */
interface Stack {
  readonly back: number;
  readonly below: Stack | undefined;
  readonly pushed: Map<number, Stack>;
  /** A number of its own for each state with this stack. */
  readonly numbers: Map<number, number>;
}

/** A place in a grammar: the states that may take a byte, each with its stack. */
export interface Position {
  readonly states: readonly number[];
  readonly stacks: readonly Stack[];
  /** The text may end here. */
  readonly isWhole: boolean;
  /** By class of bytes: what is behind; null where no text goes on so; undefined where nobody asked. */
  readonly next: (Position | null | undefined)[];
}

/** Positions of one grammar. Made once, shared by all texts. */
export interface Positions {
  readonly start: Position;
  /** The class of each byte: bytes of one class are never told apart. */
  readonly classOf: Uint8Array;
  /** The position behind a byte of a class. Throws BAD_GRAMMAR where too much would have to be followed. */
  step(position: Position, byteClass: number): Position | null;
  /** Begins to count work anew. */
  resetWork(): void;
}

/** The positions of a graph, from its rule 0. `where` is for messages. */
export function positionsOf(graph: Graph, where: string): Positions {
  const { classOf, samples } = byteClasses(graph);
  const isTail = tailStates(graph);
  let known = new Map<string, Position>();
  let numbered = 0;
  let work = 0;
  const bottom: Stack = { back: -1, below: undefined, pushed: new Map(), numbers: new Map() };

  const push = (stack: Stack, back: number): Stack => {
    let above = stack.pushed.get(back);
    if (!above) {
      above = { back, below: stack, pushed: new Map(), numbers: new Map() };
      stack.pushed.set(back, above);
    }
    return above;
  };
  const numberOf = (stack: Stack, state: number): number => {
    const number = stack.numbers.get(state);
    if (number !== undefined) return number;
    stack.numbers.set(state, numbered);
    return numbered++;
  };
  /** All that can be come to without a byte. */
  const closed = (states: number[], stacks: Stack[]): Position => {
    const seen = new Set<number>();
    const takers: [number: number, state: number, stack: Stack][] = [];
    let isWhole = false;
    const visit = (state: number, stack: Stack) => {
      const number = numberOf(stack, state);
      if (seen.has(number)) return;
      seen.add(number);
      if (seen.size > MOST_READINGS || ++work > MOST_WORK) tooMuch(where);
      states.push(state);
      stacks.push(stack);
      if (graph.bytes[state]!.length > 0) takers.push([number, state, stack]);
    };
    const given = states.length;
    const [first, below] = [states.splice(0), stacks.splice(0)];
    for (let i = 0; i < given; i++) visit(first[i]!, below[i]!);
    for (let i = 0; i < states.length; i++) {
      const [state, stack] = [states[i]!, stacks[i]!];
      for (const next of graph.silent[state]!) visit(next, stack);
      const calls = graph.calls[state]!;
      for (let j = 0; j < calls.length; j += 2) {
        const back = calls[j + 1]!;
        visit(graph.starts[calls[j]!]!, isTail[back] ? stack : push(stack, back));
      }
      if (!isEndOfRule[state]) continue;
      if (stack.below) visit(stack.back, stack.below);
      else isWhole = true;
    }
    return kept(takers, isWhole);
  };
  const kept = (takers: [number, number, Stack][], isWhole: boolean): Position => {
    takers.sort((a, b) => a[0] - b[0]);
    const key = takers.map(([number]) => number).join() + (isWhole ? "!" : "");
    const same = known.get(key);
    if (same) return same;
    if (known.size >= MOST_KEPT) {
      known = new Map();
      bottom.pushed.clear();
    }
    const position: Position = {
      states: takers.map((taker) => taker[1]),
      stacks: takers.map((taker) => taker[2]),
      isWhole,
      next: new Array(samples.length).fill(undefined),
    };
    known.set(key, position);
    return position;
  };
  const isEndOfRule = new Uint8Array(graph.bytes.length);
  for (const end of graph.ends) isEndOfRule[end] = 1;
  return {
    start: closed([graph.starts[0]!], [bottom]),
    classOf,
    step(position, byteClass) {
      const found = position.next[byteClass];
      if (found !== undefined) return found;
      const byte = samples[byteClass]!;
      const states: number[] = [];
      const stacks: Stack[] = [];
      for (let i = 0; i < position.states.length; i++) {
        const edges = graph.bytes[position.states[i]!]!;
        for (let j = 0; j < edges.length; j += 3)
          if (edges[j]! <= byte && byte <= edges[j + 1]!) {
            states.push(edges[j + 2]!);
            stacks.push(position.stacks[i]!);
          }
      }
      const next = states.length === 0 ? null : closed(states, stacks);
      position.next[byteClass] = next;
      return next;
    },
    resetWork() {
      work = 0;
    },
  };
}

function tooMuch(where: string): never {
  return fail(
    "BAD_GRAMMAR",
    `${where}: there are too many ways to read one text, expected at most ${MOST_READINGS} at once. Try fewer alternatives that begin alike`,
  );
}

/** Bytes that no edge tells apart, and one of each class. */
function byteClasses(graph: Graph): { classOf: Uint8Array; samples: number[] } {
  const isBorder = new Uint8Array(257);
  isBorder[0] = 1;
  for (const edges of graph.bytes)
    for (let i = 0; i < edges.length; i += 3) {
      isBorder[edges[i]!] = 1;
      isBorder[edges[i + 1]! + 1] = 1;
    }
  const classOf = new Uint8Array(256);
  const samples: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (isBorder[byte]) samples.push(byte);
    classOf[byte] = samples.length - 1;
  }
  return { classOf, samples };
}

/** States behind which a rule has nothing more: what is called last needs no way back. */
function tailStates(graph: Graph): Uint8Array {
  const isTail = new Uint8Array(graph.bytes.length);
  for (const end of graph.ends) isTail[end] = 1;
  // States are numbered in the order they were made, so that two rounds see most chains; a way back too many does no harm.
  for (let round = 0; round < 2; round++)
    for (let state = isTail.length - 1; state >= 0; state--) {
      const silent = graph.silent[state]!;
      if (silent.length === 1 && isTail[silent[0]!] && graph.bytes[state]!.length + graph.calls[state]!.length === 0)
        isTail[state] = 1;
    }
  return isTail;
}
