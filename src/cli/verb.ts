/** What a verb of the command line is, and what it is given. Knows no verb. */
import type { GivenOptions, OptionSpecs, OptionValues } from "../base/options.ts";
import type { Host } from "../host/types.ts";
import type { Prompter } from "./prompter.ts";
import type { Environment, OutputStream } from "./terminal.ts";

/** The world as a verb sees it. */
export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Environment;
  /** Node's name of the operating system. */
  readonly platform: string;
  readonly host: Host;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** All of standard input. */
  readStdin(): Promise<Uint8Array>;
  /** Standard input line by line, with a prompt where a person sits there. */
  openPrompter(): Prompter;
  /** True where a person sits at standard input. */
  readonly stdinIsTerminal: boolean;
  /** True when output is for machines: `json` is then the only thing that may be written to stdout. */
  readonly machine: boolean;
  /** Writes one JSON value as a line of stdout. */
  json(value: unknown): void;
  /** Writes a line for people to stdout. */
  print(line: string): void;
  /** Writes a line for people to stderr, with `--json` too. */
  warn(line: string): void;
}

/** What the user typed: options are checked and have defaults; `given` are only those that were typed. */
export interface Call<S extends OptionSpecs> {
  readonly operands: readonly string[];
  readonly options: OptionValues<S>;
  readonly given: GivenOptions<S>;
}

/** A verb before its types are forgotten. `--json` and `--help` are every verb's and not among `options`. */
export interface VerbOf<S extends OptionSpecs> {
  /** As it is typed: "train", "tokenizer train". */
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** The operands as help shows them: "TEXT...". */
  readonly operands: string;
  /** Fewest and most operands. */
  readonly arity: readonly [least: number, most: number];
  readonly options: S;
  /** Command lines that work, with a word on what they do. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  run(io: Io, call: Call<S>): Promise<void>;
}

/** A verb in the list of all. */
export type Verb = Omit<VerbOf<OptionSpecs>, "run"> & { run(io: Io, call: Call<never>): Promise<void> };

/** Keeps a verb's option types for its `run`. */
export function verb<const S extends OptionSpecs>(definition: VerbOf<S>): Verb {
  return definition as unknown as Verb;
}
