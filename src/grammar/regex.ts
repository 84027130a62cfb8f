/** Regular expressions of ECMAScript as grammars. Refuses what no automaton over characters can be. */

import { ANY_BUT_LINE_ENDS, readClass, readEscape } from "./character-classes.ts";
import { countsOf } from "./counts.ts";
import { ANY_RANGES, alt, both, chars, EMPTY, type Node, repeat, type Spelling, seq, without } from "./nodes.ts";
import { type Scanner, scannerOf } from "./scanner.ts";

/** What an expression is read for. */
export interface RegexOptions {
  /** Whether the whole text must match, or a part of it, as in JSON Schema. */
  readonly whole: boolean;
  readonly spelling: Spelling;
  /** Names the expression in messages. */
  readonly where: string;
}

const MOST_DEPTH = 100;

/** A parsed expression: what can be a node at once is one. */
type Part =
  | { readonly kind: "node"; readonly node: Node }
  | { readonly kind: "group"; readonly options: readonly Part[][] }
  | { readonly kind: "ahead"; readonly options: readonly Part[][]; readonly isNegated: boolean }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

/** The texts that an expression matches. Throws BAD_GRAMMAR, or UNSUPPORTED for look-behind, references and word borders. */
export function regexNode(source: string, options: RegexOptions): Node {
  const scan = scannerOf(source, options.where);
  const parts = readOptions(scan, options.spelling, 0);
  if (scan.peek() !== "") scan.fail("the ) has no ( before it");
  const any = repeat(chars(ANY_RANGES, options.spelling), 0, Number.POSITIVE_INFINITY);
  const around = options.whole ? EMPTY : any;
  return alt(...parts.map((option) => fromStart(scan, option, around, any)));
}

function readOptions(scan: Scanner, spelling: Spelling, depth: number): Part[][] {
  if (depth > MOST_DEPTH) scan.fail(`got more than ${MOST_DEPTH} groups inside each other`);
  const options: Part[][] = [[]];
  for (;;) {
    const next = scan.peek();
    if (next === "" || next === ")") return options;
    if (scan.take("|")) options.push([]);
    else options.at(-1)!.push(readPart(scan, spelling, depth));
  }
}

function readPart(scan: Scanner, spelling: Spelling, depth: number): Part {
  const part = readAtom(scan, spelling, depth);
  const [min, max] = readQuantifier(scan) ?? [1, 1];
  if (min === 1 && max === 1) return part;
  if (part.kind === "ahead" || part.kind === "start" || part.kind === "end") scan.fail("there is nothing to repeat");
  if (hasAssertion(part)) scan.fail("^, $ and look-ahead inside of what is repeated cannot be honoured", "UNSUPPORTED");
  return { kind: "node", node: repeat(plainNode(part), min, max) };
}

/** A quantifier, if there is one; a lazy one matches the same texts. */
function readQuantifier(scan: Scanner): [min: number, max: number] | undefined {
  const found = scan.match(/([*+?])\??|\{(\d+)(,(\d*))?\}\??/y);
  if (!found) return undefined;
  if (scan.peek() !== "" && "*+?".includes(scan.peek())) scan.fail("there is nothing to repeat");
  return countsOf(scan, found);
}

function readAtom(scan: Scanner, spelling: Spelling, depth: number): Part {
  if (scan.take("(")) return readGroup(scan, spelling, depth);
  if (scan.take("^")) return { kind: "start" };
  if (scan.take("$")) return { kind: "end" };
  const node = (ranges: Parameters<typeof chars>[0]): Part => ({ kind: "node", node: chars(ranges, spelling) });
  if (scan.take(".")) return node(ANY_BUT_LINE_ENDS);
  if (scan.take("[")) return node(readClass(scan));
  if (scan.take("\\")) return node(readEscape(scan));
  if ("*+?".includes(scan.peek())) scan.fail("there is nothing to repeat");
  const point = scan.point();
  return node([[point, point]]);
}

function readGroup(scan: Scanner, spelling: Spelling, depth: number): Part {
  const opened = scan.match(/\?(?::|=|!|<=|<!|<[A-Za-z_$][\w$]*>)/y)?.[0];
  if (opened === undefined && scan.peek() === "?") scan.fail("groups with flags cannot be honoured", "UNSUPPORTED");
  if (opened === "?<=" || opened === "?<!") scan.fail("look-behind cannot be honoured", "UNSUPPORTED");
  const options = readOptions(scan, spelling, depth + 1);
  if (!scan.take(")")) scan.fail("the ( has no ) to end it");
  if (opened === "?=" || opened === "?!") return { kind: "ahead", options, isNegated: opened === "?!" };
  const group: Part = { kind: "group", options };
  return hasAssertion(group) ? group : { kind: "node", node: plainNode(group) };
}

/** Whether more than characters are looked at. Parts without are nodes already. */
const hasAssertion = (part: Part) =>
  part.kind === "group"
    ? part.options.some((option) => option.some(({ kind }) => kind !== "node"))
    : part.kind !== "node";

function plainNode(part: Part): Node {
  if (part.kind === "node") return part.node;
  if (part.kind !== "group") throw new TypeError(part.kind);
  return alt(...part.options.map((option) => seq(...option.map(plainNode))));
}

/** An alternative of the whole expression, with what may be before it unless it says that it is first. */
function fromStart(scan: Scanner, parts: readonly Part[], around: Node, any: Node): Node {
  const [first, ...rest] = parts;
  if (first?.kind === "group")
    return alt(...first.options.map((option) => fromStart(scan, [...option, ...rest], around, any)));
  if (first?.kind !== "start") return joined(around, toEnd(scan, parts, around, any));
  // Look-ahead at the start is about the text from there on.
  return toEnd(
    scan,
    rest.filter(({ kind }) => kind !== "start"),
    around,
    any,
  );
}

const joined = (before: Node, after: Node): Node => (before === EMPTY ? after : seq(before, after));

/** Parts and what follows them to the end of the text, since that is what look-ahead looks at. */
function toEnd(scan: Scanner, parts: readonly Part[], tail: Node, any: Node): Node {
  let rest = tail;
  let run: Node[] = [];
  const flush = () => {
    if (run.length > 0) rest = seq(...run, ...(rest === EMPTY ? [] : [rest]));
    run = [];
  };
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i]!;
    if (part.kind === "node") {
      run.unshift(part.node);
      continue;
    }
    flush();
    const after = rest;
    if (part.kind === "group") rest = alt(...part.options.map((option) => toEnd(scan, option, after, any)));
    else if (part.kind === "end") rest = after === tail ? EMPTY : both(EMPTY, after);
    else if (part.kind === "start") scan.fail("^ behind other characters cannot be honoured", "UNSUPPORTED");
    else {
      const ahead = alt(...part.options.map((option) => toEnd(scan, option, any, any)));
      rest = part.isNegated ? without(after, ahead) : both(after, ahead);
    }
  }
  flush();
  return rest;
}
