/** Grammars as trees over characters. Knows no syntax that they are written in, and no tokens. */

/** Code points from one to another, both included: sorted, without overlaps. */
export type Ranges = readonly (readonly [first: number, last: number])[];

/** How characters are spelled: as they are, or as inside a JSON string, each in one way. */
export type Spelling = "plain" | "json";

/** A set of texts. */
export type Node =
  | { readonly kind: "text"; readonly text: string; readonly spelling: Spelling }
  /** One character. */
  | { readonly kind: "chars"; readonly ranges: Ranges; readonly spelling: Spelling }
  | { readonly kind: "seq"; readonly parts: readonly Node[] }
  /** Any of them; none of no options. */
  | { readonly kind: "alt"; readonly options: readonly Node[] }
  /** `min` to `max` times; `max` may be infinite. */
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number }
  | { readonly kind: "rule"; readonly name: string }
  /** Texts that are in all of the nodes, which name no rules. */
  | { readonly kind: "both"; readonly nodes: readonly Node[] }
  /** Texts of `node` that are not in `except`; neither names rules. */
  | { readonly kind: "without"; readonly node: Node; readonly except: Node }
  /** Digits of a whole number that is a multiple. */
  | { readonly kind: "multiples"; readonly of: number };

/** Rules by name, and the one that the whole text is. */
export interface Grammar {
  readonly root: string;
  readonly rules: ReadonlyMap<string, Node>;
}

export const EMPTY: Node = { kind: "seq", parts: [] };
/** What no text matches. */
export const NEVER: Node = { kind: "alt", options: [] };
export const MAX_CODE_POINT = 0x10ffff;
export const ANY_RANGES: Ranges = [[0, MAX_CODE_POINT]];

export const text = (value: string, spelling: Spelling = "plain"): Node => ({ kind: "text", text: value, spelling });
export const chars = (ranges: Ranges, spelling: Spelling = "plain"): Node => ({ kind: "chars", ranges, spelling });
export const seq = (...parts: readonly Node[]): Node => (parts.length === 1 ? parts[0]! : { kind: "seq", parts });
export const alt = (...options: readonly Node[]): Node =>
  options.length === 1 ? options[0]! : { kind: "alt", options };
export const rule = (name: string): Node => ({ kind: "rule", name });
export const both = (...nodes: readonly Node[]): Node => (nodes.length === 1 ? nodes[0]! : { kind: "both", nodes });
export const without = (node: Node, except: Node): Node => ({ kind: "without", node, except });
export const optional = (node: Node): Node => repeat(node, 0, 1);

/** A node `min` to `max` times. */
export function repeat(node: Node, min: number, max: number): Node {
  return min === 1 && max === 1 ? node : { kind: "repeat", node, min, max };
}

/** A character class from a spelling such as "0-9a-f". */
export function oneOf(spelled: string, spelling: Spelling = "plain"): Node {
  const points = [...spelled];
  const ranges: [number, number][] = [];
  for (let i = 0; i < points.length; i++) {
    const first = points[i]!.codePointAt(0)!;
    const isRange = points[i + 1] === "-" && i + 2 < points.length;
    ranges.push([first, isRange ? points[i + 2]!.codePointAt(0)! : first]);
    if (isRange) i += 2;
  }
  return chars(normalRanges(ranges), spelling);
}

/** Ranges sorted and joined. */
export function normalRanges(ranges: Iterable<readonly [number, number]>): Ranges {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else if (first <= last) joined.push([first, last]);
  }
  return joined;
}

/** All code points that are in none of the ranges, which are normal. */
export function otherRanges(ranges: Ranges): Ranges {
  const others: [number, number][] = [];
  let next = 0;
  for (const [first, last] of ranges) {
    if (first > next) others.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= MAX_CODE_POINT) others.push([next, MAX_CODE_POINT]);
  return others;
}
