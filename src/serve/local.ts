/** A model in this process, as a server asks it: prompts become ids, continuations wait in line. Knows no HTTP. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { Embedder } from "../generate/embed.ts";
import type { OpenModel } from "../generate/load.ts";
import { promptIdsOf, tokenizerOf } from "../generate/text.ts";
import type { ChatTokenizer } from "../tokenizer/chat.ts";
import type { Backend, ChatPrompt, ModelFacts, Prompt } from "./backend.ts";
import { rowsOf } from "./rows.ts";
import { createScheduler } from "./scheduler.ts";
import { createSequence } from "./sequence.ts";
import { toolFormatOf } from "./tool-format.ts";

/** How requests share a model. */
export interface SharingOptions {
  /** Continuations that are made at once, each with a cache of its own. */
  readonly slots: number;
  /** Requests that may wait beyond those. */
  readonly queue: number;
}

/** Answers with an open model, which is disposed with it. `openEmbedder` is called when vectors are first asked for. */
export function localBackend(
  opened: OpenModel,
  chat: ChatTokenizer | undefined,
  options: SharingOptions,
  openEmbedder: () => Promise<Embedder>,
): Backend {
  return withoutPaths(backendOf(opened, chat, options, openEmbedder), opened.folder);
}

/** Where a model's files are is no client's business: errors do not tell. */
function withoutPaths(backend: Backend, folder: string): Backend {
  const told = (error: unknown): never => {
    if (!(error instanceof OwnlmError)) throw error;
    throw new OwnlmError(error.code, error.message.replaceAll(`${folder}: `, "").replaceAll(folder, "the model"));
  };
  return {
    ...backend,
    generate: (...args) => backend.generate(...args).catch(told),
    tokenize: (...args) => backend.tokenize(...args).catch(told),
    embed: (...args) => backend.embed(...args).catch(told),
    detokenize: (...args) => backend.detokenize(...args).catch(told),
    applyTemplate: (...args) => backend.applyTemplate(...args).catch(told),
  };
}

function backendOf(
  opened: OpenModel,
  chat: ChatTokenizer | undefined,
  options: SharingOptions,
  openEmbedder: () => Promise<Embedder>,
): Backend {
  let embedder: Promise<Embedder> | undefined;
  let lastEmbedded: Promise<unknown> = Promise.resolve();
  const embedAll = async (texts: readonly (readonly number[])[], signal: AbortSignal | undefined) => {
    embedder ??= openEmbedder();
    const { embed } = await embedder;
    const vectors: Float32Array[] = [];
    for (const ids of texts) vectors.push(normalized(await embed(ids, signal)));
    return { vectors, tokens: texts.reduce((sum, { length }) => sum + length, 0) };
  };
  const rows = rowsOf(opened, options.slots);
  const scheduler = createScheduler(rows, options.queue, () => performance.now());
  const facts = factsOf(opened, chat);
  return {
    facts: async () => facts,
    load: async () => scheduler.load(),
    async generate(ask, signal) {
      const promptIds = idsOf(opened, chat, ask.prompt);
      checkRoom(opened, promptIds);
      const pieces = scheduler.add(createSequence(opened, promptIds, ask), { ...ask, signal });
      return { promptTokens: promptIds.length, ...(ask.echo && echoOf(opened, promptIds)), pieces };
    },
    async tokenize(prompt) {
      const ids = idsOf(opened, chat, prompt, false);
      const tokenizer = tokenizerOf(opened);
      return { ids, tokens: ids.map((id) => tokenizer.tokenOf(id)) };
    },
    detokenize: async (ids) => tokenizerOf(opened).decode(checkedIds(opened, ids, "tokens")),
    async embed(prompts, signal) {
      const texts = prompts.map((prompt) => idsOf(opened, chat, prompt));
      for (const [i, ids] of texts.entries()) checkRoom(opened, ids, `input[${i}]`);
      // One text at a time: they share a cache.
      const done = lastEmbedded.then(() => embedAll(texts, signal));
      lastEmbedded = done.catch(() => {});
      return done;
    },
    applyTemplate: async (given) => rendered(chat, opened, given),
    async dispose() {
      await scheduler.close();
      rows[Symbol.dispose]();
      (await embedder?.catch(() => undefined))?.dispose();
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
    toolFormat: chat && toolFormatOf(chat.chatTemplates.get("tool_use") ?? chat.chatTemplates.get("default") ?? ""),
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
  const { messages, tools, variables, addGenerationPrompt = true, suffix } = given;
  const ids = templateOf(chat, opened).applyChatTemplate(messages, { tools, variables, addGenerationPrompt });
  if (suffix === undefined) return ids;
  return ids.concat(tokenizerOf(opened).encode(suffix, { addSpecialTokens: false, allowSpecial: true }));
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

/** A vector of length 1 in the same direction. */
function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return length > 0 ? vector.map((x) => x / length) : vector;
}

function checkRoom({ context }: OpenModel, promptIds: readonly number[], where = "prompt"): void {
  if (promptIds.length < context) return;
  fail(
    "CONTEXT_OVERFLOW",
    `${where}: got ${promptIds.length} tokens, expected less than the context of ${context}. Try a shorter one.`,
  );
}

function echoOf(opened: OpenModel, promptIds: readonly number[]) {
  const tokenizer = tokenizerOf(opened);
  const promptText = tokenizer.decode(promptIds, { skipSpecialTokens: true });
  return { promptText, firstText: tokenizer.decode(promptIds.slice(0, 1)) };
}
