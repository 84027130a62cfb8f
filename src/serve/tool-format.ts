/** How models write calls of functions, told from their chat templates, and read from their text as it comes. Knows no wire. */
import { isJsonObject } from "../base/json.ts";

/**
 * Ways to write calls: `<tool_call>{"name", "arguments"}</tool_call>` (Hermes, Qwen, SmolLM3), `[TOOL_CALLS][{"name", "arguments"}]` or
 * `[TOOL_CALLS]name[ARGS]{...}` (Mistral), and an answer that is nothing but `{"name", "parameters"}` (Llama 3.1, some behind `<|python_tag|>`).
 */
export type ToolFormat = "hermes" | "mistral" | "llama";

/** The format of a template's models; undefined where the template knows no tools. */
export function toolFormatOf(template: string): ToolFormat | undefined {
  if (!/\btools\b/.test(template)) return undefined;
  if (template.includes("<tool_call>")) return "hermes";
  if (template.includes("[TOOL_CALLS]")) return "mistral";
  return "llama";
}

/** A call of a function; `arguments` is JSON. */
export interface Call {
  readonly name: string;
  readonly arguments: string;
}

/** A part of an answer. */
export type Part = { readonly content: string } | { readonly call: Call };

/** Tells calls from text. */
export interface ToolReader {
  push(text: string): Part[];
  /** What was held back, when no more is coming. */
  end(): Part[];
}

/** What stands before and behind calls; without a close they go on to the end. */
const MARKS: Readonly<Record<ToolFormat, { readonly open: string; readonly close?: string }>> = {
  hermes: { open: "<tool_call>", close: "</tool_call>" },
  mistral: { open: "[TOOL_CALLS]" },
  llama: { open: "<|python_tag|>" },
};

/** How an answer begins that is to be one call, and the name that its arguments have. */
export function forcedCall(format: ToolFormat): { readonly suffix: string; readonly argumentsKey: string } {
  if (format === "hermes") return { suffix: "<tool_call>\n", argumentsKey: "arguments" };
  if (format === "mistral") return { suffix: "[TOOL_CALLS][", argumentsKey: "arguments" };
  return { suffix: "", argumentsKey: "parameters" };
}

/** A reader of one answer. What names no function of `names`, or is no JSON, is text as it stands. */
export function createToolReader(format: ToolFormat, names: readonly string[]): ToolReader {
  const { open, close } = MARKS[format];
  let held = "";
  let isInside = false;
  let isBeginning = true;
  let isAfterCall = false;
  const callsOr = (body: string, asText: string): Part[] => {
    const calls = readCalls(body);
    if (!calls?.every(({ name }) => names.includes(name))) return textPart(asText);
    return calls.map((call) => ({ call }));
  };
  const outside = (): Part[] | undefined => {
    const at = held.indexOf(open);
    if (at >= 0) {
      const before = held.slice(0, at);
      held = held.slice(at + open.length);
      const isBare = isBeginning || isAfterCall;
      isInside = true;
      isBeginning = false;
      isAfterCall = false;
      return textPart(isBare && before.trim() === "" ? "" : before);
    }
    // Spaces before a call and between two are nobody's.
    if ((isAfterCall || isBeginning) && open.startsWith(held.trimStart())) return undefined;
    isAfterCall = false;
    // An answer of JSON alone is a call, which is known at its end.
    if (format === "llama" && isBeginning && /^\s*(\{|$)/.test(held)) return undefined;
    const kept = overlap(held, open);
    const shown = held.slice(0, held.length - kept);
    if (shown !== "") isBeginning = false;
    held = held.slice(held.length - kept);
    if (shown === "") return undefined;
    return textPart(shown);
  };
  const inside = (): Part[] | undefined => {
    const at = close === undefined ? -1 : held.indexOf(close);
    if (at < 0) return undefined;
    const body = held.slice(0, at);
    held = held.slice(at + close!.length);
    isInside = false;
    isAfterCall = true;
    return callsOr(body, `${open}${body}${close}`);
  };
  const drain = (): Part[] => {
    const parts: Part[] = [];
    for (;;) {
      const more = isInside ? inside() : outside();
      if (!more) return parts;
      parts.push(...more);
    }
  };
  return {
    push(text) {
      held += text;
      return drain();
    },
    end() {
      const rest = held;
      held = "";
      if (isInside) return callsOr(rest, `${open}${rest}`);
      if (format === "llama" && isBeginning) return callsOr(rest, rest);
      return textPart((isBeginning || isAfterCall) && rest.trim() === "" ? "" : rest);
    },
  };
}

const textPart = (content: string): Part[] => (content === "" ? [] : [{ content }]);

/** How many last characters of a text may begin a mark. */
function overlap(text: string, mark: string): number {
  let length = Math.min(mark.length - 1, text.length);
  while (length > 0 && !text.endsWith(mark.slice(0, length))) length--;
  return length;
}

/** Calls written as JSON, several as a list or apart by ";", or as `name[ARGS]{...}`; undefined for anything else. */
export function readCalls(body: string): Call[] | undefined {
  const text = body.trim();
  const value = parsed(text);
  if (value !== undefined) return callsOf(Array.isArray(value) ? value : [value]);
  const named = text
    .split("[TOOL_CALLS]")
    .map((part) => /^\s*([\w.-]+)\s*(?:\[ARGS\])?\s*(\{[\s\S]*\})\s*$/.exec(part));
  if (named.every((match) => match !== null))
    return callsOf(named.map((match) => ({ name: match[1], arguments: parsed(match[2]!) })));
  return text.includes(";") ? callsOf(separated(text)) : undefined;
}

/** JSON objects apart by ";", which their texts may hold too. */
function separated(text: string): unknown[] {
  const values: unknown[] = [];
  let open = "";
  for (const part of text.split(";")) {
    open = open === "" ? part : `${open};${part}`;
    const value = parsed(open);
    if (value === undefined) continue;
    values.push(value);
    open = "";
  }
  return open.trim() === "" ? values : [undefined];
}

function callsOf(values: readonly unknown[]): Call[] | undefined {
  const calls = values.map(callOf);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

function callOf(value: unknown): Call | undefined {
  if (!isJsonObject(value) || typeof value.name !== "string") return undefined;
  const given = value.arguments ?? value.parameters ?? {};
  if (isJsonObject(given)) return { name: value.name, arguments: JSON.stringify(given) };
  // Some write the arguments as a text of JSON.
  return typeof given === "string" && isJsonObject(parsed(given)) ? { name: value.name, arguments: given } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
