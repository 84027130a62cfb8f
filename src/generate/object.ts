/** Values in the form of a schema, made by a model. Knows no folder. */
import { fail } from "../base/errors.ts";
import { jsonSchemaOf, type ObjectSchema, type OutputOf, validated } from "../grammar/typed-schema.ts";
import type { OpenModel } from "./load.ts";
import { finish, type GenerateOptions, promptIdsOf, streamAfter } from "./text.ts";

/** How the text of a value is made: {@link GenerateOptions} without those of its form. */
export type ObjectOptions = Omit<
  GenerateOptions,
  "responseFormat" | "jsonSchema" | "regex" | "choices" | "grammar" | "stop"
>;

/** New tokens of a value where nobody says how many: values are longer than sentences. */
const OBJECT_TOKENS = 1024;

/**
 * A value that a schema allows, after a prompt: the model's text is held to it token by token. The most probable one is taken each time unless
 * the options or the model's files say otherwise. Throws INCOMPLETE where the tokens or the context do not suffice, UNSUPPORTED for keywords
 * that cannot be honoured, BAD_GRAMMAR for schemas that are broken, and BAD_DATA where the schema has checks of its own that refuse the value.
 */
export async function objectAfter<const S extends ObjectSchema>(
  opened: OpenModel,
  schema: S,
  prompt: string | ArrayLike<number>,
  options: ObjectOptions = {},
): Promise<OutputOf<S>> {
  const ids = typeof prompt === "string" ? promptIdsOf(opened, prompt) : Array.from(prompt);
  const room = opened.context - ids.length;
  const maxNewTokens =
    options.maxNewTokens ?? opened.defaults.options.maxNewTokens ?? Math.max(1, Math.min(OBJECT_TOKENS, room));
  const format = { type: "json_schema", json_schema: { schema: jsonSchemaOf(schema) } } as const;
  const { text } = await finish(streamAfter(opened, ids, { ...options, maxNewTokens, responseFormat: format }, 0));
  return (await validated(schema, parsedText(text))) as OutputOf<S>;
}

function parsedText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail("BUG", `the text of a value is no JSON: ${text.slice(0, 200)}`, error);
  }
}
