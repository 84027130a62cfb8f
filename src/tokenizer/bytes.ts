/** The byte alphabet of GPT-2 and UTF-8 by hand. Knows nothing of tokens. */

/**
 * The character that stands for each byte in byte-level vocabularies (Radford et al. 2019, `bytes_to_unicode`):
 * printable Latin-1 stands for itself, the other 68 bytes take U+0100 upward in order.
 */
export const byteCharacters: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 0x100 + unprintableBefore(byte)),
);

/** Bytes by code unit of the alphabet, -1 for others. */
const byteOfAlphabet = new Int16Array(0x180).fill(-1);
byteCharacters.forEach((character, byte) => {
  byteOfAlphabet[character.charCodeAt(0)] = byte;
});

/** The byte that a code unit stands for, or -1 where it is not of the alphabet. */
export function byteOfUnit(unit: number): number {
  return unit < 0x180 ? byteOfAlphabet[unit]! : -1;
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

function unprintableBefore(byte: number): number {
  let count = 0;
  for (let b = 0; b < byte; b++) if (!isPrintable(b)) count++;
  return count;
}

/**
 * Writes the bytes that a spelling of the byte alphabet stands for from `bytes[at]`, which must have room, and returns how many
 * they are; -1 where a character is not of the alphabet.
 */
export function writeSpelling(spelling: string, bytes: Uint8Array, at = 0): number {
  for (let i = 0; i < spelling.length; i++) {
    const byte = byteOfUnit(spelling.charCodeAt(i));
    if (byte < 0) return -1;
    bytes[at + i] = byte;
  }
  return spelling.length;
}

/** Writes the bytes that code units of the byte alphabet stand for, and returns how many they are. */
export function writeSpelled(units: Uint16Array, start: number, end: number, bytes: Uint8Array): number {
  for (let i = start; i < end; i++) bytes[i - start] = byteOfUnit(units[i]!);
  return end - start;
}

/**
 * Writes `units[start..end)` as UTF-8 into `bytes`, which must hold 3 bytes for each code unit, and returns the length.
 * Lone surrogates become U+FFFD.
 */
export function writeUtf8(units: Uint16Array, start: number, end: number, bytes: Uint8Array): number {
  let at = 0;
  for (let i = start; i < end; i++) {
    const c = units[i]!;
    if (c < 0x80) bytes[at++] = c;
    else if (c < 0x800) {
      bytes[at++] = 0xc0 | (c >> 6);
      bytes[at++] = 0x80 | (c & 0x3f);
    } else if (c < 0xd800 || c > 0xdfff) at = writeThree(c, bytes, at);
    else {
      const low = c < 0xdc00 && i + 1 < end ? units[i + 1]! : 0;
      if (low < 0xdc00 || low > 0xdfff) at = writeThree(0xfffd, bytes, at);
      else {
        at = writeFour(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), bytes, at);
        i++;
      }
    }
  }
  return at;
}

function writeThree(c: number, bytes: Uint8Array, at: number): number {
  bytes[at] = 0xe0 | (c >> 12);
  bytes[at + 1] = 0x80 | ((c >> 6) & 0x3f);
  bytes[at + 2] = 0x80 | (c & 0x3f);
  return at + 3;
}

function writeFour(c: number, bytes: Uint8Array, at: number): number {
  bytes[at] = 0xf0 | (c >> 18);
  bytes[at + 1] = 0x80 | ((c >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((c >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (c & 0x3f);
  return at + 4;
}

/** UTF-8 bytes of a whole string; lone surrogates become U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes of the UTF-8 of a well-formed text. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A pair has four bytes, two for each half.
    if (unit >= 0x80) length += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return length;
}
