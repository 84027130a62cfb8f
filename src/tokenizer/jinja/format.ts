/** `"..." % values`, `"...".format(...)` and the format specifications both share. What Python does beyond them is refused. */
import { unsupported, wrong } from "./machine.ts";
import { lengthOf, pointsOf, showFloat } from "./text.ts";
import {
  type Args,
  type Dict,
  intOf,
  kindOf,
  type List,
  type Machine,
  numberOf,
  repr,
  str,
  textOf,
  typeName,
  type Value,
} from "./values.ts";

/** `template % values`. */
export function formatPercent(m: Machine, template: string, values: Value): string {
  const single = kindOf(values) === "tuple" ? (values as List).items : [values];
  let used = 0;
  const take = () => single[used++] ?? (used <= single.length ? null : wrong("not enough arguments for format string"));
  let named = false;
  const pattern = /%(?:\(([^)]*)\))?([-#0 +]*)(\d+|\*)?(?:\.(\d+|\*))?[hlL]?([\s\S]|$)/g;
  const out = template.replace(
    pattern,
    (
      whole,
      name: string | undefined,
      flags: string,
      width: string | undefined,
      digits: string | undefined,
      type: string,
    ) => {
      if (type === "%") return whole === "%%" ? "%" : unsupported(`the format ${whole}`);
      if (width === "*" || digits === "*") unsupported(`the format ${whole}`);
      if (name !== undefined) named = true;
      const value = name === undefined ? take() : namedValue(values, name);
      return m.fuel.text(onePercent(m, value, flags, Number(width ?? 0), digits, type, whole));
    },
  );
  if (
    used < single.length &&
    !named &&
    kindOf(values) !== "dict" &&
    !(single.length === 1 && kindOf(values) === "list")
  )
    wrong("not all arguments converted during string formatting");
  return m.fuel.text(out);
}

function namedValue(values: Value, name: string): Value {
  if (kindOf(values) !== "dict") return wrong("format requires a mapping");
  const value = (values as Dict).map.get(name);
  return value === undefined ? wrong(`format: no key '${name}'`) : value;
}

function onePercent(
  m: Machine,
  value: Value,
  flags: string,
  width: number,
  digits: string | undefined,
  type: string,
  whole: string,
): string {
  m.fuel.room(width);
  if (type === "s" || type === "r") {
    const text = type === "s" ? str(m, value) : repr(m, value);
    const cut = digits === undefined ? text : pointsOf(text).slice(0, Number(digits)).join("");
    return pad(cut, width, flags.includes("-") ? "<" : ">", " ");
  }
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const align = flags.includes("-") ? "<" : flags.includes("0") ? "=" : ">";
  const kind = type === "i" || type === "u" ? "d" : type;
  if (!"dfxXo".includes(kind) || kind === "" || flags.includes("#")) return unsupported(`the format ${whole}`);
  const number = numberOf(value) ?? wrong(`%${type} format: a real number is required, not ${typeName(value)}`);
  if (kind === "d" && digits !== undefined) unsupported(`the format ${whole}`);
  if ("xXo".includes(kind) && intOf(value) === undefined)
    wrong(`%${type} format: an integer is required, not ${typeName(value)}`);
  return padNumber(
    showNumber(kind === "d" ? Math.trunc(number) : number, kind, Number(digits ?? 6), sign, ""),
    width,
    align,
    align === "=" ? "0" : " ",
  );
}

/** The digits of a number by a conversion type, with its sign in front. */
function showNumber(value: number, type: string, digits: number, sign: string, group: string): string {
  const size = Math.abs(value);
  let text: string;
  if (type === "f" || type === "F") {
    if (!Number.isFinite(size)) text = Number.isNaN(size) ? "nan" : "inf";
    else text = fixed(size, digits);
  } else if (type === "d") text = String(size);
  else if (type === "") text = showFloat(size);
  else text = size.toString({ x: 16, X: 16, o: 8, b: 2 }[type]);
  if (type === "X") text = text.toUpperCase();
  if (group !== "") text = text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, group));
  return (value < 0 || Object.is(value, -0) ? "-" : sign) + text;
}

/** A number with so many digits after the point; exact ties go to the even digit. */
export function fixed(size: number, digits: number): string {
  if (digits > 50) unsupported("more than 50 digits after the point");
  if (size >= 1e21) return unsupported("numbers of more than 21 digits in a format");
  const text = size.toFixed(digits);
  const exact = size.toFixed(Math.min(100, digits + 50));
  const rest = digits === 0 ? exact.slice(exact.indexOf(".") + 1) : exact.slice(exact.indexOf(".") + 1 + digits);
  if (!/^50*$/.test(rest) || !/[13579]$/.test(text)) return text;
  const end = exact.length - rest.length;
  return digits === 0 ? exact.slice(0, end - 1) : exact.slice(0, end);
}

function pad(text: string, width: number, align: string, fill: string): string {
  const room = Math.max(0, width - lengthOf(text));
  if (align === "<") return text + fill.repeat(room);
  if (align === "^") return fill.repeat(Math.floor(room / 2)) + text + fill.repeat(Math.ceil(room / 2));
  return fill.repeat(room) + text;
}

function padNumber(text: string, width: number, align: string, fill: string): string {
  if (align !== "=") return pad(text, width, align, fill);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? "";
  return sign + pad(text.slice(sign.length), width - sign.length, ">", fill);
}

function itemAt(value: Value, key: string | number): Value | undefined {
  if (kindOf(value) === "dict") return (value as Dict).map.get(key);
  return kindOf(value) === "list" || kindOf(value) === "tuple" ? (value as List).items[Number(key)] : undefined;
}

/** `template.format(...)`. */
export function formatBraces(m: Machine, template: string, args: Args): string {
  let auto = 0;
  const field = (inside: string): string => {
    if (/[{}]/.test(inside)) return unsupported(`the format field {${inside.slice(0, 40)}}`);
    const [, path = "", conversion, spec = ""] = /^([^!:]*)(?:!([\s\S]))?(?::([\s\S]*))?$/.exec(inside) ?? [];
    const [, first = "", rest = ""] = /^([^.[]*)([\s\S]*)$/.exec(path)!;
    if (first === "" && rest !== "") return wrong(`format: no argument '${inside}'`);
    const root = first === "" ? String(auto++) : first;
    let value = /^\d+$/.test(root) ? args.at[Number(root)] : args.named.get(root);
    if (value === undefined) return wrong(`format: no argument '${root}'`);
    for (const [, key] of rest.matchAll(/\[([^\]]*)\]/g))
      value = itemAt(value!, /^\d+$/.test(key!) ? Number(key) : key!) ?? wrong(`format: no item '${key}'`);
    if (rest.replace(/\[[^\]]*\]/g, "") !== "") unsupported(`the format field {${inside}}`);
    if (conversion !== undefined && conversion !== "s" && conversion !== "r")
      unsupported(`the conversion !${conversion}`);
    const shown = conversion === undefined ? value! : conversion === "s" ? str(m, value!) : repr(m, value!);
    return m.fuel.text(formatValue(m, shown, spec));
  };
  const out = template.replace(
    /\{\{|\}\}|\{([^}]*)(\}|$)|\}/g,
    (whole, inside: string | undefined, end: string | undefined) => {
      if (whole === "{{" || whole === "}}") return whole[0]!;
      if (inside === undefined || end === "") return wrong(`Single '${whole[0]}' encountered in format string`);
      return field(inside);
    },
  );
  return m.fuel.text(out);
}

/** `format(value, spec)`. */
function formatValue(m: Machine, value: Value, spec: string): string {
  if (spec === "") return str(m, value);
  const match = /^(?:([\s\S])?([<>=^]))?([-+ ])?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u.exec(spec);
  if (!match) return unsupported(`the format specification ${spec.slice(0, 40)}`);
  const [, fill, align, sign = "", zero, widthText = "0", group = "", digits, type] = match;
  const width = Number(widthText);
  m.fuel.room(width);
  const text = textOf(value);
  if (text !== undefined) {
    if ((type !== undefined && type !== "s") || group || sign || zero || align === "=")
      unsupported(`the format specification ${spec}`);
    const cut = digits === undefined ? text : pointsOf(text).slice(0, Number(digits)).join("");
    return pad(cut, width, align ?? "<", fill ?? " ");
  }
  const number = numberOf(value);
  if (number === undefined || typeof value === "boolean")
    return unsupported(`the format specification ${spec} for ${typeName(value)}`);
  const whole = intOf(value) !== undefined;
  const kind = type ?? (whole ? "d" : "");
  const percent = kind === "%";
  if (
    !(whole ? ["d", "x", "X", "o", "b", "f", "F", "%"] : ["f", "F", "%", ""]).includes(kind) ||
    (digits !== undefined && !"fF%".includes(kind))
  )
    return unsupported(`the format specification ${spec}`);
  const shown = showNumber(
    percent ? number * 100 : number,
    percent ? "f" : kind,
    Number(digits ?? 6),
    sign === "-" ? "" : sign,
    group,
  );
  return padNumber(percent ? `${shown}%` : shown, width, align ?? (zero ? "=" : ">"), fill ?? (zero ? "0" : " "));
}
