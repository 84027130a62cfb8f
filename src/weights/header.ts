/** The JSON header of a safetensors file: what JSON.parse lets pass and the format does not. Knows no tensors. */
import { fail } from "../base/errors.ts";

/** The header's object, each tensor's object in it, and the lists in those. */
const MAX_DEPTH = 3;

/**
 * The members of a header in their order. Throws BAD_WEIGHTS that begins with `where` for bytes that are no UTF-8, no
 * JSON object, nested too deep, with a name twice, with text that no other program could hold, or with numbers that
 * are not written as whole ones.
 */
export function parseHeader(bytes: Uint8Array, where: string): [string, unknown][] {
  const bad = (what: string): never => fail("BAD_WEIGHTS", `${where}: ${what}`);
  let text = "";
  let json: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bad("the header is no UTF-8. The file is damaged or of another format.");
  }
  if (text[0] !== "{") return bad(`the header begins with ${show(text.slice(0, 1))}, expected {`);
  checkDepth(text, bad);
  try {
    json = JSON.parse(text);
  } catch {
    return bad("the header is no JSON. The file is damaged or of another format.");
  }
  checkMembers(text, bad);
  return Object.entries(json as object);
}

/** Before parsing: deep nesting costs a hundred times its bytes. */
function checkDepth(text: string, bad: (what: string) => never): void {
  let depth = 0;
  for (const token of tokensOf(text)) {
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") depth--;
    if (depth > MAX_DEPTH) bad(`the header is nested more than ${MAX_DEPTH} levels deep`);
  }
}

/** After parsing, so that the text is known to be JSON: names once each, numbers whole, texts that every program holds. */
function checkMembers(text: string, bad: (what: string) => never): void {
  const names: Set<string>[] = [];
  const isObject: boolean[] = [];
  let [tensor, isName] = ["", false];
  for (const token of tokensOf(text)) {
    const first = token[0]!;
    if (first === "{" || first === "[") {
      isObject.push(first === "{");
      names.push(new Set());
    } else if (first === "}" || first === "]") {
      isObject.pop();
      names.pop();
    } else if (first === '"') {
      const value = JSON.parse(token) as string;
      if (/\0|\p{Surrogate}/u.test(value))
        bad(`${show(value)}: has a NUL or half a character, which no program can hold`);
      if (isName && names.length === 1) tensor = value;
      if (isName && names.at(-1)!.has(value))
        bad(names.length === 1 ? `${show(value)}: is there twice` : `${show(tensor)}: ${show(value)} is there twice`);
      if (isName) names.at(-1)!.add(value);
    } else if (/^[-\d]/.test(token) && !/^\d+$/.test(token))
      bad(`${show(tensor)}: got the number ${show(token)}, expected one written as digits`);
    isName = first === "{" || (first === "," && isObject.at(-1) === true);
  }
}

const PUNCTUATION = new Set(["{", "}", "[", "]", ":", ","]);
const WHITE = new Set([" ", "\t", "\n", "\r"]);

/** Brackets, strings with their quotes, and what is between; in linear time for any text, up to a string without end. */
function* tokensOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const first = text[at]!;
    let end = at + 1;
    if (first === '"') {
      while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      if (end++ >= text.length) return;
    } else if (!PUNCTUATION.has(first) && !WHITE.has(first))
      while (end < text.length && !PUNCTUATION.has(text[end]!) && !WHITE.has(text[end]!) && text[end] !== '"') end++;
    if (!WHITE.has(first)) yield text.slice(at, end);
    at = end;
  }
}

const MAX_SHOWN = 120;

/** A value for a message: JSON, short whatever the value is. Text without quotes where it is plain. */
export function show(value: unknown): string {
  const plain = typeof value === "string" && /^[\w.\-/+]+$/.test(value);
  const text = plain ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}... (${text.length} characters)` : text;
}
