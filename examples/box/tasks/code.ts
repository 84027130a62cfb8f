/** Lines of code with one mistake, and the line as it should be. Knows a handful of lines in JavaScript and Python. */
import type { Dice } from "../dice.ts";
import type { Phrasings } from "../facts/relation.ts";
import type { Split } from "../story/tell.ts";
import { type Exchange, single } from "./exchange.ts";

const FIX: Phrasings = {
  train: [
    "Fix this line of code: {code}",
    "There is a mistake in this line. Fix it: {code}",
    "Correct this code: {code}",
    "Repair this line: {code}",
    "What is the correct line? {code}",
    "This code does not work: {code}",
    "Fix: {code}",
    "Find and fix the error: {code}",
  ],
  test: [
    "Please correct the mistake in this line of code: {code}",
    "This line has an error. How should it look? {code}",
  ],
};
export const ALL_CODE = [FIX];

const LINES: readonly string[] = [
  'console.log("{word}");', "const {name} = {number};", "let {name} = {number} + {digit};", 'const {name} = "{word}";', "return {name} + {other};", "if ({name} > {number}) {", "for (const {name} of {other}) {", "while ({name} < {number}) {", "function {name}({other}) {", "const {name} = [{digit}, {number}];", "{name}.push({number});", "if ({name} === {other}) return {digit};", "const {name} = {other}.length;", "return {name}({other});",
  'print("{word}")', "def {name}({other}):", "for {name} in range({number}):", "if {name} == {number}:", "while {name} > {digit}:", "import {name}", "return {name} * {digit}", "{name} = [{digit}, {number}]", "{name}.append({number})", "print({name} + {other})", "for {name} in {other}:", 'if {name} != "{word}":',
]; // biome-ignore format: a list
const NAMES = "count total list item value index name word sum result line key node left right start end size data text user price color score table row".split(" "); // biome-ignore format: one line
const TEXTS = "hello|good morning|done|ready|yes|no|the end|try again|thank you|one more|stop|ok".split("|");

/** Ways to break a line that leave no doubt how it was: its mark, and what stands there instead. */
const BREAKS: readonly (readonly [right: RegExp, wrong: string])[] = [
  [/\)(?=[;:]?$)/, ""],
  [/\)(?= \{$)/, ""],
  [/"(?=\)?[;:]?\)?$)/, ""],
  [/\](?=;?$)/, ""],
  [/:$/, ""],
  [/\bconsole\b/, "consle"],
  [/\bconst\b/, "cosnt"],
  [/\breturn\b/, "retrun"],
  [/\bfunction\b/, "fucntion"],
  [/\bwhile\b/, "whlie"],
  [/\bprint\b/, "pirnt"],
  [/\bimport\b/, "imoprt"],
  [/\brange\b/, "rnage"],
  [/\blength\b/, "lenght"],
  [/\bappend\b/, "apend"],
  [/\bpush\b/, "psuh"],
  [/===/, "=="],
  [/^def\b/, "dfe"],
  [/^for\b/, "fro"],
]; // biome-ignore format: a table

/** A line with one mistake. `==` for `===` counts as one in JavaScript. */
export function codeTask(random: Dice, split: Split): Exchange {
  for (;;) {
    const [name, other] = random.some(NAMES, 2);
    const values: Record<string, string> = { name: name!, other: other!, number: String(random.between(10, 99)), digit: String(random.below(10)), word: random.pick(TEXTS) };
    const right = random.pick(LINES).replace(/\{(\w+)\}/g, (_, slot: string) => values[slot]!);
    const [mark, mistake] = random.pick(BREAKS);
    if (!mark.test(right)) continue;
    const wrong = right.replace(mark, mistake);
    const phrasing = random.pick(FIX[split]);
    return single("code", { phrasing, text: phrasing.replace("{code}", () => wrong) }, right, wrong);
  }
} // biome-ignore format: one line
