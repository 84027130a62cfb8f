/** From a prompt's ids to a stream of tokens and text. Knows the engine, and who chooses tokens. */
import { fail } from "../base/errors.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import { type CourseSettings, createCourse, type Ending } from "./course.ts";
import type { Engine } from "./engine.ts";
import { type TokenLogprob, tokenLogprob } from "./logprobs.ts";
import { appendWithin } from "./overflow.ts";
import { shownText } from "./shown.ts";

export type { Ending, FinishReason, StopRule } from "./course.ts";

/** How a continuation is made. `maxNewTokens`: default, and bound, is what the engine's capacity leaves. */
export interface GenerationSettings extends CourseSettings {
  /**
   * Where the engine is full, forget what lies between so many first tokens and the later ones, and go on. Default: end
   * there, and refuse a prompt that leaves no room.
   */
  readonly keepOnOverflow?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The adapter of a text that is made beside others. */
  readonly adapter?: string | undefined;
  /** Told of the prompt's tokens but the first where `promptLogprobs` is asked for, by an engine that held none of them. */
  readonly onPromptLogprob?: ((info: TokenLogprob) => void) | undefined;
}

/** One new token and the text that may be shown since the last one (empty while a character or stop string is open). */
export interface GeneratedToken {
  /** Undefined for text that was held back and comes after the last token. */
  readonly id: number | undefined;
  readonly text: string;
  /** Where they are asked for: log P of the token, and the most probable ones in its place. */
  readonly logprob?: number;
  readonly top?: TokenLogprob["top"];
}

/** A finished continuation. */
export interface Generated extends Ending {
  /** Every token that was computed but the end token; those that spell a stop string are among them. */
  readonly ids: number[];
  readonly text: string;
}

/**
 * New ids one by one, each before the next is computed. The prompt is appended to whatever the engine already holds.
 * Ends after an end token (not yielded), `maxNewTokens`, a rule of `stopWhen`, or when the engine is full and has no way to go on. Throws
 * CONTEXT_OVERFLOW where the prompt then leaves no room for a new token, and ABORTED.
 */
export async function* generateIds(
  engine: Engine,
  promptIds: readonly number[],
  settings: GenerationSettings,
): AsyncGenerator<number, Ending> {
  if (promptIds.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one. Type some text.");
  const { keepOnOverflow: keep, signal } = settings;
  const goesOn = keep !== undefined || engine.slide !== undefined;
  const room = goesOn
    ? Math.max(1, engine.capacity - engine.length - promptIds.length)
    : roomAfter(engine, promptIds.length);
  const most = goesOn ? (settings.maxNewTokens ?? room) : Math.min(room, settings.maxNewTokens ?? room);
  const course = createCourse([...engine.ids, ...promptIds], settings, most);
  let logits = await readPrompt(engine, promptIds, settings);
  for (;;) {
    const id = course.take(logits);
    if (id !== undefined) yield id;
    if (course.ending) return course.ending;
    logits = await appendWithin(engine, [id!], keep, signal);
  }
}

/** The logits after a prompt; tells of log P of its tokens where that is asked for. */
async function readPrompt(
  engine: Engine,
  promptIds: readonly number[],
  { promptLogprobs, onPromptLogprob, vocabSize, keepOnOverflow, signal }: GenerationSettings,
): Promise<Float32Array> {
  if (promptLogprobs === undefined || !onPromptLogprob) return appendWithin(engine, promptIds, keepOnOverflow, signal);
  let last: Float32Array | undefined;
  const note = (logits: Float32Array, i: number) => {
    const next = promptIds[i + 1];
    if (next === undefined) last = logits.slice();
    else onPromptLogprob(tokenLogprob(logits, next, promptLogprobs, vocabSize));
  };
  await engine.appendShowing(promptIds, note, signal);
  return last ?? fail("BUG", "a prompt was read and no logits came");
}

/** New tokens that fit behind a prompt, at least one. Throws CONTEXT_OVERFLOW. */
export function roomAfter(
  { model, capacity, length }: Pick<Engine, "model" | "capacity" | "length">,
  promptTokens: number,
): number {
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
  const shown = shownText(tokenizer, settings.stop ?? [], [...engine.ids, ...promptIds]);
  let noted: TokenLogprob | undefined;
  const onLogprob = (info: TokenLogprob) => {
    noted = info;
    settings.onLogprob?.(info);
  };
  const source = generateIds(engine, promptIds, { vocabSize: tokenizer.vocabSize, ...settings, onLogprob });
  const ids: number[] = [];
  for (;;) {
    const { value, done } = await source.next();
    if (done) {
      const rest = shown.end();
      if (rest) yield { id: undefined, text: rest };
      return { ids, text: shown.text, ...(shown.stopped ? ({ finishReason: "stop" } as const) : value) };
    }
    ids.push(value);
    yield { id: value, text: shown.push(value), ...(noted && { logprob: noted.logprob, top: noted.top }) };
    if (shown.stopped) return { ids, text: shown.text, finishReason: "stop" };
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
