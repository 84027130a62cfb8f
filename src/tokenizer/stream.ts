/** Bytes of tokens as text, whole or a piece at a time. Knows nothing of how ids come about. */
import { fail } from "../base/errors.ts";
import { utf8Bytes, writeSpelling } from "./bytes.ts";
import type { DecodeOptions, DecodeStream } from "./types.ts";

/** The bytes of every token in one array. */
export interface TokenBytes {
  readonly bytes: Uint8Array;
  /** Token `id` is `bytes[offsets[id]..offsets[id + 1])`; one entry more than tokens. */
  readonly offsets: Int32Array;
  readonly special: ReadonlySet<number>;
}

/**
 * Packs the bytes of tokens: what a spelling of the byte alphabet stands for where `isByteLevel` says so and it is one,
 * else its UTF-8.
 */
export function packTokenBytes(
  tokens: readonly string[],
  isByteLevel: (id: number) => boolean,
  special: ReadonlySet<number>,
): TokenBytes {
  const offsets = new Int32Array(tokens.length + 1);
  let bytes = new Uint8Array(tokens.length * 8 + 64);
  const makeRoom = (needed: number) => {
    if (needed > bytes.length) bytes = longer(bytes, Math.max(needed, bytes.length * 2));
  };
  for (let id = 0; id < tokens.length; id++) {
    const token = tokens[id]!;
    const start = offsets[id]!;
    makeRoom(start + token.length);
    let length = isByteLevel(id) ? writeSpelling(token, bytes, start) : -1;
    if (length < 0) {
      const whole = utf8Bytes(token);
      makeRoom(start + whole.length);
      bytes.set(whole, start);
      length = whole.length;
    }
    offsets[id + 1] = start + length;
  }
  return { bytes: bytes.slice(0, offsets[tokens.length]), offsets, special };
}

function longer(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

/** Throws BAD_TOKEN_ID unless the id is an integer of the vocabulary. */
export function checkTokenId(id: number, vocabSize: number): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return;
  fail("BAD_TOKEN_ID", `token id: got ${id}, expected an integer from 0 to ${vocabSize - 1}`);
}

/** The text of ids (UTF-8, with U+FFFD for bytes that are not). */
export function decodeIds(table: TokenBytes, ids: Iterable<number>, options: DecodeOptions = {}): string {
  const { bytes, offsets, special } = table;
  let buffer = new Uint8Array(1024);
  let length = 0;
  for (const id of ids) {
    checkTokenId(id, offsets.length - 1);
    if (options.skipSpecialTokens && special.has(id)) continue;
    const start = offsets[id]!;
    const end = offsets[id + 1]!;
    if (length + end - start > buffer.length) {
      const larger = new Uint8Array((length + end - start) * 2);
      larger.set(buffer);
      buffer = larger;
    }
    for (let i = start; i < end; i++) buffer[length++] = bytes[i]!;
  }
  return utf8Decoder().decode(buffer.subarray(0, length));
}

/** A stream over the same table. */
export function decodeStreamOf(table: TokenBytes, options: DecodeOptions = {}): DecodeStream {
  const { bytes, offsets, special } = table;
  const decoder = utf8Decoder();
  return {
    push(id) {
      checkTokenId(id, offsets.length - 1);
      if (options.skipSpecialTokens && special.has(id)) return "";
      return decoder.decode(bytes.subarray(offsets[id]!, offsets[id + 1]!), { stream: true });
    },
    end: () => decoder.decode(),
  };
}

/** `ignoreBOM` keeps U+FEFF as the character it is. */
function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}
