/** Asks a person for text, line by line, and hears Ctrl-C meanwhile. Knows no chat. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** What a person types, and its end. */
export interface Prompter {
  /** What is typed next; several lines where they were pasted at once. Undefined at the end of input. */
  ask(prompt: string): Promise<string | undefined>;
  /** Called at each Ctrl-C, from now on. */
  onInterrupt(listener: () => void): void;
  /** Gives the terminal back. */
  close(): void;
}

/** The streams of a terminal, or of pipes. */
export interface PrompterStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/**
 * A prompter with line editing and the lines of before under the arrow keys. What is typed while nobody asks is not shown, and is the next
 * answer.
 */
export function createPrompter({ stdin, stdout }: PrompterStreams): Prompter {
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
  let isAsking = false;
  const output = new Writable({
    write(piece: Buffer, _, done) {
      if (isAsking) stdout.write(piece);
      done();
    },
  });
  Object.defineProperties(output, { columns: { get: () => stdout.columns }, rows: { get: () => stdout.rows } });
  const lines = createInterface({
    input: stdin,
    output,
    terminal: isTerminal,
    historySize: 500,
    removeHistoryDuplicates: true,
  });
  const typed: string[] = [];
  let burst: string[] = [];
  let isClosed = false;
  let wake: (() => void) | undefined;
  const ready = () => {
    wake?.();
    wake = undefined;
  };
  lines.on("line", (line) => {
    burst.push(line);
    if (burst.length > 1 && isTerminal) return;
    // Lines of one piece of input were pasted together.
    const settle = () => {
      typed.push(...(isTerminal ? [burst.join("\n")] : burst));
      burst = [];
      ready();
    };
    if (isTerminal) setImmediate(settle);
    else settle();
  });
  lines.on("close", () => {
    isClosed = true;
    ready();
  });
  return {
    async ask(prompt) {
      isAsking = true;
      if (isTerminal) {
        lines.setPrompt(prompt);
        lines.prompt(true);
      }
      while (typed.length === 0 && !isClosed)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      isAsking = false;
      return typed.shift();
    },
    onInterrupt(listener) {
      lines.on("SIGINT", () => {
        // What was typed so far is let go, as in a shell.
        if (isAsking) lines.write(null, { ctrl: true, name: "u" });
        listener();
        if (isAsking && !isClosed) lines.prompt();
      });
    },
    close: () => lines.close(),
  };
}
