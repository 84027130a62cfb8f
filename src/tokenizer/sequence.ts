/** Parts of `tokenizer.json` that are one step or a `Sequence` of them. Knows no kinds. */
import { fail } from "../base/errors.ts";
import { describe, type JsonRecord, listField, recordAt } from "./json-fields.ts";

const MAX_DEPTH = 4;

/** A step and where it stands. */
export interface SequenceStep {
  readonly record: JsonRecord;
  readonly at: string;
}

/**
 * The steps in their order, sequences within sequences opened. `list` is the key that a `Sequence` keeps its steps under. Throws UNSUPPORTED
 * for a type that is none of `kinds`, and for sequences nested too deep.
 */
export function stepsOf(
  json: unknown,
  at: string,
  kinds: ReadonlyMap<unknown, unknown>,
  list: string,
  depth = 0,
): SequenceStep[] {
  const record = recordAt(json, at);
  if (kinds.has(record.type)) return [{ record, at }];
  if (record.type !== "Sequence")
    return fail(
      "UNSUPPORTED",
      `${at}.type: got ${describe(record.type)}, expected ${[...kinds.keys()].join(", ")}, Sequence or null`,
    );
  if (depth > MAX_DEPTH) fail("UNSUPPORTED", `${at}: got sequences nested deeper than ${MAX_DEPTH}`);
  return listField(record, list, at).flatMap((inner, i) =>
    stepsOf(inner, `${at}.${list}[${i}]`, kinds, list, depth + 1),
  );
}
