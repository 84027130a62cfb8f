/** A place among tokens, which a parser moves on. */
import type { Token, TokenType } from "./lex.ts";
import { wrong } from "./machine.ts";

export interface Cursor {
  /** The token that comes next. */
  peek(ahead?: number): Token;
  next(): Token;
  /** Whether the next token is of this type, and this text where one is given. */
  is(type: TokenType, text?: string): boolean;
  /** Goes past such a token, if it comes next. */
  skip(type: TokenType, text?: string): boolean;
  /** Goes past such a token, or fails. */
  expect(type: TokenType, text?: string): Token;
  /** Names that a macro's body reads are put here while it is parsed. */
  readonly reads: Set<string>[];
  /** Runs a part one level deeper; too deep fails. */
  nested<R>(parse: () => R): R;
}

/** Nesting of brackets, operators and blocks, within JavaScript's stack. */
const MOST_NESTING = 150;

export function cursorOver(tokens: readonly Token[], at: { line: number }): Cursor {
  let place = 0;
  let depth = 0;
  const last = tokens.length - 1;
  const peek = (ahead = 0) => tokens[Math.min(place + ahead, last)]!;
  const is = (type: TokenType, text?: string) => peek().type === type && (text === undefined || peek().text === text);
  const next = () => {
    const token = peek();
    at.line = token.line;
    place++;
    return token;
  };
  return {
    peek,
    next,
    is,
    reads: [],
    skip: (type, text) => is(type, text) && next() !== undefined,
    expect: (type, text) => (is(type, text) ? next() : unexpected(peek(), text ?? type, at)),
    nested(parse) {
      if (++depth > MOST_NESTING) wrong(`nested deeper than ${MOST_NESTING} levels`);
      try {
        return parse();
      } finally {
        depth--;
      }
    },
  };
}

/** Fails at a token. */
export function unexpected(token: Token, expected: string, at: { line: number }): never {
  at.line = token.line;
  const got = token.type === "end" ? "the end of the template" : JSON.stringify(token.text.slice(0, 40));
  return wrong(`got ${got}, expected ${expected}`);
}
