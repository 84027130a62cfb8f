/** Attributes of strings, lists and dicts. Only these exist: nothing here is looked up on a host object. */
import { bind, intArg, stringArg } from "./arguments.ts";
import { formatBraces } from "./format.ts";
import { unsupported, wrong } from "./machine.ts";
import {
  capitalize,
  isSpace,
  lengthOf,
  pointsOf,
  splitLines,
  splitWhite,
  stripEnd,
  stripStart,
  titleCase,
} from "./text.ts";
import {
  type Args,
  type Dict,
  equal,
  type Fn,
  isUndefined,
  iterate,
  kindOf,
  type List,
  list,
  type Machine,
  missing,
  newKey,
  textOf,
  tuple,
  typeName,
  type Value,
} from "./values.ts";

type Method = (m: Machine, text: string, args: Args) => Value;

const none = (args: Args, name: string) => bind(args, name, []);

/** A method without arguments that gives text. */
const mapped =
  (name: string, change: (text: string) => string): Method =>
  (m, text, args) => {
    none(args, name);
    return m.fuel.text(change(text));
  };

const asked =
  (name: string, test: (text: string) => boolean): Method =>
  (_m, text, args) => {
    none(args, name);
    return test(text);
  };

const stripped =
  (name: string, strip: (text: string, chars?: ReadonlySet<string>) => string): Method =>
  (m, text, args) => {
    const [chars = null] = bind(args, name, ["chars"]);
    return m.fuel.text(strip(text, chars === null ? undefined : new Set(pointsOf(stringArg(chars, name)))));
  };

/** Part of a text by code points, and how many lie before it. */
function window(text: string, args: Args, name: string): { needle: Value; part: string; before: number } {
  const [needle = null, start, stop] = bind(args, name, ["sub", "start", "end"]);
  if ((start ?? null) === null && (stop ?? null) === null) return { needle, part: text, before: 0 };
  const points = pointsOf(text);
  const at = start === undefined || start === null ? 0 : intArg(start, name);
  const end = stop === undefined || stop === null ? points.length : intArg(stop, name);
  const before = Math.min(at < 0 ? Math.max(0, at + points.length) : at, points.length);
  return { needle, part: points.slice(at, end).join(""), before };
}

const ends =
  (name: string, test: (text: string, part: string) => boolean): Method =>
  (m, text, args) => {
    const { needle, part } = window(text, args, name);
    m.fuel.step(kindOf(needle) === "tuple" ? (needle as List).items.length * (1 + text.length / 64) : 1);
    const options = kindOf(needle) === "tuple" ? (needle as List).items : [needle];
    return options.some((option) => test(part, stringArg(option, name)));
  };

const found =
  (name: string, find: (text: string, part: string) => number, strict: boolean): Method =>
  (_m, text, args) => {
    const { needle, part, before } = window(text, args, name);
    const at = find(part, stringArg(needle, name));
    if (at < 0) return strict ? wrong("substring not found") : -1;
    return lengthOf(part.slice(0, at)) + before;
  };

const justified =
  (name: string, left: (room: number, width: number) => number): Method =>
  (m, text, args) => {
    const [width, fill = " "] = bind(args, name, ["width", "fillchar"]);
    const sign = stringArg(fill, name);
    if (lengthOf(sign) !== 1) wrong(`${name}: the fill character must be exactly one character long`);
    const room = Math.max(0, intArg(width, name) - lengthOf(text));
    m.fuel.room(room * sign.length);
    const before = Math.floor(left(room, intArg(width, name)));
    return m.fuel.text(sign.repeat(before) + text + sign.repeat(room - before));
  };

function split(m: Machine, text: string, args: Args, name: string, fromEnd: boolean): Value {
  const [separator = null, most = -1] = bind(args, name, ["sep", "maxsplit"]);
  const limit = intArg(most, name);
  m.fuel.text(text);
  let parts: string[];
  if (separator === null) parts = splitWhite(text, limit, fromEnd);
  else {
    const mark = stringArg(separator, name);
    if (mark === "") wrong("empty separator");
    parts = text.split(mark);
    const extra = limit < 0 ? 0 : parts.length - 1 - limit;
    if (extra > 0)
      parts = fromEnd
        ? [parts.slice(0, extra + 1).join(mark), ...parts.slice(extra + 1)]
        : [...parts.slice(0, limit), parts.slice(limit).join(mark)];
  }
  m.fuel.step(parts.length);
  return list(parts);
}

function partition(text: string, args: Args, name: string, fromEnd: boolean): Value {
  const mark = stringArg(bind(args, name, ["sep"])[0], name);
  if (mark === "") wrong("empty separator");
  const at = fromEnd ? text.lastIndexOf(mark) : text.indexOf(mark);
  if (at < 0) return tuple(fromEnd ? ["", "", text] : [text, "", ""]);
  return tuple([text.slice(0, at), mark, text.slice(at + mark.length)]);
}

/** `text.replace(from, to, count)`. */
export function replace(m: Machine, text: string, from: string, to: string, count: number): string {
  const pieces = from === "" ? ["", ...pointsOf(text), ""] : text.split(from);
  m.fuel.step(pieces.length / 8);
  const most = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1);
  m.fuel.room(text.length + most * to.length);
  return m.fuel.text(
    pieces.slice(0, most + 1).join(to) +
      pieces
        .slice(most + 1)
        .map((piece) => from + piece)
        .join(""),
  );
}

const hasCase = (text: string) => text.toLowerCase() !== text.toUpperCase();

const METHODS: Readonly<Record<string, Method>> = {
  upper: mapped("upper", (text) => text.toUpperCase()),
  lower: mapped("lower", (text) => text.toLowerCase()),
  title: mapped("title", titleCase),
  capitalize: mapped("capitalize", capitalize),
  swapcase: mapped("swapcase", (text) =>
    pointsOf(text)
      .map((point) =>
        /\p{Ll}/u.test(point) ? point.toUpperCase() : /\p{Lu}/u.test(point) ? point.toLowerCase() : point,
      )
      .join(""),
  ),
  strip: stripped("strip", (text, chars) => stripEnd(stripStart(text, chars), chars)),
  lstrip: stripped("lstrip", stripStart),
  rstrip: stripped("rstrip", stripEnd),
  split: (m, text, args) => split(m, text, args, "split", false),
  rsplit: (m, text, args) => split(m, text, args, "rsplit", true),
  partition: (_m, text, args) => partition(text, args, "partition", false),
  rpartition: (_m, text, args) => partition(text, args, "rpartition", true),
  splitlines: (m, text, args) => {
    const [keep = false] = bind(args, "splitlines", ["keepends"]);
    const lines = splitLines(m.fuel.text(text), keep === true || keep === 1);
    m.fuel.step(lines.length);
    return list(lines);
  },
  replace: (m, text, args) => {
    const [from, to, count = -1] = bind(args, "replace", ["old", "new", "count"]);
    return replace(m, text, stringArg(from, "replace"), stringArg(to, "replace"), intArg(count, "replace"));
  },
  startswith: ends("startswith", (text, part) => text.startsWith(part)),
  endswith: ends("endswith", (text, part) => text.endsWith(part)),
  removeprefix: (_m, text, args) => {
    const part = stringArg(bind(args, "removeprefix", ["prefix"])[0], "removeprefix");
    return text.startsWith(part) ? text.slice(part.length) : text;
  },
  removesuffix: (_m, text, args) => {
    const part = stringArg(bind(args, "removesuffix", ["suffix"])[0], "removesuffix");
    return part !== "" && text.endsWith(part) ? text.slice(0, -part.length) : text;
  },
  find: found("find", (text, part) => text.indexOf(part), false),
  rfind: found("rfind", (text, part) => text.lastIndexOf(part), false),
  index: found("index", (text, part) => text.indexOf(part), true),
  rindex: found("rindex", (text, part) => text.lastIndexOf(part), true),
  count: (_m, text, args) => {
    const { needle, part } = window(text, args, "count");
    const mark = stringArg(needle, "count");
    return mark === "" ? lengthOf(part) + 1 : part.split(mark).length - 1;
  },
  join: (m, text, args) => {
    const [items = null] = bind(args, "join", ["iterable"]);
    const parts = iterate(m, items).map(
      (item, i) => textOf(item) ?? wrong(`sequence item ${i}: expected str instance, ${typeName(item)} found`),
    );
    m.fuel.room(parts.reduce((sum, part) => sum + part.length + text.length, 0));
    return m.fuel.text(parts.join(text));
  },
  format: (m, text, args) => formatBraces(m, text, args),
  ljust: justified("ljust", () => 0),
  rjust: justified("rjust", (room) => room),
  center: justified("center", (room, width) => Math.floor(room / 2) + (room & width & 1)),
  zfill: (m, text, args) => {
    const width = intArg(bind(args, "zfill", ["width"])[0], "zfill");
    const room = Math.max(0, width - lengthOf(text));
    m.fuel.room(room);
    const sign = /^[-+]/.exec(text)?.[0] ?? "";
    return m.fuel.text(sign + "0".repeat(room) + text.slice(sign.length));
  },
  isspace: asked("isspace", isSpace),
  isalpha: asked("isalpha", (text) => /^\p{L}+$/u.test(text)),
  isdigit: asked("isdigit", (text) =>
    /^[\p{Nd}\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468]+$/u.test(text),
  ),
  isdecimal: asked("isdecimal", (text) => /^\p{Nd}+$/u.test(text)),
  isnumeric: asked("isnumeric", (text) => /^\p{N}+$/u.test(text)),
  isalnum: asked("isalnum", (text) => /^[\p{L}\p{N}]+$/u.test(text)),
  isascii: asked("isascii", (text) => !/[^\0-\x7f]/.test(text)),
  islower: asked("islower", (text) => hasCase(text) && text === text.toLowerCase()),
  isupper: asked("isupper", (text) => hasCase(text) && text === text.toUpperCase()),
  isidentifier: asked("isidentifier", (text) => /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}]*$/u.test(text)),
};

const REFUSED = new Set(
  "casefold encode expandtabs format_map isprintable istitle maketrans translate fromkeys real imag numerator denominator conjugate bit_length bit_count to_bytes from_bytes as_integer_ratio is_integer hex fromhex".split(
    " ",
  ),
);
const MUTATORS: Readonly<Record<string, readonly string[]>> = {
  list: "append clear extend insert pop remove reverse sort".split(" "),
  dict: "clear pop popitem setdefault update".split(" "),
};

/** `value.name` as Python's `getattr` gives it; undefined where there is none. */
export function attribute(m: Machine, value: Value, name: string): Value | undefined {
  if (value === null || isUndefined(value)) return undefined;
  const kind = kindOf(value);
  if (kind === "function") return (value as Fn).get?.(name);
  if (kind === "namespace") return (value as { map: ReadonlyMap<string, Value> }).map.get(name);
  if (name.startsWith("_")) return undefined;
  const text = textOf(value);
  if (text !== undefined && Object.hasOwn(METHODS, name))
    return bound(name, (args) => stringMethod(m, value, text, name, args));
  if (kind === "dict" && Object.hasOwn(DICT, name)) return bound(name, (args) => DICT[name]!(m, value as Dict, args));
  if (kind === "list" || kind === "tuple") {
    const at = (value as List).names?.indexOf(name) ?? -1;
    if (at >= 0) return (value as List).items[at];
    if (Object.hasOwn(LIST, name)) return bound(name, (args) => LIST[name]!(m, value as List, args));
  }
  if (MUTATORS[kind ?? ""]?.includes(name))
    return missing(`access to attribute '${name}' of '${kind}' object is unsafe.`);
  if (REFUSED.has(name) && hasRefused(value, name)) return unsupported(`'${typeName(value)}.${name}'`);
  return undefined;
}

function hasRefused(value: Value, name: string): boolean {
  if (textOf(value) !== undefined)
    return /^(casefold|encode|expandtabs|format_map|is|maketrans|translate)/.test(name) && name !== "is_integer";
  if (kindOf(value) === "dict") return name === "fromkeys";
  return typeof value === "number" || typeof value === "boolean" || kindOf(value) === "float";
}

function stringMethod(m: Machine, value: Value, text: string, name: string, args: Args): Value {
  m.fuel.read(text);
  for (const value of args.at) m.fuel.read(textArgument(value));
  const result = METHODS[name]!(m, text, args);
  if (kindOf(value) !== "markup") return result;
  if (typeof result === "boolean" || typeof result === "number") return result;
  if (typeof result === "string" && /^(upper|lower|title|capitalize|swapcase|[lr]?strip)$/.test(name))
    return { kind: "markup", text: result };
  return unsupported(`${name} of text marked as safe`);
}

const textArgument = (value: Value) => textOf(value) ?? "";

const bound = (name: string, call: Fn["call"]): Fn => ({ kind: "function", name, call });

const DICT: Readonly<Record<string, (m: Machine, value: Dict, args: Args) => Value>> = {
  get: (_m, { map }, args) => {
    const [key = null, otherwise = null] = bind(args, "get", ["key", "default"]);
    return map.get(newKey(key)) ?? (map.get(newKey(key)) === null ? null : otherwise);
  },
  keys: (m, { map }, args) => view(m, "dict_keys", [...map.keys()], args),
  values: (m, { map }, args) => view(m, "dict_values", [...map.values()], args),
  items: (m, { map }, args) => view(m, "dict_items", [...map].map(tuple), args),
  copy: (m, value, args) => {
    none(args, "copy");
    m.fuel.step(value.map.size);
    return { kind: "dict", map: new Map(value.map) };
  },
};

function view(m: Machine, name: "dict_keys" | "dict_values" | "dict_items", items: Value[], args: Args): Value {
  none(args, name.slice(5));
  m.fuel.step(items.length);
  return { kind: "view", name, items };
}

const LIST: Readonly<Record<string, (m: Machine, value: List, args: Args) => Value>> = {
  index: (m, { items }, args) => {
    const [item = null, ...more] = bind(args, "index", ["value", "start", "stop"]);
    if (more.some((bound) => bound !== undefined)) unsupported("list.index with bounds");
    const at = items.findIndex((each) => equal(m, each, item));
    return at < 0 ? wrong("value is not in list") : at;
  },
  count: (m, { items }, args) => {
    const [item = null] = bind(args, "count", ["value"]);
    return items.filter((each) => equal(m, each, item)).length;
  },
  copy: (m, value, args) => {
    none(args, "copy");
    m.fuel.step(value.items.length / 8);
    return value.kind === "list" ? list([...value.items]) : wrong("'tuple' object has no attribute 'copy'");
  },
};
