/** As much of Go's text/template as Modelfiles of ownlm hold, over Ollama's values: enough to compare what is rendered. */

interface Scope {
  readonly root: { readonly System: string; readonly Messages: readonly { Role: string; Content: string }[] };
  readonly dot: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Renders a template with the system message and all messages, as Ollama gives them. */
export function renderGo(source: string, messages: readonly { role: string; content: string }[]): string {
  const tokens = source.split(/\{\{\s*(.*?)\s*\}\}/s);
  const root = {
    System: messages.find(({ role }) => role === "system")?.content ?? "",
    Messages: messages.map(({ role, content }) => ({ Role: role, Content: content })),
  };
  const [text, end] = block(tokens, 0, { root, dot: root, variables: {} });
  if (end !== tokens.length) throw new Error(`a block that no one began ends at ${end}`);
  return text;
}

/** Odd places hold actions. Renders up to the `end` or `else` that closes the block; gives the place of it. */
function block(tokens: readonly string[], from: number, scope: Scope, isShown = true): [text: string, end: number] {
  let text = "";
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (at % 2 === 0) text += token;
    else if (token === "end" || token.startsWith("else")) return [isShown ? text : "", at];
    else if (token.startsWith("if ")) {
      const [made, end] = branches(tokens, at, scope, isShown);
      [text, at] = [text + made, end];
    } else if (token.startsWith("range ")) {
      const [, index, , list] = /^range \$(\w+), \$(\w+) := (.*)$/.exec(token)!;
      let end = block(tokens, at + 1, scope, false)[1];
      const values = value(list!, scope) as readonly unknown[];
      for (const [i, dot] of isShown ? values.entries() : []) {
        const [made, last] = block(tokens, at + 1, { ...scope, dot, variables: { [index!]: i } });
        [text, end] = [text + made, last];
      }
      at = end;
    } else if (isShown) text += String(value(token, scope));
  }
  return [isShown ? text : "", tokens.length];
}

function branches(tokens: readonly string[], at: number, scope: Scope, isShown: boolean): [string, number] {
  let text = "";
  let isDone = !isShown;
  for (let place = at; ; ) {
    const condition = tokens[place]!.replace(/^(else )?if /, "");
    const holds = !isDone && (condition === "else" || Boolean(value(condition, scope)));
    const [made, end] = block(tokens, place + 1, scope, holds);
    text += made;
    isDone ||= holds;
    if (tokens[end] === "end") return [text, end];
    place = end;
  }
}

function value(expression: string, scope: Scope): unknown {
  const text = expression.trim();
  const words = text.match(/\([^()]*\)|"[^"]*"|\S+/g)!;
  if (words.length > 1) {
    const [name, ...args] = words as [string, ...string[]];
    const values = args.map((each) => value(each, scope));
    if (name === "eq") return values[0] === values[1];
    if (name === "le") return (values[0] as number) <= (values[1] as number);
    if (name === "and") return values.every(Boolean);
    if (name === "not") return !values[0];
    throw new Error(`no function ${name}`);
  }
  if (text.startsWith("(")) return value(text.slice(1, -1), scope);
  if (text.startsWith('"')) return JSON.parse(text);
  if (/^\d+$/.test(text)) return Number(text);
  if (text.startsWith("$.")) return (scope.root as Record<string, unknown>)[text.slice(2)];
  if (text.startsWith("$")) return scope.variables[text.slice(1)];
  return (scope.dot as Record<string, unknown>)[text.slice(1)];
}
