/** Reads the values of `tokenizer.ggml.*`, each of the type that it has to have. Knows no vocabulary. */
import { fail } from "../base/errors.ts";
import { describe } from "./json-fields.ts";

/** Metadata by key: numbers, booleans, texts, and lists of them (typed arrays too). */
export type GgufMetadata = ReadonlyMap<string, unknown>;

/** Throws BAD_TOKENIZER unless a list has an entry for each token. */
export function sameLength(key: string, list: ArrayLike<number>, tokens: readonly string[], where: string): void {
  if (list.length !== tokens.length)
    fail(
      "BAD_TOKENIZER",
      `${where}: tokenizer.ggml.${key}: got ${list.length} entries, expected ${tokens.length}, one a token`,
    );
}

/** The id that `tokenizer.ggml.ROLE_token_id` gives, below `size`; undefined where there is none. */
export function roleId(metadata: GgufMetadata, role: string, size: number, where: string): number | undefined {
  const key = `tokenizer.ggml.${role}_token_id`;
  const value = metadata.get(key);
  // Converters write -1 or the largest number for none.
  if (value === undefined || value === -1 || value === 0xffffffff) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < size) return value;
  return fail("BAD_TOKENIZER", `${where}: ${key}: got ${shown(value)}, expected an id below ${size}`);
}

export function flag(metadata: GgufMetadata, key: string, where: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`) ?? otherwise;
  if (typeof value === "boolean") return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected true or false`);
}

export function text(metadata: GgufMetadata, key: string, where: string): string {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (typeof value === "string") return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected text`);
}

export function texts(metadata: GgufMetadata, key: string, where: string): readonly string[] {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected a list of texts`);
}

/** A list of numbers; undefined where the key is not there. */
export function numbers(metadata: GgufMetadata, key: string, where: string): ArrayLike<number> | undefined {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (value === undefined) return undefined;
  const isList = ArrayBuffer.isView(value) && !(value instanceof DataView);
  if (isList && !(value instanceof BigInt64Array) && !(value instanceof BigUint64Array))
    return value as unknown as ArrayLike<number>;
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
  return fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got ${shown(value)}, expected a list of numbers`);
}

/** A list of bytes, signed or not; undefined where the key is not there. */
export function bytesOf(metadata: GgufMetadata, key: string, where: string): Uint8Array | undefined {
  const list = numbers(metadata, key, where);
  if (list === undefined) return undefined;
  const bytes = Uint8Array.from(list);
  if (!bytes.every((byte, i) => byte === list[i] || byte - 256 === list[i]))
    fail("BAD_TOKENIZER", `${where}: tokenizer.ggml.${key}: got numbers that are no bytes`);
  return bytes;
}

/** Bytes as text of 64 characters, as JSON holds them. */
export function base64Of(bytes: Uint8Array): string {
  let text = "";
  // A call takes only so many arguments.
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}

const shown = (value: unknown): string => {
  if (typeof value === "bigint") return String(value);
  return ArrayBuffer.isView(value) ? "a list of numbers" : describe(value);
};
