/** Places in a text where no merge can reach across, from the spellings of a vocabulary. Knows bytes, not merges. */

/** Whether some token may hold the end of the character `left` and the beginning of the character `right`. */
export interface Crossings {
  /** `left` and `right` are neighbouring code units. Never false where a token crosses; seldom true where none does. */
  mayCross(left: number, right: number): boolean;
  /** Takes note of a token by its bytes. */
  add(bytes: Uint8Array, length: number): void;
}

const BITS = 20;
/** Parts of characters get numbers after the code units: this and their last or first byte. */
const PART = 0x10000;

/**
 * A merge makes a token that holds all it joins. So between two characters that no token holds side by side, whole or in part,
 * nothing merges, and what lies on both sides can be encoded by itself. Pairs of characters are bits of a hash table.
 */
export function crossings(): Crossings {
  const bits = new Int32Array(2 ** (BITS - 5));
  const hash = (left: number, right: number) =>
    (Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b)) >>> (32 - BITS);
  const has = (left: number, right: number) => {
    const bit = hash(left, right);
    return (bits[bit >> 5]! & (1 << (bit & 31))) !== 0;
  };
  return {
    mayCross(left, right) {
      // Halves of a pair are left together, and so is what touches them.
      if ((left & 0xf800) === 0xd800 || (right & 0xf800) === 0xd800) return true;
      if (has(left, right)) return true;
      if (left >= 0x80 && has(PART + lastByte(left), right)) return true;
      if (right < 0x80) return false;
      return (
        has(left, PART + firstByte(right)) || (left >= 0x80 && has(PART + lastByte(left), PART + firstByte(right)))
      );
    },
    add(bytes, length) {
      let before = -1;
      for (let i = 0; i < length; ) {
        const width = characterWidth(bytes, i, length);
        // Such bytes are in no text, so the token is never used.
        if (width === 0) return;
        const value = width < 0 ? PART + bytes[width === SUFFIX ? suffixEnd(bytes, length) - 1 : i]! : decode(bytes, i);
        if (before >= 0) {
          const bit = hash(before, value);
          bits[bit >> 5]! |= 1 << (bit & 31);
        }
        before = value;
        i = width === SUFFIX ? suffixEnd(bytes, length) : width === PREFIX ? length : i + width;
      }
    },
  };
}

const SUFFIX = -1;
const PREFIX = -2;

/** Bytes of the character at `i`, {@link SUFFIX} or {@link PREFIX} for a part at an end of the token, or 0 where it is not UTF-8. */
function characterWidth(bytes: Uint8Array, i: number, length: number): number {
  const byte = bytes[i]!;
  if (byte < 0x80) return 1;
  if (byte < 0xc0) return i === 0 && suffixEnd(bytes, length) <= 3 ? SUFFIX : 0;
  const width = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  for (let k = 1; k < width; k++) {
    if (i + k === length) return PREFIX;
    if ((bytes[i + k]! & 0xc0) !== 0x80) return 0;
  }
  return width;
}

/** The end of the continuation bytes that a token begins with. */
function suffixEnd(bytes: Uint8Array, length: number): number {
  let end = 0;
  while (end < length && (bytes[end]! & 0xc0) === 0x80) end++;
  return end;
}

/** The code unit at `i`; for a character of four bytes some surrogate, which is never asked about. */
function decode(bytes: Uint8Array, i: number): number {
  const byte = bytes[i]!;
  if (byte < 0x80) return byte;
  if (byte < 0xe0) return ((byte & 0x1f) << 6) | (bytes[i + 1]! & 0x3f);
  if (byte < 0xf0) return ((byte & 0x0f) << 12) | ((bytes[i + 1]! & 0x3f) << 6) | (bytes[i + 2]! & 0x3f);
  return 0xd800;
}

/** The last and the first byte of a code unit outside ASCII in UTF-8. */
function lastByte(unit: number): number {
  return 0x80 | (unit & 0x3f);
}

function firstByte(unit: number): number {
  return unit < 0x800 ? 0xc0 | (unit >> 6) : 0xe0 | (unit >> 12);
}
