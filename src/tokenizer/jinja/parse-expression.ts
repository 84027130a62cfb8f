/** Tokens to expressions, by Jinja's precedence. Knows no statements. */
import type { BinaryOp, CallArgs, CompareOp, Expr } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { unsupported, wrong } from "./machine.ts";
import { float } from "./values.ts";

const NO_ARGS: CallArgs = { at: [], named: [] };
const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="];
const CONSTANTS = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);

/** One expression, `a if b else c` included. */
export function parseExpression(c: Cursor): Expr {
  return c.nested(() => parseConditional(c));
}

function parseConditional(c: Cursor): Expr {
  let then = parseOr(c);
  while (c.skip("name", "if")) {
    const test = parseOr(c);
    const otherwise = c.skip("name", "else") ? parseExpression(c) : undefined;
    then = { type: "if", test, then, otherwise };
  }
  return then;
}

/**
 * An expression, or several with commas between, which are a tuple. Without `conditional` an `if` ends it, as in a loop's head.
 * In parentheses nothing at all is the empty tuple.
 */
export function parseTuple(c: Cursor, { conditional = true, inParentheses = false } = {}): Expr {
  const items: Expr[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0) {
      if (!c.skip("op", ",")) break;
      isTuple = true;
    }
    if (endsTuple(c)) break;
    items.push(conditional ? parseExpression(c) : c.nested(() => parseOr(c)));
  }
  if (!isTuple && items.length > 0) return items[0]!;
  if (items.length === 0 && !inParentheses) wrong(`expected an expression, got '${c.peek().text}'`);
  return { type: "tuple", items };
}

function endsTuple(c: Cursor): boolean {
  return c.is("endprint") || c.is("close") || c.is("op", ")") || c.is("name", "recursive");
}

function parseOr(c: Cursor): Expr {
  let left = parseAnd(c);
  while (c.skip("name", "or")) left = { type: "or", left, right: parseAnd(c) };
  return left;
}

function parseAnd(c: Cursor): Expr {
  let left = parseNot(c);
  while (c.skip("name", "and")) left = { type: "and", left, right: parseNot(c) };
  return left;
}

function parseNot(c: Cursor): Expr {
  if (c.skip("name", "not")) return c.nested(() => ({ type: "not", of: parseNot(c) }));
  const first = parseSum(c);
  const rest: [CompareOp, Expr][] = [];
  for (let op = compareOp(c); op !== undefined; op = compareOp(c)) rest.push([op, parseSum(c)]);
  return rest.length > 0 ? { type: "compare", first, rest } : first;
}

function compareOp(c: Cursor): CompareOp | undefined {
  if (c.peek().type === "op" && COMPARISONS.includes(c.peek().text)) return c.next().text as CompareOp;
  if (c.skip("name", "in")) return "in";
  if (c.is("name", "not") && c.peek(1).type === "name" && c.peek(1).text === "in") {
    c.next();
    c.next();
    return "not in";
  }
  return undefined;
}

function binary(c: Cursor, operators: readonly string[], operand: (c: Cursor) => Expr): Expr {
  let left = operand(c);
  while (c.peek().type === "op" && operators.includes(c.peek().text)) {
    const op = c.next().text as BinaryOp;
    left = { type: "binary", op, left, right: operand(c) };
  }
  return left;
}

const parseSum = (c: Cursor): Expr => binary(c, ["+", "-"], parseConcat);

function parseConcat(c: Cursor): Expr {
  const items = [parseProduct(c)];
  while (c.skip("op", "~")) items.push(parseProduct(c));
  return items.length > 1 ? { type: "concat", items } : items[0]!;
}

const parseProduct = (c: Cursor): Expr => binary(c, ["*", "/", "//", "%"], parsePower);

const parsePower = (c: Cursor): Expr => binary(c, ["**"], (inner) => parseUnary(inner, true));

function parseUnary(c: Cursor, filters: boolean): Expr {
  return c.nested(() => {
    let value: Expr;
    if (c.skip("op", "-")) value = { type: "negative", of: parseUnary(c, false) };
    else if (c.skip("op", "+")) value = { type: "positive", of: parseUnary(c, false) };
    else value = parsePrimary(c);
    value = parsePostfix(c, value);
    return filters ? parseFilters(c, value) : value;
  });
}

function parsePrimary(c: Cursor): Expr {
  const token = c.next();
  switch (token.type) {
    case "name": {
      const constant = CONSTANTS.get(token.text);
      if (constant !== undefined) return { type: "const", value: constant };
      c.reads.at(-1)?.add(token.text);
      return { type: "name", name: token.text };
    }
    case "string": {
      let text = token.text;
      while (c.is("string")) text += c.next().text;
      return { type: "const", value: text };
    }
    case "int":
      return { type: "const", value: safeInteger(token.text) };
    case "float":
      return { type: "const", value: float(Number(token.text.replaceAll("_", ""))) };
    case "op":
      if (token.text === "(") {
        const value = parseTuple(c, { inParentheses: true });
        c.expect("op", ")");
        return value;
      }
      if (token.text === "[") return { type: "list", items: commaList(c, "]", () => parseExpression(c)) };
      if (token.text === "{") return { type: "dict", entries: commaList(c, "}", () => parseEntry(c)) };
  }
  const got = token.type === "end" ? "the end of the template" : `'${token.text}'`;
  return wrong(`unexpected ${got}`);
}

function parseEntry(c: Cursor): [Expr, Expr] {
  const key = parseExpression(c);
  c.expect("op", ":");
  return [key, parseExpression(c)];
}

function safeInteger(digits: string): number {
  const value = Number(digits.replaceAll("_", ""));
  return Number.isSafeInteger(value) ? value : unsupported(`the integer ${digits.slice(0, 40)}`);
}

function commaList<T>(c: Cursor, end: string, parse: () => T): T[] {
  const items: T[] = [];
  while (!c.skip("op", end)) {
    if (items.length > 0) c.expect("op", ",");
    if (c.skip("op", end)) break;
    items.push(parse());
  }
  return items;
}

function parsePostfix(c: Cursor, of: Expr): Expr {
  let value = of;
  for (;;) {
    const { line } = c.peek();
    if (c.skip("op", ".")) value = parseMember(c, value, line);
    else if (c.skip("op", "[")) value = { type: "item", of: value, at: parseSubscript(c), line };
    else if (c.is("op", "(")) value = { type: "call", callee: value, args: parseArgs(c), line };
    else return value;
  }
}

function parseMember(c: Cursor, of: Expr, line: number): Expr {
  if (c.is("int")) return { type: "item", of, at: { type: "const", value: safeInteger(c.next().text) }, line };
  return { type: "attribute", of, name: c.expect("name").text, line };
}

function parseSubscript(c: Cursor): Expr {
  const items = commaList(c, "]", () => parseIndex(c));
  if (items.length === 0) wrong("expected an expression in [ ]");
  return items.length === 1 ? items[0]! : { type: "tuple", items };
}

function parseIndex(c: Cursor): Expr {
  const part = () => (c.is("op", ":") || c.is("op", "]") || c.is("op", ",") ? undefined : parseExpression(c));
  const start = part();
  if (!c.skip("op", ":")) return start ?? wrong("expected an expression in [ ]");
  const stop = part();
  const step = c.skip("op", ":") ? part() : undefined;
  return { type: "slice", start, stop, step };
}

function parseArgs(c: Cursor): CallArgs {
  c.expect("op", "(");
  const at: Expr[] = [];
  const named: [string, Expr][] = [];
  let spread: Expr | undefined;
  let namedSpread: Expr | undefined;
  commaList(c, ")", () => {
    if (namedSpread) wrong("invalid syntax for function call expression");
    if (c.skip("op", "*")) {
      if (spread) wrong("invalid syntax for function call expression");
      spread = parseExpression(c);
    } else if (c.skip("op", "**")) namedSpread = parseExpression(c);
    else if (c.is("name") && c.peek(1).type === "op" && c.peek(1).text === "=") {
      const name = c.next().text;
      c.next();
      named.push([name, parseExpression(c)]);
    } else if (named.length > 0 || spread) wrong("invalid syntax for function call expression");
    else at.push(parseExpression(c));
  });
  return { at, named, spread, namedSpread };
}

function parseFilters(c: Cursor, of: Expr): Expr {
  let value = of;
  for (;;) {
    const { line } = c.peek();
    if (c.skip("op", "|")) value = parseFilter(c, value);
    else if (c.skip("name", "is")) value = parseTest(c, value, line);
    else if (c.is("op", "(")) value = { type: "call", callee: value, args: parseArgs(c), line };
    else return value;
  }
}

/** A filter's name and arguments; the `|` is past. */
export function parseFilter(c: Cursor, of: Expr | undefined): Expr {
  const { line } = c.peek();
  const name = dottedName(c);
  return { type: "filter", of, name, args: c.is("op", "(") ? parseArgs(c) : NO_ARGS, line };
}

function dottedName(c: Cursor): string {
  let name = c.expect("name").text;
  while (c.skip("op", ".")) name += `.${c.expect("name").text}`;
  return name;
}

function parseTest(c: Cursor, of: Expr, line: number): Expr {
  const negated = c.skip("name", "not");
  const name = dottedName(c);
  const test: Expr = { type: "test", of, name, args: testArgs(c), line };
  return negated ? { type: "not", of: test } : test;
}

function testArgs(c: Cursor): CallArgs {
  if (c.is("op", "(")) return parseArgs(c);
  const { type, text } = c.peek();
  const begins = type === "name" ? !["else", "or", "and"].includes(text) : ["string", "int", "float"].includes(type);
  if (!begins && !(type === "op" && (text === "[" || text === "{"))) return NO_ARGS;
  if (type === "name" && text === "is") wrong("You cannot chain multiple tests with is");
  // A name that begins what comes after the test, as in `x if y is defined if z`, is taken as an argument in Jinja too.
  return { at: [c.nested(() => parsePostfix(c, parsePrimary(c)))], named: [] };
}
