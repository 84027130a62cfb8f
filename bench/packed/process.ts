/** Starts a program that is measured, asks it for times, and looks at its memory from outside. Knows nothing of models. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** How a program is started. */
export interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Bytes, as /proc/PID/status has them. */
export interface Memory {
  readonly resident: number;
  readonly anonymous: number;
  readonly file: number;
  readonly peak: number;
}

/** A program that has answered its first prompt. */
export interface Running {
  /** From its start to its first token. */
  readonly startSeconds: number;
  /** Seconds of `decode DEPTH NEW` or `prefill TOKENS`. */
  ask(command: string): Promise<number>;
  /** Undefined where there is no /proc. */
  memory(): Memory | undefined;
  /** Bytes, those shared with other processes divided among them; undefined where there is no /proc. */
  proportional(): number | undefined;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/** Starts a program and waits until it is ready. Throws what it wrote to stderr when it ends before. */
export async function start({ file, arguments: args, environment = {} }: Command): Promise<Running> {
  const began = performance.now();
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...environment } });
  const { answer, ended } = listen(child, file);
  await answer();
  const startSeconds = (performance.now() - began) / 1000;
  const proc = (name: string) => {
    const path = `/proc/${child.pid}/${name}`;
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  };
  return {
    startSeconds,
    async ask(command) {
      child.stdin.write(`${command}\n`);
      return Number((await answer()).seconds);
    },
    memory: () => memoryOf(proc("status")),
    proportional: () => kilobytes(proc("smaps_rollup"), "Pss"),
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Its answers one by one: lines of JSON; others are somebody's notices. */
function listen(child: ChildProcess, file: string) {
  let complaints = "";
  let failure: Error | undefined;
  const lines: string[] = [];
  let wake = () => {};
  child.stderr!.on("data", (data) => {
    complaints = `${complaints}${data}`.slice(-2000);
  });
  child.stdin!.on("error", () => {});
  createInterface({ input: child.stdout! }).on("line", (line) => {
    if (line.startsWith("{")) lines.push(line);
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    const end = (reason: string) => {
      failure = new Error(`${file}: ${reason}. ${complaints.trim()}`);
      resolve();
      wake();
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => end(`ended with ${signal ?? code}`));
  });
  const answer = async (): Promise<Readonly<Record<string, unknown>>> => {
    while (lines.length === 0) {
      if (failure) throw failure;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return JSON.parse(lines.shift()!) as Readonly<Record<string, unknown>>;
  };
  return { answer, ended };
}

function memoryOf(status: string | undefined): Memory | undefined {
  const [resident, anonymous, file, peak] = ["VmRSS", "RssAnon", "RssFile", "VmHWM"].map((key) =>
    kilobytes(status, key),
  );
  if (resident === undefined) return undefined;
  return { resident, anonymous: anonymous ?? 0, file: file ?? 0, peak: peak ?? resident };
}

function kilobytes(text: string | undefined, key: string): number | undefined {
  const found = text && new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text);
  return found ? 1024 * Number(found[1]) : undefined;
}
