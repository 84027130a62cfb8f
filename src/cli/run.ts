/** Runs a command line against a given world: help, errors, exit statuses. Knows no verb by name. */
import { messageOf, OwnlmError } from "../base/errors.ts";
import { readCommand } from "./args.ts";
import { generalHelp, verbHelp } from "./help.ts";
import { visibleText } from "./text.ts";
import type { Io, Verb } from "./verb.ts";

/** Exit statuses: done, failed, typed wrongly, stopped by Ctrl-C (128 + SIGINT). */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What {@link runCommand} needs besides the verbs; `machine` is decided by the command line. */
export interface World extends Omit<Io, "machine" | "json" | "print" | "warn"> {
  /** True when nobody reads the output any more. */
  readerGone(): boolean;
}

/**
 * Runs a command line and returns the exit status. Errors become one or two lines on stderr, or one JSON object on
 * stdout with `--json`. Never throws.
 */
export async function runCommand(
  args: readonly string[],
  verbs: readonly Verb[],
  version: string,
  world: World,
): Promise<number> {
  const io = ioOf(world, args.includes("--json"));
  let verb: Verb | undefined;
  try {
    const command = readCommand(args, verbs);
    verb = command.verb;
    if (command.version) show(io, { version }, `ownlm ${version}`);
    else if (command.help || !verb) showHelp(io, verb ? verbHelp(verb) : generalHelp(verbs, version));
    else await verb.run(io, command.call());
    return EXIT.ok;
  } catch (error) {
    // What was to be read is all that such a verb makes.
    if (codeOf(error) === "ABORTED" && world.readerGone() && verb && !("out" in verb.options)) return EXIT.ok;
    return report(error, io);
  }
}

const showHelp = (io: Io, help: string) => show(io, { help }, help);

function show(io: Io, json: unknown, text: string): void {
  if (io.machine) io.json(json);
  else io.print(text);
}

const codeOf = (error: unknown) => (error instanceof OwnlmError ? error.code : "BUG");

function ioOf(world: World, machine: boolean): Io {
  return {
    ...world,
    machine,
    json: (value) => void world.stdout.write(`${JSON.stringify(value)}\n`),
    print: (line) => void world.stdout.write(`${line}\n`),
    warn: (line) => void world.stderr.write(`${line}\n`),
  };
}

function report(error: unknown, io: Io): number {
  const code = codeOf(error);
  const message = messageOf(error);
  if (io.machine) io.json({ error: { code, message } });
  else {
    io.warn(`ownlm: ${visibleText(message)}`);
    if (code === "BUG") {
      io.warn("This is a fault of ownlm itself. Set OWNLM_DEBUG=1 for the place, and please report it.");
      if (io.env.OWNLM_DEBUG && error instanceof Error) io.warn(error.stack ?? "");
    }
  }
  if (code === "ABORTED") return EXIT.interrupted;
  return code === "USAGE" || code === "BAD_OPTION" ? EXIT.usage : EXIT.failed;
}
