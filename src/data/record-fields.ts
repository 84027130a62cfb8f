/** Fields of records, checked: texts, turns of chats, tools, labels. What is wrong is told by the key at fault. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import type { Content } from "./example.ts";

/** The roles that chat templates know. */
const ROLES = ["system", "developer", "user", "assistant", "tool"];

function wrong(key: string, got: unknown, expected: string): never {
  return fail("BAD_DATA", `"${key}" is ${got === undefined ? "missing" : showJson(got)}, expected ${expected}`);
}

/** True where a record has a field that is not null. */
export function has(record: JsonObject, key: string): boolean {
  return Object.hasOwn(record, key) && record[key] !== null && record[key] !== undefined;
}

const own = (record: JsonObject, key: string) => (Object.hasOwn(record, key) ? record[key] : undefined);

/** A text. BAD_DATA where it is none, or has half of a surrogate pair. */
export function textAt(record: JsonObject, key: string): string {
  return checkedText(own(record, key), key);
}

function checkedText(value: unknown, key: string): string {
  if (typeof value !== "string") return wrong(key, value, "a text");
  if (/\p{Surrogate}/u.test(value)) fail("BAD_DATA", `"${key}" has half of a surrogate pair, which is no character`);
  return value;
}

/** A text that may be missing. */
export function optionalText(record: JsonObject, key: string): string {
  return has(record, key) ? textAt(record, key) : "";
}

/** A text, or turns of a chat; columns of CSV and Parquet may hold turns as JSON. */
export function contentAt(record: JsonObject, key: string): Content {
  const value = own(record, key);
  if (typeof value !== "string" && !Array.isArray(value)) return wrong(key, value, "a text or a list of messages");
  return typeof value === "string" ? textAt(record, key) : messagesAt(record, key);
}

/** Turns of a chat with `role` and `content`. Parts of text become one text, a call's arguments an object. */
export function messagesAt(record: JsonObject, key: string): ChatMessage[] {
  const value = parsedAt(record, key);
  if (!Array.isArray(value) || value.length === 0) return wrong(key, value, "a list of messages that is not empty");
  return value.map((turn: unknown, i) => {
    const where = `${key}[${i}]`;
    return isJsonObject(turn) ? message(turn, where) : wrong(where, turn, "an object with a role and a content");
  });
}

/** A message in OpenAI's form, as chat templates read it. */
export function message(turn: JsonObject, where: string): ChatMessage {
  const { role } = turn;
  if (typeof role !== "string" || !ROLES.includes(role)) return wrong(`${where}.role`, role, ROLES.join(", "));
  const fields = Object.entries(turn).filter(([, value]) => value !== null && value !== undefined);
  const rest = Object.fromEntries(fields.filter(([key]) => key !== "content" && key !== "tool_calls"));
  checkDeep(rest, where);
  const calls = toolCalls(turn.tool_calls, `${where}.tool_calls`);
  const content = text(turn.content, `${where}.content`, calls.length > 0);
  if (has(turn, "weight") && turn.weight !== 0 && turn.weight !== 1) wrong(`${where}.weight`, turn.weight, "0 or 1");
  return { ...rest, role, content, ...(calls.length > 0 && { tool_calls: calls }) };
}

function text(content: unknown, where: string, mayBeMissing: boolean): string {
  if ((content === null || content === undefined) && mayBeMissing) return "";
  if (!Array.isArray(content)) return checkedText(content, where);
  return content
    .map((part: unknown, i) => {
      if (!isJsonObject(part) || (has(part, "type") && part.type !== "text"))
        return wrong(`${where}[${i}]`, part, "a part of text, as this version learns from texts only");
      return checkedText(part.text, `${where}[${i}].text`);
    })
    .join("");
}

function toolCalls(value: unknown, where: string): object[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) return wrong(where, value, "a list of calls");
  return value.map((call: unknown, i) => {
    const at = `${where}[${i}]`;
    if (!isJsonObject(call)) return wrong(at, call, 'an object with a "function"');
    checkDeep(call, at);
    const inner = isJsonObject(call.function) ? call.function : call;
    if (typeof inner.name !== "string") return wrong(`${at}.function.name`, inner.name, "a name");
    const given = { ...inner, arguments: callArguments(inner.arguments, `${at}.function.arguments`) };
    return inner === call ? { type: "function", function: given } : { type: "function", ...call, function: given };
  });
}

/** OpenAI writes arguments as JSON in a text, templates expect the object. */
function callArguments(value: unknown, where: string): object {
  if (value === null || value === undefined || value === "") return {};
  const parsed = typeof value === "string" ? parseJson(value, where) : value;
  return isJsonObject(parsed) ? parsed : wrong(where, value, "a JSON object");
}

/** The schemas of tools: a list, or JSON of one. Undefined where there are none. */
export function toolsAt(record: JsonObject): readonly object[] | undefined {
  if (!has(record, "tools") || record.tools === "") return undefined;
  const value = parsedAt(record, "tools");
  if (!Array.isArray(value)) return wrong("tools", value, "a list of tools");
  checkDeep(value, "tools");
  for (const [i, tool] of value.entries()) if (!isJsonObject(tool)) wrong(`tools[${i}]`, tool, "an object");
  return value.length > 0 ? (value as object[]) : undefined;
}

/** More variables for the chat template, under the name that TRL gives them. */
export function variablesAt(record: JsonObject): JsonObject | undefined {
  if (!has(record, "chat_template_kwargs")) return undefined;
  const value = parsedAt(record, "chat_template_kwargs");
  return isJsonObject(value) ? value : wrong("chat_template_kwargs", value, "an object");
}

/** Whether an answer is good: a boolean, 1 or 0, or the text of one of them. */
export function labelAt(record: JsonObject, key: string): boolean {
  const value = own(record, key);
  const known = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (known === true || known === 1 || known === "true" || known === "1") return true;
  if (known === false || known === 0 || known === "false" || known === "0") return false;
  return wrong(key, value, "true or false");
}

/** A field, parsed where it is a text: CSV has no lists, and tables often hold JSON. */
export function parsedAt(record: JsonObject, key: string): unknown {
  const value = own(record, key);
  return typeof value === "string" ? parseJson(value, key) : value;
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return wrong(where, text, "JSON");
  }
}

const MAX_DEPTH = 32;

/** Fails where a value is nested too deep for a template, or a text in it has half of a surrogate pair. */
function checkDeep(value: unknown, where: string, depth = 0): void {
  if (depth > MAX_DEPTH) fail("BAD_DATA", `"${where}" is nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === "string") checkedText(value, where);
  else if (Array.isArray(value)) for (const item of value) checkDeep(item, where, depth + 1);
  else if (isJsonObject(value)) for (const inner of Object.values(value)) checkDeep(inner, where, depth + 1);
}
