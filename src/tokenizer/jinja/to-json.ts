/** Python's `json.dumps`, which transformers puts in the place of Jinja's own `tojson`. */
import { bind, stringArg } from "./arguments.ts";
import { unsupported, wrong } from "./machine.ts";
import { comparePoints, showFloat } from "./text.ts";
import {
  type Args,
  type Dict,
  intOf,
  iterate,
  type Key,
  kindOf,
  type List,
  type Machine,
  textOf,
  truthy,
  typeName,
  type Value,
} from "./values.ts";

interface Style {
  readonly ascii: boolean;
  readonly indent: string | undefined;
  readonly comma: string;
  readonly colon: string;
  readonly sorted: boolean;
}

/** The filter `tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)`. */
export function toJson(m: Machine, value: Value, args: Args): string {
  const [ascii = false, indent = null, separators = null, sorted = false] = bind(args, "tojson", [
    "ensure_ascii",
    "indent",
    "separators",
    "sort_keys",
  ]);
  const [comma, colon] =
    separators === null
      ? [indent === null ? ", " : ",", ": "]
      : iterate(m, separators).map((each) => stringArg(each, "separators"));
  if (comma === undefined || colon === undefined) return wrong("tojson: separators must be two strings");
  const style = { ascii: truthy(ascii), indent: indentOf(m, indent), comma, colon, sorted: truthy(sorted) };
  return write(m, value, style, "\n");
}

function indentOf(m: Machine, indent: Value): string | undefined {
  if (indent === null) return undefined;
  const count = intOf(indent);
  if (count === undefined) return stringArg(indent, "tojson indent");
  m.fuel.room(count);
  return " ".repeat(Math.max(0, count));
}

function write(m: Machine, value: Value, style: Style, line: string): string {
  m.fuel.step();
  const text = textOf(value);
  if (text !== undefined) return m.fuel.text(quote(text, style.ascii));
  const shown = scalar(value);
  if (shown !== undefined) return shown;
  const inner = style.indent === undefined ? "" : line + style.indent;
  const outer = style.indent === undefined ? "" : line;
  const wrap = (open: string, parts: readonly string[], close: string) => {
    if (parts.length === 0) return open + close;
    m.fuel.room(parts.reduce((sum, part) => sum + part.length + style.comma.length + inner.length, 0));
    return m.fuel.text(open + inner + parts.join(style.comma + inner) + outer + close);
  };
  const next = style.indent === undefined ? line : inner;
  const kind = kindOf(value);
  if (kind === "list" || kind === "tuple")
    return wrap(
      "[",
      (value as List).items.map((item) => write(m, item, style, next)),
      "]",
    );
  if (kind === "dict") {
    const entries = [...(value as Dict).map];
    if (style.sorted) sortKeys(entries);
    return wrap(
      "{",
      entries.map(([key, item]) => quote(keyText(key), style.ascii) + style.colon + write(m, item, style, next)),
      "}",
    );
  }
  return wrong(`Object of type ${typeName(value)} is not JSON serializable`);
}

function sortKeys(entries: [Key, Value][]): void {
  if (entries.some(([key]) => typeof key !== "string")) unsupported("sort_keys with keys that are no strings");
  entries.sort(([a], [b]) => comparePoints(a as string, b as string));
}

function scalar(value: Value): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "number") return String(value);
  if (kindOf(value) !== "float") return undefined;
  const number = (value as { value: number }).value;
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number < 0 ? "-Infinity" : "Infinity";
  return showFloat(number);
}

const keyText = (key: Key) => (typeof key === "string" ? key : String(key));

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

const beyondAscii = /["\\]|[^ -~]/g;
const control = /["\\]|[^ -\uffff]/g;

function quote(text: string, ascii: boolean): string {
  const special = ascii ? beyondAscii : control;
  const escaped = text.replace(
    special,
    (unit) => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}
