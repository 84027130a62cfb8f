/** How tokens are shown: as text, or as bytes where they are part of a character. Pure. */
import type { Tokenizer } from "../tokenizer/types.ts";
import { visibleText } from "./text.ts";

/** A token on one line, without quotes: `\n` for a line end, `<c3>` for a byte that is no character by itself. */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  const bytes = tokenizer.tokenBytes(id);
  try {
    return visibleText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return Array.from(bytes, (byte) => `<${byte.toString(16).padStart(2, "0")}>`).join("");
  }
}
