/** Schemas that hold together as one. Knows no grammar. */
import { isJsonObject } from "../base/json.ts";
import { isAnnotation, listOf, refuse, type Schema, TYPES, type TypeName, typesOf } from "./schema-keywords.ts";

/** One schema for what both allow; false where they contradict each other. Throws UNSUPPORTED, naming a keyword that cannot be joined. */
export function joinSchemas(a: Schema, b: Schema, at: string): Schema | false {
  const joined: Record<string, unknown> = {};
  const [left, right] = withOthers(a, b, at);
  for (const keyword of new Set([...Object.keys(left), ...Object.keys(right)])) {
    if (isAnnotation(keyword) || keyword === "nullable") continue;
    const [x, y] = [left[keyword], right[keyword]];
    joined[keyword] = x === undefined ? y : y === undefined ? x : joinValues(keyword, x, y, `${at}.${keyword}`);
  }
  const types = jointTypes(a, b, at);
  if (types.length === 0) return false;
  if (a.type !== undefined || b.type !== undefined) joined.type = types;
  return joined;
}

/** Types that both allow; those that do not say allow all. */
function jointTypes(a: Schema, b: Schema, at: string): TypeName[] {
  const all: TypeName[] = [...TYPES];
  const of = (schema: Schema) => (schema.type === undefined ? all : typesOf(schema, at));
  const has = (types: readonly TypeName[], type: TypeName) =>
    types.includes(type) || (type === "integer" && types.includes("number"));
  const [left, right] = [of(a), of(b)];
  return all.filter((type) => has(left, type) && has(right, type));
}

/** What one schema says of other properties is said of those that only the other one names. */
function withOthers(a: Schema, b: Schema, at: string): [Schema, Schema] {
  const one = (of: Schema, about: Schema): Schema => {
    const { additionalProperties } = about;
    if (additionalProperties === undefined || !isJsonObject(of.properties)) return of;
    const own = isJsonObject(about.properties) ? about.properties : {};
    if (about.patternProperties !== undefined)
      refuse(`${at}.patternProperties`, "cannot be joined with another schema's properties");
    const narrowed = Object.entries(of.properties).map(([name, schema]) => {
      return [name, Object.hasOwn(own, name) ? schema : { allOf: [schema, additionalProperties] }] as const;
    });
    return { ...of, properties: Object.fromEntries(narrowed) };
  };
  return [one(a, b), one(b, a)];
}

function joinValues(keyword: string, x: unknown, y: unknown, at: string): unknown {
  switch (keyword) {
    case "minimum":
    case "exclusiveMinimum":
    case "minLength":
    case "minItems":
    case "minProperties":
      return typeof x === "number" && typeof y === "number" ? Math.max(x, y) : x;
    case "maximum":
    case "exclusiveMaximum":
    case "maxLength":
    case "maxItems":
    case "maxProperties":
      return typeof x === "number" && typeof y === "number" ? Math.min(x, y) : x;
    case "type":
      return x;
    case "pattern":
    case "format":
      return [...new Set([x, y].flat())];
    case "required":
      return [...new Set([x, y].flat())];
    case "enum":
      return sharedValues([x].flat(), [y].flat());
    case "properties":
      return jointProperties(x, y);
    case "items":
    case "additionalProperties":
    case "propertyNames":
      if (!Array.isArray(x) && !Array.isArray(y)) return { allOf: [x, y] };
      break;
    case "anyOf":
      return listOf({ x }, "x", at).flatMap((one) => listOf({ y }, "y", at).map((other) => ({ allOf: [one, other] })));
    case "uniqueItems":
      return x === true || y === true;
  }
  return JSON.stringify(x) === JSON.stringify(y) ? x : refuse(at, "cannot be joined with another schema's");
}

function jointProperties(x: unknown, y: unknown): unknown {
  if (!isJsonObject(x) || !isJsonObject(y)) return x;
  const names = [...new Set([...Object.keys(x), ...Object.keys(y)])];
  const own = (from: Schema, name: string) => (Object.hasOwn(from, name) ? from[name] : undefined);
  return Object.fromEntries(
    names.map((name) => {
      const [one, other] = [own(x, name), own(y, name)];
      return [name, one === undefined ? other : other === undefined ? one : { allOf: [one, other] }];
    }),
  );
}

/** Values that are in both lists. Objects count as equal where they are spelled alike. */
export function sharedValues(x: readonly unknown[], y: readonly unknown[]): unknown[] {
  const known = new Set(y.map((value) => JSON.stringify(value)));
  return x.filter((value) => known.has(JSON.stringify(value)));
}
