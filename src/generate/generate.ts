/** From a prompt's ids to a stream of tokens and text. Knows the engine, the sampler and when to stop. */

import { fail } from "../base/errors.ts";
import type { Constraint } from "../grammar/constraint.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { Engine } from "./engine.ts";
import { appendWithin } from "./overflow.ts";
import { createSampler, GREEDY, type SamplingOptions } from "./sampler.ts";
import { stopFilter } from "./stop.ts";

/** How a continuation is made. */
export interface GenerationSettings extends Partial<SamplingOptions> {
  /** Most new tokens. Default, and bound: what the engine's capacity leaves. */
  readonly maxNewTokens?: number;
  /** Ids that end the text; they are not shown. */
  readonly eosTokenIds?: readonly number[];
  /** Strings that end the text; they are not shown. */
  readonly stop?: readonly string[];
  /** Ids from here on are never chosen: a vocabulary may be padded. Default: all of the model's may be. */
  readonly vocabSize?: number;
  /**
   * Where the engine is full, forget what lies between so many first tokens and the later ones, and go on. Default: end
   * there, and refuse a prompt that leaves no room.
   */
  readonly keepOnOverflow?: number | undefined;
  readonly signal?: AbortSignal;
  /** The form that the text is kept in. */
  readonly constraint?: Constraint | undefined;
}

/** Why a text ended: it said so (an end token or a stop string), or there were enough tokens. */
export type FinishReason = "stop" | "length";

/** One new token and the text that may be shown since the last one (empty while a character or stop string is open). */
export interface GeneratedToken {
  /** Undefined for text that was held back and comes after the last token. */
  readonly id: number | undefined;
  readonly text: string;
}

/** A finished continuation. */
export interface Generated {
  /** Every token that was computed but the end token; those that spell a stop string are among them. */
  readonly ids: number[];
  readonly text: string;
  readonly finishReason: FinishReason;
}

/**
 * New ids one by one, each before the next is computed. The prompt is appended to whatever the engine already holds.
 * Ends after an end token (not yielded), `maxNewTokens`, or when the engine is full and has no way to go on. Throws
 * CONTEXT_OVERFLOW where the prompt then leaves no room for a new token, and ABORTED.
 */
export async function* generateIds(
  engine: Engine,
  promptIds: readonly number[],
  settings: GenerationSettings,
): AsyncGenerator<number, FinishReason> {
  if (promptIds.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one. Type some text.");
  const { keepOnOverflow: keep } = settings;
  const goesOn = keep !== undefined || engine.slide !== undefined;
  const room = goesOn
    ? Math.max(1, engine.capacity - engine.length - promptIds.length)
    : roomAfter(engine, promptIds.length);
  const most = goesOn ? (settings.maxNewTokens ?? room) : Math.min(room, settings.maxNewTokens ?? room);
  const sample = createSampler({ ...GREEDY, ...settings });
  const eos = new Set(settings.eosTokenIds);
  const { constraint } = settings;
  const seen = [...engine.ids, ...promptIds];
  let pending: readonly number[] = promptIds;
  for (let count = 0; count < most; count++) {
    const logits = await appendWithin(engine, pending, keep, settings.signal);
    const choosable = logits.subarray(0, settings.vocabSize);
    constraint?.process(choosable, seen);
    const id = sample(choosable, seen);
    if (eos.has(id)) return "stop";
    yield id;
    seen.push(id);
    if (constraint?.isFinished(seen)) return "stop";
    pending = [id];
  }
  return "length";
}

/** New tokens that fit behind a prompt, at least one. */
function roomAfter({ model, capacity, length }: Engine, promptTokens: number): number {
  const room = capacity - length - promptTokens;
  if (room > 0) return room;
  const larger = capacity < model.maxPositions ? ` or a context of up to ${model.maxPositions}` : "";
  const got = length + promptTokens;
  return fail(
    "CONTEXT_OVERFLOW",
    `prompt: got ${got} tokens, expected less than the context of ${capacity}. Try a shorter prompt${larger}.`,
  );
}

/** {@link generateIds} with text: pieces never split a character, special tokens and stop strings are not shown. */
export async function* generateStream(
  engine: Engine,
  tokenizer: Tokenizer,
  promptIds: readonly number[],
  settings: GenerationSettings,
): AsyncGenerator<GeneratedToken, Generated> {
  const decoder = tokenizer.decodeStream({ skipSpecialTokens: true });
  // Some decoders treat a text's first token as no other: this one goes on where the prompt ends.
  for (const id of [...engine.ids, ...promptIds]) if (id >= 0 && id < tokenizer.vocabSize) decoder.push(id);
  const filter = stopFilter(settings.stop ?? []);
  const source = generateIds(engine, promptIds, { vocabSize: tokenizer.vocabSize, ...settings });
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
      if (rest) yield { id: undefined, text: rest };
      return { ids, text, finishReason: filter.stopped ? "stop" : value };
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
  settings: GenerationSettings,
): Promise<Generated> {
  const stream = generateStream(engine, tokenizer, promptIds, settings);
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return value;
  }
}
