/** Documents from a .jsonl file: one JSON object with a "text" on each line. Errors name the line. */
import { fail } from "../base/errors.ts";
import { isJsonObject } from "../base/json.ts";
import { decodeUtf8, markBytes, type TextPieces } from "./pieces.ts";
import type { TextDocument } from "./types.ts";
import { countCodePoints } from "./utf8.ts";

const NEWLINE = 0x0a;
/** A longer line is refused before it is held as a string. */
const MAX_LINE_BYTES = 2 ** 28;

/** The "text" of every line that is not blank. Errors: BAD_DATA for a line that is no JSON object with a text. */
export function readLines(file: TextPieces): TextDocument[] {
  const documents: TextDocument[] = [];
  const onLine = (bytes: Uint8Array, number: number, offset: number) => {
    const document = documentOf(file, bytes, number, offset);
    if (document) documents.push(document);
  };
  eachLine(file, onLine);
  if (documents.length === 0) fail("BAD_DATA", `${file.path}: has no line with a text, expected {"text": "..."} lines`);
  return documents;
}

function eachLine(file: TextPieces, onLine: (bytes: Uint8Array, number: number, offset: number) => void): void {
  let rest = new Uint8Array(0);
  let number = 0;
  for (let offset = 0; offset < file.bytes; ) {
    const length = Math.min(file.pieceBytes, file.bytes - offset);
    const piece = new Uint8Array(rest.length + length);
    piece.set(rest);
    file.read(offset, piece.subarray(rest.length));
    const start = offset - rest.length;
    let searchFrom = rest.length;
    offset += length;
    let begin = start === 0 ? markBytes(piece) : 0;
    for (;;) {
      const end = piece.indexOf(NEWLINE, searchFrom);
      if (end < 0) break;
      onLine(piece.subarray(begin, end), ++number, start + begin);
      begin = end + 1;
      searchFrom = begin;
    }
    rest = piece.slice(begin);
    if (rest.length > MAX_LINE_BYTES)
      fail("BAD_DATA", `${file.path}: line ${number + 1}: is longer than ${MAX_LINE_BYTES} bytes. Try shorter texts`);
    if (offset === file.bytes && rest.length > 0) onLine(rest, ++number, start + begin);
  }
}

function documentOf(file: TextPieces, bytes: Uint8Array, number: number, offset: number): TextDocument | undefined {
  const where = `${file.path}: line ${number}`;
  const { text: line, invalidBytes, firstInvalidByte } = decodeUtf8(bytes, offset, file);
  if (line.trim() === "") return undefined;
  const written = textField(line, where);
  if (written === "") return undefined;
  const surrogates = written.match(/\p{Surrogate}/gu)?.length ?? 0;
  if (surrogates && file.strict) fail("BAD_TEXT", `${where}: has half of a surrogate pair, which is no character`);
  const text = surrogates ? written.replace(/\p{Surrogate}/gu, "\uFFFD") : written;
  const encoded = new TextEncoder().encode(text);
  const hash = file.sha256();
  hash.update(encoded);
  return {
    path: `${file.path}:${number}`,
    chunks: [text],
    characters: countCodePoints(text),
    bytes: encoded.length,
    sha256: hash.hex(),
    invalidBytes: invalidBytes + surrogates,
    firstInvalidByte: firstInvalidByte >= 0 ? firstInvalidByte : surrogates ? offset : -1,
  };
}

function textField(line: string, where: string): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    fail("BAD_DATA", `${where}: is no JSON: got ${quote(line)}, expected {"text": "..."}`, error);
  }
  if (!isJsonObject(value)) return fail("BAD_DATA", `${where}: got ${quote(line)}, expected an object {"text": "..."}`);
  const text = Object.hasOwn(value, "text") ? value.text : undefined;
  if (typeof text === "string") return text;
  const fields = Object.keys(value).slice(0, 5).join(", ") || "none";
  return fail("BAD_DATA", `${where}: "text" is ${kindOf(text)}, expected a string (fields: ${quote(fields)})`);
}

function kindOf(value: unknown): string {
  return value === undefined ? "missing" : value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
}

/** A short piece of untrusted text for a message. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
