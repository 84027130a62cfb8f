/** `/v1/chat/completions`: a chat and the assistant's answer. Knows the wire's shape, and no model. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import type { Ending, GenerateAsk, TokenInfo } from "./backend.ts";
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
import { beginWork, usageOf, type Work, wholeOf } from "./work.ts";

const FIELDS = {
  options: {
    ...SAMPLING_FIELDS,
    max_completion_tokens: SAMPLING_FIELDS.max_tokens,
    logprobs: { kind: "flag", help: "Give log P of each token" },
    top_logprobs: { kind: "int", min: 0, max: 20, help: "The same for so many of the most probable in its place" },
  } as const satisfies OptionSpecs,
  others: [...SHARED_FIELDS, "messages"],
  ignored: IGNORED_FIELDS,
};

/** What all parts of an answer begin with. */
interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Answers a chat. Throws what the body has against it. */
export async function chatCompletions(body: JsonObject, context: Context): Promise<Response> {
  const { name, backend } = context.model(body.model);
  const fields = readFields(body, FIELDS);
  const messages = readMessages(body);
  const includeUsage = readIncludeUsage(body, fields.stream);
  const max_tokens = fields.max_completion_tokens ?? fields.max_tokens;
  const given = { ...fields, ...(max_tokens !== undefined && { max_tokens }) };
  if (fields.top_logprobs !== undefined && !fields.logprobs)
    fail("BAD_OPTION", "top_logprobs: got it without logprobs, which it is about");
  const logprobs = fields.logprobs ? (fields.top_logprobs ?? 0) : undefined;
  const ask: GenerateAsk = {
    prompt: { chat: { messages } },
    options: { ...generateOptions(given, body), logprobs },
    responseFormat: readResponseFormat(body),
    client: context.client,
  };
  const work = await beginWork(backend, copiesOf(ask, fields.n), context.signal);
  const head = { id: newId("chatcmpl"), created: nowSeconds(), model: name };
  if (fields.stream) return eventStream(chunks(head, work, includeUsage, context), work.stop);
  const wholes = await wholeOf(work);
  return Response.json({
    ...head,
    object: "chat.completion",
    choices: wholes.map(({ text, tokens, finishReason }, index) => {
      const message = { role: "assistant", content: text, refusal: null };
      const logprobs = fields.logprobs ? chatLogprobs(tokens) : null;
      return { index, message, logprobs, finish_reason: finishReason };
    }),
    usage: usageOf(work, wholes, fields.n),
  });
}

/** The same request several times; each copy draws other numbers. */
export const copiesOf = (ask: GenerateAsk, copies: number): GenerateAsk[] =>
  Array.from({ length: copies }, (_, copy) => ({ ...ask, copy }));

async function* chunks(head: Head, work: Work, includeUsage: boolean, context: Context): AsyncGenerator<string> {
  const chunk = (index: number, delta: object, finish: string | null = null, tokens?: readonly TokenInfo[]) =>
    JSON.stringify({
      ...head,
      object: "chat.completion.chunk",
      choices: [{ index, delta, logprobs: tokens ? chatLogprobs(tokens) : null, finish_reason: finish }],
      ...(includeUsage && { usage: null }),
    });
  const endings: Ending[] = [];
  try {
    for (const index of work.generations.keys()) yield chunk(index, { role: "assistant", content: "", refusal: null });
    for await (const event of work.events) {
      if ("ending" in event) {
        endings[event.index] = event.ending;
        yield chunk(event.index, {}, event.ending.finishReason);
        continue;
      }
      const { text, tokens } = event.value;
      if (text !== "" || tokens) yield chunk(event.index, { content: text }, null, tokens);
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
