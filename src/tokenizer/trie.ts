/** The spellings of a vocabulary as a tree of code units. Knows neither scores nor merges. */
import { pairTable } from "./pair-table.ts";

/** A tree of spellings. Nodes are numbers; {@link ROOT} is where all begin. */
export interface Trie {
  add(spelling: string, id: number): void;
  /** The node behind `node` by a code unit, or -1. */
  next(node: number, unit: number): number;
  /** The id of the spelling that ends at a node, or -1. */
  idAt(node: number): number;
}

/** The node of the empty text. */
export const ROOT = 0;

/** An empty trie with room for `capacity` nodes before it first grows. Spellings are well-formed and not empty. A later id wins. */
export function trie(capacity: number): Trie {
  // A node's number is the place of the pair (parent, unit) that leads to it, plus one.
  const edges = pairTable(capacity);
  const ids: number[] = [-1];
  return {
    add(spelling, id) {
      let node = ROOT;
      for (let i = 0; i < spelling.length; i++) {
        node = edges.add(node, spelling.charCodeAt(i)) + 1;
        if (node === ids.length) ids.push(-1);
      }
      ids[node] = id;
    },
    next: (node, unit) => edges.find(node, unit) + 1 || -1,
    idAt: (node) => ids[node]!,
  };
}
