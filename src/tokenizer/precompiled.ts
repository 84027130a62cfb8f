/** SentencePiece's precompiled character map: a double-array trie from UTF-8 to offsets in a text. The bytes are not trusted. */
import { fail } from "../base/errors.ts";
import { utf8Bytes } from "./bytes.ts";
import { graphemeCutter } from "./graphemes.ts";
import { type JsonRecord, stringField } from "./json-fields.ts";
import { type Rewrite, transformed, widthAt } from "./stretch.ts";

/** More than ten times the largest published map. */
const MAX_BASE64 = 2 ** 24;
/** Longer graphemes are looked up character by character, as `tokenizers` does. */
const MAX_GRAPHEME_BYTES = 6;

/** Reads `precompiled_charsmap` (base64). Throws BAD_TOKENIZER, for a trie that points nowhere when that is met. */
export function readPrecompiled(record: JsonRecord, at: string): Rewrite {
  const field = `${at}.precompiled_charsmap`;
  const replacementOf = charsmap(bytesOf(stringField(record, "precompiled_charsmap", at), field), field);
  const graphemes = graphemeCutter();
  return (stretch) => {
    const { text } = stretch;
    const characters: string[] = [];
    const changes: number[] = [];
    let isChanged = false;
    const replace = (replacement: string, replaced: number) => {
      isChanged = true;
      const first = characters.length;
      for (const character of replacement) characters.push(character);
      const more = characters.length - first - replaced;
      for (let i = first; i < characters.length; i++) changes.push(i >= characters.length - more ? 1 : 0);
      // What is removed without a replacement counts to the character before, as in `tokenizers`.
      if (more < 0 && changes.length > 0) changes[changes.length - 1]! += more;
    };
    graphemes(text, (start, end) => {
      if (end - start < MAX_GRAPHEME_BYTES && end - start > widthAt(text, start)) {
        const grapheme = text.slice(start, end);
        const whole = utf8Bytes(grapheme).length < MAX_GRAPHEME_BYTES ? replacementOf(grapheme) : undefined;
        if (whole !== undefined) return replace(whole, [...grapheme].length);
      }
      for (let i = start; i < end; ) {
        const character = text.slice(i, i + widthAt(text, i));
        const replacement = replacementOf(character);
        if (replacement === undefined) {
          characters.push(character);
          changes.push(0);
        } else replace(replacement, 1);
        i += character.length;
      }
    });
    return isChanged ? transformed(stretch, characters, changes) : stretch;
  };
}

function bytesOf(base64: string, field: string): Uint8Array {
  if (base64.length > MAX_BASE64)
    fail("BAD_TOKENIZER", `${field}: got ${base64.length} characters, expected at most ${MAX_BASE64}`);
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    fail("BAD_TOKENIZER", `${field}: got text that is not base64`);
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

/** What a text is replaced by: the entry of its shortest prefix that is a key. */
function charsmap(bytes: Uint8Array, field: string): (text: string) => string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = bytes.length < 4 ? -1 : view.getUint32(0, true) >> 2;
  if (size < 1 || 4 + size * 4 > bytes.length)
    return fail(
      "BAD_TOKENIZER",
      `${field}: got ${bytes.length} bytes, expected a length, a trie of that many and a text`,
    );
  const units = Uint32Array.from({ length: size }, (_, i) => view.getUint32(4 + i * 4, true));
  const entries = bytes.subarray(4 + size * 4);
  const known = new Map<string, string | undefined>();
  const entryAt = (offset: number) => {
    const end = entries.indexOf(0, offset);
    try {
      if (offset > entries.length) throw new RangeError(`an entry at ${offset} of ${entries.length}`);
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        entries.subarray(offset, end < 0 ? entries.length : end),
      );
    } catch (cause) {
      return fail("BAD_TOKENIZER", `${field}: an entry at ${offset} is not UTF-8 text inside the map`, cause);
    }
  };
  const unitAt = (index: number) =>
    units[index] ?? fail("BAD_TOKENIZER", `${field}: the trie points to unit ${index} of ${size}`);
  const find = (text: string) => {
    let node = offsetOf(unitAt(0));
    for (const byte of utf8Bytes(text)) {
      if (byte === 0) return undefined;
      node = (node ^ byte) >>> 0;
      const unit = unitAt(node);
      // Bit 31 marks a value, the low 8 bits are the label.
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node = (node ^ offsetOf(unit)) >>> 0;
      if (((unit >>> 8) & 1) === 1) return entryAt(unitAt(node) & 0x7fffffff);
    }
    return undefined;
  };
  return (text) => {
    if (known.has(text)) return known.get(text);
    const found = find(text);
    if (known.size < 2 ** 16) known.set(text, found);
    return found;
  };
}

/** The offset of a unit (Yata's Darts-clone): 22 bits, times 256 where bit 9 is set. */
function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
}
