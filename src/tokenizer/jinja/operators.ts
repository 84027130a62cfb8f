/** What Python's operators and subscripts do with values. */
import { safeInt } from "./arguments.ts";
import type { BinaryOp } from "./ast.ts";
import { formatPercent } from "./format.ts";
import { unsupported, wrong } from "./machine.ts";
import { lengthOf, pointsOf } from "./text.ts";
import {
  type Dict,
  float,
  intOf,
  isUndefined,
  keyOf,
  kindOf,
  type List,
  type Machine,
  type Markup,
  missing,
  numberOf,
  str,
  textOf,
  typeName,
  type Value,
  type View,
} from "./values.ts";

/** `left op right`. */
export function operate(m: Machine, op: BinaryOp, left: Value, right: Value): Value {
  if (isUndefined(left)) return wrong(left.hint);
  const text = textOf(left);
  if (op === "%" && text !== undefined) {
    if (kindOf(left) === "markup") unsupported("% of text marked as safe");
    return formatPercent(m, text, right);
  }
  if (isUndefined(right)) return wrong(right.hint);
  if (op === "+" || op === "*") {
    const joined = op === "+" ? concatenate(m, left, right) : (repeat(m, left, right) ?? repeat(m, right, left));
    if (joined !== undefined) return joined;
  }
  const [a, b] = [numberOf(left), numberOf(right)];
  if (a === undefined || b === undefined)
    return wrong(`unsupported operand type(s) for ${op}: '${typeName(left)}' and '${typeName(right)}'`);
  const whole = kindOf(left) !== "float" && kindOf(right) !== "float";
  if ((op === "/" || op === "//" || op === "%") && b === 0) wrong("division by zero");
  if (op === "/") return float(a / b);
  if (op === "**" && (b < 0 || !whole)) return float(power(a, b));
  const value = arithmetic(op, a, b);
  return whole ? safeInt(value) : float(value);
}

function arithmetic(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "**":
      return a ** b;
    case "//":
      return (a - modulo(a, b)) / b;
    default:
      return modulo(a, b);
  }
}

/** The remainder with the sign of the divisor. */
function modulo(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function power(a: number, b: number): number {
  if (a === 0 && b < 0) wrong("0.0 cannot be raised to a negative power");
  const value = a ** b;
  return Number.isFinite(value) ? value : unsupported("a power that is no finite real number");
}

function concatenate(m: Machine, left: Value, right: Value): Value | undefined {
  const [s, t] = [textOf(left), textOf(right)];
  if (kindOf(left) === "markup" || kindOf(right) === "markup") {
    if (s === undefined || t === undefined)
      return wrong(`can only concatenate str (not "${typeName(s === undefined ? left : right)}")`);
    return { kind: "markup", text: m.fuel.text(escapeHtml(left) + escapeHtml(right)) };
  }
  if (s !== undefined || t !== undefined) {
    if (s === undefined) return wrong(`unsupported operand type(s) for +: '${typeName(left)}' and 'str'`);
    if (t === undefined) return wrong(`can only concatenate str (not "${typeName(right)}") to str`);
    return join(m, [s, t]);
  }
  const kind = kindOf(left);
  if ((kind !== "list" && kind !== "tuple") || kindOf(right) !== kind) return undefined;
  const items = [...(left as List).items, ...(right as List).items];
  m.fuel.step(items.length / 8);
  return { kind, items };
}

/** Texts in a row. What is appended to a long text costs its own length alone: JavaScript does not copy the long one. */
export function join(m: Machine, texts: readonly string[]): string {
  let total = 0;
  let longest = 0;
  for (const { length } of texts) {
    total += length;
    longest = Math.max(longest, length);
  }
  m.fuel.room(total);
  return m.fuel.text(texts.join(""), total - longest);
}

function repeat(m: Machine, value: Value, times: Value): Value | undefined {
  const count = intOf(times);
  const text = textOf(value);
  const kind = kindOf(value);
  if (text === undefined && kind !== "list" && kind !== "tuple") return undefined;
  if (count === undefined) return wrong(`can't multiply sequence by non-int of type '${typeName(times)}'`);
  const copies = Math.max(0, count);
  if (text !== undefined) {
    if (kind === "markup") unsupported("* of text marked as safe");
    m.fuel.room(text.length * copies);
    return m.fuel.text(text.repeat(copies));
  }
  const { items } = value as List;
  m.fuel.step(items.length * copies);
  return { kind: kind as "list" | "tuple", items: Array.from({ length: copies }, () => items).flat() };
}

/** Text for HTML; what is marked as safe stays. */
export function escapeHtml(value: Value): string {
  if (kindOf(value) === "markup") return (value as Markup).text;
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" };
  return textOf(value)!.replace(/[&<>'"]/g, (sign) => entities[sign]!);
}

/** `len(value)`, or undefined for what has none. */
export function lengthOfValue(m: Machine, value: Value): number | undefined {
  const text = textOf(value);
  if (text !== undefined) {
    return lengthOf(m.fuel.read(text));
  }
  const kind = kindOf(value);
  if (kind === "list" || kind === "tuple" || kind === "view") return (value as List).items.length;
  if (kind === "dict") return (value as Dict).map.size;
  if (kind === "function") return (value as { length?: number }).length;
  return kind === "undefined" ? 0 : undefined;
}

/** What `value[key]` is in Python, or undefined where that raises an error. */
export function subscript(m: Machine, value: Value, key: Value): Value | undefined {
  const kind = kindOf(value);
  if (kind === "dict") {
    const at = keyOf(key);
    if (typeof at === "string") m.fuel.read(at);
    return at === undefined ? undefined : (value as Dict).map.get(at);
  }
  const items = itemsOf(m, value, key);
  const at = intOf(key);
  return items === undefined || at === undefined ? undefined : items[at < 0 ? at + items.length : at];
}

function itemsOf(m: Machine, value: Value, key: Value): readonly Value[] | undefined {
  const text = textOf(value);
  if (text !== undefined && intOf(key) !== undefined) {
    m.fuel.step(text.length / 8);
    return pointsOf(text);
  }
  const kind = kindOf(value);
  if (kind === "list" || kind === "tuple") return (value as List).items;
  return kind === "view" && (value as View).name === "range" ? (value as View).items : undefined;
}

/** Bounds of a slice: ints, or null for none. */
export interface Slice {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;
}

/** `value[start:stop:step]`. */
export function sliceOf(m: Machine, value: Value, { start, stop, step }: Slice): Value {
  const bound = (of: Value) => {
    if (of === null) return undefined;
    return intOf(of);
  };
  const valid = [start, stop, step].every((of) => of === null || intOf(of) !== undefined);
  const kind = kindOf(value);
  const text = textOf(value);
  const items =
    text !== undefined
      ? pointsOf(text)
      : kind === "list" || kind === "tuple" || kind === "view"
        ? (value as List).items
        : undefined;
  if (kind === "view" && (value as View).name !== "range")
    return missing(`'${typeName(value)}' object is not subscriptable`);
  if (items === undefined || !valid || step === 0) {
    if (isUndefined(value)) return wrong(value.hint);
    return missing(`'${typeName(value)}' object cannot be sliced so`);
  }
  m.fuel.step(1 + items.length / 8);
  const picked = pick(items, bound(start), bound(stop), bound(step) ?? 1);
  if (text !== undefined) return m.fuel.text(picked.join(""));
  if (kind === "view") return { kind: "view", name: "range", items: picked };
  return { kind: kind as "list" | "tuple", items: picked };
}

function pick(items: readonly Value[], start: number | undefined, stop: number | undefined, step: number): Value[] {
  const { length } = items;
  const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + length : at, low), high);
  const picked: Value[] = [];
  if (step > 0) {
    const end = stop === undefined ? length : clamp(stop, 0, length);
    for (let i = start === undefined ? 0 : clamp(start, 0, length); i < end; i += step) picked.push(items[i]!);
  } else {
    const end = stop === undefined ? -1 : clamp(stop, -1, length - 1);
    for (let i = start === undefined ? length - 1 : clamp(start, -1, length - 1); i > end; i += step)
      picked.push(items[i]!);
  }
  return picked;
}

/** What `~` joins: `str` of each. */
export function joinAll(m: Machine, values: readonly Value[]): string {
  return join(
    m,
    values.map((value) => str(m, value)),
  );
}
