/** Schemas of other libraries and of JSON, as JSON Schema and as types of TypeScript. Imports none of those libraries. */
import { fail, messageOf } from "../base/errors.ts";
import { showJson } from "../base/json.ts";

interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
}

type Checked = { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/** What zod 4.2, and others, offer under "~standard" (standardschema.dev): a check, types, and JSON Schema. */
export interface StandardSchema<O = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Checked | Promise<Checked>;
    readonly types?: { readonly input: unknown; readonly output: O } | undefined;
    readonly jsonSchema?: { readonly input: (options: { readonly target: "draft-2020-12" }) => object } | undefined;
  };
}

/** A schema of zod or another library, or JSON Schema itself. */
export type ObjectSchema = StandardSchema | boolean | { readonly [keyword: string]: unknown };

/** What values of a schema are: the library's own type, or what can be read off a JSON Schema that is written in place. */
export type OutputOf<S> = S extends StandardSchema
  ? NonNullable<S["~standard"]["types"]>["output"]
  : S extends { readonly const: infer C }
    ? C
    : S extends { readonly enum: readonly (infer E)[] }
      ? E
      : S extends { readonly anyOf: readonly (infer A)[] }
        ? OutputOf<A>
        : S extends { readonly oneOf: readonly (infer A)[] }
          ? OutputOf<A>
          : S extends { readonly type: infer T }
            ? OfType<T extends readonly (infer U)[] ? U : T, S>
            : unknown;

type OfType<T, S> = T extends "string"
  ? string
  : T extends "number" | "integer"
    ? number
    : T extends "boolean"
      ? boolean
      : T extends "null"
        ? null
        : T extends "array"
          ? (S extends { readonly items: infer I } ? OutputOf<I> : unknown)[]
          : T extends "object"
            ? OfProperties<S>
            : unknown;

type OfProperties<S> = S extends { readonly properties: infer P }
  ? Flat<
      { [K in keyof P as K extends Required<S> ? K : never]: OutputOf<P[K]> } & {
        [K in keyof P as K extends Required<S> ? never : K]?: OutputOf<P[K]>;
      }
    >
  : { [key: string]: S extends { readonly additionalProperties: infer A } ? OutputOf<A> : unknown };
type Required<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;
type Flat<T> = { [K in keyof T]: T[K] };

/** True for schemas of libraries that keep to the standard. */
function isStandardSchema(schema: unknown): schema is StandardSchema {
  return (typeof schema === "object" || typeof schema === "function") && schema !== null && "~standard" in schema;
}

/** The JSON Schema of what a schema takes. Throws BAD_OPTION where a library does not say it, UNSUPPORTED where it cannot. */
export function jsonSchemaOf(schema: ObjectSchema): unknown {
  if (!isStandardSchema(schema)) {
    if (typeof schema === "boolean" || (typeof schema === "object" && schema !== null && !("_def" in schema)))
      return schema;
    return fail(
      "BAD_OPTION",
      `schema: got ${showJson(schema)}, expected a JSON Schema, or a schema of zod 4.2 or newer`,
    );
  }
  const { vendor, jsonSchema } = schema["~standard"];
  if (!jsonSchema)
    return fail(
      "BAD_OPTION",
      `schema: this version of ${vendor} gives no JSON Schema, expected zod 4.2 or newer. Try z.toJSONSchema(schema)`,
    );
  try {
    return jsonSchema.input({ target: "draft-2020-12" });
  } catch (error) {
    return fail("UNSUPPORTED", `schema: ${vendor} cannot write it as JSON Schema: ${messageOf(error)}`, error);
  }
}

/** A value as the schema's own library makes it, with defaults and transforms. Throws BAD_DATA for what its checks refuse. */
export async function validated(schema: ObjectSchema, value: unknown): Promise<unknown> {
  if (!isStandardSchema(schema)) return value;
  const checked = await schema["~standard"].validate(value);
  if (checked.issues === undefined) return checked.value;
  const [issue] = checked.issues;
  const place = issue?.path?.length ? issue.path.map(partOf).join(".") : "the object";
  return fail(
    "BAD_DATA",
    `schema: ${place}: ${issue?.message ?? "was refused"}. Masks know no checks that are functions`,
  );
}

const partOf = (part: unknown) => String(typeof part === "object" && part !== null && "key" in part ? part.key : part);
