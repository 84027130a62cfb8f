/** Shapes of records: which one a file has, and what a record of it means. Knows no files and no tokens. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";
import { type Content, type Example, SHAPES, type Shape } from "./example.ts";
import { contentAt, has, labelAt, messagesAt, optionalText, textAt, toolsAt, variablesAt } from "./record-fields.ts";
import { conversation } from "./share-gpt.ts";

/** The fields by which a shape is told. */
const KEYS: Readonly<Record<Shape, readonly string[]>> = {
  preference: ["chosen", "rejected"],
  labelled: ["prompt", "completion", "label"],
  messages: ["messages"],
  conversations: ["conversations"],
  alpaca: ["instruction", "output"],
  completion: ["prompt", "completion"],
  text: ["text"],
  prompt: ["prompt"],
};

/** What a shape looks like, for messages and reports. */
export const SHAPE_NAMES: Readonly<Record<Shape, string>> = {
  preference: "prompt, chosen and rejected",
  labelled: "prompt, completion and label",
  messages: "messages",
  conversations: "conversations (ShareGPT)",
  alpaca: "instruction, input and output (alpaca)",
  completion: "prompt and completion",
  text: "text",
  prompt: "prompt",
};

/** The shapes whose fields a record has, the likeliest first; a prompt alone only where there is nothing else. */
export function shapesOf(record: JsonObject): Shape[] {
  const found = SHAPES.filter((shape) => KEYS[shape].every((key) => has(record, key)));
  return found.length > 1 ? found.filter((shape) => shape !== "prompt") : found;
}

/**
 * The shape of a file by its first records: the one whose fields most of them name, null or not, and one at least fills; the
 * earlier in {@link SHAPES} where several do. Throws BAD_DATA with the fields that were found where it is none.
 */
export function recogniseShape(records: readonly JsonObject[], where: string): Shape {
  const named = (shape: Shape) => records.filter((record) => KEYS[shape].every((key) => Object.hasOwn(record, key)));
  const filled = new Set(records.flatMap(shapesOf));
  const counts = SHAPES.map((shape) => (filled.has(shape) ? named(shape).length : 0));
  const most = Math.max(...counts);
  const found = most > 0 ? SHAPES[counts.indexOf(most)] : undefined;
  if (found) return found;
  const fields = [...new Set(records.flatMap((record) => Object.keys(record)))].slice(0, 12);
  const expected = SHAPES.map((shape) => SHAPE_NAMES[shape]).join("; ");
  return fail(
    "BAD_DATA",
    `${where}: got records with the fields ${JSON.stringify(fields.join(", "))}, expected one of: ${expected}. Try to rename fields`,
  );
}

/** A record of a known shape as an example. Throws BAD_DATA with the key at fault, without the place. */
export function exampleOf(record: JsonObject, shape: Shape, at: string): Example {
  const missing = KEYS[shape].find((key) => !has(record, key));
  if (missing !== undefined) {
    const other = shapesOf(record)[0];
    const got = other ? `a record of the shape ${SHAPE_NAMES[other]}` : "another shape";
    return fail("BAD_DATA", `"${missing}" is missing: got ${got}, expected ${SHAPE_NAMES[shape]} as before`);
  }
  return BUILDERS[shape](record, at);
}

const BUILDERS: Readonly<Record<Shape, (record: JsonObject, at: string) => Example>> = {
  text: (record, at) => ({ kind: "text", at, text: filled(textAt(record, "text"), "text") }),
  messages: (record, at) => ({ kind: "chat", at, messages: messagesAt(record, "messages"), ...extras(record) }),
  conversations: (record, at) => ({ kind: "chat", at, messages: conversation(record), ...extras(record) }),
  alpaca: (record, at) => ({ kind: "chat", at, messages: alpaca(record), ...extras(record) }),
  completion: (record, at) => ({ kind: "completion", at, ...answered(record), ...extras(record) }),
  labelled: (record, at) => ({
    kind: "labelled",
    at,
    ...answered(record),
    label: labelAt(record, "label"),
    ...extras(record),
  }),
  preference,
  prompt: (record, at) => ({
    kind: "prompt",
    at,
    prompt: asked(contentAt(record, "prompt")),
    record,
    ...extras(record),
  }),
};

/** A prompt without the answers behind it. */
function asked(prompt: Content): Content {
  if (typeof prompt === "string") return filled(prompt, "prompt");
  return filled(prompt.slice(0, prompt.findLastIndex(({ role }) => role !== "assistant") + 1), "prompt");
}

function extras(record: JsonObject): { tools?: readonly object[]; variables?: JsonObject } {
  const [tools, variables] = [toolsAt(record), variablesAt(record)];
  return { ...(tools && { tools }), ...(variables && { variables }) };
}

/** One exchange; an input belongs to the instruction, a blank line behind it. */
function alpaca(record: JsonObject): ChatMessage[] {
  const [system, input] = [optionalText(record, "system"), optionalText(record, "input")];
  const instruction = textAt(record, "instruction");
  return [
    ...(system === "" ? [] : [{ role: "system", content: system }]),
    { role: "user", content: [instruction, input].filter((part) => part !== "").join("\n\n") },
    { role: "assistant", content: filled(textAt(record, "output"), "output") },
  ];
}

function answered(record: JsonObject): { prompt: Content; completion: Content } {
  const [prompt, completion] = [contentAt(record, "prompt"), contentAt(record, "completion")];
  return sameKind({ prompt, completion: filled(completion, "completion") });
}

function preference(record: JsonObject, at: string): Example {
  const chosen = filled(contentAt(record, "chosen"), "chosen");
  const rejected = filled(contentAt(record, "rejected"), "rejected");
  const prompt = has(record, "prompt") ? contentAt(record, "prompt") : undefined;
  const parts = prompt === undefined ? implicit(chosen, rejected) : explicit(prompt, chosen, rejected);
  if (same(parts.chosen, parts.rejected)) fail("BAD_DATA", '"chosen" and "rejected" are the same');
  return { kind: "preference", at, ...sameKind(parts), ...extras(record) };
}

interface Parts {
  readonly prompt: Content;
  readonly chosen: Content;
  readonly rejected: Content;
}

/** Where both answers begin with the prompt's turns (UltraFeedback), they stand there once. A text prompt of such is its user's turn. */
function explicit(prompt: Content, chosen: Content, rejected: Content): Parts {
  if (typeof chosen === "string" || typeof rejected === "string") return { prompt, chosen, rejected };
  const turns: readonly ChatMessage[] = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  const repeated = [chosen, rejected].every((answer) => same(answer.slice(0, turns.length), turns));
  if (repeated) return { prompt: turns, chosen: chosen.slice(turns.length), rejected: rejected.slice(turns.length) };
  if (typeof prompt !== "string") return { prompt, chosen, rejected };
  // A text beside whole chats, with a system message before it perhaps: what the chats share is the prompt.
  const shared = implicit(chosen, rejected);
  return shared.prompt.length > 0 ? shared : { prompt: turns, chosen, rejected };
}

/** What both answers begin with is the prompt: whole turns, or the text, less a space at its end. */
function implicit(chosen: Content, rejected: Content): Parts {
  if (typeof chosen === "string" && typeof rejected === "string") {
    let length = 0;
    while (length < chosen.length && chosen[length] === rejected[length]) length++;
    // As in TRL's extract_prompt: a space before the difference belongs to the answers, and neither is left empty.
    if (length === Math.min(chosen.length, rejected.length)) length--;
    else if (chosen[length - 1] === " ") length--;
    const split = chosen.slice(0, length);
    return { prompt: split, chosen: chosen.slice(length), rejected: rejected.slice(length) };
  }
  if (typeof chosen === "string" || typeof rejected === "string")
    return fail("BAD_DATA", '"rejected" and "chosen" are a text and a list, expected two of a kind');
  let length = 0;
  while (length < Math.min(chosen.length, rejected.length) && same(chosen[length], rejected[length])) length++;
  if (length === Math.min(chosen.length, rejected.length) && length > 0) length--;
  return { prompt: chosen.slice(0, length), chosen: chosen.slice(length), rejected: rejected.slice(length) };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function filled<C extends Content>(content: C, key: string): C {
  if (content.length === 0) fail("BAD_DATA", `"${key}" is empty, expected something to learn`);
  return content;
}

function sameKind<P extends { readonly [K in keyof P]: Content }>(parts: P): P {
  const [first, ...rest] = Object.entries<Content>(parts);
  for (const [key, content] of rest)
    if ((typeof content === "string") !== (typeof first![1] === "string"))
      fail(
        "BAD_DATA",
        `"${key}" is ${kindName(content)}, "${first![0]}" is ${kindName(first![1])}, expected two of a kind`,
      );
  for (const [key, content] of rest)
    if (content.length === 0) fail("BAD_DATA", `"${key}" is empty, expected something to learn`);
  return parts;
}

function kindName(content: Content): string {
  return typeof content === "string" ? "a text" : "a list of messages";
}
