/** A world for verbs in tests: what they write is kept, what they read is given. */

import { runCommand, type World } from "../../src/cli/run.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { host as nodeHost } from "../../src/host/node.ts";
import type { Host } from "../../src/host/types.ts";

/** What a test gives. */
export interface WorldOptions {
  readonly stdin?: string | Uint8Array;
  /** A terminal of so many columns. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly host?: Host;
  /** Called with every piece of stdout. */
  readonly onOutput?: (text: string) => void;
}

/** What came of a command line. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON. */
  json(): Record<string, unknown>;
}

/** Runs a command line in this process. */
export async function ownlm(args: readonly string[], options: WorldOptions = {}): Promise<Outcome> {
  const { stdin = "", columns, env = { LANG: "C.UTF-8" }, signal = new AbortController().signal, onOutput } = options;
  const { host = nodeHost } = options;
  const written = { stdout: "", stderr: "" };
  const terminal = columns === undefined ? {} : { isTTY: true, columns, rows: 40 };
  const world: World = {
    stdout: {
      ...terminal,
      write(text) {
        written.stdout += text;
        onOutput?.(text);
      },
    },
    stderr: {
      write(text) {
        written.stderr += text;
      },
    },
    env,
    platform: "linux",
    host,
    signal,
    readerGone: () => false,
    stdinIsTerminal: false,
    openPrompter() {
      const lines = (typeof stdin === "string" ? stdin : new TextDecoder().decode(stdin)).split("\n");
      if (lines.at(-1) === "") lines.pop();
      return { ask: async () => lines.shift(), onInterrupt() {}, close() {} };
    },
    readStdin: async () => (typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin),
  };
  const status = await runCommand(args, VERBS, "0.0.0", world);
  return { status, ...written, json: () => JSON.parse(written.stdout) };
}
