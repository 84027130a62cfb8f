/** Reads a request's body within limits, and its fields by declaration. Knows no field. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import { nearest } from "../base/nearest.ts";
import { type OptionSpecs, type OptionValues, readOptions } from "../base/options.ts";
import { refuse } from "./faults.ts";

/** The deepest nesting of a body. */
const MOST_DEPTH = 100;

/** The JSON object of a body of at most so many bytes. Throws a Refusal of 400, 413 or 415. */
export async function readBody(request: Request, maxBytes: number): Promise<JsonObject> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(type))
    refuse(415, `content-type: got ${type || "none"}, expected application/json`, "unsupported_media_type");
  const text = await readText(request, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refuse(400, `the body is no JSON: ${(error as Error).message}`, "invalid_json");
  }
  if (!isJsonObject(value))
    return refuse(400, `the body: got ${showKind(value)}, expected a JSON object`, "invalid_json");
  if (isDeep(value)) refuse(400, `the body is nested deeper than ${MOST_DEPTH} levels`, "invalid_json");
  return value;
}

/** A body of at most so many bytes. Throws a Refusal of 413. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => refuse(413, `the body: got more than ${maxBytes} bytes, which is the most`, "too_large");
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) tooLarge();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (request.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > maxBytes) tooLarge();
    pieces.push(piece);
  }
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () => refuse(413, `the body: got more than ${maxBytes} bytes, which is the most`, "too_large");
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) tooLarge();
  if (!request.body) return "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [text, bytes] = ["", 0];
  try {
    for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      if (bytes > maxBytes) tooLarge();
      text += decoder.decode(piece, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return refuse(400, "the body is no UTF-8 text", "invalid_json");
  }
}

const showKind = (value: unknown) => (Array.isArray(value) ? "a list" : value === null ? "null" : `a ${typeof value}`);

/** Values hold each other without a recursion that a deep one could overflow. */
function isDeep(root: unknown): boolean {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH) return true;
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
  return false;
}

/** How the fields of a body are told apart. */
export interface FieldSpecs<S extends OptionSpecs> {
  /** Numbers, flags and choices. */
  readonly options: S;
  /** Read by hand. */
  readonly others: readonly string[];
  /** Known, and without effect here. */
  readonly ignored: readonly string[];
}

/** The options of a body; null counts as left out. Throws BAD_OPTION for what is out of range or unknown. */
export function readFields<S extends OptionSpecs>(body: JsonObject, specs: FieldSpecs<S>): OptionValues<S> {
  const known = [...Object.keys(specs.options), ...specs.others, ...specs.ignored];
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (!known.includes(name)) unknownField(name, known);
    if (Object.hasOwn(specs.options, name) && value !== null) given[name] = value;
  }
  return readOptions(specs.options, given);
}

function unknownField(name: string, known: readonly string[]): never {
  const meant = nearest(name, known);
  const shown = /^[A-Za-z_]\w{0,60}$/.test(name) ? name : "body";
  return fail(
    "BAD_OPTION",
    `${shown}: ${showJson(name)} is no field that this server knows${meant ? `. Did you mean ${meant}?` : ""}`,
  );
}
