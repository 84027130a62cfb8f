/** An assistant's answer as it comes: text, and calls of functions told from it. Knows no stream. */
import { type Call, createToolReader, type Part, readCalls, type ToolFormat } from "./tool-format.ts";
import type { ToolUse } from "./tools.ts";

/** A call on the wire. */
export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: Call;
}

/** A part of an answer. */
export type Delta = { readonly content: string } | { readonly call: ToolCall; readonly index: number };

/** An answer in the making. */
export interface Answer {
  push(text: string): Delta[];
  /** What was held back, when no more is coming. */
  end(): Delta[];
  readonly calls: number;
}

/** An answer of a chat with these tools, or with none. */
export function createAnswer(use: ToolUse | undefined): Answer {
  let calls = 0;
  const reader =
    use &&
    (use.forced
      ? forcedReader()
      : createToolReader(
          use.format,
          use.tools.map(({ name }) => name),
        ));
  const deltas = (parts: readonly Part[]): Delta[] =>
    parts.flatMap((part): Delta[] => {
      if ("content" in part) return [part];
      if (use?.isSingle && calls > 0) return [];
      return [{ call: { id: newCallId(use!.format), type: "function", function: part.call }, index: calls++ }];
    });
  return {
    push: (text) => (reader ? deltas(reader.push(text)) : text === "" ? [] : [{ content: text }]),
    end: () => (reader ? deltas(reader.end()) : []),
    get calls() {
      return calls;
    },
  };
}

/** The answer is one call and nothing else, and begins behind the mark. */
function forcedReader() {
  let held = "";
  return {
    push(text: string): Part[] {
      held += text;
      return [];
    },
    end(): Part[] {
      const calls = readCalls(held);
      // One that was cut off is shown as it is.
      return calls ? calls.map((call) => ({ call })) : held === "" ? [] : [{ content: held }];
    },
  };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Mistral's templates take ids of nine letters and digits only. */
function newCallId(format: ToolFormat): string {
  const length = format === "mistral" ? 9 : 24;
  const random = crypto.getRandomValues(new Uint8Array(length));
  const id = [...random].map((byte) => LETTERS[byte % LETTERS.length]).join("");
  return format === "mistral" ? id : `call_${id}`;
}
