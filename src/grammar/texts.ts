/** Whether a text is one of a grammar's. Knows no tokens. */
import { buildGraph } from "./build.ts";
import type { Grammar, Node } from "./nodes.ts";
import { type Positions, positionsOf } from "./positions.ts";

/** Whether a node that calls no rules matches a text. */
export function matchesText(node: Node, value: string, where: string): boolean {
  // A node of no texts at all cannot be built; beside a lone NUL it can.
  const root: Node = { kind: "alt", options: [{ kind: "text", text: "\0", spelling: "plain" }, node] };
  const grammar: Grammar = { root: "text", rules: new Map([["text", root]]) };
  return acceptsText(positionsOf(buildGraph(grammar, where), where), value);
}

/** Whether a grammar's positions take a whole text. */
export function acceptsText(positions: Positions, value: string): boolean {
  let at: ReturnType<Positions["step"]> = positions.start;
  for (const byte of new TextEncoder().encode(value)) {
    at = positions.step(at, positions.classOf[byte]!);
    if (at === null) return false;
  }
  return at.isWhole;
}
