/** The tools of a chat request: checked, shown to the model's template, and a call enforced where one is asked for. Knows no model. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";
import type { ResponseFormat } from "../generate/structured.ts";
import { forcedCall, type ToolFormat } from "./tool-format.ts";

/** A function that the model may call. */
export interface Tool {
  readonly name: string;
  /** JSON Schema of the arguments. */
  readonly parameters: unknown;
  /** As templates take it. */
  readonly shown: object;
}

/** What a request says of tools. */
export interface ToolUse {
  readonly format: ToolFormat;
  readonly tools: readonly Tool[];
  /** At most one call an answer. */
  readonly isSingle: boolean;
  /** What the answer must begin with and be like, where a call is enforced. */
  readonly forced?: { readonly suffix: string; readonly responseFormat: ResponseFormat };
}

const MOST_TOOLS = 128;

const bad = (where: string, got: unknown, expected: string): never =>
  fail("BAD_OPTION", `${where}: got ${showJson(got)}, expected ${expected}`);

/**
 * Reads `tools`, `tool_choice` and `parallel_tool_calls`; undefined where no function may be called. Throws BAD_OPTION naming the part, and
 * UNSUPPORTED where the model's template (`format`) knows no tools.
 */
export function readToolUse(body: JsonObject, format: ToolFormat | undefined): ToolUse | undefined {
  const tools = readTools(body.tools ?? []);
  const chosen = readChoice(body.tool_choice ?? "auto", tools);
  const single = body.parallel_tool_calls ?? true;
  if (typeof single !== "boolean") bad("parallel_tool_calls", single, "true or false");
  if (chosen === "none" || tools.length === 0) return undefined;
  if (!format)
    return fail("UNSUPPORTED", "tools: the model's chat template knows none. Try a model that was tuned for them.");
  const use = { format, tools, isSingle: !single };
  return chosen === "auto" ? use : { ...use, forced: enforced(format, chosen) };
}

function readTools(given: unknown): Tool[] {
  if (!Array.isArray(given) || given.length > MOST_TOOLS) return bad("tools", given, `a list of at most ${MOST_TOOLS}`);
  const tools = given.map((tool: unknown, i) => readTool(tool, `tools[${i}]`));
  for (const [i, { name }] of tools.entries())
    if (tools.findIndex((tool) => tool.name === name) < i) bad(`tools[${i}].function.name`, name, "a name of its own");
  return tools;
}

function readTool(tool: unknown, at: string): Tool {
  if (!isJsonObject(tool)) return bad(at, tool, 'an object with "type" and "function"');
  if (tool.type !== "function") return bad(`${at}.type`, tool.type, '"function"');
  const { function: given } = tool;
  if (!isJsonObject(given)) return bad(`${at}.function`, given, "an object");
  const { name, description, parameters } = given;
  if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name))
    return bad(`${at}.function.name`, name, "1 to 64 letters, digits, _ . and -");
  if ((description ?? "") !== "" && typeof description !== "string")
    return bad(`${at}.function.description`, description, "a text");
  if ((parameters ?? null) !== null && !isJsonObject(parameters))
    return bad(`${at}.function.parameters`, parameters, "a JSON Schema");
  const schema = parameters ?? { type: "object", properties: {} };
  const shown = { name, ...(description ? { description } : {}), parameters: schema };
  return { name, parameters: schema, shown: { type: "function", function: shown } };
}

/** "none", "auto", or the functions of which one must be called. */
function readChoice(given: unknown, tools: readonly Tool[]): "none" | "auto" | readonly Tool[] {
  if (given === "none" || given === "auto") return given;
  if (tools.length === 0) return bad("tool_choice", given, '"none" or "auto" where there are no tools');
  if (given === "required") return tools;
  const called = isJsonObject(given) && given.type === "function" ? given.function : undefined;
  if (!isJsonObject(called))
    return bad("tool_choice", given, '"none", "auto", "required" or {"type": "function", "function": {"name": ...}}');
  const named = tools.filter(({ name }) => name === called.name);
  return named.length > 0 ? named : bad("tool_choice.function.name", called.name, "a function of tools");
}

/** The form of one call of one of the functions. */
function enforced(format: ToolFormat, tools: readonly Tool[]): NonNullable<ToolUse["forced"]> {
  const { suffix, argumentsKey } = forcedCall(format);
  const calls = tools.map(({ name, parameters }) => ({
    type: "object",
    properties: { name: { const: name }, [argumentsKey]: parameters },
    required: ["name", argumentsKey],
    additionalProperties: false,
  }));
  const schema = calls.length === 1 ? calls[0] : { anyOf: calls };
  return { suffix, responseFormat: { type: "json_schema", json_schema: { name: "call", schema } } };
}
