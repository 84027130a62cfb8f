/** ShareGPT's conversations, `from` and `value`, as messages. Knows no tokens. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import { has, message, parsedAt } from "./record-fields.ts";

/** Who speaks, under the names that published sets use. */
const SPEAKERS: Readonly<Record<string, string>> = {
  human: "user",
  user: "user",
  gpt: "assistant",
  assistant: "assistant",
  chatgpt: "assistant",
  model: "assistant",
  bot: "assistant",
  bing: "assistant",
  bard: "assistant",
  system: "system",
  tool: "tool",
  observation: "tool",
  function_response: "tool",
  function_call: "call",
};

/** The turns under `conversations`, with the record's `system` before them. BAD_DATA names the key at fault. */
export function conversation(record: JsonObject): ChatMessage[] {
  const value = parsedAt(record, "conversations");
  if (!Array.isArray(value) || value.length === 0)
    return fail("BAD_DATA", `"conversations" is ${showJson(value)}, expected a list of turns that is not empty`);
  const turns = value.map((turn: unknown, i) => turnOf(turn, `conversations[${i}]`));
  if (!has(record, "system") || record.system === "" || turns[0]!.role === "system") return turns;
  return [message({ role: "system", content: record.system }, "system"), ...turns];
}

function turnOf(turn: unknown, where: string): ChatMessage {
  if (!isJsonObject(turn))
    return fail("BAD_DATA", `"${where}" is ${showJson(turn)}, expected an object with "from" and "value"`);
  if (!has(turn, "from") && has(turn, "role")) return message(turn, where);
  const speaker = typeof turn.from === "string" ? turn.from.toLowerCase() : "";
  const role = Object.hasOwn(SPEAKERS, speaker) ? SPEAKERS[speaker]! : undefined;
  if (role === undefined)
    return fail("BAD_DATA", `"${where}.from" is ${showJson(turn.from)}, expected human, gpt, system or tool`);
  if (typeof turn.value !== "string")
    return fail("BAD_DATA", `"${where}.value" is ${showJson(turn.value)}, expected a text`);
  if (role !== "call") return message({ role, content: turn.value, weight: turn.weight }, where);
  const call = parsedAt(turn, "value");
  return message({ role: "assistant", tool_calls: Array.isArray(call) ? call : [call] }, where);
}
