/** Reads config.json with every number checked before it sizes anything. Knows no family's keys. */
import { fail } from "../base/errors.ts";
import { isJsonObject, type JsonObject, showJson } from "../base/json.ts";

/** Reads keys of one object; errors are BAD_CONFIG with the file and key, UNSUPPORTED for what cannot be honoured. */
export interface ConfigReader {
  /** A whole number from 1 (or `min`) to 2^31 - 1 (or `max`). Without a fallback the key is required. */
  int(key: string, fallback?: number, range?: { min?: number; max?: number }): number;
  /** A finite number above zero. */
  positive(key: string, fallback?: number): number;
  bool(key: string, fallback: boolean): boolean;
  text(key: string, fallback: string): string;
  /** The object under a key, or undefined when it is absent or null. */
  object(key: string): ConfigReader | undefined;
  /** The list under a key, whose items `isItem` tells; undefined when it is absent or null. */
  list<T>(key: string, expected: string, isItem: (x: unknown) => x is T): readonly T[] | undefined;
  /** Refuses any value of a key but those listed; absent and null count as the first. */
  expect(key: string, ...allowed: readonly (string | number | boolean)[]): void;
  has(key: string): boolean;
  /** True for a null that is there: for some keys transformers takes it for "none", and absence for a default. */
  isNull(key: string): boolean;
  /** Throws BAD_CONFIG about a key. */
  bad(key: string, expected: string): never;
  readonly where: string;
  /** The object as it is. */
  readonly content: JsonObject;
}

const MAX_INT = 2 ** 31 - 1;
/** Blocks, and blocks times experts: several times the largest published. A graph has nodes for each, so more would take hours to refuse. */
export const MOST_LAYERS = 4096;
export const MOST_LAYER_EXPERTS = 65_536;

/** A reader over a config. `where` names the file in messages. */
export function configReader(config: JsonObject, where: string): ConfigReader {
  const get = (key: string): unknown => (Object.hasOwn(config, key) ? config[key] : undefined);
  const bad = (key: string, expected: string): never =>
    fail("BAD_CONFIG", `${where}: ${key}: got ${showJson(get(key))}, expected ${expected}`);
  const read = <T>(key: string, fallback: T | undefined, expected: string, test: (x: unknown) => x is T): T => {
    const value = get(key) ?? fallback;
    return test(value) ? value : bad(key, expected);
  };
  return {
    where,
    content: config,
    int(key, fallback, { min = 1, max = MAX_INT } = {}) {
      const test = (x: unknown): x is number => Number.isInteger(x) && (x as number) >= min && (x as number) <= max;
      return read(key, fallback, `a whole number from ${min} to ${max}`, test);
    },
    positive(key, fallback) {
      const test = (x: unknown): x is number => Number.isFinite(x) && (x as number) > 0;
      return read(key, fallback, "a number above 0", test);
    },
    bool: (key, fallback) => read(key, fallback, "true or false", (x): x is boolean => typeof x === "boolean"),
    text: (key, fallback) => read(key, fallback, "a string", (x): x is string => typeof x === "string"),
    object(key) {
      const value = get(key);
      if (value === undefined || value === null) return undefined;
      return isJsonObject(value) ? configReader(value, `${where}: ${key}`) : bad(key, "an object or null");
    },
    list(key, expected, isItem) {
      const value = get(key);
      if (value === undefined || value === null) return undefined;
      return Array.isArray(value) && value.every(isItem) ? value : bad(key, expected);
    },
    expect(key, ...allowed) {
      const value = get(key);
      if (value === undefined || value === null || allowed.includes(value as string)) return;
      const listed = allowed.length > 0 ? allowed.map(showJson).join(" or ") : "configs without it";
      fail("UNSUPPORTED", `${where}: ${key}: got ${showJson(value)}, and this version runs only ${listed}`);
    },
    bad,
    isNull: (key) => get(key) === null,
    has: (key) => get(key) !== undefined && get(key) !== null,
  };
}

/** Throws BAD_OPTION unless `part` divides `whole`. */
export function needDivides(part: number, whole: number, partName: string, wholeName: string): void {
  if (whole % part === 0) return;
  const below = [...Array(part).keys()].map((i) => part - i).find((n) => whole % n === 0) ?? 1;
  fail(
    "BAD_OPTION",
    `${partName}: got ${part}, expected a divisor of ${wholeName} ${whole}. Try ${partName} ${below}.`,
  );
}
