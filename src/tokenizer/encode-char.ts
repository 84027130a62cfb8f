/** Text to one id a code point. Knows nothing of special tokens. */
import { fail } from "../base/errors.ts";
import type { AppendIds } from "./encode-bpe.ts";

/** The encoder of a vocabulary of single code points; characters outside it become `unkId` or throw BAD_TEXT. */
export function charEncoder(ids: ReadonlyMap<string, number>, unkId: number | undefined): AppendIds {
  const table = new Int32Array(0x10000).fill(-1);
  for (const [token, id] of ids) if (token.length === 1) table[token.charCodeAt(0)] = id;
  const replacement = table[0xfffd]!;
  return (text, out) => {
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      let id = table[c]!;
      let width = 1;
      if (c >= 0xd800 && c <= 0xdfff) {
        const code = text.codePointAt(i)!;
        width = code > 0xffff ? 2 : 1;
        id = width === 2 ? (ids.get(String.fromCodePoint(code)) ?? -1) : replacement;
      }
      if (id < 0) id = unkId ?? refuse(text, i);
      out.push(id);
      i += width - 1;
    }
  };
}

function refuse(text: string, at: number): never {
  const code = text.codePointAt(at)!;
  const lone = code >= 0xd800 && code <= 0xdfff;
  const shown = lone ? "a lone surrogate" : JSON.stringify(String.fromCodePoint(code));
  const hex = code.toString(16).toUpperCase().padStart(4, "0");
  return fail(
    "BAD_TEXT",
    `text: ${shown} (U+${hex}) at index ${at} is not in the vocabulary. Leave it out, or train the tokenizer on text that has it.`,
  );
}
