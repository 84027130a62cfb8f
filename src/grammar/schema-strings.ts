/** Strings of a schema as grammars over their characters. Knows no other types. */
import { fail } from "../base/errors.ts";
import { showJson } from "../base/json.ts";
import { MOST_COUNT } from "./counts.ts";
import { stringOf } from "./json-texts.ts";
import { ANY_RANGES, both, chars, type Node, repeat, seq, text } from "./nodes.ts";
import { regexNode } from "./regex.ts";
import { countOf, refuse, type Schema } from "./schema-keywords.ts";

/** Repetitions beyond the least that are followed; longer texts would be allowed, but are not made. */
export const MOST_MORE = 4096;

const DATE = "\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))";
const TIME = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
const BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?";

/** Formats as expressions. Each matches some of the texts that the format's standard allows, never others. */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ["date", DATE],
  ["time", TIME],
  ["date-time", `${DATE}T${TIME}`],
  [
    "duration",
    "P(\\d{1,4}W|\\d{1,4}Y(\\d{1,2}M)?(\\d{1,3}D)?|\\d{1,2}M(\\d{1,3}D)?|\\d{1,3}D|(\\d{1,3}D)?T(\\d{1,3}H(\\d{1,2}M)?|\\d{1,3}M(\\d{1,2}S)?|\\d{1,3}S))",
  ],
  [
    "email",
    "[A-Za-z0-9_]{1,24}([.+-][A-Za-z0-9_]{1,24}){0,1}@([A-Za-z0-9]{1,30}(-[A-Za-z0-9]{1,20})?\\.){1,3}[A-Za-z]{2,20}",
  ],
  ["hostname", `${LABEL}(\\.${LABEL}){0,6}`],
  ["ipv4", `${BYTE}(\\.${BYTE}){3}`],
  ["ipv6", "[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{1,4}){7}"],
  [
    "uri",
    `https?://${LABEL}(\\.${LABEL}){0,4}(:[1-9]\\d{0,3})?(/[A-Za-z0-9._~-]{0,60}){0,8}(\\?[A-Za-z0-9._~=&-]{0,100})?(#[A-Za-z0-9._~-]{0,60})?`,
  ],
  ["uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"],
]);

/** The quoted texts that a schema of type string allows. Patterns and formats are matched by characters in their shortest spelling. */
export function stringNode(schema: Schema, at: string): Node {
  const min = countOf(schema, "minLength", 0, at);
  const max = countOf(schema, "maxLength", Number.POSITIVE_INFINITY, at);
  if (min > MOST_COUNT) refuse(`${at}.minLength`, `got ${min}, expected at most ${MOST_COUNT}`);
  const most = Number.isFinite(max) ? Math.min(max, min + MOST_MORE) : max;
  const conditions = [...patternsOf(schema, at), ...formatsOf(schema, at)];
  if (min > max) fail("BAD_GRAMMAR", `${at}.minLength: got ${min}, above maxLength`);
  if (conditions.length === 0) return stringOf(min, most);
  if (min > 0 || Number.isFinite(max)) conditions.push(repeat(chars(ANY_RANGES, "json"), min, most));
  return seq(text('"'), both(...conditions), text('"'));
}

/** A keyword's texts: one, or several where schemas were joined. */
function textsOf(schema: Schema, keyword: string, at: string): string[] {
  const value = schema[keyword];
  const texts: unknown[] = value === undefined ? [] : Array.isArray(value) ? value : [value];
  for (const each of texts)
    if (typeof each !== "string") fail("BAD_GRAMMAR", `${at}.${keyword}: got ${showJson(each)}, expected a text`);
  return texts as string[];
}

function patternsOf(schema: Schema, at: string): Node[] {
  return textsOf(schema, "pattern", at).map((pattern) => patternNode(pattern, `${at}.pattern`));
}

/** The characters of strings that a pattern matches anywhere. */
export function patternNode(pattern: string, where: string): Node {
  return regexNode(pattern, { whole: false, spelling: "json", where });
}

function formatsOf(schema: Schema, at: string): Node[] {
  return textsOf(schema, "format", at).flatMap((format) => {
    const expression = FORMATS.get(format);
    if (expression !== undefined)
      return [regexNode(expression, { whole: true, spelling: "json", where: `${at}.format` })];
    // A pattern beside it says what the format is.
    if (schema.pattern !== undefined) return [];
    return refuse(
      `${at}.format`,
      `got ${showJson(format)}, expected ${[...FORMATS.keys()].join(", ")}, or a pattern beside it`,
    );
  });
}
