/** Tokens to statements: the tags of Jinja that transformers' chat templates may use. Others are refused by name. */
import type { Expr, MacroBody, Parameter, Statement, Target } from "./ast.ts";
import { type Cursor, cursorOver, unexpected } from "./cursor.ts";
import { lex } from "./lex.ts";
import { unsupported, wrong } from "./machine.ts";
import { parseExpression, parseFilter, parseTuple } from "./parse-expression.ts";

/** What encloses the statements being parsed. */
interface Around {
  readonly at: { line: number };
  /** Whether `break` and `continue` have a loop to leave. */
  readonly inLoop: boolean;
}

const REFUSED = ["extends", "include", "import", "from", "block", "autoescape"];
const CONSTANT_NAMES = ["true", "false", "none", "True", "False", "None"];

/** Statements of a template. A fault leaves its line in `at.line`. */
export function parseTemplate(source: string, at: { line: number }): Statement[] {
  const c = cursorOver(lex(source, at), at);
  const body = parseBody(c, { at, inLoop: false }, []);
  return c.is("end") ? body : unexpected(c.peek(), "text or a tag", at);
}

/** Statements up to a tag with one of the names, which is left before its name, or to the end where there are none. */
function parseBody(c: Cursor, around: Around, ends: readonly string[]): Statement[] {
  return c.nested(() => {
    const body: Statement[] = [];
    for (;;) {
      const { line, type, text } = c.peek();
      if (type === "end") {
        if (ends.length > 0) unexpected(c.peek(), ends.join(" or "), around.at);
        return body;
      }
      c.next();
      if (type === "text") body.push({ type: "text", text, line });
      else if (type === "print") {
        body.push({ type: "print", value: parseTuple(c), line });
        c.expect("endprint");
      } else {
        if (c.peek().type === "name" && ends.includes(c.peek().text)) return body;
        body.push(...parseTag(c, around, line));
        c.expect("close");
      }
    }
  });
}

/** A body in a block, up to its end tag; the `%}` of that is left. */
function parseBlock(c: Cursor, around: Around, end: string): Statement[] {
  c.expect("close");
  const body = parseBody(c, around, [end]);
  c.next();
  return body;
}

function parseTag(c: Cursor, around: Around, line: number): Statement[] {
  const name = c.expect("name").text;
  switch (name) {
    case "if":
      return [parseIf(c, around, line)];
    case "for":
      return [parseFor(c, around, line)];
    case "set":
      return [parseSet(c, around, line)];
    case "macro":
      return [{ type: "macro", macro: parseMacro(c, around, "endmacro", c.expect("name").text), line }];
    case "call":
      return [parseCall(c, around, line)];
    case "filter": {
      let filter = parseFilter(c, undefined);
      while (c.skip("op", "|")) filter = parseFilter(c, filter);
      return [{ type: "filterblock", filter, body: parseBlock(c, around, "endfilter"), line }];
    }
    case "with":
      return [parseWith(c, around, line)];
    case "generation":
      return [{ type: "generation", body: parseBlock(c, { ...around, inLoop: false }, "endgeneration"), line }];
    case "print":
      return parsePrint(c, line);
    case "break":
    case "continue":
      if (!around.inLoop) wrong(`'${name}' outside loop`);
      return [{ type: name, line }];
  }
  if (REFUSED.includes(name)) unsupported(`the tag ${name}`);
  return wrong(`Encountered unknown tag '${name}'`);
}

function parsePrint(c: Cursor, line: number): Statement[] {
  const printed: Statement[] = [];
  while (!c.is("close")) {
    if (printed.length > 0) c.expect("op", ",");
    printed.push({ type: "print", value: parseExpression(c), line });
  }
  return printed;
}

function parseIf(c: Cursor, around: Around, line: number): Statement {
  const branches: [Expr, Statement[]][] = [];
  for (;;) {
    const test = parseTuple(c, { conditional: false });
    c.expect("close");
    branches.push([test, parseBody(c, around, ["elif", "else", "endif"])]);
    const end = c.next().text;
    if (end === "elif") continue;
    const otherwise = end === "else" ? parseBlock(c, around, "endif") : [];
    return { type: "if", branches, otherwise, line };
  }
}

function parseFor(c: Cursor, around: Around, line: number): Statement {
  const target = parseTarget(c, false);
  c.expect("name", "in");
  const over = parseTuple(c, { conditional: false });
  const test = c.skip("name", "if") ? parseExpression(c) : undefined;
  const recursive = c.skip("name", "recursive");
  c.expect("close");
  const body = parseBody(c, { ...around, inLoop: true }, ["endfor", "else"]);
  const otherwise = c.next().text === "else" ? parseBlock(c, around, "endfor") : [];
  return { type: "for", target, over, test, recursive, body, otherwise, line };
}

function parseSet(c: Cursor, around: Around, line: number): Statement {
  const target = parseTarget(c, true);
  if (c.skip("op", "=")) return { type: "set", target, value: parseTuple(c), line };
  let filter: Expr | undefined;
  while (c.skip("op", "|")) filter = parseFilter(c, filter);
  return { type: "setblock", target, filter, body: parseBlock(c, around, "endset"), line };
}

function parseWith(c: Cursor, around: Around, line: number): Statement {
  const values: [Target, Expr][] = [];
  while (!c.is("close")) {
    if (values.length > 0) c.expect("op", ",");
    const target = parseOneTarget(c, false);
    c.expect("op", "=");
    values.push([target, parseExpression(c)]);
  }
  return { type: "with", values, body: parseBlock(c, around, "endwith"), line };
}

function parseCall(c: Cursor, around: Around, line: number): Statement {
  const parameters = c.is("op", "(") ? parseParameters(c) : [];
  const call = parseExpression(c);
  if (call.type !== "call") return wrong("expected call");
  return { type: "callblock", call, caller: parseMacro(c, around, "endcall", "caller", parameters), line };
}

/** Parameters, where they are not given, and the body. */
function parseMacro(c: Cursor, around: Around, end: string, name: string, given?: Parameter[]): MacroBody {
  const parameters = given ?? parseParameters(c);
  c.reads.push(new Set());
  const body = parseBlock(c, { ...around, inLoop: false }, end);
  const all = c.reads.pop()!;
  for (const read of all) c.reads.at(-1)?.add(read);
  const names = parameters.map((parameter) => parameter.name);
  const reads = new Set(
    ["caller", "varargs", "kwargs"].filter((special) => all.has(special) && !names.includes(special)),
  );
  if (names.includes("caller") && all.has("caller")) unsupported("a macro parameter named caller");
  return { name, parameters, body, reads };
}

function parseParameters(c: Cursor): Parameter[] {
  const parameters: Parameter[] = [];
  c.expect("op", "(");
  while (!c.skip("op", ")")) {
    if (parameters.length > 0) c.expect("op", ",");
    const name = c.expect("name").text;
    const otherwise = c.skip("op", "=") ? parseExpression(c) : undefined;
    if (!otherwise && parameters.at(-1)?.otherwise) wrong("non-default argument follows default argument");
    if (parameters.some((parameter) => parameter.name === name)) wrong(`duplicate parameter '${name}'`);
    parameters.push({ name, otherwise });
  }
  return parameters;
}

function parseTarget(c: Cursor, members: boolean): Target {
  const items = [parseOneTarget(c, members)];
  let isTuple = false;
  while (c.skip("op", ",")) {
    isTuple = true;
    if (c.is("name", "in") || c.is("op", "=") || c.is("op", ")") || c.is("close")) break;
    items.push(parseOneTarget(c, members));
  }
  return isTuple ? { type: "tuple", items } : items[0]!;
}

function parseOneTarget(c: Cursor, members: boolean): Target {
  return c.nested(() => {
    if (c.skip("op", "(")) {
      const inner = parseTarget(c, members);
      c.expect("op", ")");
      return inner;
    }
    const name = c.expect("name").text;
    if (members && c.skip("op", ".")) return { type: "member", namespace: name, name: c.expect("name").text };
    if (CONSTANT_NAMES.includes(name)) wrong(`can't assign to '${name}'`);
    return { type: "name", name };
  });
}
