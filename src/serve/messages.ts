/** The messages and tools of a chat request, checked and in the form that chat templates take. Knows no template. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";

const ROLES = ["system", "developer", "user", "assistant", "tool"];
const MOST_MESSAGES = 10_000;

const bad = (where: string, got: unknown, expected: string): never =>
  fail("BAD_CHAT", `${where}: got ${showJson(got)}, expected ${expected}`);

/** `messages`: a list of at least one. Throws BAD_CHAT naming the part, UNSUPPORTED for images and sounds. */
export function readMessages({ messages }: JsonObject): ChatMessage[] {
  if (!Array.isArray(messages)) return bad("messages", messages, "a list of messages");
  if (messages.length === 0 || messages.length > MOST_MESSAGES)
    return bad("messages", `${messages.length} messages`, `1 to ${MOST_MESSAGES}`);
  return messages.map((message: unknown, i) => readMessage(message, `messages[${i}]`));
}

function readMessage(message: unknown, where: string): ChatMessage {
  if (!isJsonObject(message)) return bad(where, message, 'an object with "role" and "content"');
  const { role, content = null, tool_calls: calls = null, name, refusal, audio, annotations, ...rest } = message;
  if (typeof role !== "string" || !ROLES.includes(role)) return bad(`${where}.role`, role, ROLES.join(", "));
  if (audio !== undefined && audio !== null) fail("UNSUPPORTED", `${where}.audio: this server takes text only`);
  if (name !== undefined && typeof name !== "string") bad(`${where}.name`, name, "a text");
  if (role === "tool" && typeof message.tool_call_id !== "string")
    bad(`${where}.tool_call_id`, message.tool_call_id, "the id of the call that this answers");
  if (content === null && role !== "assistant") bad(`${where}.content`, content, "a text or a list of parts");
  return {
    ...rest,
    // Templates know the older of the two names.
    role: role === "developer" ? "system" : role,
    content: content === null ? "" : readContent(content, `${where}.content`),
    ...(typeof name === "string" && { name }),
    ...(calls !== null && { tool_calls: readCalls(calls, `${where}.tool_calls`) }),
  };
}

function readContent(content: unknown, where: string): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return bad(where, content, "a text or a list of parts");
  return content
    .map((part: unknown, i) => {
      const at = `${where}[${i}]`;
      if (!isJsonObject(part)) return bad(at, part, 'an object with a "type"');
      if (part.type === "text" && typeof part.text === "string") return part.text;
      if (part.type === "refusal" && typeof part.refusal === "string") return part.refusal;
      if (part.type === "text") return bad(`${at}.text`, part.text, "a text");
      if (typeof part.type === "string")
        return fail("UNSUPPORTED", `${at}.type: got ${showJson(part.type)}, and this server takes text only`);
      return bad(`${at}.type`, part.type, '"text"');
    })
    .join("");
}

/** Calls of earlier turns; their arguments as values, which templates write as they need them. */
function readCalls(calls: unknown, where: string): object[] {
  if (!Array.isArray(calls)) return bad(where, calls, "a list of calls");
  return calls.map((call: unknown, i) => {
    const at = `${where}[${i}]`;
    if (!isJsonObject(call)) return bad(at, call, "an object");
    const { function: called } = call;
    if (!isJsonObject(called)) return bad(`${at}.function`, called, 'an object with "name" and "arguments"');
    if (typeof called.name !== "string") return bad(`${at}.function.name`, called.name, "a text");
    if (typeof called.arguments !== "string")
      return bad(`${at}.function.arguments`, called.arguments, "JSON as a text");
    return { ...call, function: { name: called.name, arguments: parsedOr(called.arguments) } };
  });
}

/** What a model called with may be broken JSON; it is shown to it as it was. */
function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
