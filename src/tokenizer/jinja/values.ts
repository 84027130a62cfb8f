/** The values a template computes with, as Python would show and compare them. No value leads to a host object. */
import { type Fuel, unsupported, wrong } from "./machine.ts";
import { comparePoints, pointsOf, showFloat, showString } from "./text.ts";

/** The state of one rendering. */
export interface Machine {
  readonly fuel: Fuel;
  /** The clock of `strftime_now`. */
  readonly now: () => Date;
  /** Of what is being evaluated, from 1. */
  line: number;
  depth: number;
  /** Set when a `generation` block is in a macro or a `set` block, whose text goes who knows where. */
  hiddenGeneration: boolean;
  filter(name: string, value: Value, args: Args): Value;
  test(name: string, value: Value, args: Args): boolean;
}

/** Python's `int` is a safe integer here, and `float` a {@link Float}: `1` and `1.0` print differently. */
export type Value =
  | string
  | number
  | boolean
  | null
  | Float
  | Undefined
  | List
  | Dict
  | Namespace
  | View
  | Stream
  | Fn
  | Markup;

export interface Float {
  readonly kind: "float";
  readonly value: number;
}
export interface Undefined {
  readonly kind: "undefined";
  /** What is said when it is used for more than printing. */
  readonly hint: string;
}
export interface List {
  readonly kind: "list" | "tuple";
  readonly items: readonly Value[];
  /** Attribute names of the items, for the pairs of `groupby`. */
  readonly names?: readonly string[];
}
export type Key = string | number | boolean | null;
export interface Dict {
  readonly kind: "dict";
  readonly map: ReadonlyMap<Key, Value>;
}
export interface Namespace {
  readonly kind: "namespace";
  readonly map: Map<string, Value>;
}
/** What has a length and can be read again: a range, the keys of a dict. */
export interface View {
  readonly kind: "view";
  readonly name: "range" | "dict_keys" | "dict_values" | "dict_items";
  readonly items: readonly Value[];
  /** How it prints. */
  readonly shown?: string;
}
/** A generator: always true, no length, read once. */
export interface Stream {
  readonly kind: "stream";
  items: readonly Value[];
}
export interface Args {
  readonly at: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}
export interface Fn {
  readonly kind: "function";
  readonly name: string;
  readonly call: (args: Args) => Value;
  /** Attributes of what is callable and more, such as `loop`. */
  readonly get?: (name: string) => Value | undefined;
  readonly length?: number;
  /** How it prints, where that says no address. */
  readonly shown?: string;
}
/** Text that the filters `safe` and `escape` have marked as HTML: `+` escapes what it is joined with. */
export interface Markup {
  readonly kind: "markup";
  readonly text: string;
}

export const float = (value: number): Float => ({ kind: "float", value });
export const list = (items: readonly Value[]): List => ({ kind: "list", items });
export const tuple = (items: readonly Value[]): List => ({ kind: "tuple", items });
export const dict = (entries: Iterable<readonly [Key, Value]>): Dict => ({ kind: "dict", map: new Map(entries) });
export const stream = (items: readonly Value[]): Stream => ({ kind: "stream", items });
export const missing = (hint: string): Undefined => ({ kind: "undefined", hint });

/** The `kind` of a value that is an object here, else undefined. */
export function kindOf(value: Value): Exclude<Value, string | number | boolean | null>["kind"] | undefined {
  return typeof value === "object" && value !== null ? value.kind : undefined;
}

export function isUndefined(value: Value): value is Undefined {
  return kindOf(value) === "undefined";
}

/** The value as a string, where it is one (marked as HTML or not). */
export function textOf(value: Value): string | undefined {
  if (typeof value === "string") return value;
  return kindOf(value) === "markup" ? (value as Markup).text : undefined;
}

/** Python's name for a value's type. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "string") return "str";
  if (typeof value === "number") return "int";
  if (typeof value === "boolean") return "bool";
  const names = { undefined: "Undefined", namespace: "Namespace", stream: "generator", markup: "Markup" } as const;
  if (value.kind === "view") return value.name;
  return (names as Record<string, string>)[value.kind] ?? value.kind;
}

/** A number's value, with True as 1; undefined for what is none. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  return kindOf(value) === "float" ? (value as Float).value : undefined;
}

/** An int's value, with True as 1; undefined for what is none. */
export function intOf(value: Value): number | undefined {
  return typeof value === "number" || typeof value === "boolean" ? Number(value) : undefined;
}

/** Python's `bool(value)`. */
export function truthy(value: Value): boolean {
  if (value === null) return false;
  if (typeof value !== "object") return Boolean(value);
  if (value.kind === "undefined") return false;
  if (value.kind === "float") return value.value !== 0;
  if (value.kind === "markup") return value.text !== "";
  if (value.kind === "list" || value.kind === "tuple" || value.kind === "view") return value.items.length > 0;
  if (value.kind === "dict") return value.map.size > 0;
  return value.kind !== "function" || value.length !== 0;
}

/** `str(value)`. */
export function str(m: Machine, value: Value): string {
  if (typeof value === "string") return value;
  if (kindOf(value) === "markup") return (value as Markup).text;
  if (kindOf(value) === "undefined") return "";
  return repr(m, value);
}

/** `repr(value)`; its length is charged. */
export function repr(m: Machine, value: Value): string {
  m.fuel.step();
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return m.fuel.text(showString(value));
  const each = (items: readonly Value[]) => items.map((item) => repr(m, item)).join(", ");
  const shown = (text: string) => m.fuel.text(text);
  switch (value.kind) {
    case "float":
      return showFloat(value.value);
    case "undefined":
      return "Undefined";
    case "list":
      return shown(`[${each(value.items)}]`);
    case "tuple":
      return shown(value.items.length === 1 ? `(${each(value.items)},)` : `(${each(value.items)})`);
    case "dict":
      return shown(showDict(m, value.map));
    case "namespace":
      return shown(`<Namespace ${showDict(m, value.map)}>`);
    case "view":
      return value.shown ?? shown(`${value.name}([${each(value.items)}])`);
    case "markup":
      return shown(`Markup(${showString(value.text)})`);
    case "function":
      return value.shown ?? unsupported(`printing the function ${value.name}`);
    case "stream":
      return unsupported("printing a generator");
  }
}

function showDict(m: Machine, map: ReadonlyMap<Key, Value>): string {
  return `{${[...map].map(([key, value]) => `${repr(m, key)}: ${repr(m, value)}`).join(", ")}}`;
}

/** Python's `a == b`. */
export function equal(m: Machine, a: Value, b: Value): boolean {
  m.fuel.step();
  if (typeof a !== "string" && a === b) return true;
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined || y !== undefined) return x === y;
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined && s.length === t.length) return m.fuel.read(s) === t;
  if (s !== undefined || t !== undefined) return false;
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (a.kind === "undefined") return b.kind === "undefined";
  if ((a.kind === "list" && b.kind === "list") || (a.kind === "tuple" && b.kind === "tuple"))
    return a.items.length === b.items.length && a.items.every((item, i) => equal(m, item, b.items[i]!));
  if (a.kind === "view" && b.kind === "view" && a.name === "range" && b.name === "range")
    return a.items.length === b.items.length && a.items.every((item, i) => item === b.items[i]);
  if (a.kind === "dict" && b.kind === "dict")
    return (
      a.map.size === b.map.size &&
      [...a.map].every(([key, value]) => b.map.has(key) && equal(m, value, b.map.get(key)!))
    );
  if (a.kind === "view" && b.kind === "view") unsupported(`comparing ${a.name}`);
  return false;
}

/** Less than 0, 0 or more than 0, for what Python puts in order; `op` is for the message. */
export function compare(m: Machine, a: Value, b: Value, op = "<"): number {
  m.fuel.step();
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined) return comparePoints(m.fuel.read(s), m.fuel.read(t));
  const [k, l] = [kindOf(a), kindOf(b)];
  if (k === l && (k === "list" || k === "tuple")) {
    const [p, q] = [(a as List).items, (b as List).items];
    for (let i = 0; i < p.length && i < q.length; i++) if (!equal(m, p[i]!, q[i]!)) return compare(m, p[i]!, q[i]!, op);
    return p.length - q.length;
  }
  if (isUndefined(a) || isUndefined(b)) return wrong((isUndefined(a) ? a : (b as Undefined)).hint);
  return wrong(`'${op}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** What iterating gives. A generator is empty afterwards. */
export function iterate(m: Machine, value: Value): readonly Value[] {
  const text = textOf(value);
  if (text !== undefined) {
    m.fuel.step(text.length);
    return pointsOf(text);
  }
  if (typeof value === "object" && value !== null) {
    if (value.kind === "undefined") return [];
    if (value.kind === "list" || value.kind === "tuple" || value.kind === "view") return value.items;
    if (value.kind === "dict") {
      m.fuel.step(value.map.size);
      return [...value.map.keys()];
    }
    if (value.kind === "stream") {
      const items = value.items;
      value.items = [];
      return items;
    }
  }
  return wrong(`'${typeName(value)}' object is not iterable`);
}

/** The key a value is in a dict; undefined for a value that no dict here has as its key. */
export function keyOf(value: Value): Key | undefined {
  if (typeof value === "object" && value !== null) {
    if (value.kind === "float" && Number.isSafeInteger(value.value)) return value.value;
    return value.kind === "markup" ? value.text : undefined;
  }
  return value;
}

/** A key of a dict that is made, or a refusal. */
export function newKey(value: Value): Key {
  if (kindOf(value) === "list" || kindOf(value) === "dict") wrong(`unhashable type: '${typeName(value)}'`);
  return keyOf(value) ?? (value === null ? null : unsupported(`a dict key of type ${typeName(value)}`));
}

/** Python's `item in value`. */
export function contains(m: Machine, value: Value, item: Value): boolean {
  const text = textOf(value);
  if (text !== undefined) {
    const part = textOf(item);
    if (part === undefined) {
      if (isUndefined(item)) wrong(item.hint);
      return wrong(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    }
    return m.fuel.read(text).includes(m.fuel.read(part));
  }
  if (kindOf(value) === "dict") {
    if (kindOf(item) === "list" || kindOf(item) === "dict") wrong(`unhashable type: '${typeName(item)}'`);
    const key = keyOf(item);
    if (typeof key === "string") m.fuel.read(key);
    return key !== undefined && (value as Dict).map.has(key);
  }
  if (value === null || typeof value !== "object" || value.kind === "function" || value.kind === "namespace")
    return wrong(`argument of type '${typeName(value)}' is not a container or iterable`);
  return iterate(m, value).some((each) => equal(m, each, item));
}
