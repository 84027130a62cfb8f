/** `/v1/responses`: an answer as a list of items, whole or as events. Stateless. Knows the wire's shape, and no model. */
import type { JsonObject } from "../base/json.ts";
import { createAnswer, type Delta, type ToolCall } from "./answer.ts";
import type { Ending } from "./backend.ts";
import { type Asked, readChat } from "./chat.ts";
import { type Context, newId, nowSeconds } from "./context.ts";
import { faultOf } from "./faults.ts";
import { chatBodyOf, inOwnNames } from "./responses-request.ts";
import { eventStream, type ServerEvent } from "./sse.ts";
import { beginWork, usageOf, type Work, wholeOf } from "./work.ts";

/** Answers a request. Throws what the body has against it. */
export async function responses(body: JsonObject, context: Context): Promise<Response> {
  const { name, backend } = context.model(body.model);
  const facts = await backend.facts();
  const { chat, places } = chatBodyOf(body);
  const asked = await inOwnNames(places, () => readChat(chat, facts, context.client));
  const work = await inOwnNames(places, () => beginWork(backend, [asked.ask], context.signal));
  const made = responseOf(body, name);
  if (body.stream === true) return eventStream(events(made, work, asked, context), work.stop);
  const [whole] = await wholeOf(work);
  const answer = createAnswer(asked.use);
  const items = itemsOf([...answer.push(whole!.text), ...answer.end()]);
  return Response.json(made.ended(items, whole!, work));
}

interface Item {
  readonly id: string;
  readonly type: "message" | "function_call";
  readonly [field: string]: unknown;
}

/** The response object at its beginning and its end. */
function responseOf(body: JsonObject, model: string) {
  const whole = {
    id: newId("resp").replace("-", "_"),
    object: "response",
    created_at: nowSeconds(),
    model,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? null,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: body.top_p ?? null,
    truncation: "disabled",
  };
  return {
    begun: () => ({ ...whole, status: "in_progress", output: [], usage: null }),
    ended(output: readonly Item[], ending: Ending, work: Work) {
      const usage = usageOf(work, [ending], 1);
      const isCut = ending.finishReason === "length";
      return {
        ...whole,
        status: isCut ? "incomplete" : "completed",
        incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
        output,
        usage: {
          input_tokens: usage.prompt_tokens,
          input_tokens_details: usage.prompt_tokens_details,
          output_tokens: usage.completion_tokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: usage.total_tokens,
        },
      };
    },
  };
}

const textPart = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

const messageItem = (id: string, text: string | undefined, status: string): Item => {
  return { id, type: "message", role: "assistant", status, content: text === undefined ? [] : [textPart(text)] };
};

const callItem = (id: string, call: ToolCall, given: string, status: string): Item => {
  return { id, type: "function_call", call_id: call.id, name: call.function.name, arguments: given, status };
};

const newItemId = (prefix: string) => newId(prefix).replace("-", "_");

function itemsOf(deltas: readonly Delta[]): Item[] {
  const text = deltas.map((delta) => ("content" in delta ? delta.content : "")).join("");
  const calls = deltas.flatMap((delta) => ("call" in delta ? [delta.call] : []));
  return [
    ...(text !== "" || calls.length === 0 ? [messageItem(newItemId("msg"), text, "completed")] : []),
    ...calls.map((call) => callItem(newItemId("fc"), call, call.function.arguments, "completed")),
  ];
}

type Made = ReturnType<typeof responseOf>;

/** The events of an answer, numbered; the text's item is opened by its first words. */
async function* events(made: Made, work: Work, { use }: Asked, context: Context): AsyncGenerator<ServerEvent> {
  let number = 0;
  const event = (type: string, fields: object): ServerEvent => {
    return { event: type, data: JSON.stringify({ type, sequence_number: number++, ...fields }) };
  };
  const answer = createAnswer(use);
  const output: Item[] = [];
  let message: { readonly id: string; readonly at: number; text: string } | undefined;
  const open = function* () {
    message = { id: newItemId("msg"), at: output.length, text: "" };
    output.push(messageItem(message.id, undefined, "in_progress"));
    yield event("response.output_item.added", { output_index: message.at, item: output[message.at] });
    const place = { item_id: message.id, output_index: message.at, content_index: 0 };
    yield event("response.content_part.added", { ...place, part: textPart("") });
  };
  const close = function* () {
    if (!message) return;
    const { id, at, text } = message;
    const place = { item_id: id, output_index: at, content_index: 0 };
    yield event("response.output_text.done", { ...place, text, logprobs: [] });
    yield event("response.content_part.done", { ...place, part: textPart(text) });
    output[at] = messageItem(id, text, "completed");
    yield event("response.output_item.done", { output_index: at, item: output[at] });
    message = undefined;
  };
  const told = function* (deltas: readonly Delta[]) {
    for (const delta of deltas)
      if ("content" in delta) {
        if (!message) yield* open();
        message!.text += delta.content;
        const place = { item_id: message!.id, output_index: message!.at, content_index: 0 };
        yield event("response.output_text.delta", { ...place, delta: delta.content, logprobs: [] });
      } else {
        yield* close();
        yield* callEvents(event, output, delta.call);
      }
  };
  try {
    yield event("response.created", { response: made.begun() });
    yield event("response.in_progress", { response: made.begun() });
    for await (const each of work.events) {
      if ("value" in each) {
        yield* told(answer.push(each.value.text));
        continue;
      }
      yield* told(answer.end());
      if (output.length === 0) yield* open();
      yield* close();
      const response = made.ended(output, each.ending, work);
      yield event(`response.${response.status}`, { response });
    }
  } catch (error) {
    context.onFault(error);
    const { code, message: why, param } = faultOf(error).body.error;
    yield event("error", { code, message: why, param });
  } finally {
    work.stop();
  }
}

type MakeEvent = (type: string, fields: object) => ServerEvent;

function* callEvents(event: MakeEvent, output: Item[], call: ToolCall): Generator<ServerEvent> {
  const [id, at, given] = [newItemId("fc"), output.length, call.function.arguments];
  yield event("response.output_item.added", { output_index: at, item: callItem(id, call, "", "in_progress") });
  const place = { item_id: id, output_index: at };
  yield event("response.function_call_arguments.delta", { ...place, delta: given });
  yield event("response.function_call_arguments.done", { ...place, name: call.function.name, arguments: given });
  output.push(callItem(id, call, given, "completed"));
  yield event("response.output_item.done", { output_index: at, item: output[at] });
}
