/** Values of parsed JSON, told apart and shown. Knows no format. */

/** A parsed JSON object. */
export type JsonObject = { readonly [key: string]: unknown };

/** True for a JSON object, false for null and arrays. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value for a message, short whatever it is. */
export function showJson(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing");
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
