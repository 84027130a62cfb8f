/** Objects of a schema as grammars: keys in the order of `properties`, others behind them. Knows no other types. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { COLON, GAP } from "./json-texts.ts";
import { alt, both, chars, EMPTY, NEVER, type Node, repeat, seq, text, without } from "./nodes.ts";
import { countOf, entriesOf, listOf, refuse, type Schema } from "./schema-keywords.ts";
import { patternNode } from "./schema-strings.ts";
import { matchesText } from "./texts.ts";
import { PLAIN_IN_JSON } from "./utf8.ts";

/** Keys beyond those of `properties` that are followed. */
const MOST_OTHERS = 256;
/** Most pairs of a property and a count of those before it. */
const MOST_RULES = 20_000;

/** What objects need of the schemas around them. */
export interface ObjectParts {
  convert(schema: unknown, at: string): Node;
  /** Makes a rule of a name that is new. */
  addRule(node: (self: Node) => Node): Node;
}

/** A key with its value. */
interface Pair {
  readonly node: Node;
  readonly isRequired: boolean;
}

/** Keys between quotes, every character as it is, so that no two spellings are one key. */
const KEY = repeat(chars(PLAIN_IN_JSON), 0, Number.POSITIVE_INFINITY);

const quoted = (key: Node): Node => seq(text('"'), key, text('"'));
const escaped = (name: string) => JSON.stringify(name).slice(1, -1);

/** Texts of a schema of type object. */
export function objectNode(schema: Schema, at: string, parts: ObjectParts): Node {
  const { convert } = parts;
  const names = namesOf(schema, at);
  const nameNode =
    schema.propertyNames === undefined ? undefined : convert(schema.propertyNames, `${at}.propertyNames`);
  const patterns = entriesOf(schema, "patternProperties", at).map(([pattern, value]) => {
    const where = `${at}.patternProperties[${showJson(pattern)}]`;
    return { key: patternNode(pattern, where), value, where };
  });
  const isName = (name: string) => nameNode === undefined || matchesText(nameNode, JSON.stringify(name), at);
  const valueNode = (name: string, own: unknown): Node => {
    if (!isName(name)) return NEVER;
    const matching = patterns.filter(({ key }) => matchesText(key, escaped(name), at)).map(({ value }) => value);
    const all = own === undefined ? matching : [own, ...matching];
    const where = `${at}.properties.${name}`;
    if (all.length === 0) return convert(schema.additionalProperties ?? true, where);
    return convert(all.length === 1 ? all[0] : { allOf: all }, where);
  };
  const pairs = [...names].map(([name, { own, isRequired }]): Pair => {
    return { node: seq(text(JSON.stringify(name)), COLON, valueNode(name, own)), isRequired };
  });
  const others = otherPairs(schema, at, parts, [...names.keys()], patterns, nameNode);
  const min = countOf(schema, "minProperties", 0, at);
  const max = countOf(schema, "maxProperties", Number.POSITIVE_INFINITY, at);
  if (min > max) fail("BAD_GRAMMAR", `${at}.minProperties: got ${min}, above maxProperties`);
  if (others !== NEVER && min > pairs.length + 1)
    refuse(`${at}.minProperties`, `got ${min}: keys that differ can be counted only where properties names them`);
  return seq(text("{"), GAP, members(pairs, others, min, max, at, parts), text("}"));
}

/** The keys of `properties`, and those that are only required. */
function namesOf(schema: Schema, at: string): Map<string, { own: unknown; isRequired: boolean }> {
  const required = new Set(listOf(schema, "required", at));
  const names = new Map<string, { own: unknown; isRequired: boolean }>();
  for (const [name, own] of entriesOf(schema, "properties", at))
    names.set(name, { own, isRequired: required.has(name) });
  for (const name of required) {
    if (typeof name !== "string") fail("BAD_GRAMMAR", `${at}.required: got ${showJson(name)}, expected names`);
    else if (!names.has(name)) names.set(name, { own: undefined, isRequired: true });
  }
  return names;
}

/** Keys that no property names, with their values. Made only where the schema speaks of them, or of no properties at all. */
function otherPairs(
  schema: Schema,
  at: string,
  { convert }: ObjectParts,
  names: readonly string[],
  patterns: readonly { readonly key: Node; readonly value: unknown; readonly where: string }[],
  nameNode: Node | undefined,
): Node {
  const { additionalProperties } = schema;
  const isOpen = additionalProperties ?? (schema.properties === undefined && patterns.length === 0);
  const taken = names.map((name) => text(escaped(name)));
  const keyOf = (allowed: readonly Node[], not: readonly Node[]) => {
    const excluded = [...taken, ...not];
    const key = both(KEY, ...allowed);
    const named = quoted(excluded.length === 0 ? key : without(key, alt(...excluded)));
    return nameNode ? both(nameNode, named) : named;
  };
  const options = patterns.map(({ key, value, where }, i) =>
    seq(
      keyOf(
        [key],
        patterns.filter((_, other) => other !== i).map((each) => each.key),
      ),
      COLON,
      convert(value, where),
    ),
  );
  if (isOpen !== false)
    options.push(
      seq(
        keyOf(
          [],
          patterns.map(({ key }) => key),
        ),
        COLON,
        convert(isOpen, `${at}.additionalProperties`),
      ),
    );
  return options.length === 0 ? NEVER : alt(...options);
}

/**
 * Members with commas between them. A rule for each property and number of members before it, up to where the number does not matter.
 * Of other keys one alone is sure to be new, so that only the first counts towards `min`.
 */
function members(
  pairs: readonly Pair[],
  others: Node,
  min: number,
  max: number,
  at: string,
  { addRule }: ObjectParts,
): Node {
  const most = Math.min(max, Math.max(min, pairs.length) + MOST_OTHERS);
  const isCounted = Number.isFinite(max) || min > 1;
  const last = isCounted ? (Number.isFinite(max) ? most : min) : 1;
  if (pairs.length * last > MOST_RULES)
    refuse(`${at}.${min > 1 ? "minProperties" : "maxProperties"}`, "cannot be honoured beside so many properties");
  const more = (count: number) => Math.min(count + 1, last);
  const isFull = (count: number) => Number.isFinite(max) && count >= most;
  const comma = (count: number) => (count === 0 ? EMPTY : seq(text(","), GAP));
  const end = (count: number): Node => (count < min ? NEVER : count === 0 ? EMPTY : GAP);
  /** What may follow other keys. */
  const behind: Node[] = [];
  const behindAt = (count: number): Node => {
    if (behind[count]) return behind[count];
    if (count < min) return NEVER;
    if (isFull(count)) return end(count);
    const made = addRule((self) => {
      const after = more(count) === count ? self : behindAt(more(count));
      return alt(end(count), seq(comma(count), others, after));
    });
    behind[count] = made;
    return made;
  };
  const first = (count: number): Node =>
    others === NEVER || isFull(count) ? end(count) : alt(end(count), seq(comma(count), others, behindAt(more(count))));
  let next = Array.from({ length: last + 1 }, (_, count) => addRule(() => first(count)));
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { node, isRequired } = pairs[i]!;
    // At most i members are before the i-th.
    const after = next;
    next = Array.from({ length: Math.min(i, last) + 1 }, (_, count) =>
      addRule(() => {
        const taken = isFull(count) ? NEVER : seq(comma(count), node, after[more(count)]!);
        return isRequired ? taken : alt(after[count]!, taken);
      }),
    );
  }
  return next[0]!;
}
