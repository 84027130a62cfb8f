/** Messages, tools and variables as a template sees them, prepared as transformers prepares them. Knows no template. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { dict, float, type Key, list, type Value } from "./jinja/values.ts";
import { describe } from "./json-fields.ts";

/** One turn of a chat; templates read `role`, `content`, and what else they know. */
export type ChatMessage = { readonly role: string; readonly [key: string]: unknown };

/** The deepest nesting of messages and tools. */
const MOST_DEPTH = 64;

/** How much there is of the input, by which a template's fuel is measured. */
export interface InputSize {
  values: number;
  chars: number;
}

/** Names under which a message's reasoning comes; the first is the one that templates read. */
export const REASONING = ["reasoning_content", "thinking", "reasoning"] as const;

/**
 * Messages without keys of null, and with reasoning under both of its usual names, as transformers passes them.
 * Throws BAD_CHAT where they are no list of objects with a `role`, or none.
 */
export function preparedMessages(messages: unknown, where: string): JsonObject[] {
  if (!Array.isArray(messages))
    return fail("BAD_CHAT", `${where}: messages: got ${describe(messages)}, expected a list`);
  if (messages.length === 0) return fail("BAD_CHAT", `${where}: messages: got none, expected one at least`);
  return messages.map((message: unknown, i) => {
    if (!isJsonObject(message) || typeof message.role !== "string")
      return fail("BAD_CHAT", `${where}: messages[${i}]: got ${describe(message)}, expected an object with a role`);
    const present = Object.fromEntries(
      Object.entries(message).filter(([, value]) => value !== null && value !== undefined),
    );
    const name = REASONING.find((key) => Object.hasOwn(present, key));
    if (name === undefined) return present;
    return { thinking: present[name], ...present, reasoning_content: present[name] };
  });
}

/**
 * A JSON value as a template's value. Whole numbers are Python's `int`, others `float`. Of an object only its own keys are
 * seen; anything that is no JSON (a buffer, an image) becomes the text `<Name>`, as a template only asks whether it is there.
 */
export function templateValue(value: unknown, at: string, size: InputSize, depth = 0): Value {
  size.values++;
  if (depth > MOST_DEPTH) return fail("BAD_CHAT", `${at}: nested deeper than ${MOST_DEPTH} levels`);
  switch (typeof value) {
    case "string":
      size.chars += value.length;
      return value;
    case "boolean":
      return value;
    case "number":
      return Number.isSafeInteger(value) ? value + 0 : float(value);
    case "bigint":
      if (!Number.isSafeInteger(Number(value)))
        fail("UNSUPPORTED", `${at}: got the integer ${value}, expected at most 53 bits`);
      return Number(value);
    case "object":
      if (value === null) return null;
      if (Array.isArray(value))
        return list(value.map((item, i) => templateValue(item ?? null, `${at}[${i}]`, size, depth + 1)));
      return plainObject(value, at, size, depth);
    default:
      return fail("BAD_CHAT", `${at}: got a ${typeof value}, expected JSON`);
  }
}

function plainObject(value: object, at: string, size: InputSize, depth: number): Value {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    const name = /^\[object (\w+)\]$/.exec(Object.prototype.toString.call(value))?.[1] ?? "object";
    return `<${name}>`;
  }
  const entries: [Key, Value][] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    size.chars += key.length;
    entries.push([key, templateValue(inner, `${at}.${key}`, size, depth + 1)]);
  }
  return dict(entries);
}
