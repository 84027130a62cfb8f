/** What a `post_processor` adds around a text. Refuses kinds it does not know. */
import { fail } from "../base/errors.ts";
import { describe, type JsonRecord, listField, recordAt, stringField } from "./json-fields.ts";

/** Ids before and after the text. */
export interface Template {
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
}

/**
 * Reads `TemplateProcessing` (its `single` form), `ByteLevel` (which adds nothing), a `Sequence` of them, or null.
 * Throws BAD_TOKENIZER or UNSUPPORTED.
 */
export function readTemplate(json: unknown, vocabSize: number, at: string, depth = 0): Template {
  if ((json ?? null) === null) return { prefix: [], suffix: [] };
  const record = recordAt(json, at);
  switch (record.type) {
    case "ByteLevel":
      return { prefix: [], suffix: [] };
    case "TemplateProcessing":
      return readSingle(record, vocabSize, at);
    case "Sequence":
      if (depth > 4) return fail("UNSUPPORTED", `${at}: got sequences nested deeper than 4`);
      return listField(record, "processors", at)
        .map((inner, i) => readTemplate(inner, vocabSize, `${at}.processors[${i}]`, depth + 1))
        .reduce(around, { prefix: [], suffix: [] });
    default:
      return fail(
        "UNSUPPORTED",
        `${at}.type: got ${describe(record.type)}, expected TemplateProcessing, ByteLevel or Sequence`,
      );
  }
}

function around(inner: Template, outer: Template): Template {
  return { prefix: [...outer.prefix, ...inner.prefix], suffix: [...inner.suffix, ...outer.suffix] };
}

function readSingle(record: JsonRecord, vocabSize: number, at: string): Template {
  const specials = recordAt(record.special_tokens ?? {}, `${at}.special_tokens`);
  const sides: [number[], number[]] = [[], []];
  let texts = 0;
  listField(record, "single", at).forEach((piece, i) => {
    const where = `${at}.single[${i}]`;
    const entry = recordAt(piece, where);
    if (entry.Sequence !== undefined) texts++;
    else sides[texts === 0 ? 0 : 1].push(...specialIds(specials, entry, vocabSize, where));
  });
  if (texts !== 1) fail("UNSUPPORTED", `${at}.single: got ${texts} texts, expected exactly one Sequence`);
  return { prefix: sides[0], suffix: sides[1] };
}

function specialIds(specials: JsonRecord, entry: JsonRecord, vocabSize: number, where: string): number[] {
  const name = stringField(recordAt(entry.SpecialToken, `${where}.SpecialToken`), "id", `${where}.SpecialToken`);
  const special = recordAt(specials[name], `${where}: the special token ${describe(name)}`);
  return listField(special, "ids", `${where}: the special token ${describe(name)}`).map((id) =>
    typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabSize
      ? id
      : fail("BAD_TOKENIZER", `${where}: got the id ${describe(id)}, expected an integer from 0 to ${vocabSize - 1}`),
  );
}
