/** The chats of tests/golden/tokenizer/chats.json, rendered by ownlm. */
import { readFileSync } from "node:fs";
import { OwnlmError } from "../../src/base/errors.ts";
import type { ChatMessage } from "../../src/tokenizer/chat-messages.ts";
import { type ChatInput, chatTemplate } from "../../src/tokenizer/chat-template.ts";
import { golden } from "../helpers/paths.ts";

/** An input as transformers names it. */
export interface PythonInput {
  readonly messages: ChatMessage[];
  readonly tools?: object[] | null;
  readonly documents?: object[];
  readonly add_generation_prompt?: boolean;
  readonly continue_final_message?: boolean | string;
  readonly variables?: Record<string, unknown>;
}

/** A text, or that there was an error. */
export type Outcome = string | { readonly error: string };

export interface Chats {
  readonly inputs: PythonInput[];
  readonly templates: Record<string, string>;
  readonly hashes: Record<string, Outcome[]>;
  readonly snippets: [source: string, outcome: Outcome][];
  readonly shared: Record<string, Outcome[]>;
}

export const chats = JSON.parse(readFileSync(golden("tokenizer", "chats.json"), "utf8")) as Chats;

/** The moment of the golden values, in local time. */
export const moment = new Date(2024, 1, 9, 8, 5, 7);

export function chatInput(given: PythonInput): ChatInput {
  return {
    messages: given.messages,
    tools: given.tools ?? undefined,
    documents: given.documents,
    addGenerationPrompt: given.add_generation_prompt,
    continueFinalMessage: given.continue_final_message,
    variables: { bos_token: "<s>", eos_token: "</s>", ...given.variables },
    now: moment,
  };
}

/** What ownlm makes of it: a text, or the code of the error. Errors that are not typed are thrown on. */
export function renderOurs(source: string, given: PythonInput): Outcome {
  try {
    return chatTemplate(source, "test").render(chatInput(given));
  } catch (error) {
    if (!(error instanceof OwnlmError) || (error.code !== "BAD_CHAT" && error.code !== "UNSUPPORTED")) throw error;
    return { error: error.code };
  }
}
