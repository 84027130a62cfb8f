/** Log probabilities in the two shapes of OpenAI's API. */
import type { TokenChance, TokenInfo } from "./backend.ts";

/** Nats of a token that is all but impossible; JSON has no infinity. */
const LEAST = -9999;

const finite = (logprob: number) => Math.max(LEAST, logprob);

/** A token of a chat's answer. */
const chatToken = ({ text, logprob, bytes }: TokenChance) => ({ token: text, logprob: finite(logprob), bytes });

/** `logprobs` of a chat's choice. */
export function chatLogprobs(tokens: readonly TokenInfo[]) {
  return {
    content: tokens.map((token) => ({ ...chatToken(token), top_logprobs: token.top.map(chatToken) })),
    refusal: null,
  };
}

/** `logprobs` of a completion's choice. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Record<string, number> | null)[];
  readonly text_offset: number[];
}

/** Tokens of a completion, the first of which begins at `offset`; a text stands for one that has no log P. */
export function completionLogprobs(tokens: readonly (TokenInfo | string)[], offset: number): CompletionLogprobs {
  const rows: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  let at = offset;
  for (const token of tokens) {
    const isKnown = typeof token !== "string";
    rows.tokens.push(isKnown ? spelled(token) : token);
    rows.token_logprobs.push(isKnown ? finite(token.logprob) : null);
    // The token itself is always among them.
    const top = isKnown ? [...token.top, token] : [];
    rows.top_logprobs.push(
      isKnown ? Object.fromEntries(top.map((each) => [spelled(each), finite(each.logprob)])) : null,
    );
    rows.text_offset.push(at);
    at += isKnown ? token.text.length : token.length;
  }
  return rows;
}

/** A token's text, or its bytes where it is no whole text: names of different tokens differ. */
function spelled({ text, bytes }: TokenChance): string {
  if (!text.includes("\uFFFD")) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}
