/** Chat templates: messages to the text a model was trained on, as transformers' `apply_chat_template`. Knows no ids. */
import { fail } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { type ChatMessage, type InputSize, preparedMessages, REASONING, templateValue } from "./chat-messages.ts";
import { compile, type Rendered } from "./jinja/run.ts";
import { stripEnd, stripStart } from "./jinja/text.ts";
import type { Value } from "./jinja/values.ts";
import { describe } from "./json-fields.ts";

/** What is rendered. */
export interface ChatInput {
  readonly messages: readonly ChatMessage[];
  /** JSON schemas of functions. */
  readonly tools?: readonly object[] | undefined;
  readonly documents?: readonly object[] | undefined;
  /** End with the head of an assistant's turn. Default false. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Leave the last message open, so that the model goes on with it: true, or the name of the field to go on with. */
  readonly continueFinalMessage?: boolean | string | undefined;
  /** More variables: `bos_token` and other tokens, `enable_thinking`, and what else a template knows. */
  readonly variables?: JsonObject | undefined;
  /** The date of `strftime_now`, shown in local time. A template that asks for it is refused where there is none. */
  readonly now?: Date | undefined;
}

/** A text, and which stretches of it the assistant wrote, in UTF-16 units from start to past the end. */
export interface MaskedChat {
  readonly text: string;
  readonly spans: readonly (readonly [start: number, end: number])[];
}

/** A template that is parsed. Immutable; safe to share. */
export interface ChatTemplate {
  readonly source: string;
  /** Whether it marks the assistant's words with `{% generation %}`. */
  readonly hasGeneration: boolean;
  /** The text written in the template itself, from which added tokens are told that only it may write. */
  readonly literals: readonly string[];
  /** Throws BAD_CHAT with what the template or the input has against it, UNSUPPORTED naming a construct. */
  render(input: ChatInput): string;
  /**
   * {@link render}, and the assistant's stretches: what `{% generation %}` encloses; in a template without it, what each
   * assistant message adds behind the prompt for it. Throws BAD_CHAT where earlier text depends on later messages.
   */
  renderWithMask(input: ChatInput): MaskedChat;
  /**
   * {@link render}, and the stretch behind the first `count` messages and the head of the turn that follows them. Throws
   * BAD_CHAT where the text up to there depends on later messages.
   */
  renderBehind(input: ChatInput, count: number): MaskedChat;
}

/** No published template has a tenth of it. */
const MOST_SOURCE_CHARS = 2 ** 18;

const CONTINUE_TAG = "CONTINUE_FINAL_MESSAGE_TAG ";

/**
 * Parses a chat template in Jinja, in the dialect that transformers sets up: trim_blocks, lstrip_blocks, loop controls,
 * `{% generation %}`, `tojson` without HTML escapes, `raise_exception`, `strftime_now`. Each rendering has a limit of steps and
 * characters that grows with the input. `where` names the template in messages. Throws BAD_CHAT or UNSUPPORTED.
 */
export function chatTemplate(source: unknown, where: string): ChatTemplate {
  if (typeof source !== "string") return fail("BAD_CHAT", `${where}: got ${describe(source)}, expected a template`);
  if (source.length > MOST_SOURCE_CHARS)
    fail("BAD_CHAT", `${where}: got ${source.length} characters, expected at most ${MOST_SOURCE_CHARS}`);
  const program = compile(source, where);

  const run = (messages: readonly JsonObject[], input: ChatInput): Rendered => {
    const size: InputSize = { values: 0, chars: 0 };
    const value = (given: unknown, at: string) => templateValue(given ?? null, `${where}: ${at}`, size);
    const variables = new Map<string, Value>();
    for (const [name, given] of Object.entries(input.variables ?? {}))
      if (given !== undefined) variables.set(name, value(given, name));
    variables.set("messages", value(messages, "messages"));
    variables.set("tools", value(input.tools, "tools"));
    variables.set("documents", value(input.documents, "documents"));
    variables.set("add_generation_prompt", input.addGenerationPrompt ?? false);
    const limits = { steps: 250_000 + 500 * size.values, chars: 2_000_000 + 64 * size.chars };
    return program.run({ variables, limits, now: () => input.now ?? noDate() });
  };
  const template: ChatTemplate = {
    source,
    hasGeneration: program.hasGeneration,
    literals: program.literals,
    render(input) {
      checkLists(input, where);
      const messages = preparedMessages(input.messages, where);
      if (!input.continueFinalMessage) return run(messages, input).text;
      if (input.addGenerationPrompt)
        fail("BAD_OPTION", "continueFinalMessage: got it with addGenerationPrompt, expected one of them");
      return continued(messages, input, source, where, (tagged) => run(tagged, input).text);
    },
    renderWithMask(input) {
      checkLists(input, where);
      if (input.continueFinalMessage) fail("BAD_OPTION", "continueFinalMessage: a mask cannot be made with it");
      const messages = preparedMessages(input.messages, where);
      const whole = run(messages, input);
      if (!program.hasGeneration)
        return {
          text: whole.text,
          spans: prefixSpans(
            messages,
            whole.text,
            where,
            (some, addGenerationPrompt) => run(some, { ...input, addGenerationPrompt }).text,
          ),
        };
      if (whole.hiddenGeneration)
        fail("UNSUPPORTED", `${where}: a generation tag in a macro or a block set to a variable`);
      return { text: whole.text, spans: whole.spans.filter(([start, end]) => end > start) };
    },
    renderBehind(input, count) {
      checkLists(input, where);
      const messages = preparedMessages(input.messages, where);
      const text = run(messages, input).text;
      if (count === 0) return { text, spans: [[0, text.length]] };
      const prefix = (addGenerationPrompt: boolean) =>
        run(messages.slice(0, count), { ...input, addGenerationPrompt }).text;
      const start = commonLength(prefix(messages[count - 1]?.role !== "assistant"), text);
      if (start < prefix(false).length) dependsOnLater(where, count);
      return { text, spans: [[start, text.length]] };
    },
  };
  return template;
}

function noDate(): never {
  return fail("BAD_CHAT", "the template asks for the date with strftime_now, and no `now` was given");
}

function checkLists(input: ChatInput, where: string): void {
  for (const key of ["tools", "documents"] as const) {
    const given: unknown = input[key];
    if (given === undefined || given === null) continue;
    if (!Array.isArray(given) || given.some((item) => typeof item !== "object" || item === null || Array.isArray(item)))
      fail("BAD_CHAT", `${where}: ${key}: got ${describe(given)}, expected a list of objects`);
  }
}

/** Renders with a tag behind the last message's text, and cuts there. */
function continued(
  messages: readonly JsonObject[],
  { continueFinalMessage }: ChatInput,
  source: string,
  where: string,
  render: (messages: readonly JsonObject[]) => string,
): string {
  const field = typeof continueFinalMessage === "string" ? continueFinalMessage : "content";
  const last = messages.at(-1)!;
  const value = last[field];
  const bad = (what: string) => fail("BAD_CHAT", `${where}: continueFinalMessage: ${what}`);
  if (value === undefined || value === null) return bad(`the last message has no ${describe(field)}`);
  const same: readonly string[] = REASONING;
  const fields = same.includes(field) ? same.filter((name) => last[name] === value) : [field];
  if (!fields.some((name) => source.includes(name))) return bad(`the template does not read ${describe(field)}`);
  const [text, tagged] = Array.isArray(value)
    ? taggedParts(value, bad)
    : [String(value), `${String(value)}${CONTINUE_TAG}`];
  const changed = { ...last, ...Object.fromEntries(fields.map((name) => [name, tagged])) };
  const rendered = render([...messages.slice(0, -1), changed]);
  const strip = (some: string) => stripEnd(stripStart(some));
  const at = rendered.lastIndexOf(strip(CONTINUE_TAG));
  if (at < 0 || !rendered.includes(strip(text))) return bad("the last message is not whole in what the template makes");
  const head = rendered.slice(0, at);
  return rendered.startsWith(CONTINUE_TAG, at) ? head : stripEnd(head);
}

/** The last text among a message's parts, and the parts with the tag behind it. */
function taggedParts(parts: readonly unknown[], bad: (what: string) => never): [string, unknown[]] {
  const at = parts.findLastIndex((part) => typeof (part as { text?: unknown } | null)?.text === "string");
  if (at < 0) return bad("the last message has no text");
  const part = parts[at] as { text: string };
  return [part.text, parts.with(at, { ...part, text: part.text + CONTINUE_TAG })];
}

/** From past the prompt for each assistant message to past what it adds, where the text up to there stays as it is. */
function prefixSpans(
  messages: readonly JsonObject[],
  whole: string,
  where: string,
  render: (messages: readonly JsonObject[], addGenerationPrompt: boolean) => string,
): [number, number][] {
  const spans: [number, number][] = [];
  messages.forEach(({ role }, i) => {
    if (role !== "assistant") return;
    const before = i === 0 ? "" : render(messages.slice(0, i), false);
    const prompt = i === 0 ? "" : render(messages.slice(0, i), true);
    const after =
      i + 1 === messages.length && whole.length > 0 ? render(messages, false) : render(messages.slice(0, i + 1), false);
    const start = commonLength(prompt, whole);
    if (start < before.length || !whole.startsWith(after) || after.length < start) dependsOnLater(where, i);
    spans.push([start, after.length]);
  });
  return spans;
}

function dependsOnLater(where: string, i: number): never {
  return fail(
    "BAD_CHAT",
    `${where}: messages[${i}]: the text up to it depends on later messages, so what the assistant wrote is not told apart. A template with {% generation %} tells it.`,
  );
}

function commonLength(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
