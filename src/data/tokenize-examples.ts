/** All examples of a set as tokens, what is left out and why, and lengths. Knows no files and no rows. */
import { fail, messageOf, OwnlmError } from "../base/errors.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { Example, LabelledExample, PreferenceExample, PromptExample, SftExample } from "./example.ts";
import { type LengthSummary, lengthsOf } from "./example-lengths.ts";
import {
  type LabelledTokens,
  lossTokens,
  type PreferenceTokens,
  type TokenExample,
  type TokenizeOptions,
  tokenizeExample,
  tokenizeLabelled,
  tokenizePreference,
} from "./example-tokens.ts";
import { tokenizePrompt } from "./prompt-tokens.ts";

/** What an example of each kind becomes. */
export type TokensOf<E extends Example> = E extends PreferenceExample
  ? PreferenceTokens
  : E extends LabelledExample
    ? LabelledTokens
    : TokenExample;

/** What became of a set's examples. */
export interface TokenReport {
  readonly examples: number;
  /** Examples that are learnt from. */
  readonly kept: number;
  /** Left out, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The first hundred left out: where they were read, and why they are. */
  readonly droppedExamples: readonly { readonly at: string; readonly reason: string }[];
  /** Examples that lost tokens to `maxLength`, and how many tokens all of them lost. */
  readonly truncated: number;
  readonly cutTokens: number;
  /** Of the kept examples; both answers of a preference count. */
  readonly tokens: number;
  readonly lossTokens: number;
  /** In tokens, before anything is cut. */
  readonly lengths: LengthSummary;
}

/** Tokens, and what a person should know of them. */
export interface TokenizedExamples<E extends Example> {
  readonly tokens: readonly TokensOf<E>[];
  /** The example that each came from. */
  readonly examples: readonly E[];
  readonly report: TokenReport;
}

const NO_LOSS = "no token that carries loss";
const CUT_AWAY = "no token that carries loss within maxLength";
const KEPT_DROPPED = 100;

/**
 * Tokenizes a set. Examples without a token that carries loss, and those that the chat template refuses, are left out and
 * counted; `strict` refuses the latter. Throws BAD_DATA where nothing is left, UNSUPPORTED where the template cannot tell the
 * assistant's words.
 */
export function tokenizeExamples<E extends Example>(
  examples: readonly E[],
  tokenizer: ChatTokenizer,
  options: TokenizeOptions & { readonly strict?: boolean } = {},
): TokenizedExamples<E> {
  const tokens: TokensOf<E>[] = [];
  const kept: E[] = [];
  const dropped = new Map<string, number>();
  const droppedExamples: { at: string; reason: string }[] = [];
  const lengths: number[] = [];
  let [truncated, cutTokens, all, loss] = [0, 0, 0, 0];
  const drop = (at: string, kind: string, reason: string) => {
    dropped.set(kind, (dropped.get(kind) ?? 0) + 1);
    if (droppedExamples.length < KEPT_DROPPED) droppedExamples.push({ at, reason });
  };
  for (const example of examples) {
    let made: PreferenceTokens | LabelledTokens | TokenExample;
    try {
      made = tokensOf(example, tokenizer, options);
    } catch (error) {
      if (options.strict || !isDataFault(error)) throw error;
      drop(example.at, "refused by the chat template or the tokenizer", messageOf(error));
      continue;
    }
    const parts = "chosen" in made ? [made.chosen, made.rejected] : [made];
    const cut = parts.reduce((sum, part) => sum + part.cut, 0);
    for (const part of parts) lengths.push(part.ids.length + part.cut);
    if (example.kind !== "prompt" && parts.some((part) => lossTokens(part) === 0)) {
      const reason = cut > 0 ? CUT_AWAY : NO_LOSS;
      drop(example.at, reason, `${example.at}: has ${reason}`);
      continue;
    }
    if (cut > 0) truncated++;
    cutTokens += cut;
    for (const part of parts) {
      all += part.ids.length;
      loss += lossTokens(part);
    }
    tokens.push(made as TokensOf<E>);
    kept.push(example);
  }
  if (tokens.length === 0) nothingToLearn(examples.length, dropped, droppedExamples[0]?.reason);
  const report: TokenReport = {
    examples: examples.length,
    kept: kept.length,
    dropped: Object.fromEntries(dropped),
    droppedExamples,
    truncated,
    cutTokens,
    tokens: all,
    lossTokens: loss,
    lengths: lengthsOf(lengths),
  };
  return { tokens, examples: kept, report };
}

function tokensOf(
  example: Example,
  tokenizer: ChatTokenizer,
  options: TokenizeOptions,
): PreferenceTokens | LabelledTokens | TokenExample {
  switch (example.kind) {
    case "prompt":
      return tokenizePrompt(example satisfies PromptExample, tokenizer, options);
    case "preference":
      return tokenizePreference(example, tokenizer, options);
    case "labelled":
      return tokenizeLabelled(example, tokenizer, options);
    default:
      return tokenizeExample(example satisfies SftExample, tokenizer, options);
  }
}

/** Where an example is at fault, and not the template or an option. */
function isDataFault(error: unknown): boolean {
  return error instanceof OwnlmError && (error.code === "BAD_CHAT" || error.code === "BAD_TEXT");
}

function nothingToLearn(count: number, dropped: ReadonlyMap<string, number>, first: string | undefined): never {
  const reasons = [...dropped].map(([reason, times]) => `${times} with ${reason}`).join(", ");
  const example = first === undefined ? "" : `. The first: ${first}`;
  return fail("BAD_DATA", `data: got nothing to learn from in ${count} examples${reasons && `: ${reasons}`}${example}`);
}
