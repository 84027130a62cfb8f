/**
 * A small language for sentences: `[this|that|]` chooses, `{name}` looks up, `{Name}` with a capital, `{a name}` with
 * its article. Templates are compiled once. Knows no words.
 */
import { fail } from "../../src/base/errors.ts";
import type { Dice } from "./dice.ts";

/** What names in templates stand for. A value may be a template itself. */
export type Slots = Readonly<Record<string, string>>;

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "slot"; readonly name: string; readonly article: boolean; readonly capital: boolean }
  | { readonly kind: "choice"; readonly parts: readonly (readonly Node[])[] };

const compiled = new Map<string, readonly Node[]>();

/** The text of a template, with a capital at its beginning unless `bare`. Errors: BUG for a name that stands for nothing. */
export function say(template: string, slots: Slots, random: Dice, bare = false): string {
  const text = render(nodesOf(template), slots, random, template);
  const tidy =
    text.includes("  ") || text.includes(" .") ? text.replace(/ {2,}/g, " ").replace(/ ([.,])/g, "$1") : text;
  return bare ? tidy : capital(tidy);
}

/** The first letter as a capital, behind a quote too. */
export function capital(text: string): string {
  const at = text.startsWith('"') ? 1 : 0;
  return text.slice(0, at) + text.charAt(at).toUpperCase() + text.slice(at + 1);
}

/** `an owl`, `a unicorn`. */
export function withArticle(noun: string): string {
  return /^([aeiou]|hour|honest)/i.test(noun) && !/^(one|uni|use|eu)/i.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** `Ben, Mia and Tom`. */
export function listed(words: readonly string[], and = "and"): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} ${and} ${words.at(-1)}`;
}

function render(nodes: readonly Node[], slots: Slots, random: Dice, template: string): string {
  let text = "";
  for (const node of nodes) {
    if (node.kind === "text") text += node.text;
    else if (node.kind === "choice") text += render(random.pick(node.parts), slots, random, template);
    else text += lookUp(node, slots, random, template);
  }
  return text;
}

function lookUp(node: Node & { kind: "slot" }, slots: Slots, random: Dice, template: string): string {
  let value = slots[node.name] ?? fail("BUG", `template: {${node.name}} stands for nothing in: ${template}`);
  if (value.includes("[") || value.includes("{")) value = render(nodesOf(value), slots, random, value);
  if (node.article) value = withArticle(value);
  return node.capital ? capital(value) : value;
}

function nodesOf(template: string): readonly Node[] {
  let nodes = compiled.get(template);
  if (!nodes) {
    const parser = { text: template, at: 0 };
    nodes = parse(parser, false)[0]!;
    if (parser.at < template.length) fail("BUG", `template: "${template[parser.at]}" too many in: ${template}`);
    compiled.set(template, nodes);
  }
  return nodes;
}

/** Reads up to the end, or to the `]` of a choice: its parts. */
function parse(parser: { text: string; at: number }, inside: boolean): Node[][] {
  const parts: Node[][] = [[]];
  for (;;) {
    const rest = parser.text.slice(parser.at);
    const plain = (inside ? /^[^[\]{|]+/ : /^[^[\]{]+/).exec(rest)?.[0];
    const c = rest[0];
    if (plain !== undefined) {
      parser.at += plain.length;
      parts.at(-1)!.push({ kind: "text", text: plain });
    } else if (c === "{") parts.at(-1)!.push(slot(parser, rest));
    else if (c === "[") {
      parser.at++;
      parts.at(-1)!.push({ kind: "choice", parts: parse(parser, true) });
      if (parser.text[parser.at] !== "]") fail("BUG", `template: "[" without "]" in: ${parser.text}`);
      parser.at++;
    } else if (c === "|" && inside) {
      parser.at++;
      parts.push([]);
    } else return parts;
  }
}

function slot(parser: { at: number; text: string }, rest: string): Node {
  const found = /^\{(a )?(\w+)\}/i.exec(rest) ?? fail("BUG", `template: a slot without end in: ${parser.text}`);
  parser.at += found[0].length;
  const [article, word] = [found[1], found[2]!];
  const first = article ?? word;
  const capitalised = /^[A-Z]/.test(first);
  const name = article ? word : word.charAt(0).toLowerCase() + word.slice(1);
  return { kind: "slot", name, article: article !== undefined, capital: capitalised };
}
