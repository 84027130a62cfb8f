/** Grammars written as rules (`name ::= ...`), as llama.cpp and XGrammar read them. Knows no tokens. */
import { fail } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { readClass, readEscape } from "./character-classes.ts";
import { countsOf } from "./counts.ts";
import { ANY_RANGES, alt, chars, type Grammar, type Node, repeat, rule, seq, text } from "./nodes.ts";
import { type Scanner, scannerOf } from "./scanner.ts";

const MOST_DEPTH = 100;
const BLANK = /(?:\s|#[^\n]*(?:\n|$))*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_-]*/y;
const RULE = /([A-Za-z_][A-Za-z0-9_-]*)(?:\s|#[^\n]*(?:\n|$))*::=/y;

/**
 * Reads rules: "text", 'text', [a-z], [^a-z], . for any character, names, ( ), |, *, +, ?, {n}, {n,}, {n,m} and # comments. The text is the
 * rule `root`, or the first one. Throws BAD_GRAMMAR.
 */
export function ebnfGrammar(source: string, where: string): Grammar {
  const scan = scannerOf(source, where);
  const rules = new Map<string, Node>();
  const used = new Map<string, number>();
  blank(scan);
  while (scan.peek() !== "") {
    const name = scan.match(RULE)?.[1] ?? scan.fail('expected a rule, such as root ::= "a" | "b"');
    if (rules.has(name)) scan.fail(`the rule ${name} is there twice`);
    blank(scan);
    rules.set(name, readOptions(scan, used, 0));
    blank(scan);
  }
  for (const [name, at] of used) {
    if (rules.has(name)) continue;
    scan.at = at;
    const meant = nearest(name, [...rules.keys()]);
    scan.fail(`there is no rule ${name}${meant ? `. Did you mean ${meant}?` : ""}`);
  }
  const first = rules.keys().next().value ?? fail("BAD_GRAMMAR", `${where}: is empty, expected a rule root`);
  return { root: rules.has("root") ? "root" : first, rules };
}

const blank = (scan: Scanner) => void scan.match(BLANK);

function readOptions(scan: Scanner, used: Map<string, number>, depth: number): Node {
  if (depth > MOST_DEPTH) scan.fail(`got more than ${MOST_DEPTH} groups inside each other`);
  const options: Node[] = [];
  do {
    blank(scan);
    options.push(readSequence(scan, used, depth));
  } while (scan.take("|"));
  return alt(...options);
}

function readSequence(scan: Scanner, used: Map<string, number>, depth: number): Node {
  const parts: Node[] = [];
  for (;;) {
    blank(scan);
    const next = scan.peek();
    if (next === "" || next === "|" || next === ")" || startsRule(scan)) return seq(...parts);
    const [min, max] = [readAtom(scan, used, depth), readCount(scan)] as const;
    parts.push(max ? repeat(min, ...max) : min);
  }
}

function startsRule(scan: Scanner): boolean {
  RULE.lastIndex = scan.at;
  return RULE.test(scan.text);
}

function readAtom(scan: Scanner, used: Map<string, number>, depth: number): Node {
  if (scan.take("(")) {
    const node = readOptions(scan, used, depth + 1);
    return scan.take(")") ? node : scan.fail("the ( has no ) to end it");
  }
  if (scan.take("[")) return chars(readClass(scan));
  if (scan.take(".")) return chars(ANY_RANGES);
  for (const quote of ['"', "'"]) if (scan.take(quote)) return readText(scan, quote);
  const at = scan.at;
  const name = scan.match(NAME)?.[0];
  if (name === undefined) return scan.fail("expected a text in quotes, a class [a-z], a group or the name of a rule");
  if (!used.has(name)) used.set(name, at);
  return rule(name);
}

function readText(scan: Scanner, quote: string): Node {
  let value = "";
  while (!scan.take(quote)) {
    if (scan.peek() === "" || scan.peek() === "\n") scan.fail(`the ${quote} has no ${quote} to end it`);
    if (!scan.take("\\")) {
      value += String.fromCodePoint(scan.point());
      continue;
    }
    const ranges = readEscape(scan);
    if (ranges.length !== 1 || ranges[0]![0] !== ranges[0]![1]) scan.fail("a set of characters is no text");
    value += String.fromCodePoint(ranges[0]![0]);
  }
  return text(value);
}

function readCount(scan: Scanner): [min: number, max: number] | undefined {
  blank(scan);
  const found = scan.match(/([*+?])|\{\s*(\d+)\s*(,\s*(\d*)\s*)?\}/y);
  return found && countsOf(scan, found);
}
