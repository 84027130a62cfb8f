/** A chat with a model: its turns, and what becomes of them when they outgrow the context. Knows no terminal. */
import { fail, OwnlmError } from "../base/errors.ts";
import type { GivenOptions } from "../base/options.ts";
import type { GENERATE_OPTIONS } from "../generate/options.ts";
import type { Backend, Ending } from "../serve/backend.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";

/** A turn. */
export interface Turn extends ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** An answer as far as it came. */
export interface Answered {
  readonly text: string;
  readonly finishReason: Ending["finishReason"] | "abort";
  readonly completionTokens: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** A chat in memory. */
export interface Conversation {
  readonly turns: readonly Turn[];
  /** Asks, and shows the answer as it comes. A stopped answer is kept as far as it came; where the turns outgrow the context the oldest are forgotten. */
  ask(text: string, signal: AbortSignal, show: (piece: string) => void): Promise<Answered>;
  /** Takes the last question and its answer back; gives the question. */
  takeBack(): string | undefined;
  /** Begins anew, with another word before all or the same. */
  clear(system?: string): void;
}

/** How a conversation goes. */
export interface ConversationOptions {
  readonly system?: string | undefined;
  readonly options: GivenOptions<typeof GENERATE_OPTIONS>;
  /** Told how many turns were forgotten. */
  readonly onForget: (turns: number) => void;
}

/** A conversation with a model. */
export function createConversation(backend: Backend, { system, options, onForget }: ConversationOptions): Conversation {
  let first = system;
  let turns: Turn[] = [];
  const messages = (): Turn[] => [
    ...(first === undefined ? [] : [{ role: "system", content: first } as const]),
    ...turns,
  ];
  const begin = async (signal: AbortSignal) => {
    for (;;)
      try {
        return await backend.generate({ prompt: { chat: { messages: messages() } }, options, client: "" }, signal);
      } catch (error) {
        const isFull = error instanceof OwnlmError && error.code === "CONTEXT_OVERFLOW";
        if (!isFull || turns.length < 3) throw error;
        turns = turns.slice(2);
        onForget(2);
      }
  };
  return {
    get turns() {
      return messages();
    },
    async ask(content, signal, show) {
      const before = turns;
      turns = [...turns, { role: "user", content }];
      let text = "";
      try {
        const { pieces, promptTokens } = await begin(signal);
        const { ending, tokens } = await collected(pieces, signal, (piece) => {
          text += piece;
          show(piece);
        });
        const { finishReason = "abort", completionTokens = tokens, cachedTokens = 0 } = ending ?? {};
        turns = [...turns, { role: "assistant", content: text }];
        return { text, finishReason, completionTokens, promptTokens, cachedTokens };
      } catch (error) {
        turns = before;
        throw error;
      }
    },
    takeBack() {
      const at = turns.findLastIndex(({ role }) => role === "user");
      const question = turns[at]?.content;
      if (at >= 0) turns = turns.slice(0, at);
      return question;
    },
    clear(again = first) {
      first = again;
      turns = [];
    },
  };
}

/** Reads an answer to its end, or until it is stopped: then there is no ending. */
async function collected(
  pieces: Awaited<ReturnType<Backend["generate"]>>["pieces"],
  signal: AbortSignal,
  show: (piece: string) => void,
): Promise<{ readonly ending?: Ending; readonly tokens: number }> {
  let tokens = 0;
  try {
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return { ending: value, tokens };
      tokens += value.ids.length;
      show(value.text);
    }
  } catch (error) {
    if (signal.aborted && error instanceof OwnlmError && error.code === "ABORTED") return { tokens };
    throw error;
  }
}

/** Throws BAD_CHAT where a model has no chat template. */
export async function checkChats(backend: Backend, model: string): Promise<void> {
  const { chatTemplate } = await backend.facts();
  if (chatTemplate === undefined)
    fail(
      "BAD_CHAT",
      `${model}: has no chat template, so it was not tuned for chats. Try ownlm generate, or ownlm tune to make a chat of it.`,
    );
}
