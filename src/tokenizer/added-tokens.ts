/** Finds added tokens in text. Knows nothing of what lies between them. */
import type { AddedToken } from "./vocabulary.ts";

/** Takes `text[start..end)` and the added token it is; undefined for ordinary text. */
export type TakeFound = (start: number, end: number, token: AddedToken | undefined) => void;

/** Cuts text at added tokens; special ones stay text unless allowed. */
export type AddedTokenSplitter = (text: string, allowSpecial: boolean, take: TakeFound) => void;

/**
 * A splitter at the leftmost, then longest, of the given tokens. A special token that is not allowed, and one that is no whole word though
 * it should be, still hides others inside it, as in `tokenizers` with `encode_special_tokens`.
 */
export function addedTokenSplitter(tokens: readonly AddedToken[]): AddedTokenSplitter {
  const tokenAt = tokenFinder(tokens);
  const anyOrdinary = tokens.some((token) => !token.special);
  return (text, allowSpecial, take) => {
    let at = 0;
    const until = tokens.length > 0 && (allowSpecial || anyOrdinary) ? text.length : 0;
    for (let from = 0; from < until; ) {
      const token = tokenAt(text, from);
      if (token === undefined) {
        from++;
        continue;
      }
      const start = token.lstrip ? whiteStart(text, from, at) : from;
      const end = from + token.content.length;
      const isWord = !token.singleWord || (!endsWithWord(text, from) && !startsWithWord(text, end));
      from = end;
      if ((token.special && !allowSpecial) || !isWord) continue;
      if (start > at) take(at, start, undefined);
      at = token.rstrip ? whiteEnd(text, end) : end;
      take(start, at, token);
    }
    if (at < text.length) take(at, text.length, undefined);
  };
}

/** What Rust's `regex` calls `\w`. */
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const STARTS_WITH_WORD = new RegExp(`^${WORD}`, "u");
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, "u");

/** Whether a word ends right before `at`. Two code units hold any character. */
function endsWithWord(text: string, at: number): boolean {
  return ENDS_WITH_WORD.test(text.slice(Math.max(0, at - 2), at));
}

function startsWithWord(text: string, at: number): boolean {
  return STARTS_WITH_WORD.test(text.slice(at, at + 2));
}

/** Finds the longest token that begins at a place: by its first code unit, then by each length that such tokens have. */
function tokenFinder(tokens: readonly AddedToken[]): (text: string, at: number) => AddedToken | undefined {
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  const lengths = new Map<number, number[]>();
  const begins = new Uint8Array(0x10000);
  for (const content of [...byContent.keys()].sort((a, b) => b.length - a.length)) {
    const first = content.charCodeAt(0);
    const known = lengths.get(first) ?? [];
    if (known.at(-1) !== content.length) known.push(content.length);
    lengths.set(first, known);
    begins[first] = 1;
  }
  return (text, at) => {
    const first = text.charCodeAt(at);
    if (begins[first] === 0) return undefined;
    for (const length of lengths.get(first)!) {
      const token = byContent.get(text.slice(at, at + length));
      if (token) return token;
    }
    return undefined;
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
