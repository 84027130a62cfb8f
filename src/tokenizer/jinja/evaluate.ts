/** Expressions to values. */
import type { CallArgs, CompareOp, Expr } from "./ast.ts";
import { TEXT_FILTERS } from "./filters.ts";
import { enter, unsupported, wrong } from "./machine.ts";
import { attribute } from "./methods.ts";
import { joinAll, operate, sliceOf, subscript } from "./operators.ts";
import { getItem, SEQUENCE_FILTERS } from "./sequence-filters.ts";
import {
  type Args,
  compare,
  contains,
  type Dict,
  dict,
  equal,
  type Fn,
  float,
  isUndefined,
  iterate,
  type Key,
  kindOf,
  list,
  type Machine,
  missing,
  newKey,
  numberOf,
  textOf,
  truthy,
  tuple,
  typeName,
  type Value,
} from "./values.ts";

/** Variables, and those around them. */
export interface Scope {
  readonly variables: Map<string, Value>;
  readonly parent?: Scope | undefined;
}

const UNSUPPORTED_FILTERS = [
  "filesizeformat",
  "forceescape",
  "pprint",
  "random",
  "striptags",
  "urlize",
  "wordwrap",
  "xmlattr",
];

/** The value of an expression. */
export function evaluate(m: Machine, expr: Expr, scope: Scope): Value {
  m.fuel.step();
  if (expr.type === "const") return expr.value;
  if (expr.type === "name") return lookUp(m, expr.name, scope);
  enter(m);
  const value = compute(m, expr, scope);
  m.depth--;
  return value;
}

/** The value of a variable. */
export function lookUp(m: Machine, name: string, scope: Scope): Value {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    m.fuel.step(0.25);
    const value = at.variables.get(name);
    if (value !== undefined) return value;
  }
  return missing(`'${name}' is undefined`);
}

type Compound = Exclude<Expr, { type: "const" | "name" }>;

function compute(m: Machine, expr: Compound, scope: Scope): Value {
  const of = (inner: Expr) => evaluate(m, inner, scope);
  switch (expr.type) {
    case "list":
      return list(expr.items.map(of));
    case "tuple":
      return tuple(expr.items.map(of));
    case "concat":
      return joinAll(m, expr.items.map(of));
    case "dict":
      return dict(expr.entries.map(([key, value]) => [dictKey(m, of(key)), of(value)] as const));
    case "attribute":
      return member(m, of(expr.of), expr.name, expr.line);
    case "item":
      return item(m, of(expr.of), expr.at, scope, expr.line);
    case "slice":
      return unsupported("a slice among several subscripts");
    case "call": {
      const callee = of(expr.callee);
      const args = evaluateArgs(m, expr.args, scope);
      m.line = expr.line;
      return call(callee, args);
    }
    case "filter":
      return applyFilter(m, expr, of(expr.of!), scope);
    case "test": {
      const value = of(expr.of);
      const args = evaluateArgs(m, expr.args, scope);
      m.line = expr.line;
      return m.test(expr.name, value, args);
    }
    case "not":
      return !truthy(of(expr.of));
    case "negative":
    case "positive":
      return signed(of(expr.of), expr.type === "negative" ? -1 : 1);
    case "and": {
      const left = of(expr.left);
      return truthy(left) ? of(expr.right) : left;
    }
    case "or": {
      const left = of(expr.left);
      return truthy(left) ? left : of(expr.right);
    }
    case "binary":
      return operate(m, expr.op, of(expr.left), of(expr.right));
    case "compare":
      return compareChain(m, of(expr.first), expr.rest, scope);
    case "if":
      if (truthy(of(expr.test))) return of(expr.then);
      return expr.otherwise
        ? of(expr.otherwise)
        : missing("the inline if-expression evaluated to false and no else section was defined.");
  }
}

function member(m: Machine, value: Value, name: string, line: number): Value {
  m.line = line;
  if (isUndefined(value)) return wrong(value.hint);
  const found = attribute(m, value, name) ?? subscript(m, value, name);
  return found ?? missing(`'${value === null ? "None" : `${typeName(value)} object`}' has no attribute '${name}'`);
}

function item(m: Machine, value: Value, at: Expr, scope: Scope, line: number): Value {
  const bound = (part: Expr | undefined) => (part ? evaluate(m, part, scope) : null);
  if (at.type === "slice") {
    const slice = { start: bound(at.start), stop: bound(at.stop), step: bound(at.step) };
    m.line = line;
    return sliceOf(m, value, slice);
  }
  const key = evaluate(m, at, scope);
  m.line = line;
  return getItem(m, value, key);
}

function dictKey(m: Machine, value: Value): Key {
  const key = newKey(value);
  if (typeof key === "string") m.fuel.read(key);
  return key;
}

/** Calls what is callable. */
export function call(callee: Value, args: Args): Value {
  if (kindOf(callee) === "function") return (callee as Fn).call(args);
  return wrong(isUndefined(callee) ? callee.hint : `'${typeName(callee)}' object is not callable`);
}

/** Values of arguments; those of a name given twice fail. */
export function evaluateArgs(m: Machine, args: CallArgs, scope: Scope): Args {
  const of = (inner: Expr) => evaluate(m, inner, scope);
  const at = args.at.map(of);
  if (args.spread) at.push(...spread(m, of(args.spread)));
  if (args.named.length === 0 && !args.namedSpread) return { at, named: NO_NAMES };
  const named = new Map<string, Value>();
  const add = (name: string, value: Value) => {
    if (named.has(name)) wrong(`got multiple values for keyword argument '${name}'`);
    named.set(name, value);
  };
  for (const [name, value] of args.named) add(name, of(value));
  if (args.namedSpread) {
    const more = of(args.namedSpread);
    if (kindOf(more) !== "dict") wrong(`argument after ** must be a mapping, not ${typeName(more)}`);
    for (const [name, value] of (more as Dict).map)
      add(typeof name === "string" ? name : wrong("keywords must be strings"), value);
  }
  return { at, named };
}

const NO_NAMES: ReadonlyMap<string, Value> = new Map();

function spread(m: Machine, value: Value): readonly Value[] {
  const items = iterate(m, value);
  m.fuel.step(items.length);
  return items.length > 1000 ? unsupported("more than 1,000 arguments") : items;
}

/** A filter's value for what comes in. */
export function applyFilter(m: Machine, expr: Expr & { type: "filter" }, value: Value, scope: Scope): Value {
  const args = evaluateArgs(m, expr.args, scope);
  m.line = expr.line;
  return m.filter(expr.name, value, args);
}

/** `value | name(args)`. */
export function filterByName(m: Machine, name: string, value: Value, args: Args): Value {
  m.fuel.read(textOf(value) ?? "");
  for (const given of args.at) m.fuel.read(textOf(given) ?? "");
  if (Object.hasOwn(TEXT_FILTERS, name)) return TEXT_FILTERS[name]!(m, value, args);
  if (Object.hasOwn(SEQUENCE_FILTERS, name)) return SEQUENCE_FILTERS[name]!(m, value, args);
  if (UNSUPPORTED_FILTERS.includes(name)) return unsupported(`the filter ${name}`);
  return wrong(`No filter named '${name}'.`);
}

function signed(value: Value, sign: 1 | -1): Value {
  if (isUndefined(value)) return wrong(value.hint);
  const number = numberOf(value) ?? wrong(`bad operand type for unary ${sign < 0 ? "-" : "+"}: '${typeName(value)}'`);
  return kindOf(value) === "float" ? float(sign * number) : sign * number + 0;
}

function compareChain(m: Machine, first: Value, rest: readonly (readonly [CompareOp, Expr])[], scope: Scope): boolean {
  let left = first;
  for (const [op, expr] of rest) {
    const right = evaluate(m, expr, scope);
    if (!holds(m, op, left, right)) return false;
    left = right;
  }
  return true;
}

function holds(m: Machine, op: CompareOp, left: Value, right: Value): boolean {
  switch (op) {
    case "==":
      return equal(m, left, right);
    case "!=":
      return !equal(m, left, right);
    case "in":
      return contains(m, right, left);
    case "not in":
      return !contains(m, right, left);
    case "<":
      return compare(m, left, right, op) < 0;
    case "<=":
      return compare(m, left, right, op) <= 0;
    case ">":
      return compare(m, left, right, op) > 0;
    case ">=":
      return compare(m, left, right, op) >= 0;
  }
}
