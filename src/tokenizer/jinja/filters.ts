/** Jinja's built-in filters of one value: text and numbers. Those of sequences are beside. */
import { bind, intArg, safeInt, stringArg } from "./arguments.ts";
import { fixed, formatPercent } from "./format.ts";
import { unsupported, wrong } from "./machine.ts";
import { attribute, replace } from "./methods.ts";
import { escapeHtml } from "./operators.ts";
import { capitalize, lengthOf, pointsOf, splitLines, stripEnd, stripStart, titleParts } from "./text.ts";
import { toJson } from "./to-json.ts";
import {
  type Args,
  dict,
  float,
  isUndefined,
  kindOf,
  type Machine,
  type Markup,
  missing,
  numberOf,
  str,
  textOf,
  truthy,
  tuple,
  typeName,
  type Value,
} from "./values.ts";

export type Filter = (m: Machine, value: Value, args: Args) => Value;

/** The text of a value; what is marked as safe loses the mark, which is refused where Jinja keeps it. */
function plain(m: Machine, value: Value, name: string): string {
  if (kindOf(value) === "markup") return unsupported(`the filter ${name} on text marked as safe`);
  return str(m, value);
}

const changed =
  (name: string, change: (text: string) => string): Filter =>
  (m, value, args) => {
    bind(args, name, []);
    return m.fuel.text(change(plain(m, value, name)));
  };

/** Jinja's own title case: what follows white space, a hyphen or an opening bracket is large. */
function title(text: string): string {
  return titleParts(text)
    .map((part) => {
      const first = pointsOf(part.slice(0, 2))[0] ?? "";
      return first.toUpperCase() + part.slice(first.length).toLowerCase();
    })
    .join("");
}

export const TEXT_FILTERS: Readonly<Record<string, Filter>> = {
  upper: changed("upper", (text) => text.toUpperCase()),
  lower: changed("lower", (text) => text.toLowerCase()),
  capitalize: changed("capitalize", capitalize),
  title: changed("title", title),
  string: (m, value, args) => {
    bind(args, "string", []);
    return kindOf(value) === "markup" ? value : str(m, value);
  },
  safe: (m, value, args) => {
    bind(args, "safe", []);
    return { kind: "markup", text: str(m, value) };
  },
  escape: escapeFilter,
  e: escapeFilter,
  trim: (m, value, args) => {
    const [chars = null] = bind(args, "trim", ["chars"]);
    const set = chars === null ? undefined : new Set(pointsOf(stringArg(chars, "trim")));
    const text = m.fuel.text(stripEnd(stripStart(str(m, value), set), set));
    return kindOf(value) === "markup" ? { kind: "markup", text } : text;
  },
  replace: (m, value, args) => {
    const [from = null, to = null, count = null] = bind(args, "replace", ["old", "new", "count"]);
    const most = count === null ? -1 : intArg(count, "replace");
    return replace(m, plain(m, value, "replace"), str(m, from), str(m, to), most);
  },
  indent,
  center: (m, value, args) => {
    const [width = 80] = bind(args, "center", ["width"]);
    const text = plain(m, value, "center");
    const wide = intArg(width, "center");
    const room = Math.max(0, wide - lengthOf(text));
    m.fuel.room(room);
    const before = Math.floor(room / 2) + (room & wide & 1);
    return m.fuel.text(" ".repeat(before) + text + " ".repeat(room - before));
  },
  truncate,
  wordcount: (m, value, args) => {
    bind(args, "wordcount", []);
    return m.fuel.text(str(m, value)).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0;
  },
  urlencode: (m, value, args) => {
    bind(args, "urlencode", []);
    if (textOf(value) === undefined && typeof value !== "number") return unsupported(`urlencode of ${typeName(value)}`);
    m.fuel.room(str(m, value).length * 3);
    return m.fuel.text(
      encodeURIComponent(wellFormed(str(m, value)))
        .replaceAll("%2F", "/")
        .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    );
  },
  format: (m, value, args) => {
    if (args.at.length > 0 && args.named.size > 0)
      wrong("can't handle positional and keyword arguments at the same time");
    return formatPercent(m, plain(m, value, "format"), args.named.size > 0 ? dict(args.named) : tuple(args.at));
  },
  tojson: (m, value, args) => {
    if (isUndefined(value)) return wrong(`Object of type Undefined is not JSON serializable (${value.hint})`);
    return toJson(m, value, args);
  },
  abs: (_m, value, args) => {
    bind(args, "abs", []);
    const number =
      numberOf(value) ?? wrong(isUndefined(value) ? value.hint : `bad operand type for abs(): '${typeName(value)}'`);
    return kindOf(value) === "float" ? float(Math.abs(number)) : Math.abs(number);
  },
  int: toInt,
  float: toFloat,
  round,
  default: defaultFilter,
  d: defaultFilter,
  attr: (m, value, args) => {
    const name = str(m, bind(args, "attr", ["name"])[0] ?? null);
    return attribute(m, value, name) ?? missing(`'${typeName(value)} object' has no attribute '${name}'`);
  },
};

function escapeFilter(m: Machine, value: Value, args: Args): Value {
  bind(args, "escape", []);
  const text: Value = kindOf(value) === "markup" ? (value as Markup) : str(m, value);
  return { kind: "markup", text: m.fuel.text(escapeHtml(text)) };
}

function defaultFilter(_m: Machine, value: Value, args: Args): Value {
  const [otherwise = "", falsy = false] = bind(args, "default", ["default_value", "boolean"]);
  return isUndefined(value) || (truthy(falsy) && !truthy(value)) ? otherwise : value;
}

function indent(m: Machine, value: Value, args: Args): Value {
  const [width = 4, first = false, blank = false] = bind(args, "indent", ["width", "first", "blank"]);
  const text = plain(m, value, "indent");
  const count = textOf(width) === undefined ? intArg(width, "indent") : 0;
  m.fuel.room(count);
  const before = textOf(width) ?? " ".repeat(Math.max(0, count));
  const lines = splitLines(`${text}\n`);
  m.fuel.room(text.length + before.length * lines.length);
  const shown = lines.map((line, i) => (i === 0 || (line === "" && !truthy(blank)) ? line : before + line)).join("\n");
  return m.fuel.text(truthy(first) ? before + shown : shown);
}

function truncate(m: Machine, value: Value, args: Args): Value {
  const [length = 255, killWords = false, end = "...", leeway = null] = bind(args, "truncate", [
    "length",
    "killwords",
    "end",
    "leeway",
  ]);
  const points = pointsOf(m.fuel.text(plain(m, value, "truncate")));
  const most = intArg(length, "truncate");
  const tail = stringArg(end, "truncate");
  if (most < lengthOf(tail)) wrong(`expected length >= ${lengthOf(tail)}, got ${most}`);
  if (points.length <= most + (leeway === null ? 5 : intArg(leeway, "truncate"))) return points.join("");
  const cut = points.slice(0, most - lengthOf(tail)).join("");
  if (truthy(killWords)) return cut + tail;
  const space = cut.lastIndexOf(" ");
  return (space < 0 ? cut : cut.slice(0, space)) + tail;
}

function toInt(_m: Machine, value: Value, args: Args): Value {
  const [otherwise = 0, base = 10] = bind(args, "int", ["default", "base"]);
  if (base !== 10) return unsupported("the filter int with a base");
  const text = textOf(value);
  if (text === undefined) {
    const number = numberOf(value);
    if (isUndefined(value)) return wrong(value.hint);
    return number === undefined || !Number.isFinite(number) ? otherwise : safeInt(Math.trunc(number));
  }
  const trimmed = stripEnd(stripStart(text));
  if (/^[-+]?\d+(_\d+)*$/.test(trimmed)) return safeInt(Number(trimmed.replaceAll("_", "")));
  if (/[^\P{Nd}\d]/u.test(trimmed)) return unsupported("the filter int of digits that are not ASCII");
  const number = parseFloatText(trimmed);
  return number === undefined || !Number.isFinite(number) ? otherwise : safeInt(Math.trunc(number));
}

function toFloat(_m: Machine, value: Value, args: Args): Value {
  const [otherwise = float(0)] = bind(args, "float", ["default"]);
  if (isUndefined(value)) return wrong(value.hint);
  const text = textOf(value);
  const number = text === undefined ? numberOf(value) : parseFloatText(stripEnd(stripStart(text)));
  return number === undefined ? otherwise : float(number);
}

/** Lone surrogates, which have no UTF-8, as U+FFFD. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Python's `float(text)` for ASCII digits. */
function parseFloatText(text: string): number | undefined {
  if (/^[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[-+]?\d+(_\d+)*)?$/i.test(text))
    return Number(text.replaceAll("_", ""));
  const word = /^([-+]?)(inf|infinity|nan)$/i.exec(text);
  if (!word) return undefined;
  if (/nan/i.test(text)) return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function round(_m: Machine, value: Value, args: Args): Value {
  const [precision = 0, method = "common"] = bind(args, "round", ["precision", "method"]);
  const digits = intArg(precision, "round");
  if (isUndefined(value)) return wrong(value.hint);
  const number = numberOf(value) ?? wrong(`type ${typeName(value)} doesn't define __round__ method`);
  if (digits < 0) return unsupported("round with a precision below 0");
  if (method === "common") {
    if (kindOf(value) !== "float") return number;
    if (!Number.isFinite(number) || Math.abs(number) >= 1e21) return value;
    return float(Math.sign(number) * Number(fixed(Math.abs(number), digits)) || number * 0);
  }
  if (method !== "ceil" && method !== "floor") return wrong("method must be common, ceil or floor");
  const scale = 10 ** digits;
  return float(Math[method](number * scale) / scale);
}
