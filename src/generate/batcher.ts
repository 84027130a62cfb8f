/**
 * Continues many prompts over the slots of one engine: texts join as slots are free and leave as they end, between steps. What one becomes does
 * not depend on those beside it. Knows no model's files.
 */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Tokenizer } from "../tokenizer/types.ts";
import type { BatchEngine } from "./batch-types.ts";
import { type Course, createCourse, type Ending } from "./course.ts";
import { type Generated, type GeneratedToken, type GenerationSettings, roomAfter } from "./generate.ts";
import { type TokenLogprob, tokenLogprob } from "./logprobs.ts";
import { commonPrefix } from "./prefix.ts";
import { type ShownText, shownText } from "./shown.ts";

/** A continuation to make: a prompt, and how. `signal` ends it alone. */
export interface Job {
  readonly promptIds: readonly number[];
  readonly settings: GenerationSettings;
}

/** Makes continuations as they are asked for. */
export interface Batcher {
  /**
   * Continues a prompt as soon as a slot is free. The tokens come as they are made, whether they are taken or not; whoever stops taking
   * them gives the slot back. Throws as `generateIds` does.
   */
  submit(job: Job): AsyncGenerator<GeneratedToken, Generated>;
  /** Texts in the making, and those that wait for a slot. */
  readonly active: number;
  readonly waiting: number;
  /** Ends all texts with DISPOSED; resolves when the engine is at rest. */
  close(): Promise<void>;
}

/** How a batcher goes about it. */
export interface BatcherOptions {
  /** Most tokens of new prompts that are read between two steps of the texts in the making. Default all. */
  readonly promptTokens?: number;
}

/** A text that waits, is being read, or is in the making. */
interface Text {
  readonly job: Job;
  /** Begins as the text is given a slot. */
  course: Course | undefined;
  readonly shown: ShownText | undefined;
  readonly out: Outlet;
  slot: number;
  /** Tokens of the prompt that the slot holds. */
  read: number;
  /** The id that was chosen last and is not in the slot yet; undefined while the prompt is read. */
  pending: number | undefined;
  noted: TokenLogprob | undefined;
}

/** A batcher over an engine that nobody else uses. `tokenizer` gives the texts their text. */
export function createBatcher(
  engine: BatchEngine,
  tokenizer: Tokenizer | undefined,
  { promptTokens = Number.POSITIVE_INFINITY }: BatcherOptions = {},
): Batcher {
  const waiting: Text[] = [];
  const active: Text[] = [];
  const free = Array.from({ length: engine.slots }, (_, i) => engine.slots - 1 - i);
  let closed = false;
  let running: Promise<void> | undefined;

  const leave = (text: Text) => {
    const at = active.indexOf(text);
    if (at >= 0) free.push(active.splice(at, 1)[0]!.slot);
    else if (waiting.includes(text)) waiting.splice(waiting.indexOf(text), 1);
  };
  const failed = (text: Text, error: unknown) => {
    leave(text);
    text.out.fail(error);
  };
  /** Chooses a text's next token; the text leaves where that is the last. */
  const take = (text: Text, logits: Float32Array) => {
    try {
      const made = advance(text, logits);
      if (!made) return;
      leave(text);
      text.out.end(made);
    } catch (error) {
      failed(text, error);
    }
  };
  /** Reads up to `most` tokens of a prompt; returns how many. */
  const readOn = async (text: Text, most: number): Promise<number> => {
    const { promptIds } = text.job;
    let piece: readonly number[] = [];
    try {
      if (!text.course) begin(engine, text);
      piece = promptIds.slice(text.read, text.read + most);
      const logits = await readPiece(engine, text, piece);
      text.read += piece.length;
      if (text.read === promptIds.length) take(text, logits);
    } catch (error) {
      failed(text, error);
    }
    return piece.length;
  };
  const readPrompts = async () => {
    for (let budget = promptTokens; budget > 0; ) {
      let text = active.find(({ read, job }) => read < job.promptIds.length);
      if (!text && free.length > 0 && waiting.length > 0) {
        text = waiting.shift()!;
        text.slot = free.pop()!;
        active.push(text);
      }
      if (!text) return;
      budget -= await readOn(text, budget);
    }
  };
  const dropAborted = () => {
    for (const text of [...active, ...waiting])
      if (text.job.settings.signal?.aborted) failed(text, new OwnlmError("ABORTED", "stopped on request"));
  };
  const step = async () => {
    const texts = active.filter(({ pending }) => pending !== undefined);
    if (texts.length === 0) return;
    const logits = await engine.step(
      texts.map(({ slot }) => slot),
      texts.map(({ pending }) => pending!),
    );
    for (const [i, text] of texts.entries()) if (active.includes(text)) take(text, logits[i]!);
  };
  const run = async () => {
    try {
      while (!closed && active.length + waiting.length > 0) {
        dropAborted();
        await readPrompts();
        await step();
      }
    } catch (error) {
      // The engine itself has failed: nobody can go on.
      for (const text of [...active, ...waiting]) failed(text, error);
    } finally {
      running = undefined;
    }
  };
  return {
    get active() {
      return active.length;
    },
    get waiting() {
      return waiting.length;
    },
    submit(job) {
      if (closed) fail("DISPOSED", "the batcher was closed");
      const text = textOf(engine, tokenizer, job);
      waiting.push(text);
      running ??= Promise.resolve().then(run);
      const stream = taken(text.out, () => leave(text));
      const end = stream.return.bind(stream);
      // A generator that was never begun runs none of its code when it is ended.
      return Object.assign(stream, {
        return(made: Generated) {
          leave(text);
          return end(made);
        },
      });
    },
    async close() {
      closed = true;
      await running;
      for (const text of [...active, ...waiting]) failed(text, new OwnlmError("DISPOSED", "the batcher was closed"));
    },
  };
}

function textOf(engine: BatchEngine, tokenizer: Tokenizer | undefined, job: Job): Text {
  const { promptIds, settings } = job;
  if (promptIds.length === 0) fail("BAD_TEXT", "prompt: got no token, expected at least one. Type some text.");
  const room = roomAfter({ model: engine.model, capacity: engine.capacity, length: 0 }, promptIds.length);
  return {
    job: {
      promptIds,
      settings: {
        vocabSize: tokenizer?.vocabSize,
        ...settings,
        maxNewTokens: Math.min(room, settings.maxNewTokens ?? room),
      },
    },
    course: undefined,
    shown: tokenizer && shownText(tokenizer, settings.stop ?? [], promptIds),
    out: createOutlet(),
    slot: -1,
    read: 0,
    pending: undefined,
    noted: undefined,
  };
}

/** Begins a text: in a slot with what another slot holds of the prompt already, where nobody asks for its log probabilities. */
function begin(engine: BatchEngine, text: Text): void {
  const { promptIds, settings } = text.job;
  const onLogprob = (info: TokenLogprob) => {
    text.noted = info;
    settings.onLogprob?.(info);
  };
  text.course = createCourse(promptIds, { ...settings, onLogprob }, settings.maxNewTokens!);
  engine.use(text.slot, settings.adapter);
  let [best, most] = [text.slot, 0];
  for (let slot = 0; slot < engine.slots && settings.promptLogprobs === undefined; slot++) {
    if (engine.adapterOf(slot) !== settings.adapter) continue;
    const shared = Math.min(commonPrefix(engine.idsOf(slot), promptIds), promptIds.length - 1);
    if (shared > most) [best, most] = [slot, shared];
  }
  engine.copy(best, text.slot, most);
  text.read = most;
}

async function readPiece(
  engine: BatchEngine,
  { job, slot, read }: Text,
  piece: readonly number[],
): Promise<Float32Array> {
  const { promptLogprobs: top, onPromptLogprob, vocabSize, signal } = job.settings;
  if (top === undefined || !onPromptLogprob) return engine.append(slot, piece, signal);
  let last = new Float32Array(0);
  const note = (logits: Float32Array, i: number) => {
    const next = job.promptIds[read + i + 1];
    if (next !== undefined) onPromptLogprob(tokenLogprob(logits, next, top, vocabSize));
    if (i === piece.length - 1) last = logits.slice();
  };
  await engine.appendShowing(slot, piece, note, signal);
  return last;
}

/** Chooses a text's next token and shows it; what the text became where that was the last. */
function advance(text: Text, logits: Float32Array): Generated | undefined {
  const { shown, out } = text;
  const course = text.course!;
  const id = course.take(logits);
  text.pending = id;
  if (id !== undefined) {
    const { noted } = text;
    out.push({ id, text: shown?.push(id) ?? "", ...(noted && { logprob: noted.logprob, top: noted.top }) });
  }
  const isStopped = shown?.stopped === true;
  if (!isStopped && !course.ending) return undefined;
  const rest = isStopped ? "" : (shown?.end() ?? "");
  if (rest) out.push({ id: undefined, text: rest });
  const ending: Ending = shown?.stopped ? { finishReason: "stop" } : course.ending!;
  return { ids: course.newIds(), text: shown?.text ?? "", ...ending };
}

/** Tokens between the batcher, which makes them, and whoever takes them. */
interface Outlet {
  push(token: GeneratedToken): void;
  end(made: Generated): void;
  fail(error: unknown): void;
  /** The next token, or what became of the text. */
  next(): Promise<GeneratedToken | { readonly made: Generated }>;
}

function createOutlet(): Outlet {
  const tokens: GeneratedToken[] = [];
  let made: Generated | undefined;
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};
  return {
    push(token) {
      tokens.push(token);
      wake();
    },
    end(all) {
      made = all;
      wake();
    },
    fail(error) {
      failure = { error };
      wake();
    },
    async next() {
      while (tokens.length === 0 && !made && !failure)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const token = tokens.shift();
      if (token) return token;
      if (failure) throw failure.error;
      return { made: made! };
    },
  };
}

async function* taken(out: Outlet, leave: () => void): AsyncGenerator<GeneratedToken, Generated> {
  try {
    for (;;) {
      const next = await out.next();
      if ("made" in next) return next.made;
      yield next;
    }
  } finally {
    leave();
  }
}
