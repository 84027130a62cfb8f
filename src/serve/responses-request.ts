/** A request of `/v1/responses` as one of `/v1/chat/completions`: what was said goes in whole each time, as nothing is kept. */
import { fail, OwnlmError } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { OptionSpecs } from "../base/options.ts";
import { readFields } from "./body.ts";
import { SAMPLING_FIELDS } from "./sampling.ts";

const { temperature, top_p, seed, top_k, min_p, stream } = SAMPLING_FIELDS;

const FIELDS = {
  options: {
    temperature,
    top_p,
    top_k,
    min_p,
    seed,
    stream,
    max_output_tokens: SAMPLING_FIELDS.max_tokens,
    parallel_tool_calls: { kind: "choice", choices: [true, false], help: "Allow several calls an answer" },
    truncation: { kind: "choice", choices: ["disabled"], help: "What happens where the context is full" },
    background: { kind: "choice", choices: [false], help: "Answer later" },
  } as const satisfies OptionSpecs,
  others: [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "text",
    "previous_response_id",
    "conversation",
    "metadata",
  ],
  ignored: [
    "user",
    "store",
    "include",
    "reasoning",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "max_tool_calls",
    "top_logprobs",
    "stream_options",
  ],
};

/** Chat's names of what has another one here. */
const NAMES: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_output_tokens",
  max_tokens: "max_output_tokens",
  maxNewTokens: "max_output_tokens",
  response_format: "text.format",
  responseFormat: "text.format",
};

/** Runs a reading of the chat request; what it says of fields, it says in this request's names. `places` are those of its messages. */
export async function inOwnNames<R>(places: readonly string[], read: () => R | Promise<R>): Promise<R> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OwnlmError)) throw error;
    const [name = "", index] = /^messages\[(\d+)\]|^[a-zA-Z_]\w*/.exec(error.message) ?? [];
    const own = index === undefined ? (name === "messages" ? "input" : NAMES[name]) : places[Number(index)];
    throw own === undefined
      ? error
      : new OwnlmError(error.code, own + error.message.slice(name.length), { cause: error });
  }
}

const bad = (where: string, got: unknown, expected: string): never =>
  fail("BAD_OPTION", `${where}: got ${showJson(got)}, expected ${expected}`);

/** A chat request, and where each of its messages is in this one. */
export interface ChatBody {
  readonly chat: JsonObject;
  readonly places: readonly string[];
}

/** A message and where it came from. */
interface Placed {
  readonly message: JsonObject;
  readonly place: string;
}

/** The chat request. Throws BAD_OPTION and UNSUPPORTED naming the field. */
export function chatBodyOf(body: JsonObject): ChatBody {
  const { max_output_tokens, stream: _, truncation, background, ...fields } = readFields(body, FIELDS);
  for (const name of ["previous_response_id", "conversation"])
    if ((body[name] ?? null) !== null)
      fail("UNSUPPORTED", `${name}: this server keeps no conversations. Send all that was said as input.`);
  const { instructions = null } = body;
  if (instructions !== null && typeof instructions !== "string") bad("instructions", instructions, "a text");
  const first = { message: { role: "system", content: instructions }, place: "instructions" };
  const placed = [...(instructions === null ? [] : [first]), ...readInput(body.input)];
  const chat = {
    model: body.model,
    messages: placed.map(({ message }) => message),
    ...fields,
    ...(max_output_tokens !== undefined && { max_completion_tokens: max_output_tokens }),
    tools: readTools(body.tools ?? []),
    tool_choice: choiceOf(body.tool_choice ?? "auto"),
    response_format: readFormat(body.text ?? null),
  };
  return { chat, places: placed.map(({ place }) => place) };
}

function readInput(input: unknown): Placed[] {
  if (typeof input === "string") return [{ message: { role: "user", content: input }, place: "input" }];
  if (!Array.isArray(input) || input.length === 0) return bad("input", input, "a text or a list of items");
  return joinedCalls(
    input.flatMap((item: unknown, i) => {
      const place = `input[${i}]`;
      return readItem(item, place).map((message) => ({ message, place }));
    }),
  );
}

function readItem(item: unknown, at: string): JsonObject[] {
  if (!isJsonObject(item)) return bad(at, item, "an object");
  const { type = "message" } = item;
  switch (type) {
    case "message":
      return [{ role: item.role, content: readContent(item.content, `${at}.content`) }];
    case "function_call": {
      const call = { name: item.name, arguments: item.arguments };
      return [
        { role: "assistant", content: null, tool_calls: [{ id: item.call_id, type: "function", function: call }] },
      ];
    }
    case "function_call_output": {
      const { output } = item;
      const content = typeof output === "string" ? output : readContent(output, `${at}.output`);
      return [{ role: "tool", tool_call_id: item.call_id, content }];
    }
    case "reasoning":
      return [];
    default:
      return fail(
        "UNSUPPORTED",
        `${at}.type: got ${showJson(type)}, expected message, function_call or function_call_output`,
      );
  }
}

function readContent(content: unknown, at: string): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown, i) => {
    if (!isJsonObject(part)) return bad(`${at}[${i}]`, part, "an object");
    const isText = part.type === "input_text" || part.type === "output_text" || part.type === "text";
    return isText ? { type: "text", text: part.text } : part;
  });
}

/** Calls that follow each other are of one turn, and of the words right before them. */
function joinedCalls(placed: readonly Placed[]): Placed[] {
  const all: Placed[] = [];
  for (const each of placed) {
    const { message } = each;
    const { message: last, place } = all.at(-1) ?? each;
    if (all.length > 0 && message.tool_calls && last.role === "assistant") {
      const calls = [...((last.tool_calls as object[] | undefined) ?? []), ...(message.tool_calls as object[])];
      all[all.length - 1] = { message: { ...last, tool_calls: calls }, place };
    } else all.push(each);
  }
  return all;
}

function readTools(tools: unknown): unknown {
  if (!Array.isArray(tools)) return bad("tools", tools, "a list");
  return tools.map((tool: unknown, i) => {
    if (!isJsonObject(tool) || tool.type !== "function")
      return bad(`tools[${i}].type`, isJsonObject(tool) ? tool.type : tool, '"function"');
    const { type, ...described } = tool;
    return { type, function: described };
  });
}

const choiceOf = (choice: unknown): unknown =>
  isJsonObject(choice) && choice.type === "function" ? { type: "function", function: { name: choice.name } } : choice;

function readFormat(text: unknown): unknown {
  if (text === null) return null;
  if (!isJsonObject(text)) return bad("text", text, "an object");
  const { format = null } = text;
  if (!isJsonObject(format) || format.type !== "json_schema") return format;
  const { type, ...inner } = format;
  return { type, json_schema: inner };
}
