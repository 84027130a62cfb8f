/** What a record means for fine-tuning, whatever shape it came in. Knows no tokens. */
import type { JsonObject } from "../base/json.ts";
import type { ChatMessage } from "../tokenizer/chat-messages.ts";

/** A text, or turns of a chat. */
export type Content = string | readonly ChatMessage[];

interface Common {
  /** Where it was read, for messages: `chats.jsonl: line 12`. */
  readonly at: string;
}

interface Chatting extends Common {
  /** JSON schemas of functions, for the chat template. */
  readonly tools?: readonly object[];
  /** More variables for the chat template. */
  readonly variables?: { readonly [name: string]: unknown };
}

/** A text to learn as a whole. */
export interface TextExample extends Common {
  readonly kind: "text";
  readonly text: string;
}

/** A chat, of which the assistant's turns are learnt. */
export interface ChatExample extends Chatting {
  readonly kind: "chat";
  readonly messages: readonly ChatMessage[];
}

/** A prompt and what comes behind it; both are texts, or both are turns. */
export interface CompletionExample extends Chatting {
  readonly kind: "completion";
  readonly prompt: Content;
  readonly completion: Content;
}

/** A prompt and two answers, of which the first is better. All three are texts, or all are turns. */
export interface PreferenceExample extends Chatting {
  readonly kind: "preference";
  readonly prompt: Content;
  readonly chosen: Content;
  readonly rejected: Content;
}

/** A prompt and an answer that is good, or is not. */
export interface LabelledExample extends Chatting {
  readonly kind: "labelled";
  readonly prompt: Content;
  readonly completion: Content;
  readonly label: boolean;
}

/** A prompt whose answers a model is to write. */
export interface PromptExample extends Chatting {
  readonly kind: "prompt";
  readonly prompt: Content;
  /** All that was read, for whoever scores the answers. */
  readonly record: JsonObject;
}

/** What supervised fine-tuning learns from. */
export type SftExample = TextExample | ChatExample | CompletionExample;

/** Any of them. */
export type Example = SftExample | PreferenceExample | LabelledExample | PromptExample;

/** The shapes of records that are recognised. */
export const SHAPES = [
  ...(["preference", "labelled", "messages", "conversations", "alpaca", "completion", "text"] as const),
  "prompt",
] as const;

/** One of them. */
export type Shape = (typeof SHAPES)[number];
