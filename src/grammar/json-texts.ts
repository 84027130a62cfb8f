/** JSON as a grammar: values of any kind, and the white space between them. Knows no schema. */
import { ANY_RANGES, alt, chars, EMPTY, type Node, oneOf, optional, repeat, rule, seq, text } from "./nodes.ts";

const MANY = Number.POSITIVE_INFINITY;

/** Rules that grammars of JSON call. */
export const GAP = rule("(space)");
export const VALUE = rule("(value)");
export const OBJECT = rule("(object)");
export const ARRAY = rule("(array)");

/** One character of a string, spelled in any way: as it is where it may be, or escaped; no half of a surrogate pair. */
const CHARACTER = alt(
  chars(ANY_RANGES, "json"),
  text("\\/"),
  seq(
    text("\\u"),
    alt(
      seq(oneOf("0-9A-CEFa-cef"), repeat(oneOf("0-9A-Fa-f"), 3, 3)),
      seq(oneOf("Dd"), oneOf("0-7"), repeat(oneOf("0-9A-Fa-f"), 2, 2)),
    ),
  ),
);

/** Numbers that a float64 holds: up to 15 digits on either side and exponents of two. JSON itself has no limit. */
export const NUMBER = seq(
  optional(text("-")),
  alt(text("0"), seq(oneOf("1-9"), repeat(oneOf("0-9"), 0, 14))),
  optional(seq(text("."), repeat(oneOf("0-9"), 1, 15))),
  optional(seq(oneOf("eE"), optional(oneOf("+-")), repeat(oneOf("0-9"), 1, 2))),
);

/** A string of so many characters. */
export function stringOf(min: number, max: number): Node {
  return seq(text('"'), repeat(CHARACTER, min, max), text('"'));
}

/** Values with commas between them, in brackets. */
function listOf(open: string, item: Node, close: string): Node {
  const more = repeat(seq(text(","), GAP, item), 0, MANY);
  return seq(text(open), GAP, optional(seq(item, more, GAP)), text(close));
}

/** What stands between a key and its value. */
export const COLON = seq(text(":"), optional(text(" ")));

/** The rules that all grammars of JSON have. White space is bounded, so that no model can go on with it for ever. */
export function jsonRules(): Map<string, Node> {
  const indent = seq(text("\n"), repeat(oneOf(" \t"), 0, 32));
  return new Map<string, Node>([
    ["(space)", alt(EMPTY, text(" "), indent)],
    ["(string)", stringOf(0, MANY)],
    ["(value)", alt(rule("(string)"), NUMBER, OBJECT, ARRAY, text("true"), text("false"), text("null"))],
    ["(object)", listOf("{", seq(rule("(string)"), COLON, VALUE), "}")],
    ["(array)", listOf("[", VALUE, "]")],
  ]);
}
