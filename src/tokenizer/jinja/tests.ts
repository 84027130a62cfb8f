/** Jinja's built-in tests: what follows `is`. */
import { bind } from "./arguments.ts";
import { wrong } from "./machine.ts";
import {
  type Args,
  compare,
  contains,
  equal,
  type Fn,
  intOf,
  isUndefined,
  kindOf,
  type Machine,
  numberOf,
  str,
  textOf,
  typeName,
  type Value,
} from "./values.ts";

type Test = (m: Machine, value: Value, other: Value) => boolean;

const integer = (value: Value): number => {
  if (isUndefined(value)) return wrong(value.hint);
  return intOf(value) ?? wrong(`unsupported operand type(s) for %: '${typeName(value)}' and 'int'`);
};
const hasCase = (text: string) => text.toLowerCase() !== text.toUpperCase();
const isSized = (value: Value) =>
  textOf(value) !== undefined || ["list", "tuple", "dict", "undefined"].includes(kindOf(value) ?? "");

const PLAIN: Readonly<Record<string, Test>> = {
  defined: (_m, value) => !isUndefined(value),
  undefined: (_m, value) => isUndefined(value),
  none: (_m, value) => value === null,
  boolean: (_m, value) => typeof value === "boolean",
  true: (_m, value) => value === true,
  false: (_m, value) => value === false,
  integer: (_m, value) => typeof value === "number",
  float: (_m, value) => kindOf(value) === "float",
  number: (_m, value) => numberOf(value) !== undefined,
  string: (_m, value) => textOf(value) !== undefined,
  mapping: (_m, value) => kindOf(value) === "dict",
  sequence: (_m, value) => isSized(value) || (kindOf(value) === "view" && (value as { name: string }).name === "range"),
  iterable: (_m, value) =>
    isSized(value) ||
    kindOf(value) === "view" ||
    kindOf(value) === "stream" ||
    (value as Partial<Fn>)?.length !== undefined,
  callable: (_m, value) => kindOf(value) === "function" || isUndefined(value),
  escaped: (_m, value) => kindOf(value) === "markup",
  odd: (_m, value) => integer(value) % 2 !== 0,
  even: (_m, value) => integer(value) % 2 === 0,
  lower: (m, value) => {
    const text = m.fuel.read(str(m, value));
    return hasCase(text) && text === text.toLowerCase();
  },
  upper: (m, value) => {
    const text = m.fuel.read(str(m, value));
    return hasCase(text) && text === text.toUpperCase();
  },
};

const eq: Test = (m, a, b) => equal(m, a, b);
const ne: Test = (m, a, b) => !equal(m, a, b);
const gt: Test = (m, a, b) => compare(m, a, b, ">") > 0;
const ge: Test = (m, a, b) => compare(m, a, b, ">=") >= 0;
const lt: Test = (m, a, b) => compare(m, a, b, "<") < 0;
const le: Test = (m, a, b) => compare(m, a, b, "<=") <= 0;

const WITH_OTHER: Readonly<Record<string, Test>> = {
  divisibleby: (_m, value, other) => {
    if (intOf(other) === 0) wrong("division by zero");
    return integer(value) % integer(other) === 0;
  },
  in: (m, value, other) => contains(m, other, value),
  sameas: (_m, value, other) => value === other,
  "==": eq,
  eq,
  equalto: eq,
  "!=": ne,
  ne,
  ">": gt,
  gt,
  greaterthan: gt,
  ">=": ge,
  ge,
  "<": lt,
  lt,
  lessthan: lt,
  "<=": le,
  le,
};

/** `value is name(args)`. */
export function test(m: Machine, name: string, value: Value, args: Args): boolean {
  m.fuel.step();
  if (Object.hasOwn(PLAIN, name)) {
    bind(args, name, []);
    return PLAIN[name]!(m, value, null);
  }
  if (!Object.hasOwn(WITH_OTHER, name)) return wrong(`No test named '${name}'.`);
  if (args.at.length !== 1 || args.named.size > 0) wrong(`the test ${name} takes one argument`);
  return WITH_OTHER[name]!(m, value, args.at[0]!);
}
