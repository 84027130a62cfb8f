/** JSON Schema as a grammar whose every text the schema allows. Refuses what it cannot honour, by the keyword's name. */
import { fail } from "../base/errors.ts";
import { isJsonObject, showJson } from "../base/json.ts";
import { ARRAY, jsonRules, OBJECT, VALUE } from "./json-texts.ts";
import { alt, type Grammar, NEVER, type Node, rule, text } from "./nodes.ts";
import { arrayNode } from "./schema-arrays.ts";
import { joinSchemas, sharedValues } from "./schema-join.ts";
import {
  assertions,
  hasType,
  isAbout,
  knownSchema,
  listOf,
  refuse,
  type Schema,
  type TypeName,
  typeOfValue,
  typesOf,
} from "./schema-keywords.ts";
import { numberNode } from "./schema-numbers.ts";
import { objectNode } from "./schema-objects.ts";
import { stringNode } from "./schema-strings.ts";
import { matchesText } from "./texts.ts";

/** Deepest nesting of schemas, and most of them. */
const MOST_DEPTH = 64;
const MOST_SCHEMAS = 50_000;
const MOST_ALTERNATIVES = 1000;

interface Context {
  readonly whole: unknown;
  readonly where: string;
  readonly rules: Map<string, Node>;
  readonly references: Map<string, Node>;
  depth: number;
  schemas: number;
}

/**
 * The texts of JSON that a schema allows: some of its values, never others. Keys come in the order of `properties`. `where` names the schema
 * in messages. Throws BAD_GRAMMAR, or UNSUPPORTED for keywords that cannot be honoured.
 */
export function schemaGrammar(schema: unknown, where = "schema"): Grammar {
  const context: Context = { whole: schema, where, rules: jsonRules(), references: new Map(), depth: 0, schemas: 0 };
  context.rules.set("(root)", convert(context, schema, where));
  return { root: "(root)", rules: context.rules };
}

/** Any object of JSON. */
export const jsonObjectGrammar = (): Grammar => ({ root: "(object)", rules: jsonRules() });

function convert(context: Context, value: unknown, at: string): Node {
  if (value === true) return VALUE;
  if (value === false) return NEVER;
  if (context.depth >= MOST_DEPTH)
    fail("BAD_GRAMMAR", `${shortened(at)}: got more than ${MOST_DEPTH} schemas inside each other`);
  if (++context.schemas > MOST_SCHEMAS) fail("BAD_GRAMMAR", `${context.where}: got more than ${MOST_SCHEMAS} schemas`);
  context.depth++;
  const schema = knownSchema(value, at);
  const keywords = assertions(schema);
  const node =
    keywords.length === 1 && keywords[0] === "$ref"
      ? referenceNode(context, schema.$ref, at)
      : flatNode(context, schema, at);
  context.depth--;
  return node;
}

const shortened = (at: string) => (at.length > 120 ? `${at.slice(0, 117)}...` : at);

/** The rule of a reference, so that schemas may name themselves. */
function referenceNode(context: Context, reference: unknown, at: string): Node {
  const target = resolve(context, reference, at);
  const name = `(${target.pointer})`;
  const known = context.references.get(name);
  if (known) return known;
  const node = rule(name);
  context.references.set(name, node);
  context.rules.set(name, convert(context, target.schema, target.pointer));
  return node;
}

/** What a JSON Pointer within the schema points to (RFC 6901). */
function resolve({ whole, where }: Context, reference: unknown, at: string): { schema: unknown; pointer: string } {
  if (typeof reference !== "string")
    return fail("BAD_GRAMMAR", `${at}.$ref: got ${showJson(reference)}, expected a text`);
  if (!/^#(\/|$)/.test(reference))
    refuse(`${at}.$ref`, `got ${showJson(reference)}, expected a place in the same schema, such as #/$defs/name`);
  let schema = whole;
  for (const part of reference.split("/").slice(1)) {
    const key = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~");
    const holds = typeof schema === "object" && schema !== null && Object.hasOwn(schema, key);
    if (!holds) fail("BAD_GRAMMAR", `${at}.$ref: got ${showJson(reference)}, which is not there`);
    schema = (schema as Record<string, unknown>)[key];
  }
  return { schema, pointer: `${where}${reference}` };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** References and allOf taken into the schema itself; false where that leaves nothing. */
function flattened(context: Context, given: Schema, at: string, depth = 0): Schema | false {
  if (depth > MOST_DEPTH) fail("BAD_GRAMMAR", `${shortened(at)}: refers to itself without an end`);
  const { $ref, allOf, ...rest } = given;
  let own: Schema | false = rest.const === undefined && !Object.hasOwn(rest, "const") ? rest : withConst(rest, at);
  const parts = listOf(given, "allOf", at).map((part, i): [unknown, string] => [part, `${at}.allOf[${i}]`]);
  if ($ref !== undefined) {
    const { schema, pointer } = resolve(context, $ref, at);
    parts.unshift([schema, pointer]);
  }
  for (const [part, where] of parts) {
    if (++context.schemas > MOST_SCHEMAS)
      fail("BAD_GRAMMAR", `${context.where}: got more than ${MOST_SCHEMAS} schemas`);
    if (part === false || own === false) return false;
    const flat = part === true ? {} : flattened(context, knownSchema(part, where), where, depth + 1);
    own = flat && joinSchemas(flat, own, at);
  }
  return own;
}

/** A constant as the only value of an enum. */
function withConst({ const: constant, ...rest }: Schema, at: string): Schema {
  const values = rest.enum === undefined ? [constant] : sharedValues(listOf(rest, "enum", at), [constant]);
  return { ...rest, enum: values };
}

function flatNode(context: Context, schema: Schema, at: string): Node {
  const flat = flattened(context, schema, at);
  if (flat === false) return NEVER;
  for (const keyword of ["anyOf", "oneOf"] as const)
    if (flat[keyword] !== undefined) return alternatives(context, flat, keyword, at);
  if (flat.enum !== undefined) return valuesNode(context, flat, at);
  if (assertions(flat).length === 0) return VALUE;
  return alt(...typesOf(flat, at).map((type) => typeNode(context, flat, type, at)));
}

function alternatives(context: Context, flat: Schema, keyword: "anyOf" | "oneOf", at: string): Node {
  const { [keyword]: _, ...rest } = flat;
  const branches = listOf(flat, keyword, at);
  if (branches.length === 0) fail("BAD_GRAMMAR", `${at}.${keyword}: is empty, expected schemas`);
  if (branches.length > MOST_ALTERNATIVES)
    fail("BAD_GRAMMAR", `${at}.${keyword}: got ${branches.length} schemas, expected at most ${MOST_ALTERNATIVES}`);
  if (keyword === "oneOf") refuseOverlap(context, branches, at);
  const isAlone = assertions(rest).length === 0;
  return alt(
    ...branches.map((branch, i) =>
      convert(context, isAlone ? branch : { allOf: [branch], ...rest }, `${at}.${keyword}[${i}]`),
    ),
  );
}

/** Exactly one of several is the same as any of them where no value is in two. */
function refuseOverlap(context: Context, branches: readonly unknown[], at: string): void {
  for (let i = 0; i < branches.length; i++)
    for (let j = 0; j < i; j++)
      if (!areDisjoint(context, branches[i], branches[j], at, 0))
        refuse(
          `${at}.oneOf`,
          `a value may be in both of the schemas ${j} and ${i}, which cannot be ruled out. Try anyOf, or a required property with another const in each`,
        );
}

/** Whether surely no value is in both; by type, by listed values, or by a property that both require. */
function areDisjoint(context: Context, a: unknown, b: unknown, at: string, depth: number): boolean {
  if (a === false || b === false) return true;
  if (a === true || b === true || depth > 4) return false;
  const [x, y] = [a, b].map((each) => flattened(context, knownSchema(each, at), at));
  if (!x || !y) return true;
  if (Array.isArray(x.enum) && Array.isArray(y.enum)) return sharedValues(x.enum, y.enum).length === 0;
  const [left, right] = [typesFor(x, at), typesFor(y, at)];
  const share = left.some((type) => right.some((other) => type === other || isWholeAndReal(type, other)));
  if (!share) return true;
  if (left.length > 1 || right.length > 1 || left[0] !== "object") return false;
  const required = sharedValues(listOf(x, "required", at), listOf(y, "required", at)) as string[];
  return required.some((name) => {
    const [p, q] = [x, y].map(({ properties }) =>
      isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : true,
    );
    return areDisjoint(context, p, q, at, depth + 1);
  });
}

const isWholeAndReal = (a: TypeName, b: TypeName) =>
  (a === "integer" && b === "number") || (a === "number" && b === "integer");

function typesFor(schema: Schema, at: string): TypeName[] {
  if (!Array.isArray(schema.enum)) return typesOf(schema, at);
  const types: TypeName[] = ["object", "array", "string", "number", "boolean", "null"];
  return types.filter((type) => (schema.enum as unknown[]).some((value) => hasType(value, [type])));
}

/** The values of an enum that the other keywords allow, each spelled as JSON.stringify does. */
function valuesNode(context: Context, schema: Schema, at: string): Node {
  const { enum: _, ...rest } = schema;
  const types = schema.type === undefined ? undefined : typesOf(schema, at);
  const beside = assertions(rest).filter((keyword) => keyword !== "type" && keyword !== "nullable");
  const values = listOf(schema, "enum", at).filter((value) => types === undefined || hasType(value, types));
  const allowed = values.filter((value) => {
    if (beside.every((keyword) => !isAbout(keyword, value))) return true;
    if (typeof value === "object")
      refuse(
        `${at}.enum`,
        `objects and lists beside ${beside.join(", ")} cannot be honoured. Try to list only what they allow`,
      );
    return matchesText(typeNode(context, rest, typeOfValue(value), at), JSON.stringify(value), at);
  });
  return alt(...allowed.map((value) => text(JSON.stringify(value))));
}

function typeNode(context: Context, schema: Schema, type: TypeName, at: string): Node {
  const inner = (part: unknown, where: string) => convert(context, part, where);
  switch (type) {
    case "string":
      return stringNode(schema, at);
    case "number":
      return numberNode(schema, false, at);
    case "integer":
      return numberNode(schema, true, at);
    case "boolean":
      return alt(text("true"), text("false"));
    case "null":
      return text("null");
    case "array":
      return isPlain(schema) ? ARRAY : arrayNode(schema, at, inner);
    case "object":
      return isPlain(schema)
        ? OBJECT
        : objectNode(schema, at, { convert: inner, addRule: (make) => addRule(context, make) });
  }
}

const isPlain = (schema: Schema) => assertions(schema).every((keyword) => keyword === "type" || keyword === "nullable");

function addRule({ rules }: Context, make: (self: Node) => Node): Node {
  const name = `(${rules.size})`;
  const self = rule(name);
  rules.set(name, self);
  rules.set(name, make(self));
  return self;
}
