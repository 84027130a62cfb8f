/** What a chat template puts around each role's words, found by rendering it and checked the same way. Knows no template by name. */
import { OwnlmError } from "../base/errors.ts";
import type { ChatMessage } from "./chat-messages.ts";

/** Text before and after what a role says. */
export type Around = readonly [before: string, after: string];

/** A template as texts around the words of three roles. */
export interface ChatParts {
  /** What begins a conversation without a system message. */
  readonly preamble: string;
  readonly user: Around;
  readonly assistant: Around;
  /** Around a system message; a text that stands between it and the first user's words in that turn; or neither is known. */
  readonly system: Around | { readonly inUser: string } | undefined;
  /** The head of the turn that the model is to fill. */
  readonly generation: string;
}

/** Words that no template has of its own. */
const [SYSTEM, USER, ANSWER, AGAIN] = ["Xsystemx", "Xuserx", "Xanswerx", "Xagainx"] as const;

const said = (role: string, content: string): ChatMessage => ({ role, content });

/** Renders a conversation, with the head of the next turn where that is asked for. Throws what templates throw. */
export type RenderChat = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string;

/**
 * The parts of a template, or undefined where it is more than texts around roles: where conversations put together from
 * the parts are not what it renders. `bos` is left out at the beginning, since who reads a text adds it; `eos` is what some
 * templates put behind a conversation that nobody goes on with.
 */
export function chatParts(rendered: RenderChat, bos: string, eos: string): ChatParts | undefined {
  const render: Render = (messages, addGenerationPrompt = false) => {
    try {
      const text = rendered(messages, addGenerationPrompt);
      return bos !== "" && text.startsWith(bos) ? text.slice(bos.length) : text;
    } catch (error) {
      if (error instanceof OwnlmError) return undefined;
      throw error;
    }
  };
  const fits = (parts: ChatParts) =>
    conversations(parts.system !== undefined).every((each) => render(each, true) === written(parts, each));
  return [found(render, ""), found(render, eos)].find((parts) => parts !== undefined && fits(parts));
}

type Render = (messages: readonly ChatMessage[], addGenerationPrompt?: boolean) => string | undefined;

function found(render: Render, ending: string): ChatParts | undefined {
  const user = said("user", USER);
  const ended = (messages: readonly ChatMessage[]) => {
    const text = render(messages);
    return text === undefined ? undefined : without(text, ending, "end");
  };
  const alone = ended([user]);
  const asked = render([user], true);
  const two = ended([user, said("assistant", ANSWER)]);
  const three = render([user, said("assistant", ANSWER), said("user", AGAIN)]);
  if (alone === undefined || two === undefined || three === undefined || !asked?.startsWith(alone)) return undefined;
  const [before, userAfter] = cut(alone, USER);
  const [, answerAfter] = cut(two, ANSWER);
  const assistantBefore = without(between(three, USER, ANSWER), userAfter, "start");
  const userBefore = without(between(three, ANSWER, AGAIN), answerAfter, "start");
  const preamble = userBefore === undefined ? undefined : without(before, userBefore, "end");
  if (assistantBefore === undefined || userBefore === undefined || preamble === undefined) return undefined;
  return {
    preamble,
    user: [userBefore, userAfter],
    assistant: [assistantBefore, answerAfter],
    system: systemOf(render([said("system", SYSTEM), user]), userBefore),
    generation: asked.slice(alone.length),
  };
}

function systemOf(text: string | undefined, userBefore: string): ChatParts["system"] {
  if (text === undefined || !text.includes(SYSTEM)) return undefined;
  const [before] = cut(text, SYSTEM);
  const glue = between(text, SYSTEM, USER);
  const after = without(glue, userBefore, "end");
  if (after !== undefined) return [before, after];
  return before === userBefore ? { inUser: glue } : undefined;
}

const cut = (text: string, word: string): [string, string] => {
  const at = text.indexOf(word);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + word.length)];
};

const between = (text: string, from: string, to: string): string => cut(cut(text, from)[1], to)[0];

/** A text without a part at its start or end; undefined where it has another. */
function without(text: string, part: string, side: "start" | "end"): string | undefined {
  if (side === "start") return text.startsWith(part) ? text.slice(part.length) : undefined;
  return text.endsWith(part) ? text.slice(0, text.length - part.length) : undefined;
}

/** Conversations of several lengths, with a system message where there may be one. */
function conversations(hasSystem: boolean): readonly (readonly ChatMessage[])[] {
  const turns = ["Hi", "Hello. How are you?", "Fine\n\nand you?", "Well,\n  thanks.", "2 < 3"].map((text, i) =>
    said(i % 2 === 0 ? "user" : "assistant", text),
  );
  const plain = [1, 3, 5].map((count) => turns.slice(0, count));
  return hasSystem ? [...plain, ...plain.map((each) => [said("system", "Be brief."), ...each])] : plain;
}

/** A conversation put together from parts, with the head of the next turn. */
function written(
  { preamble, user, assistant, system, generation }: ChatParts,
  messages: readonly ChatMessage[],
): string {
  const first = messages[0]!;
  const hasSystem = first.role === "system";
  let text = hasSystem ? "" : preamble;
  for (const [i, { role, content }] of messages.entries()) {
    if (role === "system") {
      if (Array.isArray(system)) text += `${system[0]}${content}${system[1]}`;
      continue;
    }
    const [before, after] = role === "user" ? user : assistant;
    const inUser = hasSystem && i === 1 && system && "inUser" in system ? `${first.content}${system.inUser}` : "";
    text += `${before}${inUser}${content}${after}`;
  }
  return text + generation;
}
