/** One record of a data file, good or bad, and the bytes of files that hold them. Knows no format. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { isJsonObject, showJson } from "../base/json.ts";

/** Where a record is, for messages: `chats.jsonl: line 12`. */
export interface RecordPlace {
  readonly file: string;
  /** Line where it begins in lines and CSV, number in a JSON list and a Parquet table; the first is 1. */
  readonly number: number;
  readonly unit: "line" | "record" | "row";
}

/** An object with named fields, or what is wrong with it. */
export type DataRecord = RecordPlace &
  ({ readonly value: JsonObject; readonly problem?: undefined } | { readonly problem: string });

/** A file that is read in pieces. */
export interface ByteSource {
  /** For messages. */
  readonly path: string;
  readonly bytes: number;
  readonly pieceBytes: number;
  /** A longer record is bad, and is not held. */
  readonly maxRecordBytes: number;
  /** Fills `target` with the bytes from `offset`. */
  read(offset: number, target: Uint8Array): void;
}

/** `chats.jsonl: line 12`. */
export function placeText({ file, unit, number }: RecordPlace): string {
  return `${file}: ${unit} ${number}`;
}

/** The file's bytes, a piece at a time, without a byte order mark. A piece is overwritten by the next one. */
export function* piecesOf(source: ByteSource): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(source.pieceBytes, source.bytes));
  for (let offset = 0; offset < source.bytes; offset += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, source.bytes - offset));
    source.read(offset, piece);
    yield offset === 0 && piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf ? piece.subarray(3) : piece;
  }
}

/** Bytes gathered up to a limit; beyond it they are counted only. */
export interface Gatherer {
  add(bytes: Uint8Array): void;
  readonly length: number;
  /** What was gathered, or undefined where it was too much; empties it. */
  take(): Uint8Array | undefined;
}

/** A gatherer of nothing yet. */
export function gatherer(limit: number): Gatherer {
  let parts: Uint8Array[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(bytes) {
      length += bytes.length;
      if (length > limit) parts = [];
      else if (bytes.length > 0) parts.push(bytes.slice());
    },
    take() {
      const whole = length > limit ? undefined : new Uint8Array(length);
      let at = 0;
      for (const part of parts) {
        whole?.set(part, at);
        at += part.length;
      }
      parts = [];
      length = 0;
      return whole;
    },
  };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes. Throws BAD_TEXT where they are no UTF-8. */
export function strictText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    return fail("BAD_TEXT", "has bytes that are no UTF-8. Try iconv to convert the file", error);
  }
}

/** A record from the bytes of a JSON object, undefined where they are blank. */
export function jsonRecord(place: RecordPlace, bytes: Uint8Array | undefined, limit: number): DataRecord | undefined {
  if (!bytes) return { ...place, problem: `is longer than ${limit} bytes` };
  let text = "";
  try {
    text = strictText(bytes);
    if (text.trim() === "") return undefined;
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return { ...place, value };
    return { ...place, problem: `got ${showJson(value)}, expected an object with named fields` };
  } catch (error) {
    if (error instanceof OwnlmError) return { ...place, problem: messageOf(error) };
    const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
    return { ...place, problem: `is no JSON: got ${shown}, expected an object such as {"prompt": "...", ...}` };
  }
}
