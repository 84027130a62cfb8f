/** Arrays of a schema as grammars. Knows no other types. */
import { fail } from "../base/errors.ts";
import { MOST_COUNT } from "./counts.ts";
import { GAP } from "./json-texts.ts";
import { alt, EMPTY, NEVER, type Node, optional, repeat, seq, text } from "./nodes.ts";
import { countOf, listOf, refuse, type Schema } from "./schema-keywords.ts";
import { MOST_MORE } from "./schema-strings.ts";

const MOST_PLACES = 100;

/** Texts of a schema of type array. `convert` makes the grammar of a schema inside. Elements beyond prefixItems are made where `items` describes them. */
export function arrayNode(schema: Schema, at: string, convert: (schema: unknown, at: string) => Node): Node {
  if (schema.uniqueItems !== undefined && schema.uniqueItems !== false)
    refuse(`${at}.uniqueItems`, "the keyword uniqueItems cannot be honoured. Try an object with boolean properties");
  // Until draft 2019-09, a list under `items` was what is prefixItems now.
  const old = Array.isArray(schema.items);
  if (!old && schema.additionalItems !== undefined)
    refuse(`${at}.additionalItems`, "cannot be honoured without a list under items. Try items");
  const [prefixKey, restKey] = old ? ["items", "additionalItems"] : ["prefixItems", "items"];
  const prefix = listOf(schema, prefixKey, at);
  if (prefix.length > MOST_PLACES)
    refuse(`${at}.${prefixKey}`, `got ${prefix.length} places, expected at most ${MOST_PLACES}`);
  const min = countOf(schema, "minItems", 0, at);
  const max = countOf(schema, "maxItems", Number.POSITIVE_INFINITY, at);
  if (min > MOST_COUNT) refuse(`${at}.minItems`, `got ${min}, expected at most ${MOST_COUNT}`);
  if (min > max) fail("BAD_GRAMMAR", `${at}.minItems: got ${min}, above maxItems`);
  const places = prefix.map((each, i) => convert(each, `${at}.${prefixKey}[${i}]`));
  const rest =
    schema[restKey] === undefined && places.length > 0 ? NEVER : convert(schema[restKey] ?? true, `${at}.${restKey}`);
  return seq(text("["), GAP, elements(places, rest, min, max), text("]"));
}

/** Elements with commas between them, from `min` to `max`. */
function elements(places: readonly Node[], rest: Node, min: number, max: number): Node {
  const comma = seq(text(","), GAP);
  const beyond = Number.isFinite(max) ? Math.max(0, Math.min(max, min + MOST_MORE) - places.length) : max;
  const least = Math.max(0, min - places.length);
  let node: Node;
  if (places.length > 0) node = rest === NEVER ? (least > 0 ? NEVER : EMPTY) : repeat(seq(comma, rest), least, beyond);
  else {
    const some = seq(rest, repeat(seq(comma, rest), Math.max(0, least - 1), beyond - 1), GAP);
    return beyond === 0 ? EMPTY : least > 0 ? some : optional(some);
  }
  for (let i = places.length - 1; i >= 0; i--) {
    const more = i >= max ? NEVER : seq(i === 0 ? EMPTY : comma, places[i]!, node);
    node = i >= min ? alt(EMPTY, more) : more;
  }
  return seq(node, GAP);
}
