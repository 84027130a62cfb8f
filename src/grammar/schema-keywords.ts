/** The keywords of JSON Schema: what each is about, and those that masks cannot honour. Knows no grammar. */
import { type ErrorCode, fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";

/** A schema that is no boolean, its keywords known. */
export type Schema = JsonObject;

/** The types of JSON, in the order in which alternatives are listed. */
export const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
export type TypeName = (typeof TYPES)[number];

/** Keywords that say nothing about values. */
const ANNOTATIONS = new Set(
  "$schema $id $comment $defs definitions title description default examples example deprecated readOnly writeOnly contentMediaType contentEncoding contentSchema".split(
    " ",
  ),
);
/** Keywords about values of one type. */
const ABOUT: ReadonlyMap<string, TypeName> = new Map<string, TypeName>([
  ...words(
    "properties required additionalProperties patternProperties propertyNames minProperties maxProperties",
    "object",
  ),
  ...words("items prefixItems additionalItems minItems maxItems uniqueItems", "array"),
  ...words("minLength maxLength pattern format", "string"),
  ...words("minimum maximum exclusiveMinimum exclusiveMaximum multipleOf", "number"),
]);
const GENERAL = new Set(["type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "nullable"]);
/** What can be done in place of keywords that cannot be honoured. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["not", "Try to list what is allowed"],
  ["if", "Try anyOf with an alternative for each case"],
  ["dependentRequired", "Try anyOf with an alternative for each case"],
  ["dependentSchemas", "Try anyOf with an alternative for each case"],
  ["contains", "Try prefixItems, or items for all of them"],
  ["unevaluatedProperties", "Try additionalProperties"],
  ["unevaluatedItems", "Try items"],
  ["$dynamicRef", "Try $ref"],
]);

function words(names: string, type: TypeName): [string, TypeName][] {
  return names.split(" ").map((name) => [name, type]);
}

/** A schema with keywords that are all known. Throws BAD_GRAMMAR or UNSUPPORTED, naming the keyword. */
export function knownSchema(value: unknown, at: string): Schema {
  if (!isJsonObject(value))
    return fail("BAD_GRAMMAR", `${at}: got ${showJson(value)}, expected a schema: an object, true or false`);
  for (const keyword of Object.keys(value)) {
    if (GENERAL.has(keyword) || ABOUT.has(keyword) || isAnnotation(keyword)) continue;
    const instead = INSTEAD.get(keyword);
    refuse(`${at}.${keyword}`, `the keyword ${keyword} cannot be honoured${instead ? `. ${instead}` : ""}`);
  }
  return value;
}

/** True for keywords that say nothing about values. */
export const isAnnotation = (keyword: string): boolean => ANNOTATIONS.has(keyword) || keyword.startsWith("x-");

/** The keywords of a schema that say something about values. */
export const assertions = (schema: Schema): string[] => Object.keys(schema).filter((keyword) => !isAnnotation(keyword));

/** Types that values of a schema may have: `type`, else those that its keywords are about, else all. */
export function typesOf(schema: Schema, at: string): TypeName[] {
  const { type, nullable } = schema;
  if (type === undefined) {
    const about = new Set(Object.keys(schema).flatMap((keyword) => ABOUT.get(keyword) ?? []));
    return about.size === 0 ? TYPES.filter((name) => name !== "integer") : [...about];
  }
  const names: unknown[] = Array.isArray(type) ? [...type] : [type];
  if (nullable === true) names.push("null");
  for (const name of names)
    if (!TYPES.includes(name as TypeName))
      fail("BAD_GRAMMAR", `${at}.type: got ${showJson(name)}, expected ${TYPES.join(", ")} or a list of them`);
  // Every integer is a number.
  return TYPES.filter((name) => names.includes(name) && !(name === "integer" && names.includes("number")));
}

/** Throws UNSUPPORTED, naming a keyword. */
export function refuse(at: string, message: string, code: ErrorCode = "UNSUPPORTED"): never {
  return fail(code, `${at}: ${message}`);
}

/** A keyword's whole number of at least 0, or what stands for its absence. */
export function countOf(schema: Schema, keyword: string, absent: number, at: string): number {
  const value = schema[keyword];
  if (value === undefined) return absent;
  if (typeof value === "number" && value >= 0 && Number.isInteger(value)) return value;
  return fail("BAD_GRAMMAR", `${at}.${keyword}: got ${showJson(value)}, expected a whole number of at least 0`);
}

/** A keyword's list, or an empty one. */
export function listOf(schema: Schema, keyword: string, at: string): readonly unknown[] {
  const value = schema[keyword];
  if (value === undefined || Array.isArray(value)) return value ?? [];
  return fail("BAD_GRAMMAR", `${at}.${keyword}: got ${showJson(value)}, expected a list`);
}

/** A keyword's entries by name, or none. */
export function entriesOf(schema: Schema, keyword: string, at: string): [string, unknown][] {
  const value = schema[keyword];
  if (value === undefined || isJsonObject(value)) return Object.entries(value ?? {});
  return fail("BAD_GRAMMAR", `${at}.${keyword}: got ${showJson(value)}, expected an object of schemas`);
}

/** The type of a value. */
export function typeOfValue(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as TypeName;
}

/** Whether a value is of one of the types. */
export function hasType(value: unknown, types: readonly TypeName[]): boolean {
  const type = typeOfValue(value);
  return types.includes(type) || (type === "integer" && types.includes("number"));
}

/** Whether a keyword says something about values of the type of this one. */
export function isAbout(keyword: string, value: unknown): boolean {
  const type = typeOfValue(value);
  return ABOUT.get(keyword) === (type === "integer" ? "number" : type);
}
