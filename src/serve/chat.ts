/** `/v1/chat/completions`: a chat and the assistant's answer. Knows the wire's shape, and no model. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import { createAnswer, type Delta, type ToolCall } from "./answer.ts";
import type { Ending, GenerateAsk, ModelFacts, TokenInfo } from "./backend.ts";
import { readFields } from "./body.ts";
import { type Context, newId, nowSeconds } from "./context.ts";
import { faultOf } from "./faults.ts";
import { chatLogprobs } from "./logprobs.ts";
import { readMessages } from "./messages.ts";
import {
  generateOptions,
  IGNORED_FIELDS,
  readIncludeUsage,
  readResponseFormat,
  SAMPLING_FIELDS,
  SHARED_FIELDS,
} from "./sampling.ts";
import { eventStream } from "./sse.ts";
import { readToolUse, type ToolUse } from "./tools.ts";
import { beginWork, usageOf, type Whole, type Work, wholeOf } from "./work.ts";

const FIELDS = {
  options: {
    ...SAMPLING_FIELDS,
    max_completion_tokens: SAMPLING_FIELDS.max_tokens,
    logprobs: { kind: "flag", help: "Give log P of each token" },
    top_logprobs: { kind: "int", min: 0, max: 20, help: "The same for so many of the most probable in its place" },
  } as const satisfies OptionSpecs,
  others: [
    ...SHARED_FIELDS,
    "messages",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "chat_template_kwargs",
    "modalities",
  ],
  ignored: [...IGNORED_FIELDS, "reasoning_effort"],
};

/** What all parts of an answer begin with. */
interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** A chat that was read. */
export interface Asked {
  readonly ask: GenerateAsk;
  readonly use: ToolUse | undefined;
  readonly copies: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly withLogprobs: boolean;
}

/** Answers a chat. Throws what the body has against it. */
export async function chatCompletions(body: JsonObject, context: Context): Promise<Response> {
  const { name, backend } = context.model(body.model);
  const asked = readChat(body, await backend.facts(), context.client);
  const work = await beginWork(backend, copiesOf(asked.ask, asked.copies), context.signal);
  const head = { id: newId("chatcmpl"), created: nowSeconds(), model: name };
  if (asked.stream) return eventStream(chunks(head, work, asked, context), work.stop);
  const wholes = await wholeOf(work);
  return Response.json({
    ...head,
    object: "chat.completion",
    choices: wholes.map((whole, index) => choiceOf(whole, index, asked)),
    usage: usageOf(work, wholes, asked.copies),
  });
}

/** Reads a chat request. Throws what the body has against it. */
export function readChat(body: JsonObject, facts: ModelFacts, client: string): Asked {
  const fields = readFields(body, FIELDS);
  const messages = readMessages(body);
  const use = readToolUse(body, facts.toolFormat);
  const max_tokens = fields.max_completion_tokens ?? fields.max_tokens;
  if (fields.top_logprobs !== undefined && !fields.logprobs)
    fail("BAD_OPTION", "top_logprobs: got it without logprobs, which it is about");
  const given = generateOptions({ ...fields, ...(max_tokens !== undefined && { max_tokens }) }, body);
  const responseFormat = readResponseFormat(body);
  if (use && responseFormat && responseFormat.type !== "text")
    fail("UNSUPPORTED", "response_format: got it with tools, expected one of them");
  checkModalities(body);
  return {
    ask: {
      prompt: {
        chat: {
          messages,
          tools: use?.tools.map(({ shown }) => shown),
          variables: readVariables(body),
          suffix: use?.forced?.suffix,
        },
      },
      options: { ...given, logprobs: fields.logprobs ? (fields.top_logprobs ?? 0) : undefined },
      responseFormat: use?.forced?.responseFormat ?? responseFormat,
      showSpecial: use !== undefined && !use.forced,
      client,
    },
    use,
    copies: fields.n,
    stream: fields.stream,
    includeUsage: readIncludeUsage(body, fields.stream),
    withLogprobs: fields.logprobs,
  };
}

/** `chat_template_kwargs`: what a template is told besides, as `{"enable_thinking": false}`. */
function readVariables({ chat_template_kwargs: given = null }: JsonObject): JsonObject | undefined {
  if (given === null) return undefined;
  if (!isJsonObject(given))
    return fail("BAD_OPTION", `chat_template_kwargs: got ${showJson(given)}, expected an object`);
  return given;
}

function checkModalities({ modalities = null }: JsonObject): void {
  if (modalities !== null && showJson(modalities) !== '["text"]')
    fail("UNSUPPORTED", `modalities: got ${showJson(modalities)}, and this server writes ["text"] only`);
}

function choiceOf({ text, tokens, finishReason }: Whole, index: number, { use, withLogprobs }: Asked): object {
  const answer = createAnswer(use);
  const deltas = [...answer.push(text), ...answer.end()];
  const content = deltas.map((delta) => ("content" in delta ? delta.content : "")).join("");
  const calls = deltas.flatMap((delta): ToolCall[] => ("call" in delta ? [delta.call] : []));
  return {
    index,
    message: {
      role: "assistant",
      content: calls.length > 0 && content === "" ? null : content,
      refusal: null,
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    logprobs: withLogprobs ? chatLogprobs(tokens) : null,
    finish_reason: calls.length > 0 && finishReason === "stop" ? "tool_calls" : finishReason,
  };
}

/** The same request several times; each copy draws other numbers. */
export const copiesOf = (ask: GenerateAsk, copies: number): GenerateAsk[] =>
  Array.from({ length: copies }, (_, copy) => ({ ...ask, copy }));

async function* chunks(head: Head, work: Work, { use, includeUsage }: Asked, context: Context): AsyncGenerator<string> {
  const chunk = (index: number, delta: object, finish: string | null = null, tokens?: readonly TokenInfo[]) =>
    JSON.stringify({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index, delta, logprobs: tokens ? chatLogprobs(tokens) : null, finish_reason: finish }],
      ...(includeUsage && { usage: null }),
    });
  const answers = work.generations.map(() => createAnswer(use));
  const endings: Ending[] = [];
  try {
    for (const index of work.generations.keys()) yield chunk(index, { role: "assistant", content: "", refusal: null });
    for await (const event of work.events) {
      const { index } = event;
      const answer = answers[index]!;
      if ("ending" in event) {
        endings[index] = event.ending;
        for (const delta of answer.end()) yield chunk(index, wireDelta(delta));
        const { finishReason } = event.ending;
        yield chunk(index, {}, answer.calls > 0 && finishReason === "stop" ? "tool_calls" : finishReason);
        continue;
      }
      const { text, tokens } = event.value;
      const [first, ...rest] = answer.push(text);
      if (first || tokens) yield chunk(index, first ? wireDelta(first) : { content: "" }, null, tokens);
      for (const delta of rest) yield chunk(index, wireDelta(delta));
    }
    const usage = usageOf(work, endings, work.generations.length);
    if (includeUsage) yield JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage });
    yield "[DONE]";
  } catch (error) {
    context.onFault(error);
    yield JSON.stringify(faultOf(error).body);
  } finally {
    work.stop();
  }
}

const wireDelta = (delta: Delta) =>
  "content" in delta ? delta : { tool_calls: [{ index: delta.index, ...delta.call }] };
