/**
 * Options declared once - type, range, default, help - and read by the command line, the library and the docs.
 * Knows no program that has them.
 */
import { fail } from "./errors.ts";
import { showJson } from "./json.ts";
import { nearest } from "./nearest.ts";

interface Described {
  /** One line, beginning with a capital, without a full stop. */
  readonly help: string;
  /** What is done where the option is not given and there is no `default`, e.g. "the number of cores". */
  readonly auto?: string;
  /** A one-letter name on the command line. */
  readonly short?: string;
}

/** A number in a closed range. */
interface NumberSpec extends Described {
  readonly kind: "int" | "number";
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

interface TextSpec extends Described {
  readonly kind: "text";
  /** What the value is, in capitals, for help: "DIR". */
  readonly placeholder: string;
  readonly default?: string;
}

interface ChoiceSpec extends Described {
  readonly kind: "choice";
  /** Texts, or numbers. */
  readonly choices: readonly (string | number)[];
  readonly default?: string | number;
}

/** Off unless given. */
interface FlagSpec extends Described {
  readonly kind: "flag";
}

/** Given any number of times. */
interface ListSpec extends Described {
  readonly kind: "list";
  readonly placeholder: string;
  /** What stands between values that are given at once on the command line. */
  readonly separator?: string;
}

/** What an option is. */
export type OptionSpec = NumberSpec | TextSpec | ChoiceSpec | FlagSpec | ListSpec;

/** Options by their camelCase names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends NumberSpec
  ? number
  : S extends FlagSpec
    ? boolean
    : S extends ListSpec
      ? readonly string[]
      : S extends { readonly choices: readonly (infer C)[] }
        ? C
        : string;

type Certain<S extends OptionSpec> = S extends { readonly default: unknown } | FlagSpec | ListSpec ? true : false;

/** The values of options after reading: those with a default, flags and lists are always there. */
export type OptionValues<S extends OptionSpecs> = {
  readonly [K in keyof S as Certain<S[K]> extends true ? K : never]: ValueOf<S[K]>;
} & { readonly [K in keyof S as Certain<S[K]> extends true ? never : K]?: ValueOf<S[K]> };

/** Options as a caller gives them: all may be left out. */
export type GivenOptions<S extends OptionSpecs> = { readonly [K in keyof S]?: ValueOf<S[K]> | undefined };

/** "--kv-heads" for `kvHeads`. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Checks given values and adds defaults. Throws BAD_OPTION with the option's name, what was got and what is expected;
 * `showName` is how names are written in messages (default: as they are).
 */
export function readOptions<S extends OptionSpecs>(
  specs: S,
  given: Readonly<Record<string, unknown>>,
  showName: (name: string) => string = (name) => name,
): OptionValues<S> {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name)) unknownOption(showName(name), Object.keys(specs).map(showName));
  const values = Object.entries(specs).map(([name, spec]) => {
    const value = given[name] ?? defaultOf(spec);
    return [name, value === undefined ? undefined : checkedValue(spec, value, showName(name))] as const;
  });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as OptionValues<S>;
}

/** Throws BAD_OPTION for a name that no option has. */
export function unknownOption(name: string, known: readonly string[]): never {
  const meant = nearest(name, known);
  return fail("BAD_OPTION", `${name}: there is no such option${meant ? `. Did you mean ${meant}?` : ""}`);
}

function defaultOf(spec: OptionSpec): unknown {
  if (spec.kind === "flag") return false;
  if (spec.kind === "list") return [];
  return spec.default;
}

function checkedValue(spec: OptionSpec, value: unknown, name: string): unknown {
  if (isValue(spec, value)) return value;
  return fail("BAD_OPTION", `${name}: got ${showJson(value)}, expected ${expectedOf(spec)}`);
}

function isValue(spec: OptionSpec, value: unknown): boolean {
  switch (spec.kind) {
    case "int":
      return Number.isSafeInteger(value) && inRange(spec, value as number);
    case "number":
      return typeof value === "number" && inRange(spec, value);
    case "text":
      return typeof value === "string" && value !== "" && !value.includes("\0");
    case "choice":
      return spec.choices.includes(value as string | number);
    case "flag":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
  }
}

/** False for NaN. */
const inRange = ({ min, max }: NumberSpec, value: number) => value >= min && value <= max;

/** What an option takes, in words: "a whole number from 1 to 64". */
export function expectedOf(spec: OptionSpec): string {
  switch (spec.kind) {
    case "int":
      return `a whole number ${rangeText(spec)}`;
    case "number":
      return `a number ${rangeText(spec)}`;
    case "choice":
      return spec.choices.join(", ").replace(/, ([^,]*)$/, " or $1");
    case "flag":
      return "true or false";
    case "list":
      return "texts that are not empty";
    case "text":
      return "a text that is not empty";
  }
}

function rangeText({ min, max }: NumberSpec): string {
  return max === Number.POSITIVE_INFINITY || max === Number.MAX_SAFE_INTEGER
    ? `of at least ${min}`
    : `from ${min} to ${max}`;
}

/** The value that a text stands for; what is no number comes back as it is, for {@link readOptions} to refuse. */
export function parseOption(spec: OptionSpec, text: string): unknown {
  if (spec.kind === "list") return spec.separator === undefined ? [text] : text.split(spec.separator);
  if (spec.kind === "choice") return spec.choices.find((choice) => String(choice) === text) ?? text;
  if (spec.kind !== "int" && spec.kind !== "number") return text;
  const plain = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
  return plain ? Number(text) : text;
}

/** What stands behind an option's name in help: "N", "DIR", "char|bpe"; empty for a flag. */
export function placeholderOf(spec: OptionSpec): string {
  switch (spec.kind) {
    case "int":
      return "N";
    case "number":
      return "X";
    case "choice":
      return spec.choices.join("|");
    case "flag":
      return "";
    default:
      return spec.placeholder;
  }
}

/** "default 64", "default: the number of cores", or nothing. */
export function defaultText(spec: OptionSpec): string {
  if ("default" in spec && spec.default !== undefined) return `default ${spec.default}`;
  return spec.auto === undefined ? "" : `default: ${spec.auto}`;
}
