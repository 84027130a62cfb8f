/** From a tree to a graph. Knows no syntax and no tokens, but which characters they can spell. */
import { fail } from "../base/errors.ts";
import { addRule, addState, type Graph, newGraph, refuseLeftRecursion, trim } from "./graph.ts";
import type { Grammar, Node, Ranges, Spelling } from "./nodes.ts";
import { intersect, subtract } from "./regular.ts";
import { type ByteRanges, spell, utf8Ranges } from "./utf8.ts";

/** The characters that a vocabulary can spell; undefined for all. */
export type Alphabet = (ranges: Ranges) => Ranges;

/** The deepest tree. */
const MOST_DEPTH = 400;
/** Repeated nodes of more states than this, copies counted, are written once and called. */
const MOST_COPIED = 48;

interface Build {
  readonly graph: Graph;
  readonly rules: ReadonlyMap<string, number>;
  readonly alphabet: Alphabet | undefined;
  /** False inside of nodes that must not call. */
  readonly mayCall: boolean;
  readonly sizes: Map<Node, number>;
  readonly hoisted: Map<Node, number>;
  depth: number;
}

/**
 * The graph of a grammar, whose rule 0 is the root. From each state that can be reached the end can be. Throws BAD_GRAMMAR, with `where`,
 * for rules that are not there, that begin with themselves, or that no text matches, and for too many states.
 */
export function buildGraph(grammar: Grammar, where: string, alphabet?: Alphabet): Graph {
  const graph = newGraph();
  const names = [grammar.root, ...[...grammar.rules.keys()].filter((name) => name !== grammar.root)];
  const rules = new Map(names.map((name) => [name, addRule(graph, name)]));
  const build: Build = { graph, rules, alphabet, mayCall: true, sizes: new Map(), hoisted: new Map(), depth: 0 };
  for (const [name, index] of rules) {
    const node = grammar.rules.get(name) ?? fail("BAD_GRAMMAR", `${where}: there is no rule ${name}`);
    connect(build, node, graph.starts[index]!, graph.ends[index]!);
  }
  trim(graph, 0, where);
  refuseLeftRecursion(graph, where);
  return graph;
}

/** The graph of a node that calls no rules: rule 0, not trimmed. */
function regularGraph(node: Node, alphabet: Alphabet | undefined): Graph {
  const graph = newGraph();
  addRule(graph, "");
  const build: Build = {
    graph,
    rules: new Map(),
    alphabet,
    mayCall: false,
    sizes: new Map(),
    hoisted: new Map(),
    depth: 0,
  };
  connect(build, node, graph.starts[0]!, graph.ends[0]!);
  return graph;
}

/** Adds the edges that take a text of the node from one state to another. */
function connect(build: Build, node: Node, from: number, to: number): void {
  const { graph } = build;
  if (build.depth >= MOST_DEPTH) fail("BAD_GRAMMAR", `grammar: got more than ${MOST_DEPTH} levels, expected fewer`);
  build.depth++;
  switch (node.kind) {
    case "text":
      connectText(build, node.text, node.spelling, from, to);
      break;
    case "chars":
      connectChars(build, node.ranges, node.spelling, from, to);
      break;
    case "seq":
      connectAll(build, node.parts, from, to);
      break;
    case "alt":
      for (const option of node.options) connect(build, option, from, to);
      break;
    case "repeat":
      connectRepeat(build, node, from, to);
      break;
    case "rule": {
      const rule = build.rules.get(node.name) ?? fail("BAD_GRAMMAR", `grammar: there is no rule ${node.name}`);
      if (!build.mayCall) fail("BUG", `grammar: the rule ${node.name} is called where none may be`);
      graph.calls[from]!.push(rule, to);
      break;
    }
    case "both": {
      const parts = node.nodes.map((part) => regularGraph(part, build.alphabet));
      splice(graph, parts.reduce(intersect), from, to);
      break;
    }
    case "without":
      splice(
        graph,
        subtract(regularGraph(node.node, build.alphabet), regularGraph(node.except, build.alphabet)),
        from,
        to,
      );
      break;
    case "multiples":
      connectMultiples(graph, node.of, from, to);
      break;
  }
  build.depth--;
}

function connectAll(build: Build, parts: readonly Node[], from: number, to: number): void {
  if (parts.length === 0) build.graph.silent[from]!.push(to);
  let state = from;
  for (let i = 0; i < parts.length; i++) {
    const next = i === parts.length - 1 ? to : addState(build.graph);
    connect(build, parts[i]!, state, next);
    state = next;
  }
}

function connectText(build: Build, text: string, spelling: Spelling, from: number, to: number): void {
  const points = [...text];
  if (points.length === 0) build.graph.silent[from]!.push(to);
  let state = from;
  for (let i = 0; i < points.length; i++) {
    const next = i === points.length - 1 ? to : addState(build.graph);
    const point = points[i]!.codePointAt(0)!;
    connectChars(build, [[point, point]], spelling, state, next);
    state = next;
  }
}

function connectChars(build: Build, ranges: Ranges, spelling: Spelling, from: number, to: number): void {
  const { graph, alphabet } = build;
  const { ranges: plain, escapes } = spell(ranges, spelling);
  const tails = new Map<string, number>([["", to]]);
  for (const bytes of utf8Ranges(alphabet ? alphabet(plain) : plain)) addBytes(graph, bytes, from, tails);
  for (const escaped of escapes) connectText(build, escaped, "plain", from, to);
}

/** Adds a sequence of bytes; equal ends of sequences are shared. */
function addBytes(graph: Graph, bytes: ByteRanges, from: number, tails: Map<string, number>): void {
  let state = from;
  for (let i = 0; i < bytes.length; i += 2) {
    const rest = bytes.slice(i + 2).join();
    const known = tails.get(rest);
    const next = known ?? addState(graph);
    tails.set(rest, next);
    graph.bytes[state]!.push(bytes[i]!, bytes[i + 1]!, next);
    if (known !== undefined) return;
    state = next;
  }
}

function connectRepeat(build: Build, { node, min, max }: Node & { kind: "repeat" }, from: number, to: number): void {
  const { graph } = build;
  const copies = max === Number.POSITIVE_INFINITY ? min + 1 : max;
  const part = copies > 1 && build.mayCall && sizeOf(build, node) * copies > MOST_COPIED ? hoist(build, node) : node;
  const add = (start: number, end: number) => {
    if (typeof part === "number") graph.calls[start]!.push(part, end);
    else connect(build, part, start, end);
  };
  let state = from;
  for (let i = 0; i < min; i++) {
    const next = addState(graph);
    add(state, next);
    state = next;
  }
  if (max === Number.POSITIVE_INFINITY) {
    const loop = addState(graph);
    graph.silent[state]!.push(loop);
    add(loop, loop);
    graph.silent[loop]!.push(to);
    return;
  }
  for (let i = min; i < max; i++) {
    graph.silent[state]!.push(to);
    const next = addState(graph);
    add(state, next);
    state = next;
  }
  graph.silent[state]!.push(to);
}

/** A rule for a node, made once. */
function hoist(build: Build, node: Node): number {
  const known = build.hoisted.get(node);
  if (known !== undefined) return known;
  const { graph } = build;
  const made = addRule(graph, "(repeated)");
  build.hoisted.set(node, made);
  connect(build, node, graph.starts[made]!, graph.ends[made]!);
  return made;
}

/** About the states that a node has. */
function sizeOf(build: Build, node: Node): number {
  const known = build.sizes.get(node);
  if (known !== undefined) return known;
  const size = measured(build, node);
  build.sizes.set(node, size);
  return size;
}

function measured(build: Build, node: Node): number {
  const sum = (nodes: readonly Node[]) => nodes.reduce((total, part) => total + sizeOf(build, part), 1);
  switch (node.kind) {
    case "text":
      return node.text.length;
    case "chars":
      return node.ranges.every(([, last]) => last < 0x80) ? 1 : 2 + node.ranges.length;
    case "seq":
      return sum(node.parts);
    case "alt":
      return sum(node.options);
    case "repeat":
      return sizeOf(build, node.node) * Math.min(node.max, node.min + 1) + 1;
    case "rule":
      return 1;
    default:
      return MOST_COPIED + 1;
  }
}

/** Puts the only rule of a graph between two states. */
function splice(graph: Graph, part: Graph, from: number, to: number): void {
  const moved = part.bytes.map(() => addState(graph));
  part.bytes.forEach((edges, state) => {
    const own = graph.bytes[moved[state]!]!;
    for (let i = 0; i < edges.length; i += 3) own.push(edges[i]!, edges[i + 1]!, moved[edges[i + 2]!]!);
    graph.silent[moved[state]!]!.push(...part.silent[state]!.map((next) => moved[next]!));
  });
  graph.silent[from]!.push(moved[part.starts[0]!]!);
  graph.silent[moved[part.ends[0]!]!]!.push(to);
}

/** Digits whose value is a multiple of `of`: a state for each remainder. */
function connectMultiples(graph: Graph, of: number, from: number, to: number): void {
  const states = Array.from({ length: of }, () => addState(graph));
  const link = (state: number, before: number) => {
    for (let digit = 0; digit < 10; digit++)
      graph.bytes[state]!.push(0x30 + digit, 0x30 + digit, states[(10 * before + digit) % of]!);
  };
  link(from, 0);
  states.forEach(link);
  graph.silent[states[0]!]!.push(to);
}
