/** Typed access to fields of untrusted JSON. Knows no schema. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";

/** A JSON object whose keys are its own. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/** The value as an object without inherited keys, or BAD_TOKENIZER naming `where`. The copy is shallow. */
export function recordAt(value: unknown, where: string): JsonRecord {
  if (!isJsonObject(value)) {
    return fail("BAD_TOKENIZER", `${where}: got ${describe(value)}, expected an object`);
  }
  const record: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) record[key] = inner;
  return record;
}

/** A list field, or BAD_TOKENIZER. */
export function listField(record: JsonRecord, key: string, where: string): readonly unknown[] {
  const value = record[key];
  return Array.isArray(value) ? value : mistyped(value, key, where, "a list");
}

/** A string field, or BAD_TOKENIZER. */
export function stringField(record: JsonRecord, key: string, where: string): string {
  const value = record[key];
  return typeof value === "string" ? value : mistyped(value, key, where, "a string");
}

/** A boolean field, `otherwise` where it is missing or null, or BAD_TOKENIZER. */
export function booleanField(record: JsonRecord, key: string, where: string, otherwise: boolean): boolean {
  const value = record[key] ?? otherwise;
  return typeof value === "boolean" ? value : mistyped(value, key, where, "true or false");
}

/** A field that is an integer of at least 0, or BAD_TOKENIZER. */
export function countField(record: JsonRecord, key: string, where: string): number {
  const value = record[key];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : mistyped(value, key, where, "an integer of at least 0");
}

function mistyped(value: unknown, key: string, where: string, expected: string): never {
  return fail("BAD_TOKENIZER", `${where}.${key}: got ${describe(value)}, expected ${expected}`);
}

/** A value in a few words, for a message. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
