/** From a prompt's ids to a stream of tokens and text. Knows the engine, the sampler and when to stop. */

import { fail } from "../base/errors.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { Engine } from "./engine.ts";
import { createSampler, GREEDY, type SamplingOptions } from "./sampler.ts";
import { stopFilter } from "./stop.ts";

/** How a continuation is made. */
export interface GenerateOptions extends Partial<SamplingOptions> {
  /** Most new tokens. Default: as many as the engine's capacity allows. */
  readonly maxNewTokens?: number;
  /** Ids that end the text; they are not shown. */
  readonly eosTokenIds?: readonly number[];
  /** Strings that end the text; they are not shown. */
  readonly stop?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Why a text ended: it said so (an end token or a stop string), or the number of tokens was reached. */
export type FinishReason = "stop" | "length";

/** One new token and the text that may be shown since the last one (empty while a character or stop string is open). */
export interface GeneratedToken {
  readonly id: number;
  readonly text: string;
}

/** A finished continuation. */
export interface Generated {
  readonly ids: number[];
  readonly text: string;
  readonly finishReason: FinishReason;
}

/**
 * New ids one by one, each before the next is computed. The prompt is appended to whatever the engine already holds.
 * Ends after an end token (not yielded), `maxNewTokens`, or an abort (ABORTED).
 */
export async function* generateIds(
  engine: Engine,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<number, FinishReason> {
  if (promptIds.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one. Type some text.");
  const { maxNewTokens = engine.capacity - engine.length - promptIds.length } = options;
  const sample = createSampler({ ...GREEDY, ...options });
  const eos = new Set(options.eosTokenIds);
  const seen = [...promptIds];
  let pending: readonly number[] = promptIds;
  for (let count = 0; count < maxNewTokens; count++) {
    if (options.signal?.aborted) fail("ABORTED", "generation was stopped");
    const id = sample(await engine.append(pending), seen);
    if (eos.has(id)) return "stop";
    yield id;
    seen.push(id);
    pending = [id];
  }
  return "length";
}

/** {@link generateIds} with text: pieces never split a character, and a stop string is never shown. */
export async function* generateStream(
  engine: Engine,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken, Generated> {
  const decoder = tokenizer.decodeStream();
  const filter = stopFilter(options.stop ?? []);
  const source = generateIds(engine, promptIds, options);
  const ids: number[] = [];
  let text = "";
  const show = (piece: string) => {
    text += piece;
    return piece;
  };
  for (;;) {
    const { value, done } = await source.next();
    if (done) {
      const rest = show(filter.push(decoder.end()) + filter.end());
      if (rest && ids.length) yield { id: ids.at(-1)!, text: rest };
      return { ids, text, finishReason: value };
    }
    ids.push(value);
    yield { id: value, text: show(filter.push(decoder.push(value))) };
    if (filter.stopped) return { ids, text, finishReason: "stop" };
  }
}

/** A whole continuation at once. */
export async function generateText(
  engine: Engine,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  options: GenerateOptions,
): Promise<Generated> {
  const stream = generateStream(engine, tokenizer, promptIds, options);
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return value;
  }
}
