/** A model in this process, as a server asks it: prompts become ids, continuations wait in line. Knows no HTTP. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { OpenModel } from "../generate/load.ts";
import { VERB_TEMPERATURE } from "../generate/resolve.ts";
import { constraintFor } from "../generate/structured.ts";
import { promptIdsOf, streamAfter, tokenizerOf } from "../generate/text.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { Backend, ChatPrompt, Ending, GenerateAsk, ModelFacts, Piece, Prompt } from "./backend.ts";
import { createQueue, type Queue } from "./queue.ts";

/** How requests share a model. */
export interface SharingOptions {
  /** Continuations that are made at once, each with a cache of its own. */
  readonly slots: number;
  /** Requests that may wait beyond those. */
  readonly queue: number;
}

/** Answers with an open model, which is disposed with it. */
export function localBackend(opened: OpenModel, chat: ChatTokenizer | undefined, options: SharingOptions): Backend {
  const queue = createQueue(options.slots, options.queue);
  const facts = factsOf(opened, chat);
  return {
    facts: async () => facts,
    load: async () => ({ running: queue.running, waiting: queue.waiting, slots: options.slots }),
    async generate(ask, signal) {
      const promptIds = idsOf(opened, chat, ask.prompt);
      checkSound(opened, ask, promptIds);
      const promptText = ask.echo ? tokenizerOf(opened).decode(promptIds, { skipSpecialTokens: true }) : undefined;
      const place = queue.enter(ask.client, signal, ask.joined);
      // Whether the line is full is known at once.
      await Promise.race([place, Promise.resolve()]);
      const pieces = generated(opened, promptIds, ask, place, signal);
      return {
        promptTokens: promptIds.length,
        ...(promptText !== undefined && { promptText }),
        pieces: givingUp(pieces, place, signal),
      };
    },
    async tokenize(prompt) {
      const ids = idsOf(opened, chat, prompt, false);
      const tokenizer = tokenizerOf(opened);
      return { ids, tokens: ids.map((id) => tokenizer.tokenOf(id)) };
    },
    detokenize: async (ids) => tokenizerOf(opened).decode(checkedIds(opened, ids, "tokens")),
    applyTemplate: async (given) => rendered(chat, opened, given),
    async dispose() {
      queue.close();
      opened.dispose();
    },
  };
}

function factsOf({ model, context, tokenizer }: OpenModel, chat: ChatTokenizer | undefined): ModelFacts {
  const spelling = (id: number | undefined) => (id === undefined ? undefined : tokenizer?.tokenOf(id));
  const pad = [...(tokenizer?.specialTokens.keys() ?? [])].find((token) => /pad/i.test(token));
  return {
    modelType: String(model.config.model_type ?? ""),
    vocabSize: model.vocabSize,
    hiddenSize: model.hiddenSize,
    context,
    maxPositions: model.maxPositions,
    hasTokenizer: tokenizer !== undefined,
    bosToken: spelling(tokenizer?.bosId),
    eosToken: spelling(tokenizer?.eosId),
    padToken: pad,
    chatTemplate: chat?.chatTemplates.get("default"),
  };
}

/** Ids of a prompt; with `forModel` an empty one becomes the token that begins texts. */
function idsOf(opened: OpenModel, chat: ChatTokenizer | undefined, prompt: Prompt, forModel = true): number[] {
  if ("ids" in prompt) return checkedIds(opened, prompt.ids, "prompt");
  if ("chat" in prompt) return chatIds(chat, opened, prompt.chat);
  const addSpecialTokens = prompt.addSpecialTokens ?? true;
  if (forModel && addSpecialTokens) return promptIdsOf(opened, prompt.text);
  return tokenizerOf(opened).encode(prompt.text, { addSpecialTokens });
}

function checkedIds({ model, tokenizer }: OpenModel, ids: readonly number[], where: string): number[] {
  const most = tokenizer?.vocabSize ?? model.vocabSize;
  for (const [i, id] of ids.entries())
    if (!(Number.isSafeInteger(id) && id >= 0 && id < most))
      fail("BAD_TOKEN_ID", `${where}[${i}]: got ${id}, expected a token id from 0 to ${most - 1}`);
  return [...ids];
}

const templateOf = (chat: ChatTokenizer | undefined, { folder }: OpenModel): ChatTokenizer =>
  chat ?? fail("NOT_FOUND", `${folder}: no tokenizer.json, which text needs`);

function chatIds(chat: ChatTokenizer | undefined, opened: OpenModel, given: ChatPrompt): number[] {
  const { messages, tools, variables, addGenerationPrompt = true } = given;
  return templateOf(chat, opened).applyChatTemplate(messages, { tools, variables, addGenerationPrompt });
}

function rendered(chat: ChatTokenizer | undefined, opened: OpenModel, given: ChatPrompt): string {
  const { messages, tools, variables, addGenerationPrompt = true } = given;
  return templateOf(chat, opened).applyChatTemplate(messages, {
    tools,
    variables,
    addGenerationPrompt,
    tokenize: false,
  });
}

/** Throws what can be known before a token is computed. */
function checkSound(opened: OpenModel, { options, responseFormat }: GenerateAsk, promptIds: readonly number[]): void {
  if (promptIds.length >= opened.context)
    fail(
      "CONTEXT_OVERFLOW",
      `prompt: got ${promptIds.length} tokens, expected less than the context of ${opened.context}. Try a shorter one.`,
    );
  const { jsonSchema, regex, choices, grammar } = options;
  constraintFor(
    { jsonSchema, regex, choices, grammar, responseFormat },
    () => tokenizerOf(opened),
    opened.defaults.eosTokenIds,
    promptIds,
  );
}

/** A generator that gives its place back where it is stopped before it was begun, too. */
function givingUp<T, R>(
  pieces: AsyncGenerator<T, R>,
  place: Promise<Disposable>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, R> {
  let begun = false;
  const giveBack = () =>
    void place.then(
      (given) => given[Symbol.dispose](),
      () => {},
    );
  const stop = () => {
    if (!begun) giveBack();
  };
  // Whoever waits and is turned away need not be listened to any more.
  place.catch(() => {});
  signal?.addEventListener("abort", stop, { once: true });
  return {
    next() {
      begun = true;
      signal?.removeEventListener("abort", stop);
      return pieces.next();
    },
    return(value) {
      stop();
      return pieces.return(value);
    },
    throw(error) {
      stop();
      return pieces.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => {
      stop();
      await pieces.return(undefined as R);
    },
  };
}

async function* generated(
  opened: OpenModel,
  promptIds: readonly number[],
  { options, responseFormat }: GenerateAsk,
  place: ReturnType<Queue["enter"]>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Piece, Ending> {
  using _place = await place;
  const room = opened.context - promptIds.length;
  const maxNewTokens = Math.min(room, options.maxNewTokens ?? room);
  const asked = { ...options, maxNewTokens, responseFormat, signal };
  const stream = streamAfter(opened, promptIds, asked, VERB_TEMPERATURE);
  let completionTokens = 0;
  try {
    for (;;) {
      const { value, done } = await stream.next();
      if (done) return { finishReason: value.finishReason, completionTokens, cachedTokens: 0 };
      if (value.id !== undefined) completionTokens++;
      yield { text: value.text, ids: value.id === undefined ? [] : [value.id] };
    }
  } catch (error) {
    // A form that was cut: the caller sees the beginning, as with OpenAI.
    if (error instanceof OwnlmError && error.code === "INCOMPLETE")
      return { finishReason: "length", completionTokens, cachedTokens: 0 };
    throw error;
  } finally {
    await stream.return(undefined as never);
  }
}
