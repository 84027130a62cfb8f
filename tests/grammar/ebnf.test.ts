import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rng } from "../../src/base/rng.ts";
import { buildGraph } from "../../src/grammar/build.ts";
import { ebnfGrammar } from "../../src/grammar/ebnf.ts";
import { positionsOf } from "../../src/grammar/positions.ts";
import { acceptsText } from "../../src/grammar/texts.ts";
import { smallTokenizer } from "../generate/folders.ts";
import { placeOf, walk } from "./walk.ts";

function takerOf(source: string): (text: string) => boolean {
  const positions = positionsOf(buildGraph(ebnfGrammar(source, "grammar"), "grammar"), "grammar");
  return (text) => acceptsText(positions, text);
}

const SUMS = `
root ::= sum
sum ::= product (("+" | "-") product)*   # lowest
product ::= atom ("*" atom)*
atom ::= [0-9]+ | "(" sum ")"
`;

describe("rules of EBNF", () => {
  const cases: readonly [source: string, taken: readonly string[], refused: readonly string[]][] = [
    ['root ::= "yes" | "no"', ["yes", "no"], ["", "ye", "yesno"]],
    ['root ::= "a"? [b-d]{2,3} "e"+', ["bce", "abcdeee"], ["abe", "bbbbe", "abc"]],
    ['root ::= item ("," item)*\nitem ::= [^,]+', ["a", "a,ü,👍"], ["", ",", "a,"]],
    [SUMS, ["1", "1+2*3", "(1-2)*(3)", "((7))"], ["1+", "(1", "1)", "", "1 + 2"]],
    ['root ::= "(" root ")" | ""', ["", "()", "((()))"], ["(", "())", "()()"]],
    ['root ::= "\\n" "\\u00e9"', ["\né"], ["né"]],
  ];
  for (const [source, taken, refused] of cases)
    test(`take the texts they describe: ${JSON.stringify(source.trim().slice(0, 40))}`, () => {
      const takes = takerOf(source);
      for (const text of taken) assert.ok(takes(text), `takes ${JSON.stringify(text)}`);
      for (const text of refused) assert.ok(!takes(text), `refuses ${JSON.stringify(text)}`);
    });

  test("let only their own texts be made, by masks", () => {
    const takes = takerOf(SUMS);
    const tokenizer = smallTokenizer();
    const start = placeOf(ebnfGrammar(SUMS, "grammar"), tokenizer);
    const random = rng(3, "sums");
    let whole = 0;
    for (let i = 0; i < 50; i++) {
      const { text, isWhole } = walk(start, tokenizer, random, 40);
      if (isWhole) whole++;
      if (isWhole) assert.ok(takes(text), text);
    }
    assert.ok(whole > 20, `${whole} of 50 came to an end`);
  });

  const broken: readonly [what: string, source: string, code: string][] = [
    ["nothing", "", "BAD_GRAMMAR"],
    ["a rule that is not there", 'root ::= "a" missing', "BAD_GRAMMAR"],
    ["an open text", 'root ::= "a', "BAD_GRAMMAR"],
    ["an open bracket", 'root ::= ("a"', "BAD_GRAMMAR"],
    ["counts the wrong way round", 'root ::= "a"{3,2}', "BAD_GRAMMAR"],
    ["a huge count", 'root ::= "a"{99999}', "BAD_GRAMMAR"],
    ["the same rule twice", 'root ::= "a"\nroot ::= "b"', "BAD_GRAMMAR"],
    ["a rule that begins with itself", 'root ::= root "a" | "a"', "BAD_GRAMMAR"],
  ];
  for (const [what, source, code] of broken)
    test(`refuse ${what}, naming the grammar`, () => {
      assert.throws(() => takerOf(source), { code, message: /^grammar/ });
    });
});
