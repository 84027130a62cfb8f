/** From what a caller asks of a text's form to a constraint on its tokens. Knows no model but its tokenizer. */
import { fail, messageOf } from "../base/errors.ts";
import { isJsonObject, showJson } from "../base/json.ts";
import { type Constraint, constraintOf } from "../grammar/constraint.ts";
import { ebnfGrammar } from "../grammar/ebnf.ts";
import { compileGrammar, type Place } from "../grammar/matcher.ts";
import { alt, type Grammar, text } from "../grammar/nodes.ts";
import { regexNode } from "../grammar/regex.ts";
import { jsonObjectGrammar, schemaGrammar } from "../grammar/schema.ts";
import { type Vocabulary, vocabularyOf } from "../grammar/vocabulary.ts";
import type { Tokenizer } from "../tokenizer/types.ts";

/** The form of a text, in OpenAI's words. */
export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      readonly json_schema: {
        readonly name?: string | undefined;
        readonly description?: string | undefined;
        readonly schema?: unknown;
        readonly strict?: boolean | null | undefined;
      };
    };

/** The form of a text, in one of several ways. */
export interface TextForm {
  readonly responseFormat?: ResponseFormat | undefined;
  /** JSON Schema, as text. */
  readonly jsonSchema?: string | undefined;
  readonly regex?: string | undefined;
  readonly choices?: readonly string[] | undefined;
  /** Rules of EBNF. */
  readonly grammar?: string | undefined;
}

/** A form understood: what it is called in messages, what tells it from others, and its grammar. */
interface NamedForm {
  readonly where: string;
  readonly key: string;
  make(): Grammar;
}

/** Grammars that are kept for each tokenizer. */
const MOST_KEPT = 32;

interface Kept {
  readonly vocabulary: Vocabulary;
  readonly places: Map<string, Place>;
}

/** A tokenizer's bytes take some 50 ms to gather, and masks that were computed serve later texts: they live as long as the tokenizer. */
const keptOf = new WeakMap<Tokenizer, Kept>();

/**
 * What keeps the text behind a prompt in the form asked for; undefined where none is. Throws BAD_OPTION for more than one form, BAD_GRAMMAR
 * for one that is broken, UNSUPPORTED for what cannot be honoured.
 */
export function constraintFor(
  form: TextForm,
  tokenizer: () => Tokenizer,
  endIds: readonly number[],
  promptIds: readonly number[],
): Constraint | undefined {
  const named = namedForm(form);
  if (!named) return undefined;
  const owner = tokenizer();
  const kept = keptOf.get(owner) ?? { vocabulary: vocabularyOf(owner), places: new Map() };
  keptOf.set(owner, kept);
  const isBegun = kept.vocabulary.first === undefined || hasText(owner, promptIds);
  const key = `${isBegun} ${endIds.join()} ${named.key}`;
  let place = kept.places.get(key);
  if (!place) {
    place = compileGrammar(named.make(), kept.vocabulary, endIds, named.where, isBegun);
    if (kept.places.size >= MOST_KEPT) kept.places.delete(kept.places.keys().next().value!);
    kept.places.set(key, place);
  }
  return constraintOf(place, promptIds.length, named.where);
}

/** True where a prompt is more than special tokens: decoders drop the space of a text's first token. */
function hasText(tokenizer: Tokenizer, ids: readonly number[]): boolean {
  const known = ids.filter((id) => id < tokenizer.vocabSize);
  return tokenizer.decode(known, { skipSpecialTokens: true }) !== "";
}

function namedForm(form: TextForm): NamedForm | undefined {
  const { responseFormat, jsonSchema, regex, grammar } = form;
  const choices = form.choices?.length ? form.choices : undefined;
  const given = Object.entries({ responseFormat, jsonSchema, regex, choices, grammar }).filter(
    ([, value]) => value !== undefined,
  );
  const [first, second] = given.map(([name]) => name);
  if (second !== undefined) fail("BAD_OPTION", `${first}, ${second}: got both, expected one form of a text`);
  if (responseFormat !== undefined) return responseForm(responseFormat);
  if (jsonSchema !== undefined) return schemaForm(parsed(jsonSchema), "jsonSchema");
  if (regex !== undefined)
    return formOf("regex", regex, () => onlyRule(regexNode(regex, { whole: true, spelling: "plain", where: "regex" })));
  if (choices !== undefined)
    return formOf("choices", JSON.stringify(choices), () => onlyRule(alt(...choices.map((choice) => text(choice)))));
  if (grammar !== undefined) return formOf("grammar", grammar, () => ebnfGrammar(grammar, "grammar"));
  return undefined;
}

const formOf = (where: string, key: string, make: () => Grammar): NamedForm => ({
  where,
  key: `${where} ${key}`,
  make,
});

const onlyRule = (node: ReturnType<typeof text>): Grammar => ({ root: "text", rules: new Map([["text", node]]) });

function schemaForm(schema: unknown, where: string): NamedForm {
  return formOf(where, spelled(schema, where), () => schemaGrammar(schema, where));
}

/** A schema's text, which also shows that it is JSON. */
function spelled(schema: unknown, where: string): string {
  try {
    return JSON.stringify(schema) ?? fail("BAD_GRAMMAR", `${where}: got ${typeof schema}, expected a schema`);
  } catch (error) {
    return fail("BAD_GRAMMAR", `${where}: is no JSON: ${messageOf(error)}`, error);
  }
}

function parsed(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    return fail("BAD_GRAMMAR", `jsonSchema: is no JSON: ${messageOf(error)}`, error);
  }
}

function responseForm(format: unknown): NamedForm | undefined {
  const where = "responseFormat";
  if (isJsonObject(format)) {
    if (format.type === "text") return undefined;
    if (format.type === "json_object") return formOf(where, "json_object", jsonObjectGrammar);
    const inner = format.json_schema;
    // Without a schema any object will do, as with OpenAI.
    if (format.type === "json_schema" && isJsonObject(inner))
      return inner.schema === undefined
        ? formOf(where, "json_object", jsonObjectGrammar)
        : schemaForm(inner.schema, `${where}.json_schema.schema`);
  }
  return fail(
    "BAD_OPTION",
    `${where}: got ${showJson(format)}, expected {"type": "json_schema", "json_schema": {"schema": ...}}, {"type": "json_object"} or {"type": "text"}`,
  );
}
