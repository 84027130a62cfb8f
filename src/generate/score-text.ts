/** Scores texts, files and ids with an open model: log P of each token, perplexity, bits per byte. Opens no model. */
import { fail } from "../base/errors.ts";
import type { Host } from "../host/types.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { OpenModel } from "./load.ts";
import { defaultStride, tokenLogprobs, type WindowOptions } from "./score.ts";
import { startOf, tokenizerOf } from "./text.ts";

/** A text's token with its log P, in nats. */
export interface ScoredToken {
  readonly id: number;
  readonly text: string;
  /** Null for a first token that nothing comes before. */
  readonly logprob: number | null;
}

/** What a model thinks of a text. Sums and means are over the tokens that have a log probability. */
export interface Score {
  readonly tokens: readonly ScoredToken[];
  /** log P of the text, by the chain rule. */
  readonly logprob: number;
  /** exp of the mean negative log probability of a token. */
  readonly perplexity: number;
  readonly bitsPerByte: number;
  /** Tokens with a log probability, and the bytes they spell. */
  readonly scoredTokens: number;
  readonly scoredBytes: number;
  /** Most tokens that were read at once, and from the beginning of one window to the next. */
  readonly window: number;
  readonly stride: number;
}

/** How a text is scored. */
export interface ScoreOptions extends WindowOptions {
  /** Put the start token first, so that every token is scored. */
  readonly bos?: boolean | undefined;
}

const noStart = () => fail("BAD_TEXT", "bos: the tokenizer has no token that starts a text");
const countOf = (tokens: number) => (tokens === 0 ? "no token" : "one token");

/** True where the tokenizer itself puts a BOS before every text. */
function addsStart(tokenizer: Tokenizer): boolean {
  return tokenizer.bosId !== undefined && tokenizer.encode("")[0] === tokenizer.bosId;
}

/**
 * Scores a text; one longer than the context through windows ({@link tokenLogprobs}). A BOS that the tokenizer puts before it (or
 * `bos` asks for) is read and not listed. Throws BAD_TEXT where no token has another before it, or no start token is there to be
 * put before it, and BAD_OPTION for a stride beyond the context.
 */
export async function scoreText(
  opened: OpenModel,
  text: string,
  { bos = false, ...windows }: ScoreOptions = {},
): Promise<Score> {
  const tokenizer = tokenizerOf(opened);
  const before = bos || addsStart(tokenizer) ? [startOf(tokenizer) ?? noStart()] : [];
  const ids = [...before];
  for (const id of tokenizer.encode(text, { addSpecialTokens: false })) ids.push(id);
  if (ids.length < 2)
    fail(
      "BAD_TEXT",
      `text: got ${countOf(ids.length - before.length)}, expected ${2 - before.length} at least. The first of a text is scored with the option bos only.`,
    );
  using loan = opened.borrow();
  const logprobs = await tokenLogprobs(loan.engine, ids, windows);
  const tokens = ids.slice(before.length).map((id, i) => {
    return { id, text: tokenizer.decode([id]), logprob: logprobs[before.length + i] ?? null };
  });
  const window = loan.engine.capacity;
  const stride = windows.stride ?? defaultStride(window);
  return { tokens, ...summary(tokens, (id) => tokenizer.tokenBytes(id).length), window, stride };
}

function summary(tokens: readonly ScoredToken[], bytesOf: (id: number) => number) {
  const scored = tokens.filter(({ logprob }) => logprob !== null);
  const logprob = scored.reduce((sum, token) => sum + token.logprob!, 0);
  const scoredBytes = scored.reduce((sum, { id }) => sum + bytesOf(id), 0);
  return {
    logprob,
    perplexity: Math.exp(-logprob / scored.length),
    bitsPerByte: -logprob / Math.LN2 / scoredBytes,
    scoredTokens: scored.length,
    scoredBytes,
  };
}

/** Far above any book, and below what one text of JavaScript can hold. */
const MOST_FILE_BYTES = 2 ** 28;

/** A whole file as text. Throws NOT_FOUND, and BAD_TEXT where it is no UTF-8 or too large to be one text. */
export function readWholeText(host: Host, file: string): string {
  const kind = host.kindOf(file);
  if (kind === undefined) fail("NOT_FOUND", `${file}: there is no such file`);
  if (kind !== "file") fail("NOT_FOUND", `${file}: is no file, expected one of text`);
  const size = host.fileSize(file);
  if (size > MOST_FILE_BYTES)
    fail("BAD_TEXT", `${file}: got ${size} bytes, expected at most ${MOST_FILE_BYTES}. Try parts of it.`);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(host.readBytes(file));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return fail("BAD_TEXT", `${file}: its ${size} bytes are not UTF-8 text`, error);
  }
}

/** log P of ids, without their text. */
export interface IdsScore {
  /** Null for the first, and where windows do not overlap for the first of each. */
  readonly logprobs: readonly (number | null)[];
  readonly logprob: number;
  readonly perplexity: number;
}

/** Scores ids, at least two. */
export async function scoreIds(
  opened: OpenModel,
  ids: readonly number[],
  options: WindowOptions = {},
): Promise<IdsScore> {
  if (ids.length < 2) fail("BAD_DATA", `ids: got ${ids.length}, expected at least 2: the first has nothing before it`);
  using loan = opened.borrow();
  const logprobs = (await tokenLogprobs(loan.engine, ids, options)).map((logprob) => logprob ?? null);
  const scored = logprobs.filter((logprob) => logprob !== null);
  const logprob = scored.reduce((sum, each) => sum + each, 0);
  return { logprobs, logprob, perplexity: Math.exp(-logprob / scored.length) };
}

/**
 * A score's tokens as comma-separated values (RFC 4180, lines end in CR LF): `position,id,text,logprob,probability,bits`, the
 * last three empty for a token without a log probability.
 */
export function scoreCsv({ tokens }: Pick<Score, "tokens">): string {
  const rows = tokens.map(({ id, text, logprob }, position) => {
    const figures = logprob === null ? ["", "", ""] : [logprob, Math.exp(logprob), -logprob / Math.LN2];
    return [position, id, quoted(text), ...figures].join(",");
  });
  return ["position,id,text,logprob,probability,bits", ...rows, ""].join("\r\n");
}

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
