/** Tokens that stand for single bytes: `<0x00>` to `<0xFF>`. */
import { utf8Bytes } from "./bytes.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The byte tokens of a model. */
export interface ByteTokens {
  /** Whether every character has its bytes: 0xC0, 0xC1 and 0xF5 to 0xFF are in no UTF-8. */
  readonly complete: boolean;
  /** Calls `push` with the id of each byte of a text and returns true; false where one of them has no token. */
  spell(text: string, push: (id: number) => void): boolean;
  /** The id of a byte, or -1. */
  idOf(byte: number): number;
}

/** The byte tokens of a model. */
export function byteTokens(vocabulary: Vocabulary): ByteTokens {
  const ids = Int32Array.from({ length: 256 }, (_, byte) => vocabulary.ownId(byteToken(byte)) ?? -1);
  return {
    complete: ids.every((id, byte) => id >= 0 || byte === 0xc0 || byte === 0xc1 || byte > 0xf4),
    spell(text, push) {
      const bytes = utf8Bytes(text);
      for (const byte of bytes) if (ids[byte]! < 0) return false;
      for (const byte of bytes) push(ids[byte]!);
      return true;
    },
    idOf: (byte) => ids[byte]!,
  };
}

/** The spelling of a byte. */
function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The byte that a spelling stands for, or -1. `+F` is a number to Rust's parser, so it is one here. */
export function byteOfToken(token: string): number {
  const digits = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1];
  return digits === undefined ? -1 : Number.parseInt(digits.replace("+", ""), 16);
}
