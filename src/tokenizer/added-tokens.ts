/** Finds added tokens in text. Knows nothing of what lies between them. */
import type { AddedToken } from "./vocabulary.ts";

/** Takes a stretch of text and the id of the added token it is, or -1 for ordinary text. Stretches are never empty. */
export type TakeStretch = (text: string, id: number) => void;

/** Cuts text at added tokens; special ones stay text unless allowed. */
export type AddedTokenSplitter = (text: string, allowSpecial: boolean, take: TakeStretch) => void;

/**
 * A splitter at the leftmost, then longest, of the given tokens. A special token that is not allowed still
 * hides others inside it, as in `tokenizers` with `encode_special_tokens`.
 */
export function addedTokenSplitter(tokens: readonly AddedToken[]): AddedTokenSplitter {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const longestFirst = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"), "g");
  const anyOrdinary = tokens.some((token) => !token.special);
  return (text, allowSpecial, take) => {
    let at = 0;
    const searched = byContent.size > 0 && (allowSpecial || anyOrdinary);
    for (const match of searched ? text.matchAll(pattern) : []) {
      const token = byContent.get(match[0])!;
      if (token.special && !allowSpecial) continue;
      const start = token.lstrip ? whiteStart(text, match.index, at) : match.index;
      const end = match.index + match[0].length;
      if (end <= at) continue;
      if (start > at) take(text.slice(at, start), -1);
      take(match[0], token.id);
      at = token.rstrip ? whiteEnd(text, end) : end;
    }
    if (at < text.length) take(at === 0 ? text : text.slice(at), -1);
  };
}

function whiteStart(text: string, from: number, limit: number): number {
  let start = from;
  while (start > limit && isWhite(text[start - 1]!)) start--;
  return start;
}

function whiteEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && isWhite(text[end]!)) end++;
  return end;
}

function isWhite(character: string): boolean {
  return /\p{White_Space}/u.test(character);
}
