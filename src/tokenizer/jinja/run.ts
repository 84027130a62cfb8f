/** Runs a parsed template: statements to text, within limits. */
import type { Expr, MacroBody, Statement, Target } from "./ast.ts";
import { applyFilter, call, evaluate, evaluateArgs, filterByName, lookUp, type Scope } from "./evaluate.ts";
import { globals, memberName } from "./globals.ts";
import { loopOver } from "./loop.ts";
import { createFuel, enter, type Limits, located, unsupported, wrong } from "./machine.ts";
import { parseTemplate } from "./parse.ts";
import { test } from "./tests.ts";
import {
  type Args,
  dict,
  type Fn,
  iterate,
  kindOf,
  type Machine,
  missing,
  type Namespace,
  str,
  truthy,
  tuple,
  type Value,
} from "./values.ts";

/** What a template may know, and how much it may use up. */
export interface RunOptions {
  readonly variables: ReadonlyMap<string, Value>;
  readonly limits: Limits;
  /** The clock of `strftime_now`. */
  readonly now: () => Date;
}

/** A text, and the stretches that `generation` blocks made, from first to past the last UTF-16 unit. */
export interface Rendered {
  readonly text: string;
  readonly spans: readonly (readonly [start: number, end: number])[];
  /** Some `generation` block has no span, as it is inside a macro or a block whose text is a value. */
  readonly hiddenGeneration: boolean;
}

/** A parsed template. */
export interface Program {
  /** Whether there is a `generation` block. */
  readonly hasGeneration: boolean;
  /** The text written in the template, outside and inside of strings. */
  readonly literals: readonly string[];
  run(options: RunOptions): Rendered;
}

interface Sink {
  readonly parts: string[];
  length: number;
  /** Only the outermost text has spans. */
  readonly spans?: [number, number][];
}

type Ending = "on" | "break" | "continue";

/** Parses a template. Throws BAD_CHAT or UNSUPPORTED with `where` and the line. */
export function compile(source: string, where: string): Program {
  const at = { line: 1 };
  const body = located(
    where,
    () => at.line,
    () => parseTemplate(source, at),
  );
  const literals = new Set<string>();
  const found = { generation: false };
  survey(body, literals, found);
  return {
    hasGeneration: found.generation,
    literals: [...literals],
    run({ variables, limits, now }) {
      const m: Machine = {
        fuel: createFuel(limits),
        now,
        line: 1,
        depth: 0,
        hiddenGeneration: false,
        filter: (name, value, args) => filterByName(m, name, value, args),
        test: (name, value, args) => test(m, name, value, args),
      };
      const sink: Sink = { parts: [], length: 0, spans: [] };
      const scope = {
        variables: new Map<string, Value>(),
        parent: { variables: new Map(variables), parent: { variables: globals(m) } },
      };
      return located(
        where,
        () => m.line,
        () => {
          runBody(m, body, scope, sink);
          return { text: sink.parts.join(""), spans: sink.spans!, hiddenGeneration: m.hiddenGeneration };
        },
      );
    },
  };
}

/** Collects what is written in a template, whatever part it is in. */
function survey(part: unknown, literals: Set<string>, found: { generation: boolean }): void {
  const rest: unknown[] = [part];
  for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
    if (typeof at !== "object" || at === null) continue;
    const { type, text, value } = at as { type?: unknown; text?: unknown; value?: unknown };
    if (type === "text" && typeof text === "string") literals.add(text);
    if (type === "const" && typeof value === "string") literals.add(value);
    if (type === "generation") found.generation = true;
    for (const inner of Object.values(at)) rest.push(inner ?? null);
  }
}

function write(m: Machine, sink: Sink, text: string): void {
  m.fuel.text(text);
  sink.parts.push(text);
  sink.length += text.length;
}

/** The text a body makes, in a scope of its own. */
function textOf(m: Machine, body: readonly Statement[], scope: Scope): string {
  const sink: Sink = { parts: [], length: 0 };
  runBody(m, body, { variables: new Map(), parent: scope }, sink);
  return sink.parts.join("");
}

function runBody(m: Machine, body: readonly Statement[], scope: Scope, sink: Sink): Ending {
  enter(m);
  let ending: Ending = "on";
  for (const statement of body) {
    m.fuel.step();
    m.line = statement.line;
    ending = run(m, statement, scope, sink);
    if (ending !== "on") break;
  }
  m.depth--;
  return ending;
}

function run(m: Machine, statement: Statement, scope: Scope, sink: Sink): Ending {
  switch (statement.type) {
    case "text":
      write(m, sink, statement.text);
      return "on";
    case "print":
      write(m, sink, str(m, evaluate(m, statement.value, scope)));
      return "on";
    case "if": {
      const branch = statement.branches.find(([condition]) => truthy(evaluate(m, condition, scope)));
      return runBody(m, branch?.[1] ?? statement.otherwise, scope, sink);
    }
    case "for":
      runFor(m, statement, scope, sink);
      return "on";
    case "set":
      assign(m, statement.target, evaluate(m, statement.value, scope), scope);
      return "on";
    case "setblock": {
      const text = textOf(m, statement.body, scope);
      assign(m, statement.target, filtered(m, statement.filter, text, scope), scope);
      return "on";
    }
    case "filterblock":
      write(m, sink, str(m, filtered(m, statement.filter, textOf(m, statement.body, scope), scope)));
      return "on";
    case "with": {
      const inner: Scope = { variables: new Map(), parent: scope };
      for (const [target, value] of statement.values) assign(m, target, evaluate(m, value, scope), inner);
      return runBody(m, statement.body, inner, sink);
    }
    case "macro":
      scope.variables.set(statement.macro.name, macro(m, statement.macro, scope));
      return "on";
    case "callblock":
      write(m, sink, str(m, callBlock(m, statement, scope)));
      return "on";
    case "generation": {
      const start = sink.length;
      runBody(m, statement.body, { variables: new Map(), parent: scope }, sink);
      if (sink.spans) sink.spans.push([start, sink.length]);
      else m.hiddenGeneration = true;
      return "on";
    }
    default:
      return statement.type;
  }
}

/** What a chain of filters makes of a text; the innermost one takes it. */
function filtered(m: Machine, filter: Expr | undefined, text: string, scope: Scope): Value {
  if (filter?.type !== "filter") return text;
  return applyFilter(m, filter, filtered(m, filter.of, text, scope), scope);
}

/** Gives variables and members of namespaces their values. */
export function assign(m: Machine, target: Target, value: Value, scope: Scope): void {
  if (target.type === "name") scope.variables.set(target.name, value);
  else if (target.type === "member") {
    const space = lookUp(m, target.namespace, scope);
    if (kindOf(space) !== "namespace") wrong("cannot assign attribute on non-namespace object");
    (space as Namespace).map.set(memberName(target.name), value);
  } else {
    const items = iterate(m, value);
    if (items.length !== target.items.length)
      wrong(`cannot unpack ${items.length} values into ${target.items.length} variables`);
    target.items.forEach((each, i) => {
      assign(m, each, items[i]!, scope);
    });
  }
}

function runFor(m: Machine, node: Statement & { type: "for" }, scope: Scope, sink: Sink): void {
  const round = (over: Value, depth: number, into: Sink) => {
    let items = iterate(m, over);
    if (node.test) {
      const keep = node.test;
      items = items.filter((item) => {
        const inner: Scope = { variables: new Map(), parent: scope };
        assign(m, node.target, item, inner);
        return truthy(evaluate(m, keep, inner));
      });
    }
    const again = (inner: Value) => {
      const text: Sink = { parts: [], length: 0 };
      enter(m);
      round(inner, depth + 1, text);
      m.depth--;
      return text.parts.join("");
    };
    const loop = loopOver(m, items, depth, node.recursive ? again : undefined);
    let finished = false;
    for (let i = 0; i < items.length; i++) {
      m.fuel.step();
      const inner: Scope = { variables: new Map([["loop", loop.at(i)]]), parent: scope };
      assign(m, node.target, items[i]!, inner);
      const ending = runBody(m, node.body, inner, into);
      if (ending === "break") break;
      // In Jinja a round that `continue` cuts short does not count for `else` either.
      if (ending === "on") finished = true;
    }
    if (!finished) runBody(m, node.otherwise, { variables: new Map(), parent: scope }, into);
  };
  round(evaluate(m, node.over, scope), 0, sink);
}

function macro(m: Machine, body: MacroBody, scope: Scope): Fn {
  return {
    kind: "function",
    name: body.name,
    shown: `<Macro '${body.name}'>`,
    call: (args) => {
      const inner: Scope = { variables: new Map(), parent: scope };
      bindMacro(m, body, args, inner);
      return textOf(m, body.body, inner);
    },
  };
}

function bindMacro(m: Machine, { name, parameters, reads }: MacroBody, { at, named }: Args, inner: Scope): void {
  const rest = new Map(named);
  const values = parameters.map((parameter, i) => {
    const value = i < at.length ? at[i]! : rest.get(parameter.name);
    if (i >= at.length) rest.delete(parameter.name);
    return value;
  });
  if (reads.has("caller")) {
    inner.variables.set("caller", rest.get("caller") ?? missing("No caller defined"));
    rest.delete("caller");
  }
  if (reads.has("kwargs")) inner.variables.set("kwargs", dict(rest));
  else if (rest.size > 0) wrong(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`);
  if (reads.has("varargs")) inner.variables.set("varargs", tuple(at.slice(parameters.length)));
  else if (at.length > parameters.length) wrong(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
  parameters.forEach((parameter, i) => {
    const value = values[i];
    if (value !== undefined) inner.variables.set(parameter.name, value);
    else inner.variables.set(parameter.name, missing(`parameter '${parameter.name}' was not provided`));
  });
  parameters.forEach(({ name: own, otherwise }, i) => {
    if (values[i] === undefined && otherwise) inner.variables.set(own, evaluate(m, otherwise, inner));
  });
}

function callBlock(m: Machine, { call: expr, caller }: Statement & { type: "callblock" }, scope: Scope): Value {
  const callee = evaluate(m, expr.callee, scope);
  const args = evaluateArgs(m, expr.args, scope);
  if (args.named.has("caller")) unsupported("an argument named caller in a call block");
  m.line = expr.line;
  return call(callee, { at: args.at, named: new Map([...args.named, ["caller", macro(m, caller, scope)]]) });
}
