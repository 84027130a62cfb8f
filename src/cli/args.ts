/** From the words of a command line to a verb, operands and checked options. Runs nothing. */
import { parseArgs } from "node:util";
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { flagName, isRepeated, type OptionSpecs, parseOption, readOptions, unknownOption } from "../base/options.ts";
import type { Call, Verb } from "./verb.ts";

/** Options that every verb has. */
export const COMMON_OPTIONS = {
  json: { kind: "flag", help: "Write JSON for programs instead of text" },
  help: { kind: "flag", short: "h", help: "Show this help" },
} as const satisfies OptionSpecs;

/** A command line understood. */
export interface Command {
  /** Undefined where no verb was typed. */
  readonly verb: Verb | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly version: boolean;
  /** Reads operands and options; throws USAGE or BAD_OPTION. */
  call(): Call<never>;
}

/** Finds the verb of a command line. Throws USAGE, with the nearest verb there is, for one that is not in `verbs`. */
export function readCommand(args: readonly string[], verbs: readonly Verb[]): Command {
  const words = args.slice(0, 2).filter((word) => !word.startsWith("-"));
  const verb = findVerb(words, verbs);
  const before = args.indexOf("--") < 0 ? args : args.slice(0, args.indexOf("--"));
  const has = (...names: string[]) => before.some((word) => names.includes(word));
  const common = { json: has("--json"), help: has("--help", "-h"), version: verb === undefined && has("--version") };
  if (verb) {
    const rest = args.slice(verb.name.split(" ").length);
    return { ...common, verb, call: () => readCall(rest, verb) };
  }
  if (words[0] !== undefined && !common.help) unknownVerb(words[0], verbs);
  return { ...common, verb, call: () => fail("USAGE", "got no verb. Try ownlm --help") };
}

function findVerb(words: readonly string[], verbs: readonly Verb[]): Verb | undefined {
  const two = verbs.find(({ name }) => name === words.join(" "));
  return two ?? verbs.find(({ name }) => name === words[0]);
}

function unknownVerb(word: string, verbs: readonly Verb[]): never {
  const meant = nearest(
    word,
    verbs.map(({ name }) => name),
  );
  return fail("USAGE", `${word}: there is no such verb. ${meant ? `Did you mean ${meant}?` : "Try ownlm --help"}`);
}

function readCall(args: readonly string[], verb: Verb): Call<never> {
  const specs: OptionSpecs = { ...verb.options, ...COMMON_OPTIONS };
  const { operands, given } = readWords(args, specs);
  const [least, most] = verb.arity;
  if (operands.length < least || operands.length > most)
    fail("USAGE", `ownlm ${verb.name}: got ${countOf(operands)}, expected ${verb.operands || "none"}. Try --help`);
  const { json, help, ...own } = given;
  const options = readOptions(verb.options, own, flagName);
  return { operands, options, given: own } as unknown as Call<never>;
}

const countOf = (operands: readonly string[]) =>
  operands.length === 0 ? "no operand" : `${operands.length} operands (${operands.join(" ")})`;

interface Words {
  readonly operands: string[];
  readonly given: Record<string, unknown>;
}

function readWords(args: readonly string[], specs: OptionSpecs): Words {
  const names = new Map(Object.keys(specs).map((name) => [flagName(name).slice(2), name]));
  const options = Object.fromEntries(
    [...names].map(([flag, name]) => {
      const { kind, short } = specs[name]!;
      return [flag, { type: kind === "flag" ? "boolean" : "string", ...(short && { short }) } as const];
    }),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const words: Words = { operands: [], given: {} };
  for (const token of tokens)
    if (token.kind === "positional") words.operands.push(token.value);
    else if (token.kind === "option") {
      const name = names.get(token.name);
      if (name === undefined)
        unknownOption(
          token.rawName,
          [...names.keys()].map((flag) => `--${flag}`),
        );
      // What looks like the next option is none's value, unless it is tied to one with "=".
      const forgotten = !token.inlineValue && token.value?.startsWith("--");
      addOption(words.given, name!, specs, token.rawName, forgotten ? undefined : token.value);
    }
  return words;
}

function addOption(
  given: Record<string, unknown>,
  name: string,
  specs: OptionSpecs,
  rawName: string,
  text: string | undefined,
): void {
  const spec = specs[name]!;
  const isFlag = spec.kind === "flag";
  if (isFlag && text !== undefined) fail("USAGE", `${rawName}: got ${JSON.stringify(text)}, expected no value`);
  if (!isFlag && text === undefined) fail("USAGE", `${rawName}: got nothing, expected a value after it`);
  const value = isFlag || parseOption(spec, text!);
  given[name] = isRepeated(spec) ? [...((given[name] as unknown[] | undefined) ?? []), ...(value as unknown[])] : value;
}
