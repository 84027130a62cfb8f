/** Decodes one file's bytes piece by piece, strictly or with replacement. Gets bytes from a function, knows no paths. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import type { TextDocument } from "./types.ts";
import { countCodePoints, incompleteTail, inspectUtf8, safeCut } from "./utf8.ts";

/** A file that is read in pieces. */
export interface TextPieces {
  /** For messages. */
  readonly path: string;
  /** Bytes of the file. */
  readonly bytes: number;
  readonly pieceBytes: number;
  readonly strict: boolean;
  /** Fills `target` with the bytes from `offset`. */
  read(offset: number, target: Uint8Array): void;
  sha256: Host["sha256"];
}

const HEAD_BYTES = 64 * 1024;
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Beginnings of files that people mistake for text. */
const MAGICS: readonly (readonly [bytes: readonly number[], name: string, hint: string])[] = [
  [[0x25, 0x50, 0x44, 0x46], "a PDF", "Try to extract its text first (pdftotext)"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive or an office document", "Try to unpack it or save it as plain text"],
  [[0x1f, 0x8b], "compressed with gzip", "Try gunzip first"],
  [[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "Try unzstd first"],
  [[0xff, 0xfe], "UTF-16", "Try iconv -f UTF-16 -t UTF-8"],
  [[0xfe, 0xff], "UTF-16", "Try iconv -f UTF-16 -t UTF-8"],
];

/** Fails with BAD_TEXT when the first 64 KB have NUL bytes, or more than a tenth that is no text. */
export function refuseBinary(file: TextPieces): void {
  const head = new Uint8Array(Math.min(HEAD_BYTES, file.bytes));
  file.read(0, head);
  for (const [magic, name, hint] of MAGICS)
    if (magic.every((byte, i) => head[i] === byte))
      fail("BAD_TEXT", `${file.path}: is ${name}, expected UTF-8 text. ${hint}`);
  const nul = head.indexOf(0);
  if (nul >= 0) fail("BAD_TEXT", `${file.path}: has a NUL at byte ${nul}: is binary, expected UTF-8 text`);
  let odd = inspectUtf8(head).invalidBytes;
  for (const byte of head) if ((byte < 0x20 && (byte < 0x09 || byte > 0x0d)) || byte === 0x7f) odd++;
  if (odd * 10 <= head.length) return;
  const share = `${Math.round((100 * odd) / head.length)} %`;
  fail(
    "BAD_TEXT",
    `${file.path}: ${share} of the first ${head.length} bytes are no UTF-8 text. Try iconv if it has another encoding`,
  );
}

/** The text of some bytes and what was wrong in them. `offset` is where they lie in the file. */
export function decodeUtf8(
  bytes: Uint8Array,
  offset: number,
  file: Pick<TextPieces, "path" | "strict">,
): { text: string; invalidBytes: number; firstInvalidByte: number } {
  try {
    return { text: strictDecoder.decode(bytes), invalidBytes: 0, firstInvalidByte: -1 };
  } catch {
    const { invalidBytes, firstInvalid, incompleteFrom } = inspectUtf8(bytes);
    const cutOff = bytes.length - incompleteFrom;
    const firstInvalidByte = offset + (firstInvalid >= 0 ? firstInvalid : incompleteFrom);
    if (file.strict)
      fail(
        "BAD_TEXT",
        `${file.path}: byte ${firstInvalidByte} is no UTF-8. Try iconv to convert it, or allow replacement`,
      );
    const text = lenientDecoder.decode(bytes);
    return { text, invalidBytes: invalidBytes + cutOff, firstInvalidByte };
  }
}

/** Bytes of the byte order mark at the beginning: 3 or 0. */
export function markBytes(head: Uint8Array): number {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
}

/** The whole file as one document. */
export function decodePieces(file: TextPieces): TextDocument {
  const hash = file.sha256();
  const chunks: string[] = [];
  let [invalidBytes, firstInvalidByte, characters] = [0, -1, 0];
  let rest = new Uint8Array(0);
  let pending = "";
  const keep = (text: string) => {
    if (text === "") return;
    characters += countCodePoints(text);
    chunks.push(text);
  };
  for (let offset = 0; offset < file.bytes; ) {
    const length = Math.min(file.pieceBytes, file.bytes - offset);
    const piece = new Uint8Array(rest.length + length);
    piece.set(rest);
    const fresh = piece.subarray(rest.length);
    file.read(offset, fresh);
    hash.update(fresh);
    const start = offset - rest.length;
    offset += length;
    const last = offset === file.bytes;
    const end = piece.length - (last ? 0 : incompleteTail(piece));
    const mark = start === 0 ? markBytes(piece) : 0;
    const decoded = decodeUtf8(piece.subarray(mark, end), start + mark, file);
    if (firstInvalidByte < 0) firstInvalidByte = decoded.firstInvalidByte;
    invalidBytes += decoded.invalidBytes;
    rest = piece.slice(end);
    const text = pending + decoded.text;
    const cut = last ? text.length : safeCut(text);
    keep(text.slice(0, cut));
    pending = text.slice(cut);
  }
  const { path, bytes } = file;
  return { path, chunks, characters, bytes, sha256: hash.hex(), invalidBytes, firstInvalidByte };
}
