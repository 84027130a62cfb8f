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

type Choice = string | number | boolean;

interface ChoiceSpec extends Described {
  readonly kind: "choice";
  readonly choices: readonly Choice[];
  readonly default?: Choice;
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

/** Token ids: "1,2,3" on the command line. */
interface IdsSpec extends Described {
  readonly kind: "ids";
}

/** Lists of token ids, given any number of times. */
interface IdListsSpec extends Described {
  readonly kind: "idLists";
}

/** What is added for an id, or for the last of several after the others: "1,2=-0.5", given any number of times. */
interface BiasesSpec extends Described {
  readonly kind: "biases";
}

/** A whole number of at least 0 and a positive number: "10,1.05". */
interface PairSpec extends Described {
  readonly kind: "pair";
}

/** What an option is. */
export type OptionSpec =
  | NumberSpec
  | TextSpec
  | ChoiceSpec
  | FlagSpec
  | ListSpec
  | IdsSpec
  | IdListsSpec
  | BiasesSpec
  | PairSpec;

/** An id, or several in a row, and a number for them. */
export type Bias = readonly [ids: number | readonly number[], bias: number];

/** Options by their camelCase names. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends NumberSpec
  ? number
  : S extends FlagSpec
    ? boolean
    : S extends ListSpec
      ? readonly string[]
      : S extends IdsSpec
        ? readonly number[]
        : S extends IdListsSpec
          ? readonly (readonly number[])[]
          : S extends BiasesSpec
            ? readonly Bias[]
            : S extends PairSpec
              ? readonly [number, number]
              : S extends { readonly choices: readonly (infer C)[] }
                ? C
                : string;

type Certain<S extends OptionSpec> = S extends { readonly default: unknown } | FlagSpec | ListSpec ? true : false;

/** Kinds that are given any number of times, each time with one more value. */
export const isRepeated = ({ kind }: OptionSpec): boolean => kind === "list" || kind === "idLists" || kind === "biases";

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
  return "default" in spec ? spec.default : undefined;
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
      return spec.choices.includes(value as Choice);
    case "flag":
      return typeof value === "boolean";
    case "ids":
      return isIds(value);
    case "idLists":
      return Array.isArray(value) && value.every((ids) => isIds(ids) && ids.length > 0);
    case "biases":
      return Array.isArray(value) && value.every(isBias);
    case "pair":
      return Array.isArray(value) && value.length === 2 && isId(value[0]) && Number.isFinite(value[1]) && value[1] > 0;
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string" && item !== "");
  }
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isIds = (value: unknown): value is number[] => Array.isArray(value) && value.every(isId);

function isBias(value: unknown): value is Bias {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [ids, bias] = value as unknown[];
  return (isId(ids) || (isIds(ids) && ids.length > 0)) && typeof bias === "number" && !Number.isNaN(bias);
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
    case "ids":
      return "token ids, such as 1,2,3";
    case "idLists":
      return "lists of token ids, such as 1,2,3";
    case "biases":
      return "token ids and a number for them, such as 1,2=-0.5";
    case "pair":
      return "a whole number and a positive one, such as 10,1.05";
  }
}

function rangeText({ min, max }: NumberSpec): string {
  return max === Number.POSITIVE_INFINITY || max === Number.MAX_SAFE_INTEGER
    ? `of at least ${min}`
    : `from ${min} to ${max}`;
}

/** The value that a text stands for; what is no number comes back as it is, for {@link readOptions} to refuse. */
export function parseOption(spec: OptionSpec, text: string): unknown {
  switch (spec.kind) {
    case "list":
      return spec.separator === undefined ? [text] : text.split(spec.separator);
    case "choice":
      return spec.choices.find((choice) => String(choice) === text) ?? text;
    case "int":
    case "number":
      return numberOf(text);
    case "ids":
    case "pair":
      return numbersOf(text);
    case "idLists":
      return [numbersOf(text)];
    case "biases": {
      const [ids = "", bias = ""] = text.split("=");
      return [[numbersOf(ids), numberOf(bias)]];
    }
    default:
      return text;
  }
}

const numbersOf = (text: string) => text.split(",").map(numberOf);

function numberOf(text: string): number | string {
  const plain = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim());
  return plain ? Number(text) : /^-inf$/i.test(text.trim()) ? Number.NEGATIVE_INFINITY : text;
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
    case "ids":
    case "idLists":
      return "IDS";
    case "biases":
      return "IDS=X";
    case "pair":
      return "N,X";
    default:
      return spec.placeholder;
  }
}

/** "default 64", "default: the number of cores", or nothing. */
export function defaultText(spec: OptionSpec): string {
  if ("default" in spec && spec.default !== undefined) return `default ${spec.default}`;
  return spec.auto === undefined ? "" : `default: ${spec.auto}`;
}
