/** Makes a vocabulary of the characters of a text. Knows nothing of merges. */
import { fail } from "../base/errors.ts";
import { tokenizerFromJson } from "./json.ts";
import type { Tokenizer } from "./types.ts";
import { charJson, checkSpecials } from "./write-json.ts";

/** Options of {@link trainChar}. */
export interface TrainCharOptions {
  /** Spellings that get the ids after the characters. Default none. */
  readonly specialTokens?: readonly string[];
}

/**
 * A tokenizer with one token for each Unicode code point of the texts, in order of code points. Lone surrogates count as U+FFFD.
 * Throws BAD_DATA for texts without a character and BAD_OPTION for bad special tokens.
 */
export function trainChar(texts: Iterable<string>, options: TrainCharOptions = {}): Tokenizer {
  const { specialTokens = [] } = options;
  checkSpecials(specialTokens, "trainChar");
  const seen = new Uint8Array(0x110000);
  for (const text of texts) markCodePoints(text, seen);
  const characters: string[] = [];
  for (let code = 0; code < seen.length; code++) if (seen[code]) characters.push(String.fromCodePoint(code));
  if (characters.length === 0) fail("BAD_DATA", "trainChar: got texts without a character, expected at least one");
  for (const token of specialTokens) {
    if (characters.includes(token))
      fail("BAD_OPTION", `trainChar: specialTokens: ${JSON.stringify(token)} is a character of the text`);
  }
  return tokenizerFromJson(charJson(characters, specialTokens), "trainChar");
}

function markCodePoints(text: string, seen: Uint8Array): void {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0xd800 || c > 0xdfff) seen[c] = 1;
    else {
      const code = text.codePointAt(i)!;
      seen[code > 0xffff ? code : 0xfffd] = 1;
      if (code > 0xffff) i++;
    }
  }
}
